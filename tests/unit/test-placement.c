/* SPDX-License-Identifier: MIT */

/*
 * The windows against everything that is known to want addresses of its own, for each size of address
 * space that x86-64 and arm64 have. The neighbours are written down here a second time, as ranges.
 */

#include "tests/support/support.h"

#include "lib/placement.h"

#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))
#define GiB	      (UINT64_C(1) << 30)

/* The lowest position-independent program of each. */
static const struct space {
	unsigned bits;
	uint64_t program;
} spaces[] = {
	{ 32, 0x56555000 },    { 36, 0xaaaaaa000 },    { 38, 0x2aaaaaa000 },   { 39, 0x5555555000 },
	{ 42, 0x2aaaaaaa000 }, { 47, 0x555555554000 }, { 48, 0xaaaaaaaaa000 },
};

static const struct neighbour {
	unsigned bits;
	const char *name;
	struct filter_range range;
} neighbours[] = {
	{ 32, "programs, the lower place", { 0x400000, 0x10000000 } },
	{ 32, "ASan shadow", { 0x20000000, 0x40000000 } },
	{ 38, "32-bit calls", { 0, 8 * GiB } },
	{ 38, "ASan shadow", { 0xd55550000, 0x1555550000 } },
	{ 39, "32-bit calls", { 0, 8 * GiB } },
	{ 39, "ASan shadow", { 0x1000000000, 0x2000000000 } },
	{ 39, "TSan shadow", { 0x2000000000, 0x5500000000 } },
	{ 39, "TSan beyond programs", { 0x5600000000, 0x7a00000000 } },
	{ 42, "32-bit calls", { 0, 8 * GiB } },
	{ 42, "ASan shadow", { 0x1000000000, 0x9000000000 } },
	{ 42, "TSan shadow", { 0x10000000000, 0x2aa00000000 } },
	{ 42, "TSan beyond programs", { 0x2ab00000000, 0x3c000000000 } },
	{ 47, "32-bit calls", { 0, 8 * GiB } },
	{ 47, "ASan shadow", { 0x7fff8000, 0x10007fff8000 } },
	{ 47, "ASan heap", { 0x500000000000, 0x540000000000 } },
	{ 47, "ASan heap, older", { 0x600000000000, 0x640000000000 } },
	{ 47, "TSan shadow", { 0x100000000000, 0x550000000000 } },
	{ 47, "TSan beyond programs", { 0x568000000000, 0x7a0000000000 } },
	{ 47, "MSan shadow", { 0x010000000000, 0x510000000000 } },
	{ 47, "MSan origin", { 0x600000000000, 0x700000000000 } },
	{ 47, "Go, first arena", { 0x00c000000000, 0x01c000000000 } },
	{ 47, "Go, an arena in 85", { 0x54c000000000, 0x54ffffffffff } },
	{ 47, "V8, PartitionAlloc", { 0, 0x400000000000 } },
	{ 47, "ZGC", { 0x040000000000, 0x500000000000 } },
	{ 47, "mappings from below", { 0x2aaaaaaaa000, 0x3aaaaaaaa000 } },
	{ 48, "32-bit calls", { 0, 8 * GiB } },
	{ 48, "ASan shadow", { 0x1000000000, 0x201000000000 } },
	{ 48, "TSan shadow", { 0x155400000000, 0x540000000000 } },
	{ 48, "TSan metainfo", { 0x800000000000, 0xa00000000000 } },
	{ 48, "TSan beyond programs", { 0xac0000000000, 0xfc0000000000 } },
	{ 48, "MSan shadow", { 0x100000000000, 0xa00000000000 } },
	{ 48, "MSan shadow of programs", { 0xb00000000000, 0xe00000000000 } },
};

static const struct filter_range *window(const struct space *space)
{
	size_t i = 0;

	while (placement_windows[i].bits != space->bits)
		i++;
	return &placement_windows[i].range;
}

START_TEST(every_space_has_a_window_of_a_gibibyte_or_a_sixteenth_of_it)
{
	for (size_t i = 0; i < LENGTH(spaces); i++) {
		const struct filter_range *w = window(&spaces[i]);
		uint64_t sixteenth = (UINT64_C(1) << spaces[i].bits) / 16;

		ck_assert_uint_lt(w->start, w->end);
		ck_assert_uint_ge(w->end - w->start, sixteenth < GiB ? sixteenth : GiB);
	}
}
END_TEST

START_TEST(every_window_lies_in_its_space_below_programs)
{
	for (size_t i = 0; i < PLACEMENT_WINDOWS; i++)
		for (size_t s = 0; s < LENGTH(spaces); s++)
			if (placement_windows[i].bits == spaces[s].bits)
				ck_assert_uint_le(placement_windows[i].range.end,
						  spaces[s].program);
}
END_TEST

/* That is how the bits of a processor are found: the first window that can be mapped. */
START_TEST(no_window_but_those_of_a_space_lie_in_a_smaller_one)
{
	for (size_t i = 1; i < PLACEMENT_WINDOWS; i++) {
		const struct placement_window *larger = &placement_windows[i - 1];

		ck_assert_uint_ge(larger->bits, placement_windows[i].bits);
		if (larger->bits > placement_windows[i].bits)
			ck_assert_uint_ge(larger->range.start,
					  UINT64_C(1) << placement_windows[i].bits);
	}
}
END_TEST

START_TEST(a_window_meets_none_of_its_neighbours)
{
	for (size_t n = 0; n < LENGTH(neighbours); n++)
		for (size_t s = 0; s < LENGTH(spaces); s++) {
			const struct filter_range *w = window(&spaces[s]);

			if (spaces[s].bits == neighbours[n].bits)
				ck_assert_msg(w->end <= neighbours[n].range.start ||
						      w->start >= neighbours[n].range.end,
					      "%s", neighbours[n].name);
		}
}
END_TEST

