/* SPDX-License-Identifier: MIT */

/*
 * The file below every seal: when the kernel gives the seals, how they are told from seals that prove
 * nothing, and what a memfd has to survive on kernels and under settings other than this machine's.
 */

#include "lib/memfd.h"

#include "tests/support/channel.h"
#include "tests/support/sandbox.h"
#include "tests/support/support.h"

#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>

static int new_memfd(size_t size)
{
	int fd = memfd_new("test", size);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	return fd;
}

static char *map_shared(void *addr, size_t size, int protection, int fd)
{
	void *at = mmap(addr, size, protection, MAP_SHARED | (addr ? MAP_FIXED : 0), fd, 0);

	ck_assert_ptr_ne(at, MAP_FAILED);
	return at;
}

START_TEST(the_seal_is_given_without_a_writable_mapping)
{
	int fd = new_memfd(page_size());

	ck_assert_int_eq(memfd_seal(fd), 0);
	ck_assert_int_eq(memfd_check(fd, page_size()), 0);
}
END_TEST

START_TEST(the_seal_is_busy_while_a_writable_mapping_is_there)
{
	int fd = new_memfd(page_size());

	map_shared(NULL, page_size(), PROT_READ | PROT_WRITE, fd);
	ck_assert_int_eq(memfd_seal(fd), -EBUSY);
	ck_assert_int_ne(memfd_check(fd, page_size()), 0);
}
END_TEST

START_TEST(a_refused_seal_leaves_the_file_writable)
{
	int fd = new_memfd(page_size());

	map_shared(NULL, page_size(), PROT_READ | PROT_WRITE, fd);
	ck_assert_int_eq(memfd_seal(fd), -EBUSY);
	ck_assert_int_eq(pwrite(fd, "x", 1, 0), 1);
}
END_TEST

START_TEST(mprotect_for_reading_does_not_help_the_seal)
{
	int fd = new_memfd(page_size());
	char *at = map_shared(NULL, page_size(), PROT_READ | PROT_WRITE, fd);

	ck_assert_int_eq(mprotect(at, page_size(), PROT_READ), 0);
	ck_assert_int_eq(memfd_seal(fd), -EBUSY);
}
END_TEST

START_TEST(mapping_the_writing_descriptor_for_reading_does_not_help_the_seal)
{
	int fd = new_memfd(page_size());
	char *at = map_shared(NULL, page_size(), PROT_READ | PROT_WRITE, fd);

	map_shared(at, page_size(), PROT_READ, fd);
	ck_assert_int_eq(memfd_seal(fd), -EBUSY);
}
END_TEST

START_TEST(a_mapping_of_a_reopened_descriptor_lets_the_seal_through)
{
	int fd = new_memfd(page_size()), reader = memfd_reopen_readonly(fd);
	char *at = map_shared(NULL, page_size(), PROT_READ | PROT_WRITE, fd);

	fill(at, page_size());
	ck_assert_ptr_eq(map_shared(at, page_size(), PROT_READ, reader), at);
	ck_assert_int_eq(memfd_seal(fd), 0);
	assert_filled(at, page_size());
}
END_TEST

START_TEST(the_seal_is_given_once_the_writable_mapping_is_gone)
{
	int fd = new_memfd(page_size());
	char *at = map_shared(NULL, page_size(), PROT_READ | PROT_WRITE, fd);

	ck_assert_int_eq(memfd_seal(fd), -EBUSY);
	ck_assert_int_eq(munmap(at, page_size()), 0);
	ck_assert_int_eq(memfd_seal(fd), 0);
}
END_TEST

/* A page on its way through a pipe belongs to the pipe as well. */
static void splice_to(int pipe[2], int fd)
{
	loff_t at = 0;

	ck_assert_int_eq(pipe2(pipe, O_CLOEXEC), 0);
	ck_assert_int_eq(splice(fd, &at, pipe[1], NULL, page_size(), 0), (int)page_size());
}

