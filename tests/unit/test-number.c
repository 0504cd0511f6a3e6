/* SPDX-License-Identifier: MIT */

/* Numbers in files as the kernel writes them in /proc, and in files that have none. */

#include "tests/support/support.h"

#include "lib/number.h"

#include <string.h>

static int number_in(const char *text, int n, uint64_t *ret)
{
	CLEANUP(close_fd_at) int fd = sys_memfd_create("number", MFD_CLOEXEC);

	ck_assert_int_eq(sys_write(fd, text, strlen(text)), (ssize_t)strlen(text));
	return number_read(fd_path(fd).text, n, ret);
}

START_TEST(the_number_of_a_file_is_read)
{
	uint64_t number = 1;

	ck_assert_int_eq(number_in("65536\n", 1, &number), 0);
	ck_assert_uint_eq(number, 65536);
	ck_assert_int_eq(number_in("18446744073709551615", 1, &number), 0);
	ck_assert_uint_eq(number, UINT64_MAX);
}
END_TEST

START_TEST(a_field_is_counted_from_one)
{
	uint64_t number = 0;

	ck_assert_int_eq(number_in("10 20 30\n", 3, &number), 0);
	ck_assert_uint_eq(number, 30);
}
END_TEST

START_TEST(a_name_in_parentheses_is_one_field)
{
	uint64_t number = 0;

	ck_assert_int_eq(number_in("10 (a) 20 (b) R 40\n", 3, &number), 0);
	ck_assert_uint_eq(number, 40);
}
END_TEST

START_TEST(without_a_number_there_the_result_stays)
{
	uint64_t number = 7;

	ck_assert_int_eq(number_in("", 1, &number), -EBADMSG);
	ck_assert_int_eq(number_in("max\n", 1, &number), -EBADMSG);
	ck_assert_int_eq(number_in("10 20\n", 3, &number), -EBADMSG);
	ck_assert_uint_eq(number, 7);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_the_errno)
{
	uint64_t number = 7;

	ck_assert_int_eq(number_read("/nonexistent", 1, &number), -ENOENT);
	ck_assert_int_eq(number_read("/", 1, &number), -EISDIR);
	ck_assert_uint_eq(number, 7);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		the_number_of_a_file_is_read,
		a_field_is_counted_from_one,
		a_name_in_parentheses_is_one_field,
		without_a_number_there_the_result_stays,
		a_file_that_cannot_be_read_is_the_errno,
	};

	return RUN_TESTS("number", tests);
}
