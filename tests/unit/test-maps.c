/* SPDX-License-Identifier: MIT */

/*
 * Reading /proc/self/maps: what the kernel writes there about mappings of each kind, names that make a
 * line hard to read, and text that is none of that. The text comes from a file of our own where the
 * kernel would not write it on demand.
 */

#include "tests/support/kernel.h"
#include "tests/support/sandbox.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

static struct maps_entry entry_of(const void *at)
{
	struct maps_entry entry;

	ck_assert(find_mapping(at, &entry));
	return entry;
}

/* One that no neighbour can be merged with. */
static char *map_one(int protection, int flags, int fd, off_t offset)
{
	char *at = mmap(NULL, 3 * page_size(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *middle =
		mmap(at + page_size(), page_size(), protection, flags | MAP_FIXED, fd, offset);

	ck_assert_ptr_eq(middle, at + page_size());
	return at + page_size();
}

START_TEST(an_entry_has_the_addresses_of_the_mapping)
{
	char *at = map_one(PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct maps_entry entry = entry_of(at);

	ck_assert_uint_eq(entry.start, (uintptr_t)at);
	ck_assert_uint_eq(entry.end, (uintptr_t)at + page_size());
}
END_TEST

START_TEST(an_entry_has_the_protection_of_the_mapping)
{
	static const int protections[] = { PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE,
					   PROT_READ | PROT_EXEC };

	for (size_t i = 0; i < sizeof(protections) / sizeof(*protections); i++) {
		const char *at = map_one(protections[i], MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		ck_assert_int_eq(entry_of(at).protection, protections[i]);
	}
}
END_TEST

START_TEST(an_entry_says_whether_the_mapping_is_shared)
{
	const char *private = map_one(PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const char *shared = map_one(PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert(!entry_of(private).shared);
	ck_assert(entry_of(shared).shared);
}
END_TEST

START_TEST(an_entry_has_the_offset_in_the_file)
{
	int fd = temporary_file();
	const char *at;

	ck_assert_int_eq(ftruncate(fd, (off_t)(20 * page_size())), 0);
	at = map_one(PROT_READ, MAP_PRIVATE, fd, (off_t)(17 * page_size()));
	ck_assert_uint_eq(entry_of(at).offset, 17 * page_size());
}
END_TEST

START_TEST(an_entry_of_anonymous_memory_has_no_name)
{
	ck_assert_str_eq(entry_of(map_one(PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)).name, "");
}
END_TEST

START_TEST(an_entry_of_the_stack_has_the_name_the_kernel_gives_it)
{
	int here = 0;

	require_no_valgrind("valgrind makes a stack of its own");
	ck_assert_str_eq(entry_of(&here).name, "[stack]");
}
END_TEST

START_TEST(an_entry_of_named_anonymous_memory_has_its_name)
{
	char *at = map_one(PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, at, page_size(), "two words") < 0)
		skip_test("this kernel does not name anonymous memory");
	ck_assert_str_eq(entry_of(at).name, "[anon:two words]");
}
END_TEST

static const char *map_memfd(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)page_size()), 0);
	return map_one(PROT_READ, MAP_SHARED, fd, 0);
}

START_TEST(a_name_keeps_its_spaces_and_its_suffix)
{
	static const char *const names[] = {
		"two words", "  leading", "trailing  ", "x (deleted)", " (deleted)",
		"7f00-7f01 rw-p 0 0:0 1 x", "", "\xff\xfe", "a\tb",
		/* The kernel writes a new line as \012, and these as they are. */
		"a\\0bc", "a\\01c", "a\\013"
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char expected[128];

		snprintf(expected, sizeof(expected), "/memfd:%s (deleted)", names[i]);
		ck_assert_str_eq(entry_of(map_memfd(names[i])).name, expected);
	}
}
END_TEST

/* The kernel writes a new line inside a name as four characters: a line stays a line. */
START_TEST(a_name_with_a_new_line_does_not_end_the_entry)
{
	const char *at = map_memfd("two\nlines");

	ck_assert_str_eq(entry_of(at).name, "/memfd:two\nlines (deleted)");
}
END_TEST

/* At the end of what read(2) has brought, too: the names before it move it there. */
START_TEST(a_new_line_is_one_character_wherever_the_line_begins)
{
	for (unsigned length = 0; length < 120; length++) {
		char name[130] = "", expected[150];

		memset(name, '\\', length);
		memcpy(name + length, "\n01", 4);
		(void)snprintf(expected, sizeof(expected), "/memfd:%s (deleted)", name);
		for (int i = 0; i < 5; i++)
			ck_assert_str_eq(entry_of(map_memfd(name)).name, expected);
	}
}
END_TEST

START_TEST(a_name_of_the_longest_region_is_whole)
{
	char name[SEALMEM_NAME_MAX + 1] = { 0 }, expected[512];
	SCOPED_REGION *region = NULL;

	memset(name, 'n', SEALMEM_NAME_MAX);
	region = open_region(name, 1, SEALMEM_CONTENT);
	snprintf(expected, sizeof(expected), "/memfd:sealmem:%s (deleted)", name);
	ck_assert_str_eq(entry_of(sealmem_region_data(region)).name, expected);
}
END_TEST

/* A file as deep as a path may be long. */
static int deep_file(char *path, size_t size)
{
	const char *dir = getenv("TMPDIR");
	char step[201] = { 0 };
	int fd;

	memset(step, 'd', 200);
	snprintf(path, size, "%s/sealmem-XXXXXX", dir != NULL ? dir : "/tmp");
	if (mkdtemp(path) == NULL)
		skip_test("no directory for temporary files");
	for (size_t i = 0; i < 10; i++) {
		size_t length = strlen(path);

		snprintf(path + length, size - length, "/%s", step);
		ck_assert_int_eq(mkdir(path, 0700), 0);
	}
	snprintf(path + strlen(path), size - strlen(path), "/file");
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static void remove_deep_file(char *path)
{
	unlink(path);
	for (size_t i = 0; i < 11; i++) {
		*strrchr(path, '/') = '\0';
		rmdir(path);
	}
}

START_TEST(a_name_longer_than_its_room_is_cut_off_and_the_next_entry_is_whole)
{
	char path[PATH_MAX];
	int fd = deep_file(path, sizeof(path));
	char *at;
	struct maps_entry entry, next;

	ck_assert_int_eq(ftruncate(fd, (off_t)page_size()), 0);
	at = map_one(PROT_READ, MAP_PRIVATE, fd, 0);
	entry = entry_of(at);
	next = entry_of(at + page_size());
	ck_assert_uint_eq(strlen(entry.name), sizeof(entry.name) - 1);
	ck_assert_int_eq(strncmp(entry.name, path, sizeof(entry.name) - 1), 0);
	ck_assert_uint_eq(next.start, (uintptr_t)at + page_size());
	ck_assert_int_eq(next.protection, PROT_NONE);
	remove_deep_file(path);
}
END_TEST

/* Counted without the help of what is tested. */
static int count_lines(void)
{
	CLEANUP(close_fd_at) int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	char buffer[1000];
	int lines = 0;
	ssize_t got;

	while ((got = read(fd, buffer, sizeof(buffer))) > 0)
		for (ssize_t i = 0; i < got; i++)
			lines += buffer[i] == '\n';
	return lines;
}

START_TEST(entries_come_in_order_and_all_of_them)
{
	int lines = count_lines(), count = 0;
	struct maps maps;
	struct maps_entry entry;
	uintptr_t last = 0;

	ck_assert_int_eq(maps_open(&maps), 0);
	while (maps_next(&maps, &entry) > 0) {
		ck_assert_uint_ge(entry.start, last);
		ck_assert_uint_gt(entry.end, entry.start);
		last = entry.end;
		count++;
	}
	maps_close(&maps);
	ck_assert_int_eq(count, lines);
}
END_TEST

/* The name of a program may look like the end of its field, and like fields. */
START_TEST(the_heap_starts_where_the_kernel_says)
{
	static const char *const names[] = { "plain", "a) R 1 2 3", ")) ((", "" };
	const char *end = sbrk(0);

	require_own_address_space();
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		uint64_t start = 0;
		struct maps_entry heap;

		ck_assert_int_eq(prctl(PR_SET_NAME, names[i], 0, 0, 0), 0);
		ck_assert_int_eq(maps_heap_start(&start), 0);
		ck_assert_uint_gt(start, 0);
		ck_assert_uint_le(start, (uintptr_t)end);
		if (find_mapping(end - 1, &heap) && strcmp(heap.name, "[heap]") == 0)
			ck_assert_uint_eq(start / page_size(), heap.start / page_size());
	}
}
END_TEST

START_TEST(without_proc_nobody_knows_where_the_heap_starts)
{
	uint64_t start = 7;

	hide_proc();
	ck_assert_int_eq(maps_heap_start(&start), -ENOENT);
	ck_assert_uint_eq(start, 7);
}
END_TEST

/* Text as if the kernel had written it. */
static struct maps open_text(const char *text)
{
	struct maps maps = { .fd = memfd_create("text", MFD_CLOEXEC) };

	ck_assert_int_eq((int)pwrite(maps.fd, text, strlen(text), 0), (int)strlen(text));
	return maps;
}

static int first_of(const char *text, struct maps_entry *ret)
{
	CLEANUP(maps_close) struct maps maps = open_text(text);

	return maps_next(&maps, ret);
}

START_TEST(a_line_is_read_field_by_field)
{
	struct maps_entry entry;

	ck_assert_int_eq(
		first_of("7f001000-7f003000 r-xs 00002000 fd:01 1234567    /a b\n", &entry), 1);
	ck_assert_uint_eq(entry.start, 0x7f001000);
	ck_assert_uint_eq(entry.end, 0x7f003000);
	ck_assert_int_eq(entry.protection, PROT_READ | PROT_EXEC);
	ck_assert(entry.shared);
	ck_assert_uint_eq(entry.offset, 0x2000);
	ck_assert_str_eq(entry.name, "/a b");
}
END_TEST

START_TEST(the_highest_addresses_are_read)
{
	struct maps_entry entry;

	if (sizeof(void *) < sizeof(uint64_t))
		skip_test("addresses have 32 bits");
	ck_assert_int_eq(first_of("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 "
				  "                 [vsyscall]\n",
				  &entry),
			 1);
	ck_assert_uint_eq(entry.start, UINT64_C(0xffffffffff600000));
	ck_assert_uint_eq(entry.end, 0xffffffffff601000);
	ck_assert_str_eq(entry.name, "[vsyscall]");
}
END_TEST

START_TEST(a_last_line_without_an_end_is_read)
{
	struct maps_entry entry;

	ck_assert_int_eq(first_of("1000-2000 rw-p 00000000 00:00 0 [heap]", &entry), 1);
	ck_assert_str_eq(entry.name, "[heap]");
}
END_TEST

START_TEST(an_empty_file_has_no_entries)
{
	struct maps_entry entry;

	ck_assert_int_eq(first_of("", &entry), 0);
}
END_TEST

START_TEST(after_the_last_entry_there_are_none)
{
	CLEANUP(maps_close)
	struct maps maps =
		open_text("1000-2000 r--p 00000000 00:00 0 \n2000-3000 rw-p 00000000 00:00 0 \n");
	struct maps_entry entry;

	ck_assert_int_eq(maps_next(&maps, &entry), 1);
	ck_assert_int_eq(maps_next(&maps, &entry), 1);
	ck_assert_uint_eq(entry.start, 0x2000);
	ck_assert_int_eq(maps_next(&maps, &entry), 0);
	ck_assert_int_eq(maps_next(&maps, &entry), 0);
}
END_TEST

START_TEST(other_text_is_ebadmsg)
{
	static const char *const texts[] = {
		"\n",
		"x",
		"-2000 r--p 00000000 00:00 0\n",
		"1000 2000 r--p 00000000 00:00 0\n",
		"1000-2000r--p 00000000 00:00 0\n",
		"1000-2000 q--p 00000000 00:00 0\n",
		"1000-2000 R--p 00000000 00:00 0\n",
		"1000-2000 r--pp 00000000 00:00 0\n",
		"1000-2000 r--p 00g00000 00:00 0\n",
		"10000000000000000-20000000000000000 r--p 00000000 00:00 0\n",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct maps_entry entry = { .start = 7 };

		ck_assert_msg(first_of(texts[i], &entry) == -EBADMSG, "\"%s\"", texts[i]);
		ck_assert_uint_eq(entry.start, 7);
	}
}
END_TEST

START_TEST(a_line_that_breaks_off_before_its_name_is_no_entry)
{
	static const char *const texts[] = {
		"1000",		"1000-",	  "1000-2000",
		"1000-2000 r-", "1000-2000 r--p", "1000-2000 r--p 0000"
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct maps_entry entry = { .start = 7 };

		ck_assert_msg(first_of(texts[i], &entry) < 0, "\"%s\"", texts[i]);
		ck_assert_uint_eq(entry.start, 7);
	}
}
END_TEST

START_TEST(a_failing_read_is_its_errno)
{
	struct maps maps = { .fd = -1 };
	struct maps_entry entry;

	ck_assert_int_eq(maps_next(&maps, &entry), -EBADF);
}
END_TEST

/* The kernel ends a read wherever it likes. An empty pipe that does not block fails the next one. */
START_TEST(a_read_that_fails_within_a_line_is_its_errno)
{
	static const char line[] = "1000-2000 r--p 00000000 00:00 0 [heap]\n";

	for (size_t length = 0; length < sizeof(line) - 1; length++) {
		struct maps_entry entry = { .start = 7 };
		int ends[2];

		ck_assert_int_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
		ck_assert_int_eq(write(ends[1], line, length), (ssize_t)length);
		struct maps maps = { .fd = ends[0] };
		ck_assert_msg(maps_next(&maps, &entry) == -EAGAIN, "after %zu bytes", length);
		ck_assert_uint_eq(entry.start, 7);
		close(ends[0]);
		close(ends[1]);
	}
}
END_TEST

START_TEST(a_descriptor_of_maps_is_closed_on_exec)
{
	CLEANUP(maps_close) struct maps maps = { .fd = -1 };

	ck_assert_int_eq(maps_open(&maps), 0);
	ck_assert_int_eq(fcntl(maps.fd, F_GETFD), FD_CLOEXEC);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		an_entry_has_the_addresses_of_the_mapping,
		an_entry_has_the_protection_of_the_mapping,
		an_entry_says_whether_the_mapping_is_shared,
		an_entry_has_the_offset_in_the_file,
		an_entry_of_anonymous_memory_has_no_name,
		an_entry_of_the_stack_has_the_name_the_kernel_gives_it,
		an_entry_of_named_anonymous_memory_has_its_name,
		a_name_keeps_its_spaces_and_its_suffix,
		a_name_with_a_new_line_does_not_end_the_entry,
		a_new_line_is_one_character_wherever_the_line_begins,
		a_name_of_the_longest_region_is_whole,
		a_name_longer_than_its_room_is_cut_off_and_the_next_entry_is_whole,
		entries_come_in_order_and_all_of_them,
		the_heap_starts_where_the_kernel_says,
		without_proc_nobody_knows_where_the_heap_starts,
		a_line_is_read_field_by_field,
		the_highest_addresses_are_read,
		a_last_line_without_an_end_is_read,
		an_empty_file_has_no_entries,
		after_the_last_entry_there_are_none,
		other_text_is_ebadmsg,
		a_line_that_breaks_off_before_its_name_is_no_entry,
		a_failing_read_is_its_errno,
		a_read_that_fails_within_a_line_is_its_errno,
		a_descriptor_of_maps_is_closed_on_exec,
	};

	return RUN_TESTS("maps", tests);
}
