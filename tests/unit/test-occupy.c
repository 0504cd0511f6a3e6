/* SPDX-License-Identifier: MIT */

/*
 * Which addresses below a range are occupied, and which stay free. That a ring keeps out of them is in
 * test-emulation.c.
 */

#include "tests/support/support.h"

#include "lib/occupy.h"

#include <sys/auxv.h>

#define REACH_PAGES 8

static struct filter_range page_at(const char *at)
{
	return (struct filter_range){ (uintptr_t)at, (uintptr_t)at + page_size() };
}

static void occupy_below_page(const char *at)
{
	const struct filter_range range = page_at(at);

	occupy_below(&range, 1, REACH_PAGES * page_size());
}

/* The page at the last such multiple below a seal is occupied as well, wherever that is. */
static bool has_multiple_of_huge_page(const char *start, size_t size)
{
	uintptr_t first = (uintptr_t)start, last = first + size - 1;
	uint64_t sizes[FILTER_HUGE_SIZES];

	filter_huge_sizes(sizes);
	for (size_t i = 0; i < FILTER_HUGE_SIZES && sizes[i] != 0; i++)
		if (last / sizes[i] != (first - 1) / sizes[i])
			return true;
	return false;
}

/* The page that is just out of reach below this one. */
static const char *out_of_reach(const char *at)
{
	return at - (REACH_PAGES + 1) * page_size();
}

/* Mapped pages, so many, with nothing below for a while, and something below that. Nothing but its reach decides
 * whether the page that is out of reach of the last one is occupied. */
static char *pages_above_a_hole(size_t count, size_t hole)
{
	const size_t page = page_size();
	char *all;

	do
		all = map_private((1 + hole + count) * page);
	while (has_multiple_of_huge_page(out_of_reach(all + (hole + count) * page), page));
	ck_assert_int_eq(munmap(all + page, hole * page), 0);
	return all + (1 + hole) * page;
}

START_TEST(a_hole_below_is_filled)
{
	const size_t page = page_size();
	char *at = pages_above_a_hole(1, 3);

	occupy_below_page(at);
	for (size_t i = 1; i <= 3; i++)
		ck_assert(is_mapped(at - i * page));
	ck_assert_int_eq(result(sys_touch(at - page)), -EFAULT);
}
END_TEST

START_TEST(a_hole_is_filled_within_reach)
{
	const size_t page = page_size();
	char *at = pages_above_a_hole(1, 2 * REACH_PAGES);

	occupy_below_page(at);
	ck_assert(is_mapped(at - REACH_PAGES * page));
	ck_assert(!is_mapped(out_of_reach(at)));
}
END_TEST

START_TEST(a_hole_below_other_mappings_is_filled_within_reach)
{
	const size_t page = page_size();
	char *at = pages_above_a_hole(5, 2 * REACH_PAGES) + 4 * page;

	occupy_below_page(at);
	ck_assert(is_mapped(at - REACH_PAGES * page));
	ck_assert(!is_mapped(out_of_reach(at)));
}
END_TEST

START_TEST(a_hole_out_of_reach_stays)
{
	const size_t page = page_size();
	char *at = pages_above_a_hole(REACH_PAGES + 1, 2) + REACH_PAGES * page;

	occupy_below_page(at);
	ck_assert(!is_mapped(out_of_reach(at)));
}
END_TEST

START_TEST(a_hole_above_stays)
{
	const size_t page = page_size();
	char *all = map_private(3 * page);

	ck_assert_int_eq(munmap(all + page, page), 0);
	occupy_below_page(all);
	ck_assert(!is_mapped(all + page));
}
END_TEST

START_TEST(what_is_mapped_below_stays)
{
	const size_t page = page_size();
	char *at = pages_above_a_hole(2, 3) + page;

	fill(at - page, 2 * page);
	occupy_below_page(at);
	assert_filled(at - page, 2 * page);
	at[-1] = 'x';
}
END_TEST

