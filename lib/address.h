/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_MSEAL_H
#define SEALMEM_MSEAL_H

#include "sealmem.h"

#include <stdbool.h>
#include <stddef.h>

/* 0 if addresses can be sealed here, -EOPNOTSUPP if not. */
int address_given(void);

/* Whether that is done by a filter, which lasts through exec. */
bool address_is_emulated(void);

/* Whether the page there is seen to be sealed. */
bool address_is_sealed(void *addr);

/* Makes the mappings of [addr, addr + size) final, and has seen that they are. */
int address_seal(void *addr, size_t size);

/* The same for several, none of them empty: emulated, by one filter. Of those that are sealed natively,
 * some may be sealed after a failure. */
int address_seal_many(struct sealmem_extent *extents, size_t count);

#endif
