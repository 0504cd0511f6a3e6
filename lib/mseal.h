/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_MSEAL_H
#define SEALMEM_MSEAL_H

#include <stddef.h>

/* 0 if addresses can be sealed here, -EOPNOTSUPP if not. */
int address_given(void);

/* Makes the mappings of [addr, addr + size) final, and has seen that they are. */
int address_seal(void *addr, size_t size);

#endif
