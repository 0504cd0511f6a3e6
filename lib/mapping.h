/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_MAPPING_H
#define SEALMEM_MAPPING_H

#include "lib/util.h"

/* The guarantees that a mapping carries by itself, of those in `guarantees`: NOSWAP, NODUMP, NOFORK.
 * NOSWAP also brings every page into memory. -EAGAIN if RLIMIT_MEMLOCK does not allow it. */
int mapping_apply(void *addr, size_t size, unsigned guarantees);

/* Takes them off again, after a later step failed. */
void mapping_undo(void *addr, size_t size, unsigned guarantees);

/* mapping_apply() for memory that is still to be filled: NOSWAP locks a page when it is first touched. */
int mapping_apply_open(void *addr, size_t size, unsigned guarantees);

/* Maps the pages that are in memory, many at a time, rather than one with each fault. */
void mapping_populate(void *addr, size_t size);

/*
 * With NOSWAP: keeps the pages of the file `fd` locked in memory by a mapping of its own for as long as
 * `ret` lives. Without: does nothing.
 */
int mapping_hold(struct scoped_mapping *ret, int fd, size_t size, unsigned guarantees);

/* Takes `size` bytes of addresses, anywhere, with nothing behind them. */
int mapping_new_reserve(void **ret, size_t size);

/* Replaces [addr, addr + size) by pages of nothing in one step, keeping the addresses taken. */
int mapping_reserve(void *addr, size_t size);

#endif