START_TEST(the_seal_is_busy_while_a_page_is_in_a_pipe)
{
	int fd = new_memfd(page_size()), pipe[2];

	ck_assert_int_eq(pwrite(fd, "x", 1, 0), 1);
	splice_to(pipe, fd);
	ck_assert_int_eq(memfd_seal(fd), -EBUSY);
}
END_TEST

START_TEST(the_seal_is_given_once_the_page_has_left_the_pipe)
{
	int fd = new_memfd(page_size()), pipe[2];

	ck_assert_int_eq(pwrite(fd, "x", 1, 0), 1);
	splice_to(pipe, fd);
	ck_assert_int_eq(memfd_seal(fd), -EBUSY);
	close(pipe[0]);
	close(pipe[1]);
	ck_assert_int_eq(memfd_seal(fd), 0);
}
END_TEST

START_TEST(the_check_requires_every_seal)
{
	static const int seals[] = { F_SEAL_WRITE, F_SEAL_GROW, F_SEAL_SHRINK, F_SEAL_SEAL };

	for (size_t i = 0; i < sizeof(seals) / sizeof(*seals); i++) {
		CLEANUP(close_fd_at) int fd = new_memfd(page_size());

		ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, ALL_SEALS & ~seals[i]), 0);
		ck_assert_int_eq(memfd_check(fd, page_size()), -EOPNOTSUPP);
	}
}
END_TEST

START_TEST(the_check_refuses_another_size)
{
	int fd = new_memfd(page_size());

	ck_assert_int_eq(memfd_seal(fd), 0);
	ck_assert_int_eq(memfd_check(fd, page_size() - 1), -EBUSY);
	ck_assert_int_eq(memfd_check(fd, page_size() + 1), -EBUSY);
	ck_assert_int_eq(memfd_check(fd, page_size()), 0);
}
END_TEST

START_TEST(the_check_accepts_further_seals)
{
	int fd = new_memfd(page_size());

	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | ALL_SEALS), 0);
	ck_assert_int_ne(fcntl(fd, F_GET_SEALS), ALL_SEALS);
	ck_assert_int_eq(memfd_check(fd, page_size()), 0);
}
END_TEST

START_TEST(the_check_refuses_a_seal_against_future_writes_only)
{
	int fd = new_memfd(page_size());

	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS,
			       F_SEAL_FUTURE_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL),
			 0);
	ck_assert_int_eq(memfd_check(fd, page_size()), -EOPNOTSUPP);
}
END_TEST

static int new_executable(void)
{
	int fd = memfd_new_executable("program", page_size());

	if (fd == -EOPNOTSUPP)
		skip_test("executable memfds are forbidden here");
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)page_size()), 0);
	return fd;
}

START_TEST(an_executable_memfd_gets_every_seal)
{
	int fd = new_executable();

	ck_assert_int_eq(memfd_seal_executable(fd), 0);
	ck_assert_int_eq(memfd_check(fd, page_size()), 0);
	ck_assert_int_lt((int)pwrite(fd, "y", 1, 0), 0);
}
END_TEST

/* A mapping that can write stays where the kernel does not look for it. */
START_TEST(a_seal_against_execution_that_somebody_added_before_is_reported)
{
	int fd = new_executable();
	char *writer = map_shared(NULL, page_size(), PROT_READ | PROT_WRITE, fd);
	int answer = fcntl(fd, F_ADD_SEALS, F_SEAL_EXEC);

	if (answer < 0 && errno == EINVAL)
		skip_test("this kernel has no F_SEAL_EXEC");
	if (answer < 0) {
		ck_assert_int_eq(memfd_seal_executable(fd), -EBUSY);
		ck_assert_int_eq(munmap(writer, page_size()), 0);
		ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_EXEC), 0);
	}
	ck_assert_int_eq(memfd_seal_executable(fd), -EBUSY);
	ck_assert_int_eq(fcntl(fd, F_GET_SEALS) & F_SEAL_SEAL, 0);
}
END_TEST

