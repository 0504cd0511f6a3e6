/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_ADDRESS_H
#define SEALMEM_ADDRESS_H

#include "include/sealmem.h"

#include <stdbool.h>
#include <stddef.h>

/* 0 if addresses can be sealed here, -EOPNOTSUPP if not. */
int address_given(void);

/* Whether a filter does it, which lasts through exec. */
bool address_is_emulated(void);

/* Whether a test shows that the page there is sealed. */
bool address_is_sealed(void *addr);

/* Makes the mappings of [addr, addr + size) final, and checks that they are. */
int address_seal(void *addr, size_t size);

/* The same for several ranges, none of them empty. The emulation seals them with one filter.
 * mseal(2) seals them one by one, so some may be sealed after a failure. */
int address_seal_many(struct sealmem_extent *extents, size_t count);

#endif
