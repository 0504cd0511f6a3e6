/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_PRELOAD_PAGES_H
#define SEALMEM_PRELOAD_PAGES_H

#include "include/sealmem.h"

#include <stdbool.h>

/*
 * Pages that each belong to one object, with an inaccessible page on either side, in the memory of a heap. Their
 * protection can be changed for each. Who takes one may use it until it is given back, and nobody can reach it
 * before and afterwards.
 *
 * They lie in one row, and a mapping is what has one protection in that row. So a process has as many of them as
 * memory allows while they are all protected alike, and where the kernel has guard pages that are no mappings.
 */
struct pages;

/* The heap gives its guarantees, its lock and its name, and stays with the pages for good. -EAGAIN or -ENOMEM if there
 * are no addresses. */
int pages_new(struct pages **ret, struct sealmem_heap *h);

/* Only for pages that nobody has used yet. */
void pages_free(struct pages *p);

struct sealmem_heap *pages_heap(const struct pages *p);

/* A page of zeroes. -ESTALE in a child that did not inherit them, -EAGAIN and -ENOMEM as sealmem_heap_alloc(). */
int pages_take(struct pages *p, char **ret);

/* Whether the address lies among the pages. */
bool pages_contain(const struct pages *p, const void *at);

/* The first byte of the page, if somebody has taken it. Otherwise ends the process, as a heap does. */
char *pages_taken(struct pages *p, const void *at);

/* PROT_ bits for a page that was taken. */
int pages_protect(struct pages *p, char *page, int protection);

/* Wipes the page, which has to be writable. */
void pages_give(struct pages *p, char *page);

#endif
