/* SPDX-License-Identifier: MIT */

/*
 * Pages of a file that pipes refer to. A pipe that refers to a page, and has no copy of it, shows what is written to
 * the page afterwards.
 */

#include "tests/support/support.h"

#include "lib/retain.h"

#include <string.h>

static int file_of(size_t size)
{
	int fd = memfd_create("retain", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	return fd;
}

static char *map_filled(int fd, size_t size)
{
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	ck_assert_ptr_ne(at, MAP_FAILED);
	fill(at, size);
	return at;
}

/* Reads up to `size` bytes that the pipes hold; returns how many there are. */
static size_t read_retained(const struct retained *retained, char *bytes, size_t size)
{
	size_t all = 0;

	for (size_t i = 0; i < retained->count; i++) {
		ssize_t got;

		while (all < size && (got = read(retained->pipes[i], bytes + all, size - all)) > 0)
			all += (size_t)got;
	}
	return all;
}

START_TEST(a_pipe_refers_to_each_page)
{
	size_t size = 600 * page_size();
	int fd = file_of(size);
	char *at = map_filled(fd, size), *bytes = map_private(size);
	CLEANUP(retain_end) struct retained retained;

	retain_pages(&retained, fd, size);
	memset(at, 'x', size);
	ck_assert_uint_eq(read_retained(&retained, bytes, size), size);
	ck_assert_mem_eq(bytes, at, size);
}
END_TEST

START_TEST(the_pages_live_on_without_the_file)
{
	size_t size = 20 * page_size();
	int fd = file_of(size);
	char *at = map_filled(fd, size), *bytes = map_private(size);
	CLEANUP(retain_end) struct retained retained;

	retain_pages(&retained, fd, size);
	close(fd);
	munmap(at, size);
	ck_assert_uint_eq(read_retained(&retained, bytes, size), size);
	assert_filled(bytes, size);
}
END_TEST

START_TEST(holes_take_no_place)
{
	size_t page = page_size(), size = 100000 * page;
	int fd = file_of(size);
	char *bytes = map_private(2 * page);
	CLEANUP(retain_end) struct retained retained;

	ck_assert_int_eq(pwrite(fd, "a", 1, (off_t)(5 * page)), 1);
	ck_assert_int_eq(pwrite(fd, "b", 1, (off_t)(90000 * page)), 1);
	retain_pages(&retained, fd, size);
	ck_assert_uint_eq(retained.count, 1);
	ck_assert_uint_eq(read_retained(&retained, bytes, 2 * page), 2 * page);
	ck_assert_int_eq(bytes[0], 'a');
	ck_assert_int_eq(bytes[page], 'b');
}
END_TEST

START_TEST(no_descriptor_stays_open)
{
	struct census before = take_census();
	size_t size = 600 * page_size();
	int fd = file_of(size);
	char *at = map_filled(fd, size);
	struct retained retained;

	retain_pages(&retained, fd, size);
	ck_assert_uint_gt(retained.count, 0);
	retain_end(&retained);
	close(fd);
	munmap(at, size);
	assert_same_census(before);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_left_alone)
{
	struct retained retained;

	retain_pages(&retained, -1, page_size());
	ck_assert_uint_eq(retained.count, 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_pipe_refers_to_each_page,
		the_pages_live_on_without_the_file,
		holes_take_no_place,
		no_descriptor_stays_open,
		a_file_that_cannot_be_read_is_left_alone,
	};

	return RUN_TESTS("retain", tests);
}
