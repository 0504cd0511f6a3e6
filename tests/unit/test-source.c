/* SPDX-License-Identifier: MIT */

/*
 * What is read of a descriptor, whatever it is. The regions that are made of it have tests of their own, so these are
 * about what only this floor sees.
 */

#include "tests/support/support.h"

#include "lib/source.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

static int file_of(size_t size)
{
	CLEANUP(close_fd_at) int fd = memfd_create("file", MFD_CLOEXEC);
	char bytes[10000];

	fill(bytes, sizeof(bytes));
	ck_assert_uint_le(size, sizeof(bytes));
	ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
	return take_fd(&fd);
}

START_TEST(a_copy_has_the_bytes)
{
	CLEANUP(close_fd_at) int from = file_of(10000), to = memfd_create("copy", MFD_CLOEXEC);
	char bytes[10001];

	ck_assert_int_eq(source_copy_file(to, from, 10000), 0);
	ck_assert_int_eq(pread(to, bytes, sizeof(bytes), 0), 10000);
	assert_filled(bytes, 10000);
}
END_TEST

START_TEST(a_copy_of_another_size_is_ebusy)
{
	CLEANUP(close_fd_at) int from = file_of(10000), empty = file_of(0);
	CLEANUP(close_fd_at) int to = memfd_create("copy", MFD_CLOEXEC);

	ck_assert_int_eq(source_copy_file(to, from, 9999), -EBUSY);
	ck_assert_int_eq(source_copy_file(to, from, 10001), -EBUSY);
	ck_assert_int_eq(source_copy_file(to, from, 0), -EBUSY);
	ck_assert_int_eq(source_copy_file(to, empty, 1), -EBUSY);
	ck_assert_int_eq(source_copy_file(to, empty, 0), 0);
}
END_TEST

START_TEST(memory_gets_no_more_than_it_has_room_for)
{
	CLEANUP(close_fd_at) int from = file_of(10000);
	char bytes[5000] = { 0 };
	const struct source_target to = { .memory = bytes };
	struct source source;

	ck_assert_int_eq(source_begin(&source, from, SIZE_MAX), 0);
	ck_assert_int_eq(source_read(&source, to, 4000), 4000);
	assert_filled(bytes, 4000);
	assert_zeroed(bytes + 4000, 1000);
	ck_assert_uint_eq(source.done, 4000);
	ck_assert_int_eq(source_read(&source, to, 5000), 5000);
	ck_assert_int_eq(source_read(&source, to, 5000), 1000);
	ck_assert_int_eq(source_read(&source, to, 5000), 0);
}
END_TEST

START_TEST(memory_that_cannot_be_written_is_efault)
{
	CLEANUP(close_fd_at) int from = file_of(100);
	const struct source_target to = { .memory = map_private(page_size()) };
	struct source source;

	ck_assert_int_eq(sys_mprotect(to.memory, page_size(), PROT_READ), 0);
	ck_assert_int_eq(source_begin(&source, from, SIZE_MAX), 0);
	ck_assert_int_eq(source_read(&source, to, 100), -EFAULT);
}
END_TEST

START_TEST(a_file_that_grows_is_noticed_at_its_old_end)
{
	CLEANUP(close_fd_at) int from = file_of(100);
	char bytes[1000];
	const struct source_target to = { .memory = bytes };
	struct source source;

	ck_assert_int_eq(source_begin(&source, from, SIZE_MAX), 0);
	ck_assert_int_eq(write(from, bytes, 500), 500);
	ck_assert_int_eq(source_read(&source, to, sizeof(bytes)), -EBUSY);
}
END_TEST

START_TEST(a_pipe_is_read_up_to_one_byte_above_the_limit)
{
	char bytes[200] = { 0 };
	const struct source_target to = { .memory = bytes };
	struct source source;
	int ends[2], left;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	ck_assert_int_eq(write(ends[1], bytes, 150), 150);
	ck_assert_int_eq(source_begin(&source, ends[0], 100), 0);
	ck_assert_int_eq(source_read(&source, to, sizeof(bytes)), -EFBIG);
	left = (int)read(ends[0], bytes, sizeof(bytes));
	ck_assert_int_eq(left, 49);
	ck_assert_int_eq(close(ends[0]) | close(ends[1]), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_copy_has_the_bytes,
		a_copy_of_another_size_is_ebusy,
		memory_gets_no_more_than_it_has_room_for,
		memory_that_cannot_be_written_is_efault,
		a_file_that_grows_is_noticed_at_its_old_end,
		a_pipe_is_read_up_to_one_byte_above_the_limit,
	};

	return RUN_TESTS("source", tests);
}
