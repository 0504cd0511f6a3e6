/* SPDX-License-Identifier: MIT */

/*
 * How large rings are, against the rings that this kernel makes: a number that were too small would let io_destroy(2)
 * unmap what is sealed.
 */

#include "tests/support/aio.h"
#include "tests/support/sandbox.h"
#include "tests/support/support.h"

#include "lib/rings.h"

#define EVENTS_FILE "/proc/sys/fs/aio-nr"
#define LIMIT_FILE  "/proc/sys/fs/aio-max-nr"

static uint64_t mapped_size(aio_context_t ring)
{
	struct maps_entry mapping;

	ck_assert(find_mapping((void *)ring, &mapping));
	ck_assert_uint_eq(mapping.start, ring);
	return mapping.end - mapping.start;
}

/* As many as no number of processors makes a difference to. */
START_TEST(a_large_ring_is_as_large_as_computed)
{
	for (uint32_t events = 20000; events < 20200; events += 17) {
		aio_context_t ring = aio_new(events);

		ck_assert_uint_eq(mapped_size(ring), page_round_up((size_t)rings_size(events)));
		ck_assert_int_eq(aio_destroy(ring), 0);
	}
}
END_TEST

START_TEST(no_ring_is_larger_than_the_largest)
{
	const uint32_t all[] = { 1, 2, 100, 128, 1000, 4096, 10000 };
	uint64_t largest = page_round_up((size_t)rings_size(rings_events()));

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		aio_context_t ring = aio_new(all[i]);

		ck_assert_uint_le(mapped_size(ring), largest);
		ck_assert_int_eq(aio_destroy(ring), 0);
	}
}
END_TEST

/* A ring for one event has room for some of each processor. */
START_TEST(the_smallest_ring_counts_though_the_limit_is_none)
{
	aio_context_t ring = aio_new(1);

	pretend_file(LIMIT_FILE, "0\n");
	pretend_file(EVENTS_FILE, "0\n");
	ck_assert_uint_le(mapped_size(ring), page_round_up((size_t)rings_size(rings_events())));
	ck_assert_uint_lt(rings_events(), RINGS_EVENTS_MAX);
}
END_TEST

START_TEST(the_limit_counts)
{
	pretend_file(EVENTS_FILE, "0\n");
	pretend_file(LIMIT_FILE, "1000000\n");
	ck_assert_uint_eq(rings_events(), 1000000);
}
END_TEST

/* The limit was higher when it was made. */
START_TEST(a_ring_above_the_limit_counts)
{
	aio_context_t ring = aio_new(40000);

	pretend_file(LIMIT_FILE, "1\n");
	ck_assert_uint_ge(rings_events(), 40000);
	ck_assert_uint_le(mapped_size(ring), page_round_up((size_t)rings_size(rings_events())));
}
END_TEST

START_TEST(no_ring_is_larger_than_the_kernel_makes_them)
{
	pretend_file(LIMIT_FILE, "18446744073709551615\n");
	ck_assert_uint_eq(rings_events(), RINGS_EVENTS_MAX);
}
END_TEST

START_TEST(without_proc_a_ring_may_be_the_largest)
{
	hide_proc();
	ck_assert_uint_eq(rings_events(), RINGS_EVENTS_MAX);
}
END_TEST

START_TEST(with_a_file_that_says_nothing_a_ring_may_be_the_largest)
{
	pretend_file(EVENTS_FILE, "");
	ck_assert_uint_eq(rings_events(), RINGS_EVENTS_MAX);
}
END_TEST

START_TEST(without_the_number_of_processors_a_ring_may_be_the_largest)
{
	forbid(SYS_sched_getaffinity, ENOSYS);
	ck_assert_uint_eq(rings_events(), RINGS_EVENTS_MAX);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		a_large_ring_is_as_large_as_computed,
		no_ring_is_larger_than_the_largest,
		the_smallest_ring_counts_though_the_limit_is_none,
		the_limit_counts,
		a_ring_above_the_limit_counts,
		no_ring_is_larger_than_the_kernel_makes_them,
		without_proc_a_ring_may_be_the_largest,
		with_a_file_that_says_nothing_a_ring_may_be_the_largest,
		without_the_number_of_processors_a_ring_may_be_the_largest,
	};

	return RUN_TESTS("rings", tests);
}