START_TEST(the_hole_below_each_range_is_filled)
{
	const size_t page = page_size();
	const char *at[] = { pages_above_a_hole(1, 3), pages_above_a_hole(1, 3) };
	const struct filter_range ranges[] = { page_at(at[0]), page_at(at[1]) };

	occupy_below(ranges, 2, REACH_PAGES * page);
	ck_assert(is_mapped(at[0] - page));
	ck_assert(is_mapped(at[1] - page));
}
END_TEST

/* The end of a heap that can grow. Where a page is occupied right above it, malloc(3) does without brk(2). */
static char *make_room_above_heap(size_t size)
{
	char *end = (char *)page_round_up((uintptr_t)sbrk(0));

	while (has_multiple_of_huge_page(end, size)) {
		ck_assert_ptr_ne(sbrk((intptr_t)page_size()), (void *)-1);
		end = (char *)page_round_up((uintptr_t)sbrk(0));
	}
	return end;
}

START_TEST(the_heap_can_grow_below_a_range)
{
	const size_t page = page_size();
	char *at = make_room_above_heap(4 * page) + 8 * page;
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;

	require_own_address_space();
	if (mmap(at, page, PROT_READ, flags, -1, 0) != at)
		skip_test("no room above the heap");
	occupy_below_page(at);
	ck_assert_ptr_ne(sbrk((intptr_t)(2 * page)), (void *)-1);
}
END_TEST

/* Where a process has little mapped, the hole above the heap is the one that the kernel maps into. */
START_TEST(the_hole_above_the_heap_is_filled_far_from_the_heap)
{
	const size_t page = page_size();
	char *heap = (char *)page_round_up((uintptr_t)sbrk(0)), *at = heap + 1000 * page;
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;

	require_own_address_space();
	while (has_multiple_of_huge_page(out_of_reach(at), page))
		at += page;
	if (mmap(at, page, PROT_READ, flags, -1, 0) != at ||
	    count_mappings_in(heap, (size_t)(at - heap)) > 0)
		skip_test("no room above the heap");
	occupy_below_page(at);
	ck_assert(is_mapped(at - page));
	ck_assert(is_mapped(at - REACH_PAGES * page));
	ck_assert(!is_mapped(out_of_reach(at)));
}
END_TEST

START_TEST(the_stack_can_grow_below_a_range)
{
	const size_t page = page_size();
	const uint64_t top = UINT64_MAX / page * page;
	const struct filter_range above = { top - page, top };
	struct maps_entry stack;

	require_own_address_space();
	ck_assert(find_mapping((void *)getauxval(AT_RANDOM), &stack));
	occupy_below(&above, 1, top - 2 * page);
	ck_assert(!is_mapped((char *)stack.start - page));
}
END_TEST

START_TEST(what_is_below_all_mappings_stays_free)
{
	CLEANUP(maps_close) struct maps maps = { .fd = -1 };
	const size_t page = page_size();
	struct maps_span lowest;
	struct filter_range range;

	ck_assert_int_eq(maps_open(&maps), 0);
	ck_assert_int_eq(maps_next_span(&maps, &lowest), 1);
	range = (struct filter_range){ lowest.start, lowest.end };
	occupy_below(&range, 1, 2 * page);
	/* One of these may be a multiple of the size of a huge page. */
	ck_assert(!is_mapped((char *)lowest.start - page) ||
		  !is_mapped((char *)lowest.start - 2 * page));
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		a_hole_below_is_filled,
		a_hole_is_filled_within_reach,
		a_hole_below_other_mappings_is_filled_within_reach,
		a_hole_out_of_reach_stays,
		a_hole_above_stays,
		what_is_mapped_below_stays,
		the_hole_below_each_range_is_filled,
		the_heap_can_grow_below_a_range,
		the_hole_above_the_heap_is_filled_far_from_the_heap,
		the_stack_can_grow_below_a_range,
		what_is_below_all_mappings_stays_free,
	};

	return RUN_TESTS("occupy", tests);
}