START_TEST(a_seal_against_future_writes_lets_an_earlier_mapping_write)
{
	int fd = new_memfd(page_size());
	char *at = map_shared(NULL, page_size(), PROT_READ | PROT_WRITE, fd), seen = 0;

	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), 0);
	ck_assert_int_lt((int)pwrite(fd, "y", 1, 0), 0);
	*at = 'x';
	ck_assert_int_eq(pread(fd, &seen, 1, 0), 1);
	ck_assert_int_eq(seen, 'x');
}
END_TEST

START_TEST(the_check_refuses_a_memfd_that_cannot_be_sealed)
{
	int fd = memfd_create("unsealable", MFD_CLOEXEC);

	ck_assert_int_ne(fcntl(fd, F_GET_SEALS), 0);
	ck_assert_int_eq(memfd_check(fd, page_size()), -EOPNOTSUPP);
}
END_TEST

static int open_in_tmpfs(void)
{
	static const char *const places[] = { "/dev/shm", "/tmp" };
	struct statfs status;

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		if (statfs(places[i], &status) < 0 || status.f_type != TMPFS_MAGIC)
			continue;
		return open(places[i], O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	}
	return -1;
}

START_TEST(the_check_refuses_a_plain_file_of_tmpfs)
{
	int fd = open_in_tmpfs();

	if (fd < 0)
		skip_test("no tmpfs to make a file in");
	ck_assert_int_ne(fcntl(fd, F_GET_SEALS), 0);
	ck_assert_int_eq(memfd_check(fd, page_size()), -EOPNOTSUPP);
}
END_TEST

START_TEST(the_check_refuses_a_descriptor_that_is_no_file)
{
	int pipe[2];

	ck_assert_int_eq(pipe2(pipe, O_CLOEXEC), 0);
	ck_assert_int_lt(memfd_check(pipe[0], page_size()), 0);
	ck_assert_int_eq(memfd_check(-1, page_size()), -EBADF);
}
END_TEST

START_TEST(a_memfd_that_cannot_be_sealed_is_reported)
{
	int fd = memfd_create("unsealable", MFD_CLOEXEC);

	ck_assert_int_eq(memfd_seal(fd), -EOPNOTSUPP);
}
END_TEST

START_TEST(the_size_of_a_sealed_memfd_is_final)
{
	int fd = new_memfd(page_size());

	ck_assert_int_eq(memfd_seal(fd), 0);
	ck_assert_int_eq(ftruncate(fd, 0), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(ftruncate(fd, (off_t)(2 * page_size())), -1);
	ck_assert_int_eq(errno, EPERM);
}
END_TEST

START_TEST(a_sealed_memfd_takes_no_further_seals)
{
	int fd = new_memfd(page_size());

	ck_assert_int_eq(memfd_seal(fd), 0);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), -1);
	ck_assert_int_eq(errno, EPERM);
}
END_TEST

START_TEST(a_memfd_is_closed_on_exec)
{
	int fd = new_memfd(page_size());

	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(memfd_reopen_readonly(fd), F_GETFD), FD_CLOEXEC);
}
END_TEST

