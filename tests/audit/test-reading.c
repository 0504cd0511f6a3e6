/* SPDX-License-Identifier: MIT */

/*
 * What the audit reads of a process belongs to the line that it says it of. A race would break that once in a
 * million times; here the line is out of date on purpose.
 */

#include "audit/in-time.h"
#include "audit/known-files.h"
#include "tests/support/support.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>

/* Maps a sealed memfd in this process, closes its descriptor, and finds the mapping. */
static void find_sealed(struct mapping *ret, struct mappings *mappings, const struct procfs *procfs,
			int directory)
{
	int fd = memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *at;

	ck_assert_int_eq(ftruncate(fd, (off_t)page_size()), 0);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
	at = mmap(NULL, page_size(), PROT_READ, MAP_PRIVATE, fd, 0);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(procfs_read_mappings(procfs, directory, "smaps", mappings), 0);
	for (size_t i = 0; i < mappings->count; i++)
		if (mappings->rows[i].start == (uintptr_t)at)
			*ret = mappings->rows[i];
	ck_assert_str_eq(ret->memory.name, "/memfd:sealed (deleted)");
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
	find_sealed(&fixture.row, &fixture.mappings, &fixture.procfs, fixture.directory);
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
	struct patience patience = { 0 };

	return procfs_read_mapping_seals(&fixture->procfs, fixture->directory, &fixture->row,
					 &patience);
}

/* The link in map_files needs CAP_CHECKPOINT_RESTORE. */
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
	fixture.row.memory.file.inode++;
	ck_assert_int_eq(seals(&fixture), -ESTALE);
	fixture.row.memory.file.inode--;
	fixture.row.memory.file.device++;
	ck_assert_int_eq(seals(&fixture), -ESTALE);
}
END_TEST

START_TEST(seals_of_memory_that_is_unmapped_by_now_are_not_read)
{
	CLEANUP(end) struct fixture fixture = begin();

	/* cppcheck-suppress performance */
	ck_assert_int_eq(munmap((void *)(uintptr_t)fixture.row.start, page_size()), 0);
	ck_assert_int_lt(seals(&fixture), 0);
}
END_TEST

/* The seals that the audit reports of the one memfd that this process has mapped. */
static int seals_reported(const struct procfs *procfs, struct known_files *files)
{
	CLEANUP(process_free) struct process process = { 0 };

	ck_assert_int_eq(process_read(&process, procfs, files, getpid(), NEED_MEMFDS), 0);
	for (size_t i = 0; i < process.mappings.count; i++)
		if (strcmp(process.mappings.rows[i].memory.name, "/memfd:later (deleted)") == 0)
			return process.mappings.rows[i].memory.seals;
	ck_abort_msg("the memfd is not mapped");
}

/* As a user who may not ask a mapping for its seals. The mapping is private, so that the memfd can still be sealed. */
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

	ck_assert_int_eq(seals_reported(&procfs, &files), 0);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, FINAL_SEALS), 0);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(seals_reported(&procfs, &files), SEALS_UNKNOWN);
	procfs_close(&procfs);
}
END_TEST

START_TEST(final_seals_that_a_process_has_shown_are_known_from_then_on)
{
	CLEANUP(known_files_free) struct known_files files = { 0 };
	struct procfs procfs;
	int fd = map_as_plain_user(&procfs);

	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, FINAL_SEALS), 0);
	ck_assert_int_eq(seals_reported(&procfs, &files), FINAL_SEALS);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(seals_reported(&procfs, &files), FINAL_SEALS);
	procfs_close(&procfs);
}
END_TEST

START_TEST(a_device_is_not_opened)
{
	CLEANUP(end) struct fixture fixture = begin();
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	const struct open_file file = { .descriptor = fd };
	struct patience patience = { 0 };

	ck_assert_int_eq(
		procfs_read_open_file_seals(&fixture.procfs, fixture.directory, &file, &patience),
		-ENODEV);
	(void)close(fd);
}
END_TEST

START_TEST(mappings_that_differ_anywhere_do_not_agree)
{
	CLEANUP(end) struct fixture fixture = begin();
	CLEANUP(mappings_free) struct mappings read = { 0 };
	struct mappings again;
	struct mapping *row;

	ck_assert_int_eq(procfs_read_mappings(&fixture.procfs, fixture.directory, "maps", &read),
			 0);
	ck_assert(mappings_agree(&read, &read));
	row = &fixture.mappings.rows[fixture.mappings.count / 2];
	ck_assert(mappings_agree(&fixture.mappings, &fixture.mappings));
	again = fixture.mappings;
	again.rows = calloc(again.count, sizeof(*again.rows));
	for (size_t i = 0; i < again.count; i++)
		again.rows[i] = fixture.mappings.rows[i];
	ck_assert(mappings_agree(&fixture.mappings, &again));
	row->memory.file.inode++;
	ck_assert(!mappings_agree(&fixture.mappings, &again));
	row->memory.file.inode--;
	row->protection ^= PROT_WRITE;
	ck_assert(!mappings_agree(&fixture.mappings, &again));
	row->protection ^= PROT_WRITE;
	again.count--;
	ck_assert(!mappings_agree(&fixture.mappings, &again));
	free(again.rows);
}
END_TEST

