/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_EMULATION_H
#define SEALMEM_EMULATION_H

#include "include/sealmem.h"

#include <stdbool.h>
#include <stddef.h>

/* Whether the program allowed it. */
bool emulation_allowed(void);

/* mseal(2) of several extents, which are whole pages and mapped, by one seccomp program. It seals
 * all or nothing. */
int emulation_seal(const struct sealmem_extent *extents, size_t count);

/* Refuses the advice that takes the memory away for a while, which mseal(2) allows. */
int emulation_keep_available(const struct sealmem_extent *extent);

/*
 * Maps `size` bytes of a file whose bytes are final, shared and read-only, at an address that is sealed already. The
 * mapping is never taken away again: call this as the last step that can fail. 1 if there is no such address, or no room
 * for a mapping. Then emulation_reserve() may still find one.
 */
int emulation_map_final(void **ret, size_t size, int fd);

/* Reserves `size` bytes of addresses, inaccessible, for a region that will be sealed: where a seal
 * is cheap, where a program that is executed later does not map, and where nobody can guess. */
int emulation_reserve(void **ret, size_t size);

#endif
