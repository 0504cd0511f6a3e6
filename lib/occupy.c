/* SPDX-License-Identifier: MIT */

/*
 * A filter sees the address of a call and not what lies there. So it refuses some calls below a sealed range that
 * would not reach the range. A program makes such a call by chance only, because the kernel chose the address. Pages
 * that nobody can use occupy these addresses, and the kernel chooses others.
 */

#include "lib/occupy.h"

#include "lib/mapping.h"
#include "lib/maps.h"
#include "lib/util.h"

#include <sys/auxv.h>

/* The stack grows downwards into addresses where nothing is mapped yet. */
static bool is_below_stack(uint64_t at, uint64_t sealed)
{
	uint64_t stack = getauxval(AT_RANDOM);

	return at < stack && stack < sealed;
}

static void occupy(uint64_t start, uint64_t end)
{
	void *same;

	(void)mapping_reserve_free(&same, (void *)(uintptr_t)start, (size_t)(end - start));
}

static void occupy_multiple(uint64_t sealed, uint64_t size, uint64_t *last)
{
	uint64_t at = sealed - sealed % size;

	if (at == sealed || at == *last || is_below_stack(at, sealed))
		return;
	occupy(at, at + page_size());
	*last = at;
}

/*
 * A file may be one of huge pages, and its mapping may end within one. So the filter refuses a mapping of a file
 * that begins at a multiple of a huge page's size, if something is sealed in the last huge page that it reaches
 * into. But that is also what the loader does, by chance, with libraries that it loads below the first ones. Such a
 * mapping lies across the last multiple below the seal.
 */
static void keep_loader_away(const struct filter_range *ranges, size_t count)
{
	uint64_t sizes[FILTER_HUGE_SIZES], last[FILTER_HUGE_SIZES] = { 0 };

	filter_huge_sizes(sizes);
	for (size_t i = 0; i < count; i++)
		for (size_t n = 0; n < FILTER_HUGE_SIZES && sizes[n] != 0; n++)
			occupy_multiple(ranges[i].start, sizes[n], &last[n]);
}

/* The start of the next range from an address on, UINT64_MAX if there is none. */
static uint64_t next_range(const struct filter_range *ranges, size_t count, uint64_t at)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < count; i++)
		if (ranges[i].start >= at && ranges[i].start < next)
			next = ranges[i].start;
	return next;
}

/* The heap, which may be empty, grows upwards into the hole above it. It keeps half of the hole. */
static uint64_t leave_room_for_heap(uint64_t start, uint64_t end)
{
	uint64_t heap = page_round_up((size_t)sys_heap_end());
	bool in_hole = start <= heap && heap < end;

	return in_hole ? heap + page_round_up((size_t)(end - heap) / 2) : start;
}

/* As much of a hole between two mappings as lies within reach below the next range. */
static void fill_hole(const struct filter_range *ranges, size_t count, uint64_t start, uint64_t end,
		      uint64_t reach)
{
	uint64_t sealed = next_range(ranges, count, end);

	if (sealed == UINT64_MAX || sealed - end >= reach || is_below_stack(start, sealed))
		return;
	start = leave_room_for_heap(start, end);
	if (sealed - start > reach)
		start = sealed - reach;
	if (start < end)
		occupy(start, end);
}

/*
 * A ring may be larger than its mapping shows, so the filter takes each one for the largest. The kernel maps a ring
 * into the highest hole that is large enough. So it maps none below all other mappings, and what is free there stays
 * free.
 */
static void keep_rings_away(const struct filter_range *ranges, size_t count, uint64_t reach)
{
	CLEANUP(maps_close) struct maps maps = { .fd = -1 };
	struct maps_span span;
	uint64_t end = UINT64_MAX;
	int more = maps_open(&maps);

	if (more < 0)
		return;
	while ((more = maps_next_span(&maps, &span)) > 0) {
		if (end < span.start)
			fill_hole(ranges, count, end, span.start, reach);
		end = span.end;
	}
}

void occupy_below(const struct filter_range *ranges, size_t count, uint64_t ring)
{
	keep_rings_away(ranges, count, page_round_up((size_t)ring));
	keep_loader_away(ranges, count);
}