START_TEST(a_window_has_two_halves_that_start_at_a_page)
{
	for (size_t i = 0; i < PLACEMENT_WINDOWS; i++) {
		const struct placement_window *w = &placement_windows[i];
		struct filter_range final = placement_final(w), in_place = placement_in_place(w);

		ck_assert_uint_eq(final.start, w->range.start);
		ck_assert_uint_eq(final.end, in_place.start);
		ck_assert_uint_eq(in_place.end, w->range.end);
		ck_assert_uint_eq(in_place.start % (64 * 1024), 0);
		ck_assert_uint_ge(in_place.end - in_place.start, final.end - final.start);
	}
}
END_TEST

/* What the kernel would map in that half stayed there. */
START_TEST(nothing_is_mapped_for_good_where_addresses_are_scarce)
{
	for (size_t i = 0; i < PLACEMENT_WINDOWS; i++) {
		struct filter_range final = placement_final(&placement_windows[i]);

		ck_assert_int_eq(final.end == final.start, placement_windows[i].bits <= 42);
	}
}
END_TEST

/* Sizes of pages and regions, and numbers that are random or extreme. */
struct trial {
	const struct filter_range *window;
	uint64_t page, size, random;
};

static void for_all_trials(void (*check)(const struct trial *trial))
{
	for (size_t i = 0; i < PLACEMENT_WINDOWS; i++) {
		const struct filter_range *w = &placement_windows[i].range;

		for (uint64_t page = 1 << 12; page <= 1 << 16; page <<= 2)
			for (uint64_t size = page; size <= (w->end - w->start) / 2; size *= 3)
				for (uint64_t random = UINT64_MAX; random > 0; random /= 7)
					check(&(struct trial){ w, page, size / page * page,
							       random });
	}
}

static uint64_t pick(const struct trial *trial)
{
	uint64_t at;

	ck_assert_int_eq(
		placement_pick(trial->window, trial->size, trial->page, trial->random, &at), 0);
	return at;
}

static void assert_within(const struct trial *trial)
{
	uint64_t at = pick(trial);

	if (at % trial->page != 0 || at < trial->window->start ||
	    at + trial->size > trial->window->end)
		ck_abort_msg("%#llx", (unsigned long long)at);
}

START_TEST(a_place_is_within_the_window)
{
	for_all_trials(assert_within);
}
END_TEST

/* Of all machines: a filter takes each of them for possible that is larger than a page. */
static void assert_not_huge(const struct trial *trial)
{
	static const uint64_t sizes[] = { 1 << 16, 1 << 21, 1 << 25, 1 << 29, 1 << 30 };
	uint64_t at = pick(trial);

	for (size_t i = 0; i < LENGTH(sizes); i++)
		if (sizes[i] > trial->page &&
		    (at % sizes[i] == 0 || (at + trial->page) % sizes[i] == 0))
			ck_abort_msg("%#llx", (unsigned long long)at);
}

START_TEST(neither_a_place_nor_the_page_after_a_guard_is_a_multiple_of_a_huge_page)
{
	for_all_trials(assert_not_huge);
}
END_TEST

START_TEST(every_other_page_is_a_place)
{
	const struct filter_range w = { 16 * GiB, 16 * GiB + 4 * 64 * 1024 };
	bool seen[64] = { false };
	unsigned count = 0;

	for (uint64_t random = 0; random < 1000; random++) {
		uint64_t at = pick(&(struct trial){ &w, 1 << 12, 1 << 12, random });

		count += !seen[(at - w.start) >> 12];
		seen[(at - w.start) >> 12] = true;
	}
	/* Two in each block of four pages, but for the last, which has to hold what begins late in it. */
	ck_assert_uint_eq(count, 2 * 15);
}
END_TEST

START_TEST(a_size_too_large_for_a_window_is_refused)
{
	const struct filter_range *w = window(&spaces[3]);
	uint64_t at = 1, room = w->end - w->start, page = 1 << 12;

	ck_assert_int_eq(placement_pick(w, room, page, 0, &at), -ENOMEM);
	ck_assert_int_eq(placement_pick(w, room - page, page, 0, &at), -ENOMEM);
	ck_assert_int_eq(placement_pick(w, UINT64_MAX, page, 0, &at), -ENOMEM);
	ck_assert_uint_eq(at, 1);
	ck_assert_int_eq(placement_pick(w, room - 4 * page, page, UINT64_MAX, &at), 0);
}
END_TEST

START_TEST(this_processor_has_a_window)
{
	size_t i = 0;
	void *at;

	for (; i < PLACEMENT_WINDOWS; i++) {
		at = (void *)(uintptr_t)placement_windows[i].range.start;
		if (mmap(at, page_size(), PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == at)
			break;
	}
	ck_assert_uint_lt(i, PLACEMENT_WINDOWS);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		every_space_has_a_window_of_a_gibibyte_or_a_sixteenth_of_it,
		every_window_lies_in_its_space_below_programs,
		no_window_but_those_of_a_space_lie_in_a_smaller_one,
		a_window_meets_none_of_its_neighbours,
		a_window_has_two_halves_that_start_at_a_page,
		nothing_is_mapped_for_good_where_addresses_are_scarce,
		a_place_is_within_the_window,
		neither_a_place_nor_the_page_after_a_guard_is_a_multiple_of_a_huge_page,
		every_other_page_is_a_place,
		a_size_too_large_for_a_window_is_refused,
		this_processor_has_a_window,
	};

	return RUN_TESTS("placement", tests);
}
