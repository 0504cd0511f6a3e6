/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_LIB_GUARD_H
#define SEALMEM_LIB_GUARD_H

#include <stddef.h>

/*
 * Makes whole pages of a private mapping inaccessible, without a mapping of their own. The mapping must not be
 * locked yet. -EINVAL where the kernel does not have it (before Linux 6.13), or not for this memory.
 */
int guard_install(void *addr, size_t size);

/* 0 if the kernel has it. */
int guard_probe(void);

#endif