START_TEST(a_memfd_cannot_be_executed_where_the_kernel_knows_the_flag)
{
	int fd = memfd_create("flag", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
	struct stat status;

	if (fd < 0)
		skip_test("this kernel has no MFD_NOEXEC_SEAL");
	ck_assert_int_eq(fstat(new_memfd(page_size()), &status), 0);
	ck_assert_uint_eq(status.st_mode & 0111, 0);
}
END_TEST

START_TEST(a_reopened_descriptor_cannot_write)
{
	int fd = new_memfd(page_size()), reader = memfd_reopen_readonly(fd);

	ck_assert_int_eq(fcntl(reader, F_GETFL) & O_ACCMODE, O_RDONLY);
	ck_assert_int_eq((int)pwrite(fd, "x", 1, 0), 1);
	ck_assert_int_eq((int)pwrite(reader, "x", 1, 0), -1);
	ck_assert_int_eq(errno, EBADF);
}
END_TEST

START_TEST(a_reopened_descriptor_is_of_the_same_file)
{
	int fd = new_memfd(page_size()), reader = memfd_reopen_readonly(fd);
	char seen = 0;

	ck_assert_int_eq((int)pwrite(fd, "x", 1, 0), 1);
	ck_assert_int_eq((int)pread(reader, &seen, 1, 0), 1);
	ck_assert_int_eq(seen, 'x');
}
END_TEST

/* Another process of this user can open the file of a region in /proc/PID/fd. */
START_TEST(a_descriptor_of_a_file_with_a_write_lease_is_busy_at_once)
{
	SCOPED_REGION *region = NULL;
	int fd;

	require_mapped_writer();
	region = region_from("x", 1, SEALMEM_CONTENT);
	fd = with_lease(open_file_of("bytes", O_RDONLY));
	ck_assert_int_eq(sealmem_region_fd(region), -EBUSY);
	ck_assert_int_eq(fcntl(fd, F_SETLEASE, F_UNLCK), 0);
	ck_assert_int_ge(sealmem_region_fd(region), 0);
	ck_assert_int_eq(*(char *)sealmem_region_data(region), 'x');
}
END_TEST

/* Before Linux 6.3 the newer flag is EINVAL. */
static void be_an_older_kernel(void)
{
	forbid_where(SYS_memfd_create, EINVAL,
		     &(struct condition){ 1, MFD_NOEXEC_SEAL, MFD_NOEXEC_SEAL }, 1);
	ck_assert_int_eq(memfd_create("flag", MFD_NOEXEC_SEAL), -1);
}

START_TEST(a_kernel_without_the_newer_flag_gives_a_memfd_that_can_be_sealed)
{
	be_an_older_kernel();
	ck_assert_int_eq(memfd_seal(new_memfd(page_size())), 0);
}
END_TEST

START_TEST(a_kernel_without_the_newer_flag_seals_regions)
{
	SCOPED_REGION *region = NULL;

	be_an_older_kernel();
	region = sealed_region("older", page_size(), SEALMEM_CONTENT);
	assert_sealed(sealmem_region_data(region), page_size());
}
END_TEST

/* As process 1 of a namespace of its own. */
static int seal_with_setting(void *argument)
{
	const char *setting = argument;
	int fd = open("/proc/sys/vm/memfd_noexec", O_WRONLY | O_CLOEXEC);
	char bytes[8];
	struct sealmem_region *region = NULL, *other = NULL;

	if (write(fd, setting, 1) != 1)
		return 2;
	fill(bytes, sizeof(bytes));
	if (sealmem_region_new(&region, "setting", 8, SEALMEM_CONTENT) != 0 ||
	    sealmem_region_seal(region) != 0)
		return 3;
	if (sealmem_region_new_from(&other, "setting", bytes, 8, SEALMEM_CONTENT) != 0)
		return 4;
	return sealmem_region_free(region) != NULL || sealmem_region_free(other) != NULL;
}

static int read_setting(void)
{
	CLEANUP(close_fd_at) int fd = open("/proc/sys/vm/memfd_noexec", O_RDONLY | O_CLOEXEC);
	char digit = 0;

	ck_assert_int_eq(read(fd, &digit, 1), 1);
	return digit - '0';
}

static void assert_seals_with_setting(char *setting)
{
	int before;

	own_memfd_noexec();
	before = read_setting();
	assert_child_succeeds(seal_with_setting, setting);
	ck_assert_int_eq(read_setting(), before);
}

START_TEST(regions_are_sealed_where_memfds_are_not_executable_by_default)
{
	char setting[] = "1";

	assert_seals_with_setting(setting);
}
END_TEST

START_TEST(regions_are_sealed_where_executable_memfds_are_forbidden)
{
	char setting[] = "2";

	assert_seals_with_setting(setting);
}
END_TEST

static int make_executable_with_setting(void *argument)
{
	int fd = open("/proc/sys/vm/memfd_noexec", O_WRONLY | O_CLOEXEC);

	(void)argument;
	if (write(fd, "2", 1) != 1)
		return 2;
	return memfd_create("executable", 0x10 /* MFD_EXEC */) >= 0;
}

START_TEST(the_setting_that_forbids_executable_memfds_is_in_force_in_a_namespace)
{
	own_memfd_noexec();
	ck_assert_int_ge(memfd_create("executable", 0x10), 0);
	assert_child_succeeds(make_executable_with_setting, NULL);
}
END_TEST

START_TEST(fill_writes_every_byte)
{
	size_t size = 3 * page_size() + 1;
	int fd = new_memfd(size);
	char *bytes = map_private(size), *seen = map_private(size);

	fill(bytes, size);
	ck_assert_int_eq(memfd_write(fd, bytes, size, 0), 0);
	ck_assert_int_eq((int)pread(fd, seen, size, 0), (int)size);
	assert_filled(seen, size);
}
END_TEST

START_TEST(fill_reports_bytes_that_cannot_be_read)
{
	char *bytes = map_private(2 * page_size());

	require_no_valgrind("valgrind complains of what this test does on purpose");
	ck_assert_int_eq(munmap(bytes + page_size(), page_size()), 0);
	ck_assert_int_eq(memfd_write(new_memfd(page_size()), bytes, 2 * page_size(), 0), -EFAULT);
}
END_TEST

static size_t memory_of(int fd)
{
	struct stat status;

	ck_assert_int_eq(fstat(fd, &status), 0);
	return (size_t)status.st_blocks * 512;
}

START_TEST(reserve_sets_memory_aside)
{
	int fd = new_memfd(8 * page_size());

	ck_assert_uint_eq(memory_of(fd), 0);
	ck_assert_int_eq(memfd_reserve(fd, 0, 3 * page_size()), 0);
	ck_assert_uint_eq(memory_of(fd), 3 * page_size());
}
END_TEST

START_TEST(reserve_says_enomem_when_there_is_no_room)
{
	int fd = new_memfd(page_size());

	forbid(SYS_pwritev, ENOSPC);
	ck_assert_int_eq(memfd_reserve(fd, 0, page_size()), -ENOMEM);
}
END_TEST

START_TEST(reserve_keeps_the_bytes_of_the_file)
{
	size_t size = 200 * page_size();
	int fd = new_memfd(size);
	char byte = 0;

	ck_assert_int_eq((int)pwrite(fd, "x", 1, (off_t)(150 * page_size())), 1);
	ck_assert_int_eq(memfd_reserve(fd, 0, size), 0);
	ck_assert_uint_eq(memory_of(fd), size);
	ck_assert_int_eq((int)pread(fd, &byte, 1, (off_t)(150 * page_size())), 1);
	ck_assert_int_eq(byte, 'x');
}
END_TEST

/* A write past the limit raises SIGXFSZ, and would be the framework's own too: no assertion while it is in force. */
static int reserve_with_file_limit(int fd, size_t limit, size_t size)
{
	SCOPED_LIMIT lowered = set_limit(RLIMIT_FSIZE, limit);

	(void)lowered;
	return memfd_reserve(fd, 0, size);
}

START_TEST(reserve_honours_a_limit_that_was_lowered_since)
{
	int fd = new_memfd(8 * page_size());

	ck_assert_int_eq(reserve_with_file_limit(fd, page_size(), 8 * page_size()), 0);
	ck_assert_uint_eq(memory_of(fd), 8 * page_size());
}
END_TEST

/* More than one call of the kernel takes, and one that is empty. */
START_TEST(pieces_are_written_one_after_the_other)
{
	enum { PIECES = IOV_MAX + 10 };
	static struct iovec pieces[PIECES];
	static char bytes[2 * PIECES], ab[] = "ab";
	int fd = new_memfd(0);

	for (size_t i = 0; i < PIECES; i++)
		pieces[i] = (struct iovec){ ab, i == 3 ? 0 : 2 };
	ck_assert_int_eq(memfd_write_pieces(fd, pieces, PIECES), 0);
	ck_assert_int_eq((int)pread(fd, bytes, sizeof(bytes), 0), (int)sizeof(bytes) - 2);
	for (size_t i = 0; i < sizeof(bytes) - 2; i++)
		ck_assert_int_eq(bytes[i], i % 2 == 0 ? 'a' : 'b');
}
END_TEST

START_TEST(a_piece_that_cannot_be_read_is_efault)
{
	char bytes[] = "ab";
	struct iovec pieces[] = { { bytes, 2 }, { NULL, 1 } };
	int fd = new_memfd(0);

	ck_assert_int_eq(memfd_write_pieces(fd, pieces, 2), -EFAULT);
}
END_TEST

START_TEST(a_sealed_file_is_mapped_for_good)
{
	CLEANUP(unmap_scoped) struct scoped_mapping mapping = { 0 };
	int fd = new_memfd(page_size());

	ck_assert_int_eq(memfd_seal(fd), 0);
	ck_assert_int_eq(memfd_map_sealed(&fd, page_size(), &mapping), 0);
	ck_assert_int_eq(mprotect(mapping.addr, mapping.size, PROT_READ | PROT_WRITE), -1);
	ck_assert_int_eq(*(const char *)mapping.addr, 0);
}
END_TEST

/* As some builds of Linux do. */
START_TEST(a_file_that_cannot_be_mapped_from_its_writer_is_opened_again)
{
	CLEANUP(unmap_scoped) struct scoped_mapping mapping = { 0 };
	int fd = new_memfd(page_size()), writer = fd;

	require_no_valgrind("valgrind has no seccomp(2)");
	ck_assert_int_eq(memfd_seal(fd), 0);
	forbid_where(SYS_OWN_MMAP, EPERM,
		     (const struct condition[]){ { 4, UINT32_MAX, (unsigned)fd } }, 1);
	ck_assert_int_eq(memfd_map_sealed(&fd, page_size(), &mapping), 0);
	ck_assert_int_ne(fd, writer);
	ck_assert_int_eq(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	ck_assert_int_eq(*(const char *)mapping.addr, 0);
}
END_TEST

START_TEST(a_file_without_seals_is_not_mapped)
{
	struct scoped_mapping mapping = { 0 };
	int fd = new_memfd(page_size());

	ck_assert_int_eq(memfd_map_sealed(&fd, page_size(), &mapping), -EOPNOTSUPP);
	ck_assert_uint_eq(mapping.size, 0);
}
END_TEST

START_TEST(a_cleared_file_has_its_length_and_memory_for_it)
{
	int fd = memfd_new("test", 100);
	struct stat status;
	char bytes[100];

	ck_assert_int_eq(memfd_clear(fd, 100), 0);
	ck_assert_int_eq(fstat(fd, &status), 0);
	ck_assert_int_eq((int)status.st_size, 100);
	ck_assert_uint_eq(memory_of(fd), page_size());
	ck_assert_int_eq((int)pread(fd, bytes, sizeof(bytes), 0), 100);
	for (size_t i = 0; i < sizeof(bytes); i++)
		ck_assert_int_eq(bytes[i], 0);
}
END_TEST

START_TEST(a_copy_has_the_same_bytes)
{
	size_t size = 3 * page_size() + 5;
	int from = new_memfd(size), to = new_memfd(size);

	fill(map_shared(NULL, size, PROT_READ | PROT_WRITE, from), size);
	ck_assert_int_eq(memfd_copy(to, from, map_shared(NULL, size, PROT_READ, from), size), 0);
	assert_filled(map_shared(NULL, size, PROT_READ, to), size);
}
END_TEST

/* A file that somebody has made longer than what is mapped. */
START_TEST(a_copy_ends_with_its_size)
{
	size_t size = 2 * page_size();
	int from = new_memfd(size), to = new_memfd(size);
	const char *bytes = map_shared(NULL, size, PROT_READ, from);
	struct stat status;

	fill(map_shared(NULL, size, PROT_READ | PROT_WRITE, from), size);
	ck_assert_int_eq((int)pwrite(from, "xx", 2, (off_t)size - 1), 2);
	ck_assert_int_eq(memfd_copy(to, from, bytes, size), 0);
	ck_assert_int_eq(fstat(to, &status), 0);
	ck_assert_int_eq(status.st_size, (off_t)size);
	assert_filled(map_shared(NULL, size, PROT_READ, to), size - 1);
}
END_TEST

START_TEST(a_copy_keeps_holes)
{
	size_t size = 1024 * page_size();
	int from = new_memfd(size), to = new_memfd(size);

	ck_assert_int_eq((int)pwrite(from, "x", 1, (off_t)(size / 2)), 1);
	ck_assert_int_eq(memfd_copy(to, from, map_shared(NULL, size, PROT_READ, from), size), 0);
	ck_assert_uint_le(memory_of(to), memory_of(from));
	ck_assert_uint_lt(memory_of(to), size);
}
END_TEST

START_TEST(the_parts_that_have_memory_come_in_order)
{
	size_t page = page_size(), start = 0, end = 0;
	int fd = new_memfd(1024 * page);

	ck_assert_int_eq((int)pwrite(fd, "x", 1, (off_t)(100 * page)), 1);
	ck_assert_int_eq((int)pwrite(fd, "x", 1, (off_t)(900 * page)), 1);
	ck_assert_int_eq(memfd_next_part(fd, &start, &end), 1);
	ck_assert_uint_le(start, 100 * page);
	ck_assert_uint_gt(end, 100 * page);
	ck_assert_uint_lt(end, 900 * page);
	ck_assert_int_eq(memfd_next_part(fd, &start, &end), 1);
	ck_assert_uint_le(start, 900 * page);
	ck_assert_uint_gt(end, 900 * page);
	ck_assert_int_eq(memfd_next_part(fd, &start, &end), 0);
}
END_TEST

START_TEST(emptying_a_part_leaves_the_bytes_around_it_and_the_size)
{
	size_t page = page_size(), size = 64 * page, before;
	int fd = new_memfd(size);
	char *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	struct stat st;

	ck_assert_ptr_ne(data, MAP_FAILED);
	memset(data, 'x', size);
	before = memory_of(fd);
	ck_assert_int_eq(memfd_empty(fd, page + 100, 62 * page), 0);
	/* A load gives them memory again. */
	ck_assert_uint_lt(memory_of(fd), before);
	ck_assert_int_eq(data[page + 99], 'x');
	for (size_t at = page + 100; at < 63 * page + 100; at++)
		ck_assert_int_eq(data[at], 0);
	ck_assert_int_eq(data[63 * page + 100], 'x');
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_uint_eq((size_t)st.st_size, size);
	ck_assert_int_eq(munmap(data, size), 0);
	close_fd(fd);
}
END_TEST

START_TEST(sealing_the_bytes_leaves_the_size)
{
	int fd = new_memfd(page_size());

	ck_assert_int_eq(memfd_seal_bytes(fd), 0);
	ck_assert_int_eq((int)pwrite(fd, "x", 1, 0), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(memfd_check(fd, page_size()), -EOPNOTSUPP);
	ck_assert_int_eq(ftruncate(fd, 1), 0);
	ck_assert_int_eq(memfd_seal(fd), 0);
	ck_assert_int_eq(memfd_check(fd, 1), 0);
}
END_TEST

START_TEST(a_name_may_have_the_documented_length)
{
	char name[SEALMEM_NAME_MAX + 1] = { 0 };

	memset(name, 'n', SEALMEM_NAME_MAX);
	ck_assert_int_eq(memfd_check_name(name), 0);
	ck_assert_int_ge(memfd_new(name, 1), 0);
}
END_TEST

START_TEST(a_longer_name_is_refused)
{
	char name[SEALMEM_NAME_MAX + 2] = { 0 };

	memset(name, 'n', SEALMEM_NAME_MAX + 1);
	ck_assert_int_eq(memfd_check_name(name), -ENAMETOOLONG);
}
END_TEST

START_TEST(a_name_with_a_control_character_is_refused)
{
	ck_assert_int_eq(memfd_check_name("two\nlines"), -EINVAL);
	ck_assert_int_eq(memfd_check_name("\x1b[31mred"), -EINVAL);
	ck_assert_int_eq(memfd_check_name("\x7f"), -EINVAL);
}
END_TEST

START_TEST(a_name_may_be_empty_or_of_any_other_bytes)
{
	ck_assert_int_eq(memfd_check_name(""), 0);
	ck_assert_int_eq(memfd_check_name("a b/c \"d\" \xc3\xa9 \xff"), 0);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		emptying_a_part_leaves_the_bytes_around_it_and_the_size,
		the_seal_is_given_without_a_writable_mapping,
		the_seal_is_busy_while_a_writable_mapping_is_there,
		a_refused_seal_leaves_the_file_writable,
		mprotect_for_reading_does_not_help_the_seal,
		mapping_the_writing_descriptor_for_reading_does_not_help_the_seal,
		a_mapping_of_a_reopened_descriptor_lets_the_seal_through,
		the_seal_is_given_once_the_writable_mapping_is_gone,
		the_seal_is_busy_while_a_page_is_in_a_pipe,
		the_seal_is_given_once_the_page_has_left_the_pipe,
		the_check_requires_every_seal,
		the_check_refuses_another_size,
		the_check_accepts_further_seals,
		the_check_refuses_a_seal_against_future_writes_only,
		an_executable_memfd_gets_every_seal,
		a_seal_against_execution_that_somebody_added_before_is_reported,
		a_seal_against_future_writes_lets_an_earlier_mapping_write,
		the_check_refuses_a_memfd_that_cannot_be_sealed,
		the_check_refuses_a_plain_file_of_tmpfs,
		the_check_refuses_a_descriptor_that_is_no_file,
		a_memfd_that_cannot_be_sealed_is_reported,
		the_size_of_a_sealed_memfd_is_final,
		a_sealed_memfd_takes_no_further_seals,
		a_memfd_is_closed_on_exec,
		a_memfd_cannot_be_executed_where_the_kernel_knows_the_flag,
		a_reopened_descriptor_cannot_write,
		a_reopened_descriptor_is_of_the_same_file,
		a_descriptor_of_a_file_with_a_write_lease_is_busy_at_once,
		a_kernel_without_the_newer_flag_gives_a_memfd_that_can_be_sealed,
		a_kernel_without_the_newer_flag_seals_regions,
		regions_are_sealed_where_memfds_are_not_executable_by_default,
		regions_are_sealed_where_executable_memfds_are_forbidden,
		the_setting_that_forbids_executable_memfds_is_in_force_in_a_namespace,
		fill_writes_every_byte,
		fill_reports_bytes_that_cannot_be_read,
		reserve_sets_memory_aside,
		reserve_says_enomem_when_there_is_no_room,
		reserve_keeps_the_bytes_of_the_file,
		reserve_honours_a_limit_that_was_lowered_since,
		pieces_are_written_one_after_the_other,
		a_piece_that_cannot_be_read_is_efault,
		a_sealed_file_is_mapped_for_good,
		a_file_that_cannot_be_mapped_from_its_writer_is_opened_again,
		a_file_without_seals_is_not_mapped,
		a_cleared_file_has_its_length_and_memory_for_it,
		a_copy_has_the_same_bytes,
		a_copy_ends_with_its_size,
		a_copy_keeps_holes,
		the_parts_that_have_memory_come_in_order,
		sealing_the_bytes_leaves_the_size,
		a_name_may_have_the_documented_length,
		a_longer_name_is_refused,
		a_name_with_a_control_character_is_refused,
		a_name_may_be_empty_or_of_any_other_bytes,
	};

	return RUN_TESTS("memfd", tests);
}