START_TEST(only_file_systems_on_a_disk_or_in_memory_are_local)
{
	char text[] =
		"22 27 0:21 / /proc rw,relatime - proc proc rw,hidepid=invisible\n"
		"27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard\n"
		"30 27 0:44 / /home/user/ext4 rw - fuse.ext4 ext4 rw,user_id=0\n"
		"31 27 0:45 / /srv\\040-\\040ext4 rw - nfs4 server:/ rw\n"
		"nothing\n33 27 0:46 / /tmp rw - tmpfs none rw\n34 27 0:47 / /proc2 rw - proc proc rw";
	CLEANUP(mounts_free) struct mounts mounts = { 0 };
	FILE *in = fmemopen(text, strlen(text), "r");

	ck_assert_int_eq(mounts_read(&mounts, in), 0);
	(void)fclose(in);
	ck_assert(mounts_are_local(&mounts, makedev(254, 0)));
	ck_assert(mounts_are_local(&mounts, makedev(0, 46)));
	ck_assert(!mounts_are_local(&mounts, makedev(0, 44)));
	ck_assert(!mounts_are_local(&mounts, makedev(0, 45)));
	ck_assert(!mounts_are_local(&mounts, makedev(0, 99)));
	ck_assert(mounts_hide_processes(&mounts, makedev(0, 21)));
	ck_assert(!mounts_hide_processes(&mounts, makedev(0, 47)));
}
END_TEST

static int answer(void *argument, void *ret)
{
	*(int *)ret = *(const int *)argument;
	return 0;
}

static int refuse(void *argument, void *ret)
{
	(void)argument;
	*(int *)ret = 1;
	return -EISDIR;
}

static int never(void *argument, void *ret)
{
	(void)argument;
	(void)ret;
	while (pause() < 0)
		;
	return 0;
}

static int die(void *argument, void *ret)
{
	(void)argument;
	(void)ret;
	(void)raise(SIGKILL);
	return 0;
}

START_TEST(an_act_in_a_child_answers_or_is_left_behind_in_time)
{
	struct patience patience = { 0 };
	int argument = 7, ret = 0;

	ck_assert_int_eq(in_time(answer, &argument, -1, &patience, &ret, sizeof(ret)), 0);
	ck_assert_int_eq(ret, 7);
	ck_assert_int_eq(in_time(refuse, NULL, -1, &patience, &ret, sizeof(ret)), -EISDIR);
	ck_assert_int_eq(in_time(die, NULL, -1, &patience, &ret, sizeof(ret)), -ECHILD);
	ck_assert_int_eq(in_time(never, NULL, -1, &patience, &ret, sizeof(ret)), -ETIMEDOUT);
	ck_assert_int_eq(ret, 7);
}
END_TEST

static int64_t seconds_of(timed_act *act, unsigned count, int last)
{
	struct patience patience = { 0 };
	struct timespec start, end;
	int ret = 0, err = 0;

	(void)clock_gettime(CLOCK_MONOTONIC, &start);
	for (unsigned i = 0; i < count; i++)
		err = in_time(act, NULL, -1, &patience, &ret, sizeof(ret));
	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	ck_assert_int_eq(err, last);
	return end.tv_sec - start.tv_sec;
}

START_TEST(many_acts_that_never_end_share_the_time)
{
	ck_assert_int_lt(seconds_of(never, 20, -ETIMEDOUT), 10);
}
END_TEST

static int answer_slowly(void *argument, void *ret)
{
	(void)argument;
	*(int *)ret = 1;
	(void)usleep(90000);
	return 0;
}

START_TEST(so_do_many_that_end_in_a_short_time)
{
	ck_assert_int_lt(seconds_of(answer_slowly, 200, -ETIMEDOUT), 10);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		seals_of_a_memfd_whose_descriptor_is_closed_are_read,
		seals_of_another_file_that_is_there_now_are_estale,
		seals_of_memory_that_is_unmapped_by_now_are_not_read,
		seals_that_a_process_may_have_added_to_since_are_unknown,
		final_seals_that_a_process_has_shown_are_known_from_then_on,
		a_device_is_not_opened,
		mappings_that_differ_anywhere_do_not_agree,
		only_file_systems_on_a_disk_or_in_memory_are_local,
		an_act_in_a_child_answers_or_is_left_behind_in_time,
		many_acts_that_never_end_share_the_time,
		so_do_many_that_end_in_a_short_time,
	};

	return RUN_TESTS("reading", tests);
}
