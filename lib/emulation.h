/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_EMULATION_H
#define SEALMEM_EMULATION_H

#include "sealmem.h"

#include <stdbool.h>
#include <stddef.h>

/* Whether the program allowed it. */
bool emulation_allowed(void);

/* mseal(2) of several extents, whole pages that are mapped, by one seccomp program. All or nothing. */
int emulation_seal(const struct sealmem_extent *extents, size_t count);

/* Refuses what takes the memory away for a while: what mseal(2) leaves open. */
int emulation_keep_available(const struct sealmem_extent *extent);

/* Takes `size` bytes of addresses, inaccessible, for a region that is going to be sealed: where a seal is
 * cheap, where a program that is executed later does not map, and where nobody can guess. */
int emulation_reserve(void **ret, size_t size);

#endif
