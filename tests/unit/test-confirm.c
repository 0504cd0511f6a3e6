/* SPDX-License-Identifier: MIT */

/*
 * What the kernel says is mapped, by both ways to ask: a descriptor of another file cannot answer the short question,
 * so what is in it is read. The text in it is that of /proc/self/maps.
 */

#include "tests/support/support.h"

#include "lib/confirm.h"

#include <string.h>

#define PAGES 4

static struct sys_file file;

/* A file mapped between two pages without access. */
static char *map_file_between(int protection, int flags)
{
	size_t page = page_size();
	char *area = mmap(NULL, (PAGES + 2) * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CLEANUP(close_fd_at) int fd = memfd_create("confirm", MFD_CLOEXEC);

	ck_assert_int_eq(ftruncate(fd, (off_t)(PAGES * page)), 0);
	ck_assert_int_eq(sys_file_identity(fd, &file), 0);
	ck_assert_ptr_ne(area, MAP_FAILED);
	ck_assert_ptr_eq(mmap(area + page, PAGES * page, protection, flags | MAP_FIXED, fd, 0),
			 area + page);
	return area + page;
}

/* As the kernel writes it now, in a file that is not of /proc. */
static int copy_of_maps(void)
{
	CLEANUP(close_fd_at) int from = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	int to = memfd_create("maps", MFD_CLOEXEC);
	char text[4000];
	ssize_t got;

	while ((got = read(from, text, sizeof(text))) > 0)
		ck_assert_int_eq(write(to, text, (size_t)got), got);
	return to;
}

/* The answer, which both ways have to give. */
static int ask(const struct expected *parts, size_t count)
{
	CLEANUP(close_fd_at) int maps = confirm_open();
	CLEANUP(close_fd_at) int text = copy_of_maps();
	int answer = confirm_mapped(maps, parts, count);

	ck_assert_int_eq(confirm_mapped(text, parts, count), answer);
	return answer;
}

static int ask_one(const char *addr, size_t pages, int protection, struct sys_file of)
{
	const struct expected part = {
		.addr = addr,
		.size = pages * page_size(),
		.protection = protection,
		.file = of,
	};

	return ask(&part, 1);
}

START_TEST(a_file_and_its_neighbours_are_found)
{
	size_t page = page_size();
	char *at = map_file_between(PROT_READ, MAP_SHARED);
	const struct expected parts[] = {
		{ .addr = at - page, .size = page, .protection = PROT_NONE },
		{ .addr = at, .size = PAGES * page, .protection = PROT_READ, .file = file },
		{ .addr = at + PAGES * page, .size = page, .protection = PROT_NONE },
	};

	ck_assert_int_eq(ask(parts, 3), 0);
	ck_assert_int_eq(ask_one(at, PAGES, CONFIRM_ANY, file), 0);
}
END_TEST

/* Private or shared: it is the file that counts. */
START_TEST(a_file_of_our_own_is_not_taken_for_memory_of_the_caller)
{
	struct expected part = {
		.addr = map_file_between(PROT_READ, MAP_PRIVATE),
		.size = PAGES * page_size(),
		.protection = PROT_READ,
		.other_than = { file.device, file.inode + 1 },
	};

	ck_assert_int_eq(ask(&part, 1), 0);
	part.other_than = file;
	ck_assert_int_eq(ask(&part, 1), -EADDRINUSE);
	part.addr = map_file_between(PROT_READ, MAP_SHARED);
	part.other_than = file;
	ck_assert_int_eq(ask(&part, 1), -EADDRINUSE);
}
END_TEST

START_TEST(a_part_in_several_mappings_is_found)
{
	char *at = map_file_between(PROT_READ, MAP_SHARED);

	ck_assert_int_eq(madvise(at + page_size(), page_size(), MADV_DONTFORK), 0);
	ck_assert_int_eq(ask_one(at, PAGES, PROT_READ, file), 0);
}
END_TEST

START_TEST(another_protection_is_seen)
{
	char *at = map_file_between(PROT_READ | PROT_WRITE, MAP_SHARED);

	ck_assert_int_eq(ask_one(at, PAGES, PROT_READ, file), -EADDRINUSE);
	ck_assert_int_eq(mprotect(at, 3 * page_size(), PROT_READ), 0);
	ck_assert_int_eq(ask_one(at, PAGES, PROT_READ, file), -EADDRINUSE);
	ck_assert_int_eq(ask_one(at, 3, PROT_READ, file), 0);
}
END_TEST

START_TEST(a_private_mapping_of_the_file_is_seen)
{
	char *at = map_file_between(PROT_READ, MAP_PRIVATE);

	ck_assert_int_eq(ask_one(at, PAGES, PROT_READ, file), -EADDRINUSE);
}
END_TEST

START_TEST(memory_over_a_page_is_seen)
{
	for (size_t i = 0; i < PAGES; i++) {
		char *at = map_file_between(PROT_READ, MAP_SHARED);

		ck_assert_int_eq(ask_one(at, PAGES, PROT_READ, file), 0);
		ck_assert_ptr_ne(mmap(at + i * page_size(), page_size(), PROT_READ,
				      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
				 MAP_FAILED);
		ck_assert_int_eq(ask_one(at, PAGES, PROT_READ, file), -EADDRINUSE);
	}
}
END_TEST

START_TEST(another_file_is_seen)
{
	struct sys_file first;
	char *at = map_file_between(PROT_READ, MAP_SHARED);

	first = file;
	(void)map_file_between(PROT_READ, MAP_SHARED);
	ck_assert_int_eq(ask_one(at, PAGES, PROT_READ, first), 0);
	ck_assert_int_eq(ask_one(at, PAGES, PROT_READ, file), -EADDRINUSE);
}
END_TEST

START_TEST(another_part_of_the_file_is_seen)
{
	char *at = map_file_between(PROT_READ, MAP_SHARED);
	struct expected part = {
		.addr = at + page_size(),
		.size = page_size(),
		.protection = PROT_READ,
		.file = file,
	};

	ck_assert_int_eq(ask(&part, 1), -EADDRINUSE);
	part.offset = page_size();
	ck_assert_int_eq(ask(&part, 1), 0);
}
END_TEST

START_TEST(a_hole_is_seen)
{
	char *at = map_file_between(PROT_READ, MAP_SHARED);

	ck_assert_int_eq(munmap(at + page_size(), page_size()), 0);
	ck_assert_int_eq(ask_one(at, 1, PROT_READ, file), 0);
	ck_assert_int_eq(ask_one(at, PAGES, PROT_READ, file), -EADDRINUSE);
	ck_assert_int_eq(ask_one(at + page_size(), 1, CONFIRM_ANY, (struct sys_file){ 0 }),
			 -EADDRINUSE);
}
END_TEST

START_TEST(a_descriptor_that_cannot_be_asked_is_no_answer)
{
	char *at = map_file_between(PROT_READ, MAP_SHARED);
	struct expected part = {
		.addr = at, .size = page_size(), .protection = PROT_READ, .file = file
	};
	int pipe[2];

	ck_assert_int_eq(pipe2(pipe, O_CLOEXEC), 0);
	ck_assert_int_eq(confirm_mapped(pipe[0], &part, 1), -ESPIPE);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_file_and_its_neighbours_are_found,
		a_file_of_our_own_is_not_taken_for_memory_of_the_caller,
		a_part_in_several_mappings_is_found,
		another_protection_is_seen,
		a_private_mapping_of_the_file_is_seen,
		memory_over_a_page_is_seen,
		another_file_is_seen,
		another_part_of_the_file_is_seen,
		a_hole_is_seen,
		a_descriptor_that_cannot_be_asked_is_no_answer,
	};

	return RUN_TESTS("confirm", tests);
}
