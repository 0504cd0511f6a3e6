/* SPDX-License-Identifier: MIT */

/*
 * What sealmem(7) says is left open is open. A list of weaknesses is believed without being tried, and
 * one that a later kernel or a later version has closed misleads as much as one that is missing: so
 * each is exploited here, in the order of the list, and a test that fails says that the list has to
 * change. What is left open by a kernel's bug, or by a page that is held before the seal, is not here.
 * tests/cli/run.bats shows what sealmem run --no-dump leaves.
 */

#include "tests/support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

/* From Linux 6.15 or so on file mappings. */
#ifndef MADV_GUARD_INSTALL
# define MADV_GUARD_INSTALL 102
# define MADV_GUARD_REMOVE  103
#endif

/* A sealed page whose address is sealed too, with `more`. */
static struct sealmem_region *final_page(unsigned more)
{
	require_mseal();
	return sealed_region("left", page_size(), SEALMEM_CONTENT | SEALMEM_ADDRESS | more);
}

static struct sealmem_region *locked_page(unsigned more)
{
	if (!(sealmem_supported() & SEALMEM_NOSWAP))
		skip_test("NOSWAP is not given here");
	return sealed_region("left", page_size(), SEALMEM_CONTENT | SEALMEM_NOSWAP | more);
}

static void *map_over(void *at, int protection)
{
	return mmap(at, page_size(), protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

START_TEST(content_leaves_the_address_to_other_memory)
{
	SCOPED_REGION *region = sealed_region("left", page_size(), SEALMEM_CONTENT);
	char *data = sealmem_region_data(region);

	ck_assert_ptr_eq(map_over(data, PROT_READ), data);
	assert_zeroed(data, page_size());
}
END_TEST

START_TEST(address_without_content_leaves_the_bytes_to_ptrace)
{
	char *data = map_private(page_size());
	int status;
	pid_t child;

	require_mseal();
	fill(data, page_size());
	ck_assert_int_eq(mprotect(data, page_size(), PROT_READ), 0);
	ck_assert_int_eq(sealmem_seal_range(data, page_size(), SEALMEM_ADDRESS), 0);
	child = fork();
	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(is_filled(data, page_size()));
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	if (!WIFSTOPPED(status))
		skip_test("ptrace(2) is forbidden");
	ck_assert_int_eq(ptrace(PTRACE_POKEDATA, child, data, 0L), 0);
	ck_assert_int_eq(ptrace(PTRACE_CONT, child, NULL, 0L), 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(address_without_content_leaves_written_pages_of_a_file_to_madvise)
{
	int file = temporary_file();
	char *data;

	require_mseal();
	ck_assert_int_eq(ftruncate(file, (off_t)page_size()), 0);
	data = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
	ck_assert_ptr_ne(data, MAP_FAILED);
	fill(data, page_size());
	ck_assert_int_eq(mprotect(data, page_size(), PROT_READ), 0);
	ck_assert_int_eq(sealmem_seal_range(data, page_size(), SEALMEM_ADDRESS), 0);
	ck_assert_int_eq(result(madvise(data, page_size(), MADV_DONTNEED)), 0);
	assert_zeroed(data, page_size());
	close(file);
}
END_TEST

static int read_byte(void *data)
{
	return *(volatile char *)data == 0;
}

START_TEST(address_leaves_availability_to_guard_markers)
{
	SCOPED_REGION *region = final_page(0);
	char *data = sealmem_region_data(region);

	if (madvise(data, page_size(), MADV_GUARD_INSTALL) < 0)
		skip_test("no MADV_GUARD_INSTALL on file mappings");
	assert_child_dies(SIGSEGV, read_byte, data);
	ck_assert_int_eq(madvise(data, page_size(), MADV_GUARD_REMOVE), 0);
	assert_filled(data, page_size());
}
END_TEST

static int put_zeroes_there(void *data)
{
	return map_over(data, PROT_READ) != data || *(char *)data != 0;
}

START_TEST(address_leaves_children_to_dontfork)
{
	SCOPED_REGION *region = final_page(0);
	char *data = sealmem_region_data(region);

	ck_assert_int_ne(run_child(put_zeroes_there, data), 0);
	ck_assert_int_eq(madvise(data, page_size(), MADV_DONTFORK), 0);
	assert_child_succeeds(put_zeroes_there, data);
	assert_filled(data, page_size());
}
END_TEST

static struct sealmem_heap *new_heap(void)
{
	struct sealmem_heap *heap = NULL;

	ck_assert_int_eq(sealmem_heap_new(&heap, "left", (size_t)1 << 20, 0), 0);
	return heap;
}

START_TEST(a_canary_leaves_a_write_that_jumps_over_it)
{
	struct sealmem_heap *heap = new_heap();
	char *first = sealmem_heap_alloc(heap, 32), *second = sealmem_heap_alloc(heap, 32);

	ck_assert_ptr_nonnull(first);
	ck_assert_ptr_nonnull(second);
	((volatile char *)first)[second - first] = 1;
	ck_assert_int_eq(sealmem_heap_check(heap), 0);
	ck_assert_int_eq(*second, 1);
	sealmem_heap_free(heap);
}
END_TEST

START_TEST(a_heap_leaves_loads_of_what_was_freed)
{
	struct sealmem_heap *heap = new_heap();
	char *object = sealmem_heap_alloc(heap, 32);

	ck_assert_ptr_nonnull(object);
	*object = 1;
	sealmem_heap_dealloc(heap, object);
	ck_assert_int_eq(*(volatile char *)object, 0);
	ck_assert_int_eq(sealmem_heap_check(heap), 0);
	sealmem_heap_free(heap);
}
END_TEST

START_TEST(a_heap_leaves_copies_of_an_object)
{
	struct sealmem_heap *heap = new_heap();
	char *object = sealmem_heap_alloc(heap, 32), copy[32];

	ck_assert_ptr_nonnull(object);
	fill(object, sizeof(copy));
	memcpy(copy, object, sizeof(copy));
	sealmem_heap_dealloc(heap, object);
	ck_assert(is_filled(copy, sizeof(copy)));
	sealmem_wipe(copy, sizeof(copy));
	assert_zeroed(copy, sizeof(copy));
	sealmem_heap_free(heap);
}
END_TEST

/* Debian 12 has the headers of Linux 6.1. */
#ifndef PR_SET_MDWE
# define PR_SET_MDWE		  65
# define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif

/* 0 if what is written to a file becomes visible in an executable mapping of it. */
static int write_under_executable_mapping(void *unused)
{
	int file = memfd_create("written", 0);
	volatile char *writer, *code;

	(void)unused;
	if (prctl(PR_SET_MDWE, (long)PR_MDWE_REFUSE_EXEC_GAIN, 0L, 0L, 0L) < 0)
		return 77;
	if (ftruncate(file, (off_t)page_size()) < 0 ||
	    mmap(NULL, page_size(), PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED, file, 0) !=
		    MAP_FAILED)
		return 1;
	writer = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	code = mmap(NULL, page_size(), PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0);
	if (writer == MAP_FAILED || code == MAP_FAILED)
		return 2;
	*writer = 1;
	return *code != 1;
}

START_TEST(deny_write_execute_leaves_files)
{
	int status = run_child(write_under_executable_mapping, NULL);

	ck_assert(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip_test("no PR_SET_MDWE");
	ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

/* Not by the C library: sanitizers replace munlock() by nothing. */
START_TEST(noswap_can_be_taken_back)
{
	SCOPED_REGION *region = locked_page(sealmem_supported() & SEALMEM_ADDRESS);
	char *data = sealmem_region_data(region);

	ck_assert(has_flag(data, "lo"));
	ck_assert_int_eq(sys_munlock(data, page_size()), 0);
	ck_assert(!has_flag(data, "lo"));
}
END_TEST

START_TEST(nodump_and_nofork_can_be_taken_back)
{
	SCOPED_REGION *region = final_page(SEALMEM_NODUMP | SEALMEM_NOFORK);
	char *data = sealmem_region_data(region);

	ck_assert(has_flag(data, "dd"));
	ck_assert(has_flag(data, "dc"));
	ck_assert_int_eq(madvise(data, page_size(), MADV_DODUMP), 0);
	ck_assert_int_eq(madvise(data, page_size(), MADV_DOFORK), 0);
	ck_assert(!has_flag(data, "dd"));
	ck_assert(!has_flag(data, "dc"));
}
END_TEST

static int is_unlocked(void *data)
{
	return has_flag(data, "lo");
}

START_TEST(noswap_is_not_inherited)
{
	SCOPED_REGION *region = locked_page(0);
	char *data = sealmem_region_data(region);

	ck_assert(has_flag(data, "lo"));
	assert_child_succeeds(is_unlocked, data);
}
END_TEST

static int map_descriptor(void *fd)
{
	void *data = mmap(NULL, page_size(), PROT_READ, MAP_SHARED, *(int *)fd, 0);

	return data == MAP_FAILED || !is_filled(data, page_size());
}

START_TEST(nofork_leaves_the_descriptor)
{
	SCOPED_REGION *region =
		sealed_region("left", page_size(), SEALMEM_CONTENT | SEALMEM_NOFORK);
	int fd = sealmem_region_fd(region);

	assert_child_dies(SIGSEGV, read_byte, sealmem_region_data(region));
	assert_child_succeeds(map_descriptor, &fd);
}
END_TEST

START_TEST(guards_without_address_can_be_replaced)
{
	SCOPED_REGION *region =
		sealed_region("left", page_size(), SEALMEM_CONTENT | SEALMEM_GUARDS);
	char *guard = (char *)sealmem_region_data(region) - page_size();

	ck_assert_int_eq(sealmem_try_write(guard, "", 1), -EFAULT);
	ck_assert_ptr_eq(map_over(guard, PROT_READ | PROT_WRITE), guard);
	ck_assert_int_eq(sealmem_try_write(guard, "", 1), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		content_leaves_the_address_to_other_memory,
		address_without_content_leaves_the_bytes_to_ptrace,
		address_without_content_leaves_written_pages_of_a_file_to_madvise,
		address_leaves_availability_to_guard_markers,
		address_leaves_children_to_dontfork,
		a_canary_leaves_a_write_that_jumps_over_it,
		a_heap_leaves_loads_of_what_was_freed,
		a_heap_leaves_copies_of_an_object,
		deny_write_execute_leaves_files,
		noswap_can_be_taken_back,
		nodump_and_nofork_can_be_taken_back,
		noswap_is_not_inherited,
		nofork_leaves_the_descriptor,
		guards_without_address_can_be_replaced,
	};

	return RUN_TESTS("left-open", tests);
}
