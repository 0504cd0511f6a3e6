/* SPDX-License-Identifier: MIT */

/*
 * Memory that only this process reads. Each way to read it from outside is tried on ordinary memory
 * first, where it has to work.
 */

#include "tests/support/sandbox.h"
#include "tests/support/support.h"

#include "lib/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>

#define SEALED_SECRET (SEALMEM_SECRECY | SEALMEM_CONTENT | SEALMEM_ADDRESS)

static void require_secrets(void)
{
	int fd = secret_new(page_size());

	if (fd < 0)
		skip_test("this kernel gives no memfd_secret(2)");
	close(fd);
}

static struct sealmem_region *sealed_secret(unsigned guarantees)
{
	require_secrets();
	if (guarantees & SEALMEM_ADDRESS)
		require_mseal();
	return sealed_region("secret", 2 * page_size(), guarantees);
}

/* How a stranger would read: each answers how many of the 8 bytes it got. */
static long read_by_mem(char *at, char *bytes)
{
	int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	long got = pread(fd, bytes, 8, (off_t)(uintptr_t)at);

	close(fd);
	return got;
}

static long read_by_process_vm(char *at, char *bytes)
{
	struct iovec to = { bytes, 8 }, from = { at, 8 };

	return process_vm_readv(getpid(), &to, 1, &from, 1, 0);
}

/* A child that traces this process: only that one has the memory. */
static void peek_at_parent(char *at, int result)
{
	pid_t parent = getppid();
	char bytes[8];
	long word;

	if (ptrace(PTRACE_ATTACH, parent, NULL, NULL) == 0 &&
	    waitpid(parent, NULL, __WALL) == parent) {
		errno = 0;
		for (size_t i = 0; i < sizeof(bytes); i += sizeof(word)) {
			word = ptrace(PTRACE_PEEKDATA, parent, at + i, NULL);
			memcpy(bytes + i, &word, sizeof(word));
		}
		if (errno == 0)
			(void)!write(result, bytes, sizeof(bytes));
		ptrace(PTRACE_DETACH, parent, NULL, NULL);
	}
	_exit(0);
}

static long read_by_ptrace(char *at, char *bytes)
{
	int result[2];
	pid_t child;
	long got;

	ck_assert_int_eq(pipe(result), 0);
	child = fork();
	if (child == 0)
		peek_at_parent(at, result[1]);
	close(result[1]);
	got = read(result[0], bytes, 8);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	close(result[0]);
	return got == 0 ? -1 : got;
}

static long (*const ways[])(char *at, char *bytes) = { read_by_mem, read_by_process_vm,
						       read_by_ptrace };

static void assert_unreadable(long (*way)(char *at, char *bytes))
{
	char *ordinary = map_private(page_size()), bytes[8] = { 0 };
	SCOPED_REGION *region = sealed_secret(SEALED_SECRET);

	fill(ordinary, page_size());
	ck_assert_int_eq(way(ordinary, bytes), 8);
	ck_assert_mem_eq(bytes, ordinary, 8);
	memset(bytes, 0, 8);
	ck_assert_int_eq(way(sealmem_region_data(region), bytes), -1);
	ck_assert_mem_ne(bytes, sealmem_region_data(region), 8);
	assert_sealed(sealmem_region_data(region), sealmem_region_size(region));
}

START_TEST(proc_mem_does_not_read_a_secret)
{
	assert_unreadable(ways[0]);
}
END_TEST

START_TEST(process_vm_readv_does_not_read_a_secret)
{
	assert_unreadable(ways[1]);
}
END_TEST

START_TEST(ptrace_does_not_read_a_secret)
{
	assert_unreadable(ways[2]);
}
END_TEST

static int read_memory(void *at)
{
	return *(volatile char *)at;
}

START_TEST(a_child_does_not_inherit_a_secret)
{
	SCOPED_REGION *region = sealed_secret(SEALMEM_SECRECY);
	char *ordinary = map_private(page_size());

	ck_assert(WIFEXITED(run_child(read_memory, ordinary)));
	assert_child_dies(SIGSEGV, read_memory, sealmem_region_data(region));
}
END_TEST

