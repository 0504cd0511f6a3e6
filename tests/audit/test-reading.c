/* SPDX-License-Identifier: MIT */

/*
 * What is read of a process belongs to the line that it is said of. A race would show it once in a million
 * times; here the line is made to be out of date.
 */

#include "audit/known-files.h"
#include "tests/support/support.h"

#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

/* Of this process: a sealed memfd, mapped, its descriptor closed. */
static void find_sealed(struct mapping *ret, struct mappings *mappings, int directory)
{
	int fd = memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *at;

	ck_assert_int_eq(ftruncate(fd, (off_t)page_size()), 0);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
	at = mmap(NULL, page_size(), PROT_READ, MAP_PRIVATE, fd, 0);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(procfs_read_mappings(directory, "smaps", mappings), 0);
	for (size_t i = 0; i < mappings->count; i++)
		if (mappings->rows[i].start == (uintptr_t)at)
			*ret = mappings->rows[i];
	ck_assert_str_eq(ret->name, "/memfd:sealed (deleted)");
}

struct fixture {
	struct procfs procfs;
	int directory;
	struct mappings mappings;
	struct mapping row;
};

static struct fixture begin(void)
{
	struct fixture fixture = { 0 };

	ck_assert_int_eq(procfs_open(&fixture.procfs, NULL), 0);
	fixture.directory = procfs_open_process(&fixture.procfs, getpid());
	ck_assert_int_ge(fixture.directory, 0);
	find_sealed(&fixture.row, &fixture.mappings, fixture.directory);
	return fixture;
}

static void end(struct fixture *fixture)
{
	mappings_free(&fixture->mappings);
	(void)close(fixture->directory);
	procfs_close(&fixture->procfs);
}

static int seals(const struct fixture *fixture)
{
	return procfs_read_seals(&fixture->procfs, fixture->directory, &fixture->row);
}

/* The link in map_files is for CAP_CHECKPOINT_RESTORE. */
static bool may_read_seals(const struct fixture *fixture)
{
	int answer = seals(fixture);

	if (answer != -EPERM && answer != -EACCES)
		return true;
	(void)puts("SKIP reading the seals of a closed memfd: needs root");
	return false;
}

START_TEST(seals_of_a_memfd_whose_descriptor_is_closed_are_read)
{
	CLEANUP(end) struct fixture fixture = begin();

	if (may_read_seals(&fixture))
		ck_assert_int_eq(seals(&fixture), F_SEAL_WRITE);
}
END_TEST

START_TEST(seals_of_another_file_that_is_there_now_are_estale)
{
	CLEANUP(end) struct fixture fixture = begin();

	if (!may_read_seals(&fixture))
		return;
	fixture.row.file.inode++;
	ck_assert_int_eq(seals(&fixture), -ESTALE);
	fixture.row.file.inode--;
	fixture.row.file.device++;
	ck_assert_int_eq(seals(&fixture), -ESTALE);
}
END_TEST

START_TEST(seals_where_nothing_is_mapped_any_more_are_not_read)
{
	CLEANUP(end) struct fixture fixture = begin();

	/* cppcheck-suppress performance */
	ck_assert_int_eq(munmap((void *)(uintptr_t)fixture.row.start, page_size()), 0);
	ck_assert_int_lt(seals(&fixture), 0);
}
END_TEST

/* Of this process, which has but one memfd mapped. */
static int seals_told(const struct procfs *procfs, struct known_files *files)
{
	CLEANUP(process_free) struct process process = { 0 };

	ck_assert_int_eq(process_read(&process, procfs, files, getpid(), NEED_MEMFDS), 0);
	for (size_t i = 0; i < process.mappings.count; i++)
		if (strcmp(process.mappings.rows[i].name, "/memfd:later (deleted)") == 0)
			return process.mappings.rows[i].seals;
	ck_abort_msg("the memfd is not mapped");
}

/* As one who may not ask a mapping for its seals. The memfd is mapped privately, so that it can still be sealed. */
static int map_as_plain_user(struct procfs *procfs)
{
	int fd = memfd_create("later", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (geteuid() == 0)
		ck_assert_int_eq(setresuid(65534, 65534, 65534), 0);
	ck_assert_int_eq(prctl(PR_SET_DUMPABLE, 1), 0);
	ck_assert_int_eq(procfs_open(procfs, NULL), 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)page_size()), 0);
	ck_assert_ptr_ne(mmap(NULL, page_size(), PROT_READ, MAP_PRIVATE, fd, 0), MAP_FAILED);
	return fd;
}

START_TEST(seals_that_a_process_may_have_added_to_since_are_unknown)
{
	CLEANUP(known_files_free) struct known_files files = { 0 };
	struct procfs procfs;
	int fd = map_as_plain_user(&procfs);

	ck_assert_int_eq(seals_told(&procfs, &files), 0);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, FINAL_SEALS), 0);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(seals_told(&procfs, &files), SEALS_UNKNOWN);
	procfs_close(&procfs);
}
END_TEST

START_TEST(final_seals_that_a_process_has_shown_are_known_from_then_on)
{
	CLEANUP(known_files_free) struct known_files files = { 0 };
	struct procfs procfs;
	int fd = map_as_plain_user(&procfs);

	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, FINAL_SEALS), 0);
	ck_assert_int_eq(seals_told(&procfs, &files), FINAL_SEALS);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(seals_told(&procfs, &files), FINAL_SEALS);
	procfs_close(&procfs);
}
END_TEST

START_TEST(a_device_is_not_opened)
{
	CLEANUP(end) struct fixture fixture = begin();
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	fixture.row.descriptor = fd;
	ck_assert_int_eq(seals(&fixture), -ENODEV);
	(void)close(fd);
}
END_TEST

START_TEST(mappings_that_differ_anywhere_do_not_agree)
{
	CLEANUP(end) struct fixture fixture = begin();
	CLEANUP(mappings_free) struct mappings read = { 0 };
	struct mappings again;
	struct mapping *row;

	ck_assert_int_eq(procfs_read_mappings(fixture.directory, "maps", &read), 0);
	ck_assert(mappings_agree(&read, &read));
	row = &fixture.mappings.rows[fixture.mappings.count / 2];
	ck_assert(mappings_agree(&fixture.mappings, &fixture.mappings));
	again = fixture.mappings;
	again.rows = calloc(again.count, sizeof(*again.rows));
	for (size_t i = 0; i < again.count; i++)
		again.rows[i] = fixture.mappings.rows[i];
	ck_assert(mappings_agree(&fixture.mappings, &again));
	row->file.inode++;
	ck_assert(!mappings_agree(&fixture.mappings, &again));
	row->file.inode--;
	row->protection ^= PROT_WRITE;
	ck_assert(!mappings_agree(&fixture.mappings, &again));
	row->protection ^= PROT_WRITE;
	again.count--;
	ck_assert(!mappings_agree(&fixture.mappings, &again));
	free(again.rows);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		seals_of_a_memfd_whose_descriptor_is_closed_are_read,
		seals_of_another_file_that_is_there_now_are_estale,
		seals_where_nothing_is_mapped_any_more_are_not_read,
		seals_that_a_process_may_have_added_to_since_are_unknown,
		final_seals_that_a_process_has_shown_are_known_from_then_on,
		a_device_is_not_opened,
		mappings_that_differ_anywhere_do_not_agree,
	};

	return RUN_TESTS("reading", tests);
}
