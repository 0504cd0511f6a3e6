/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_OUTSIDE_PASS_H
#define SEALMEM_OUTSIDE_PASS_H

#include "outside/enter.h"

/* What the helper needs to receive a descriptor: so much memory, so many calls; and the number that it gets. */
#define PASS_SIZE	256
#define PASS_CALLS	4
#define PASS_DESCRIPTOR 2

/* What has to be in the memory, which is at `address` in the process. */
void pass_write(void *ret, uint64_t address);

/* The calls of the helper. After a failure it goes on at `on_error`. */
void pass_list(struct listed_call ret[PASS_CALLS], uint64_t address, uint64_t on_error);

/* While the helper makes the calls: sends it the descriptor. If that fails the helper's calls fail, too. */
void pass_send(const struct helper *helper, uint64_t address, int descriptor);

#endif
