/* SPDX-License-Identifier: MIT */

/*
 * Size classes. Small objects waste what lies between their size and that of their slot, so the steps are of 16
 * bytes up to 512, and then an eighth of the size or less.
 */

#include "lib/heap-class.h"

/* The classes with one step: those up to `last` bytes are numbered up to `end`. */
static const struct range {
	size_t step, last;
	unsigned end;
} ranges[] = {
	{ 16, 512, 31 },
	{ 64, 1024, 39 },
	{ 128, HEAP_SLOT_MAX, HEAP_CLASSES },
};

static const struct range *range_up_to(size_t need)
{
	const struct range *range = ranges;

	while (need > range->last)
		range++;
	return range;
}

unsigned heap_class_of(size_t size)
{
	size_t need = size + HEAP_CANARY;
	const struct range *range;

	if (need < HEAP_SLOT_MIN)
		need = HEAP_SLOT_MIN;
	range = range_up_to(need);
	return range->end - 1 - (unsigned)((range->last - need) / range->step);
}

size_t heap_class_slot(unsigned class)
{
	const struct range *range = ranges;

	while (class >= range->end)
		range++;
	return range->last - (range->end - 1 - class) * range->step;
}
