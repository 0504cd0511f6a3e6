/* SPDX-License-Identifier: MIT */

/*
 * The copy that leaves nothing in registers is written by hand for each processor, so it is compared with
 * memcpy(3) for each size and position that its loops treat differently. So is the comparison. tests/promises/test-traces.c tests
 * that nothing stays behind.
 */

#include "tests/support/support.h"

#include "lib/wipe.h"

#include <string.h>

#define MOST_BYTES 130

static void assert_copies(size_t size, size_t from, size_t to)
{
	char source[MOST_BYTES + 16], expected[sizeof(source)], copy[sizeof(source)];

	fill(source, sizeof(source));
	memset(expected, 0, sizeof(expected));
	memset(copy, 0, sizeof(copy));
	memcpy(expected + to, source + from, size);
	wipe_copy(copy + to, source + from, size);
	ck_assert_mem_eq(copy, expected, sizeof(copy));
}

START_TEST(a_copy_has_all_bytes_and_touches_no_other)
{
	for (size_t size = 0; size <= MOST_BYTES; size++)
		for (size_t from = 0; from < 9; from++)
			for (size_t to = 0; to < 9; to += 4)
				assert_copies(size, from, to);
}
END_TEST

START_TEST(a_copy_of_many_pages_has_all_bytes)
{
	size_t size = 33 * page_size();
	char *from = map_private(size), *to = map_private(size);

	fill(from, size);
	wipe_copy(to, from, size);
	assert_filled(to, size);
}
END_TEST

/* Each byte that differs is noticed, alone and with the last one, and those around do not matter. */
static void assert_compares(size_t size, size_t at)
{
	char left[MOST_BYTES + 32], right[sizeof(left)];

	memset(left, 1, sizeof(left));
	memset(right, 2, sizeof(right));
	fill(left + at, size);
	fill(right + 3, size);
	ck_assert(wipe_equal(left + at, right + 3, size));
	for (size_t i = 0; i < size; i++) {
		left[at + i] ^= 0x10;
		ck_assert(!wipe_equal(left + at, right + 3, size));
		left[at + size - 1] ^= 1;
		ck_assert(!wipe_equal(left + at, right + 3, size));
		left[at + size - 1] ^= 1;
		left[at + i] ^= 0x10;
	}
}

START_TEST(each_difference_is_noticed)
{
	for (size_t size = 0; size <= MOST_BYTES; size++)
		for (size_t at = 0; at < 9; at++)
			assert_compares(size, at);
}
END_TEST

START_TEST(a_difference_in_many_pages_is_noticed)
{
	size_t size = 33 * page_size();
	char *left = map_private(size), *right = map_private(size);

	fill(left, size);
	fill(right, size);
	ck_assert(wipe_equal(left, right, size));
	right[size / 2] ^= 1;
	ck_assert(!wipe_equal(left, right, size));
}
END_TEST

#ifdef __x86_64__
START_TEST(clearing_the_registers_leaves_none_of_the_bytes)
{
	char bytes[16], after[16];

	fill(bytes, sizeof(bytes));
	__asm__ volatile("movups %0, %%xmm5" : : "m"(bytes) : "xmm5");
	wipe_registers();
	__asm__ volatile("movups %%xmm5, %0" : "=m"(after));
	assert_zeroed(after, sizeof(after));
}
END_TEST
#endif

int main(void)
{
	const TTest *const tests[] = {
		a_copy_has_all_bytes_and_touches_no_other,
		a_copy_of_many_pages_has_all_bytes,
		each_difference_is_noticed,
		a_difference_in_many_pages_is_noticed,
#ifdef __x86_64__
		clearing_the_registers_leaves_none_of_the_bytes,
#endif
	};

	return RUN_TESTS("wipe", tests);
}