START_TEST(a_sealed_secret_keeps_its_bytes_and_its_address)
{
	SCOPED_REGION *region = sealed_secret(SEALED_SECRET);
	char *data = sealmem_region_data(region);

	assert_sealed(data, 2 * page_size());
	ck_assert_int_eq(mprotect(data, page_size(), PROT_READ | PROT_WRITE), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(munmap(data, page_size()), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_ptr_eq(mmap(data, page_size(), PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
			 MAP_FAILED);
	ck_assert_int_eq(errno, EPERM);
	assert_filled(data, 2 * page_size());
}
END_TEST

START_TEST(the_guard_pages_of_a_secret_are_sealed_too)
{
	SCOPED_REGION *region = sealed_secret(SEALED_SECRET | SEALMEM_GUARDS);
	char *data = sealmem_region_data(region);

	ck_assert_int_eq(munmap(data - page_size(), page_size()), -1);
	ck_assert_int_eq(munmap(data + 2 * page_size(), page_size()), -1);
	ck_assert_int_eq(sealmem_try_write(data - 1, "x", 1), -EFAULT);
	ck_assert_int_eq(sealmem_try_write(data + 2 * page_size(), "x", 1), -EFAULT);
}
END_TEST

START_TEST(the_kernel_calls_it_secretmem)
{
	SCOPED_REGION *region = sealed_secret(SEALMEM_SECRECY);
	struct maps_entry entry;

	ck_assert(find_mapping(sealmem_region_data(region), &entry));
	ck_assert_msg(strncmp(entry.name, "/secretmem", strlen("/secretmem")) == 0, "%s",
		      entry.name);
	ck_assert_str_eq(sealmem_region_name(region), "secret");
}
END_TEST

START_TEST(a_secret_has_no_descriptor_left)
{
	struct census before;
	struct sealmem_region *region;

	require_secrets();
	before = take_census();
	ck_assert_int_eq(sealmem_region_new(&region, "secret", 1, SEALMEM_SECRECY), 0);
	ck_assert_int_eq(take_census().descriptors, before.descriptors);
	ck_assert_int_eq(sealmem_region_seal(region), 0);
	ck_assert_int_eq(sealmem_region_fd(region), -EOPNOTSUPP);
	sealmem_region_free(region);
	assert_same_census(before);
}
END_TEST

START_TEST(a_secret_says_all_that_it_brings)
{
	const unsigned brought = SEALMEM_SECRECY | SEALMEM_NOSWAP | SEALMEM_NODUMP | SEALMEM_NOFORK;
	SCOPED_REGION *region = sealed_secret(SEALMEM_SECRECY);

	ck_assert_uint_eq(sealmem_region_guarantees(region), brought);
	ck_assert(has_flag(sealmem_region_data(region), "dd"));
	ck_assert(has_flag(sealmem_region_data(region), "dc"));
}
END_TEST

START_TEST(the_content_of_a_secret_brings_its_address)
{
	const unsigned both = SEALMEM_CONTENT | SEALMEM_SECRECY;
	SCOPED_REGION *region = NULL, *from = NULL;

	require_mseal();
	region = sealed_secret(both);
	ck_assert_uint_eq(sealmem_region_guarantees(region) & SEALED_SECRET, SEALED_SECRET);
	ck_assert_int_eq(munmap(sealmem_region_data(region), page_size()), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(sealmem_region_new_from(&from, "secret", "bytes", 5, both), 0);
	ck_assert_uint_eq(sealmem_region_guarantees(from) & SEALED_SECRET, SEALED_SECRET);
	ck_assert_int_eq(munmap(sealmem_region_data(from), page_size()), -1);
}
END_TEST

START_TEST(the_content_of_a_secret_is_refused_where_no_address_is_sealed)
{
	struct sealmem_region *region = NULL;

	require_secrets();
	forbid(__NR_mseal, EPERM);
	ck_assert_int_eq(
		sealmem_region_new(&region, "secret", 1, SEALMEM_CONTENT | SEALMEM_SECRECY),
		-EOPNOTSUPP);
	ck_assert_ptr_null(region);
}
END_TEST

START_TEST(a_secret_without_content_stays_writable)
{
	SCOPED_REGION *region = sealed_secret(SEALMEM_SECRECY);
	char *data = sealmem_region_data(region);

	ck_assert_uint_eq(sealmem_region_guarantees(region) & SEALMEM_CONTENT, 0);
	ck_assert_ptr_null(sealmem_region_alloc(region, 1, 0));
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(sealmem_try_write(data, "written", 8), 0);
	ck_assert_str_eq(data, "written");
}
END_TEST

START_TEST(a_secret_whose_address_stays_is_wiped_when_freed)
{
	struct sealmem_region *region = sealed_secret(SEALMEM_SECRECY | SEALMEM_ADDRESS);
	char *data = sealmem_region_data(region);

	assert_filled(data, 2 * page_size());
	ck_assert_ptr_null(sealmem_region_free(region));
	assert_zeroed(data, 2 * page_size());
}
END_TEST

static int free_in_child(void *region)
{
	return sealmem_region_free(region) != NULL;
}

static int put_other_memory_there_and_free(void *region)
{
	char *data = sealmem_region_data(region);
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

	if (mmap(data, 2 * page_size(), PROT_READ | PROT_WRITE, flags, -1, 0) != data)
		return 2;
	fill(data, 2 * page_size());
	(void)sealmem_region_free(region);
	return !is_mapped(data) || !is_filled(data, 2 * page_size());
}

/* It has none of it, and must not wipe what it has there instead. */
START_TEST(a_child_that_frees_a_secret_leaves_everything_alone)
{
	SCOPED_REGION *open = NULL;
	SCOPED_REGION *sealed = sealed_secret(SEALMEM_SECRECY);

	open = open_region("secret", 2 * page_size(), SEALMEM_SECRECY);
	assert_child_succeeds(free_in_child, open);
	assert_child_succeeds(free_in_child, sealed);
	assert_child_succeeds(put_other_memory_there_and_free, open);
	assert_child_succeeds(put_other_memory_there_and_free, sealed);
	assert_filled(sealmem_region_data(open), 2 * page_size());
	assert_filled(sealmem_region_data(sealed), 2 * page_size());
}
END_TEST

/* A child that got hold of the pages, by MADV_DOFORK, looks at them when it is told to. */
static void assert_wiped_by_free(struct sealmem_region *region)
{
	char *data = sealmem_region_data(region), byte = 0;
	int go[2], status;
	pid_t child;

	assert_filled(data, 2 * page_size());
	ck_assert_int_eq(madvise(data, 2 * page_size(), MADV_DOFORK), 0);
	ck_assert_int_eq(pipe(go), 0);
	child = fork();
	if (child == 0) {
		(void)!read(go[0], &byte, 1);
		for (size_t i = 0; i < 2 * page_size(); i++)
			byte |= data[i];
		_exit(byte == 0 ? 0 : 1);
	}
	ck_assert_ptr_null(sealmem_region_free(region));
	ck_assert_int_eq(write(go[1], &byte, 1), 1);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	close(go[0]);
	close(go[1]);
}

START_TEST(a_secret_is_wiped_when_freed_for_all_who_map_it)
{
	require_secrets();
	assert_wiped_by_free(open_region("secret", 2 * page_size(), SEALMEM_SECRECY));
	assert_wiped_by_free(sealed_secret(SEALMEM_SECRECY));
}
END_TEST

START_TEST(a_secret_from_bytes_is_sealed)
{
	SCOPED_REGION *region = NULL;
	char bytes[100];

	require_secrets();
	require_mseal();
	fill(bytes, sizeof(bytes));
	ck_assert_int_eq(
		sealmem_region_new_from(&region, "secret", bytes, sizeof(bytes), SEALED_SECRET), 0);
	assert_sealed(sealmem_region_data(region), sizeof(bytes));
}
END_TEST

START_TEST(a_secret_from_bytes_that_cannot_be_read_is_efault)
{
	struct census before;
	struct sealmem_region *region = NULL;
	char *bytes = map_private(2 * page_size());

	require_secrets();
	munmap(bytes + page_size(), page_size());
	before = take_census();
	ck_assert_int_eq(
		sealmem_region_new_from(&region, "secret", bytes, page_size() + 1, SEALMEM_SECRECY),
		-EFAULT);
	ck_assert_ptr_null(region);
	assert_same_census(before);
}
END_TEST

/* On some kernels the limit is met when memory is mapped, on others when it is touched. */
START_TEST(a_secret_beyond_the_limit_is_eagain_and_no_signal)
{
	SCOPED_LIMIT lowered = set_limit(RLIMIT_MEMLOCK, 4 * page_size());
	struct sealmem_region *region = NULL;
	struct census before;
	int err;

	(void)lowered;
	require_secrets();
	become_plain_user();
	before = take_census();
	err = sealmem_region_new(&region, "secret", 64 * page_size(), SEALMEM_SECRECY);
	ck_assert_int_eq(err, -EAGAIN);
	ck_assert_ptr_null(region);
	assert_same_census(before);
}
END_TEST

/* The limit would hit the framework's own files too: no assertion while it is in force. */
static int new_with_file_limit(rlim_t limit, size_t size, struct sealmem_region **region)
{
	SCOPED_LIMIT lowered = set_limit(RLIMIT_FSIZE, limit);

	(void)lowered;
	return sealmem_region_new(region, "secret", size, SEALMEM_SECRECY);
}

START_TEST(a_secret_beyond_the_file_limit_is_efbig_and_no_signal)
{
	SCOPED_REGION *within = NULL;
	struct sealmem_region *region = NULL;
	struct census before;

	require_secrets();
	before = take_census();
	ck_assert_int_eq(new_with_file_limit(page_size(), page_size() + 1, &region), -EFBIG);
	ck_assert_int_eq(new_with_file_limit(page_size() - 1, 1, &region), -EFBIG);
	ck_assert_ptr_null(region);
	assert_same_census(before);
	ck_assert_int_eq(new_with_file_limit(page_size(), page_size(), &within), 0);
}
END_TEST

static unsigned supported_with_file_limit(rlim_t limit)
{
	SCOPED_LIMIT lowered = set_limit(RLIMIT_FSIZE, limit);

	(void)lowered;
	return sealmem_supported();
}

START_TEST(no_guarantee_is_supported_where_no_file_may_have_a_byte)
{
	ck_assert_uint_eq(supported_with_file_limit(0), 0);
}
END_TEST

static int seal_with_file_limit(rlim_t limit, struct sealmem_region *region)
{
	SCOPED_LIMIT lowered = set_limit(RLIMIT_FSIZE, limit);

	(void)lowered;
	return sealmem_region_seal(region);
}

START_TEST(a_secret_beyond_a_file_limit_that_was_lowered_stays_open)
{
	SCOPED_REGION *region = NULL;
	char *data;

	require_secrets();
	require_mseal();
	region = open_region("secret", 4 * page_size(), SEALED_SECRET);
	data = sealmem_region_data(region);
	ck_assert_int_eq(seal_with_file_limit(4 * page_size() - 1, region), -EFBIG);
	assert_still_open(region, data, 4 * page_size());
	ck_assert_int_eq(seal_with_file_limit(4 * page_size(), region), 0);
}
END_TEST

START_TEST(a_secret_that_could_not_be_sealed_is_open)
{
	SCOPED_REGION *region = NULL;
	char *data;

	require_secrets();
	require_mseal();
	region = open_region("secret", 4 * page_size(), SEALED_SECRET | SEALMEM_GUARDS);
	data = sealmem_region_data(region);
	forbid_where(__NR_mseal, ENOMEM,
		     (const struct condition[]){ { 1, UINT32_MAX, (uint32_t)(6 * page_size()) } },
		     1);
	ck_assert_int_eq(sealmem_region_seal(region), -ENOMEM);
	assert_still_open(region, data, 4 * page_size());
}
END_TEST

START_TEST(without_memfd_secret_it_is_eopnotsupp)
{
	struct sealmem_region *region = NULL;

	forbid(__NR_memfd_secret, ENOSYS);
	ck_assert_int_eq(sealmem_region_new(&region, "secret", 1, SEALMEM_SECRECY), -EOPNOTSUPP);
	ck_assert_ptr_null(region);
}
END_TEST

#if defined(__loongarch__)
/* The kernel gives the descriptor, and keeps the pages in its own map. */
START_TEST(where_the_kernel_keeps_its_pages_it_is_eopnotsupp)
{
	CLEANUP(close_fd_at) int fd = sys_memfd_secret();
	struct sealmem_region *region = NULL;

	if (fd < 0)
		skip_test("this kernel has no memfd_secret(2)");
	ck_assert_int_eq(sealmem_region_new(&region, "secret", 1, SEALMEM_SECRECY), -EOPNOTSUPP);
	ck_assert_ptr_null(region);
	ck_assert_int_eq(sealmem_secret_restore(&region, fd, "secret", SEALMEM_SECRECY),
			 -EOPNOTSUPP);
	ck_assert_ptr_null(region);
	ck_assert_int_eq(sealmem_supported() & SEALMEM_SECRECY, 0);
}
END_TEST
#endif

int main(void)
{
	const TTest *tests[] = {
		proc_mem_does_not_read_a_secret,
		process_vm_readv_does_not_read_a_secret,
		ptrace_does_not_read_a_secret,
		a_child_does_not_inherit_a_secret,
		a_sealed_secret_keeps_its_bytes_and_its_address,
		the_guard_pages_of_a_secret_are_sealed_too,
		the_kernel_calls_it_secretmem,
		a_secret_has_no_descriptor_left,
		a_secret_says_all_that_it_brings,
		the_content_of_a_secret_brings_its_address,
		the_content_of_a_secret_is_refused_where_no_address_is_sealed,
		a_secret_without_content_stays_writable,
		a_secret_whose_address_stays_is_wiped_when_freed,
		a_secret_is_wiped_when_freed_for_all_who_map_it,
		a_child_that_frees_a_secret_leaves_everything_alone,
		a_secret_from_bytes_is_sealed,
		a_secret_from_bytes_that_cannot_be_read_is_efault,
		a_secret_beyond_the_limit_is_eagain_and_no_signal,
		a_secret_beyond_the_file_limit_is_efbig_and_no_signal,
		no_guarantee_is_supported_where_no_file_may_have_a_byte,
		a_secret_beyond_a_file_limit_that_was_lowered_stays_open,
		a_secret_that_could_not_be_sealed_is_open,
		without_memfd_secret_it_is_eopnotsupp,
#if defined(__loongarch__)
		where_the_kernel_keeps_its_pages_it_is_eopnotsupp,
#endif
	};

	return RUN_TESTS("secret", tests);
}
