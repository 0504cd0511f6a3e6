/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_LIB_ACCEPT_H
#define SEALMEM_LIB_ACCEPT_H

#include "include/sealmem.h"

/* Whether memory of others can give these guarantees. The caller asks this before anything else,
 * because a received message cannot be put back. */
int accept_check_demand(unsigned guarantees);

/* Makes a region of the descriptor if it passes. Then it takes the descriptor, and sets it to -1. */
int accept_named(struct sealmem_region **ret, int *fd, const char *name, size_t limit,
		 unsigned guarantees);

#endif
