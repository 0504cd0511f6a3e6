/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_MAPPING_H
#define SEALMEM_MAPPING_H

#include "lib/util.h"

/* The guarantees that a mapping carries by itself, of those in `guarantees`: NOSWAP, NODUMP, NOFORK.
 * NOSWAP also brings every page into memory. -EAGAIN if RLIMIT_MEMLOCK does not allow it. */
int mapping_apply(void *addr, size_t size, unsigned guarantees);

/* Removes them again, after a later step failed. */
void mapping_undo(void *addr, size_t size, unsigned guarantees);

/* mapping_apply() for memory that is still to be filled: NOSWAP locks a page when it is first touched. */
int mapping_apply_open(void *addr, size_t size, unsigned guarantees);

/*
 * mmap(2) of a mapping that has NODUMP and NOFORK, those of `guarantees`, from the first moment. If only the
 * guarantees fail, *ret is written, and the mapping is there.
 */
int mapping_new(void **ret, void *addr, size_t size, int protection, int flags, int fd,
		unsigned guarantees);

/* The same, anywhere, of a mapping that goes with its variable. *ret is written on success only. */
int mapping_scoped(struct scoped_mapping *ret, size_t size, int protection, int flags, int fd,
		   unsigned guarantees);

/* Maps the pages that are in memory, many at a time, rather than one with each fault. */
void mapping_populate(void *addr, size_t size);

/*
 * With NOSWAP: keeps the pages of the file `fd` locked in memory, by a mapping of its own, for as long
 * as `ret` lives. Without NOSWAP: does nothing.
 */
int mapping_hold(struct scoped_mapping *ret, int fd, size_t size, unsigned guarantees);

/* Reserves `size` bytes of addresses, anywhere, with no memory. */
int mapping_new_reserve(void **ret, size_t size);

/* mmap(2) at an address where nothing is mapped; -EEXIST if something is. */
int mapping_new_free(void **ret, void *addr, size_t size, int protection, int flags, int fd);

/* Reserves addresses in the same way. */
int mapping_reserve_free(void **ret, void *addr, size_t size);

/* Replaces [addr, addr + size) by inaccessible pages in one step. The addresses stay taken. */
int mapping_reserve(void *addr, size_t size);

#endif
