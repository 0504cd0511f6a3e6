/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_SERVE_STORE_H
#define SEALMEM_TOOLS_SERVE_STORE_H

#include "tools/common/manager.h"
#include "tools/serve/offer.h"

#include <stdbool.h>
#include <stdint.h>

/* The longest title that a manager takes, with the zero that ends it. */
#define STORE_TITLE 256

/* Puts together what a generation is called in the store. */
void store_title_format(char ret[STORE_TITLE], const char *name, uint64_t number);

/* Takes that apart: the length of the name, which the title begins with, and the number. False for any other text. */
bool store_title_parse(size_t *length, uint64_t *number, const char *title);

/* The greatest number of what was stored; 0 if nothing was. */
uint64_t store_greatest(const struct manager *manager);

/* Whether it is open and its title is that of a generation of this name, and the number. */
bool store_is_of(const struct stored *stored, const char *name, uint64_t *number);

/* The newest generation of this name that nobody has looked at yet, and its number; or NULL. */
struct stored *store_newest(const struct manager *manager, const char *name, uint64_t *number);

/* Has the manager keep a generation of the offer that is going to be published, beside the one that it keeps now. */
int store_add(const struct manager *manager, const struct offer *offer, uint64_t number, int fd);

/* It is published: the manager need not keep the one before. */
int store_settle(const struct manager *manager, struct offer *offer, uint64_t number);

/* It is not, and need not be kept. */
void store_undo(const struct manager *manager, const struct offer *offer, uint64_t number);

/* Closes the descriptor. The manager need not keep it any longer. */
void store_drop(struct stored *stored);

/* Tells the manager what it need not keep. Of what it keeps for the offers, nothing goes. */
void store_clear(const struct manager *manager, const struct offer *offers, size_t count);

#endif
