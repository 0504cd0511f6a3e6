/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_OUTSIDE_FILL_H
#define SEALMEM_OUTSIDE_FILL_H

#include "outside/target.h"

/* Writes the bytes of all that the plan replaces into the file. 0 or a negative errno. */
int fill_write(int file, const struct target *target, const struct plan *plan);

/* Whether the process still has the bytes of the file, which is mapped: -EBADMSG if it has others. */
int fill_compare(const void *mapped, const struct target *target, const struct plan *plan);

#endif
