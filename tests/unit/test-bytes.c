/* SPDX-License-Identifier: MIT */

/*
 * Wiping and comparing bytes. A test cannot see a compiler undo the wipe, nor measure the time of a comparison; here is
 * which bytes are reached, and the answer.
 */

#include "tests/support/support.h"

#include <string.h>

START_TEST(wipe_leaves_zeroes)
{
	char bytes[100];

	fill(bytes, sizeof(bytes));
	sealmem_wipe(bytes, sizeof(bytes) - 1);
	assert_zeroed(bytes, sizeof(bytes) - 1);
	ck_assert_int_ne(bytes[sizeof(bytes) - 1], 0);
	sealmem_wipe(NULL, 0);
}
END_TEST

START_TEST(equal_sees_each_byte)
{
	char a[100], b[100];

	fill(a, sizeof(a));
	memcpy(b, a, sizeof(b));
	ck_assert_int_eq(sealmem_equal(a, b, sizeof(a)), 1);
	for (size_t i = 0; i < sizeof(b); i++) {
		b[i] ^= 1;
		ck_assert_int_eq(sealmem_equal(a, b, sizeof(a)), 0);
		b[i] ^= 1;
	}
	ck_assert_int_eq(sealmem_equal(NULL, NULL, 0), 1);
}
END_TEST

START_TEST(equal_sees_each_bit)
{
	for (unsigned bit = 0; bit < 8; bit++) {
		const unsigned char a = 0x5a, b = (unsigned char)(a ^ (1u << bit));

		ck_assert_int_eq(sealmem_equal(&a, &b, 1), 0);
	}
}
END_TEST

START_TEST(equal_looks_at_no_more_than_the_size)
{
	ck_assert_int_eq(sealmem_equal("secret", "second", 3), 1);
	ck_assert_int_eq(sealmem_equal("secret", "second", 4), 0);
	ck_assert_int_eq(sealmem_equal("a", "b", 0), 1);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		wipe_leaves_zeroes,
		equal_sees_each_byte,
		equal_sees_each_bit,
		equal_looks_at_no_more_than_the_size,
	};

	return RUN_TESTS("bytes", tests);
}
