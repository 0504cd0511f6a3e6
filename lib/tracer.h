/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TRACER_H
#define SEALMEM_TRACER_H

#include <stdbool.h>
#include <stddef.h>

/* 1 if another process traces this one, 0 if none does, or a negative errno. */
int tracer_is_there(void);

/* Whether the whole pages, which are those of a file and private, were written to. Where the kernel does not say, they
 * were not. */
bool tracer_wrote(const void *addr, size_t size);

#endif
