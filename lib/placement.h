/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_PLACEMENT_H
#define SEALMEM_PLACEMENT_H

/*
 * Where to put regions whose address a filter guards. A filter outlives exec, but its ranges do not:
 * the next program finds addresses where nothing is mapped and nothing can be replaced. This file knows
 * addresses that no program needs at its start.
 */

#include "lib/filter.h"

#include <stddef.h>

/* One for each number of bits that addresses have, or two. */
struct placement_window {
	unsigned bits;
	struct filter_range range;
};

/* The larger address spaces come first; of one size, the better window. */
#define PLACEMENT_WINDOWS 9
extern const struct placement_window placement_windows[PLACEMENT_WINDOWS];

/*
 * The lower half of a window is for mappings that are final when they are made: a filter seals it as a whole while it is
 * empty. The upper half is for regions that are written in place. Where addresses are scarce, the lower half is empty.
 */
struct filter_range placement_final(const struct placement_window *window);
struct filter_range placement_in_place(const struct placement_window *window);

/*
 * An address in the range for a mapping of `size` bytes, chosen by `random`, which should be just
 * that, among half the pages there are. Neither the address nor the page after it is a multiple of the
 * size of a huge page, because FILTER_RARE demands that of a mapping that is made there later. -ENOMEM
 * if the range is too small.
 */
int placement_pick(const struct filter_range *range, uint64_t size, uint64_t page, uint64_t random,
		   uint64_t *ret);

#endif
