/* SPDX-License-Identifier: MIT */

/*
 * The order of system calls, where a test that looks at the memory sees nothing of it.
 *
 * Memory with NOSWAP is given back in a certain order. The moment in which its pages are neither locked nor gone
 * is too short to be met by a test, so this one looks at the system calls: pipes refer to the pages before the
 * mapping goes, the descriptor is closed before it, and the pipes are closed last.
 */

#include "tests/faults/inject.h"
#include "tests/support/support.h"

#include <string.h>
#include <sys/syscall.h>

static struct trace trace;

static bool traced(unsigned at, long number)
{
	return at < trace.count[0] && trace.calls[0][at].number == number;
}

/* The place of the first such call; fails the test if there is none. */
static unsigned place_of(long number)
{
	unsigned at = 0;

	while (at < trace.count[0] && !traced(at, number))
		at++;
	ck_assert_msg(at < trace.count[0], "no system call %ld", number);
	return at;
}

static unsigned count_between(long number, unsigned start, unsigned end)
{
	unsigned count = 0;

	for (unsigned at = start; at < end; at++)
		count += traced(at, number);
	return count;
}

static void free_traced(struct sealmem_region *region)
{
	const struct plan nothing = { 0 };

	memset(&trace, 0, sizeof(trace));
	inject_arm(&nothing, &trace);
	(void)sealmem_region_free(region);
	inject_disarm();
}

/* `own` descriptors of the region are closed before its mapping goes. */
static void assert_order(unsigned own)
{
	unsigned spliced = place_of(SYS_splice), unmapped = place_of(SYS_munmap);

	ck_assert_uint_lt(spliced, unmapped);
	/* And one of the two ends of the pipe. */
	ck_assert_uint_eq(count_between(SYS_close, spliced, unmapped), own + 1);
	ck_assert_uint_eq(count_between(SYS_close, unmapped, trace.count[0]), 1);
	ck_assert_uint_eq(count_between(SYS_munmap, 0, trace.count[0]), 1);
}

START_TEST(a_sealed_region_goes_while_pipes_refer_to_it)
{
	free_traced(sealed_region("order", 2 * page_size(), SEALMEM_CONTENT | SEALMEM_NOSWAP));
	assert_order(1);
}
END_TEST

START_TEST(so_does_an_open_region)
{
	seal_earlier_region();
	require_mapped_writer();
	free_traced(open_region("order", 2 * page_size(), SEALMEM_CONTENT | SEALMEM_NOSWAP));
	assert_order(1);
}
END_TEST

START_TEST(other_memory_takes_no_pipes)
{
	free_traced(sealed_region("order", 2 * page_size(), SEALMEM_CONTENT));
	ck_assert_uint_eq(count_between(SYS_splice, 0, trace.count[0]), 0);
	ck_assert_uint_lt(place_of(SYS_close), place_of(SYS_munmap));
}
END_TEST

START_TEST(addresses_that_stay_keep_their_lock)
{
	require_mseal();
	free_traced(sealed_region("order", 2 * page_size(),
				  SEALMEM_CONTENT | SEALMEM_NOSWAP | SEALMEM_ADDRESS));
	ck_assert_uint_eq(count_between(SYS_splice, 0, trace.count[0]), 0);
	ck_assert_uint_eq(count_between(SYS_munlock, 0, trace.count[0]), 0);
}
END_TEST

/* Nothing changes any more then, and a second answer would be the same. */
START_TEST(what_is_mapped_is_asked_once_after_the_seal)
{
	const struct plan nothing = { 0 };
	SCOPED_REGION *region = NULL;
	unsigned sealed;

	require_mseal();
	region = open_region("order", page_size(), SEALMEM_CONTENT | SEALMEM_ADDRESS);
	memset(&trace, 0, sizeof(trace));
	inject_arm(&nothing, &trace);
	ck_assert_int_eq(sealmem_region_seal(region), 0);
	inject_disarm();
	sealed = trace.count[0];
	while (sealed > 0 && !traced(sealed, __NR_mseal))
		sealed--;
	ck_assert(traced(sealed, __NR_mseal));
	ck_assert_uint_eq(count_between(SYS_ioctl, sealed, trace.count[0]), 1);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_sealed_region_goes_while_pipes_refer_to_it,
		so_does_an_open_region,
		other_memory_takes_no_pipes,
		addresses_that_stay_keep_their_lock,
		what_is_mapped_is_asked_once_after_the_seal,
	};

	return RUN_TESTS("order", tests);
}
