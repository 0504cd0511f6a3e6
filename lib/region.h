/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_REGION_H
#define SEALMEM_REGION_H

#include "include/sealmem.h"

/*
 * Makes a sealed region of a memfd that is known to be sealed, and `size` bytes long, in pages of `page`
 * bytes. Takes the descriptor over, on failure too. Errors as sealmem_region_new_from().
 */
int region_adopt(struct sealmem_region **ret, int fd, const char *name, size_t size, size_t page,
		 unsigned guarantees);

/*
 * The two halves of sealmem_region_free(), for a sealed region without ADDRESS: gives its memory and its descriptor
 * back, and then the structure. The first makes system calls only, and is safe in a signal handler.
 */
void region_vacate(struct sealmem_region *r);
void region_discard(struct sealmem_region *r);

#endif
