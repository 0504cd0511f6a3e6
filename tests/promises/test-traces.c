/* SPDX-License-Identifier: MIT */

/*
 * A secret is in its own pages and nowhere else. A process makes a secret in each way that there is and
 * stops; the test then searches its registers and all of its memory, as an attacker with ptrace(2) or a core
 * dump would. The process takes a signal first, because the kernel saves the registers on the stack for that.
 *
 * A search that finds nothing proves nothing by itself. So each search is made of a process first that keeps
 * the same bytes in ordinary memory, and of one that moved them with memcpy(3).
 */

#include "tests/support/support.h"

#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#ifndef NT_X86_XSTATE
# define NT_X86_XSTATE 0x202
#endif

/* A part of a secret is found by as many of its bytes as fit into a general register. */
#define PART sizeof(uint64_t)

#define MOST 256

struct way {
	void (*make)(size_t size);
	size_t size;
};

/* One byte at a time, so that the test itself leaves no more than a byte anywhere. */
static void write_secret(void *at, size_t size)
{
	volatile unsigned char *to = at;

	for (size_t i = 0; i < size; i++)
		to[i] = (unsigned char)(0xa5 ^ (i * 37 + (i >> 3) + 11));
}

static void forget(void *at, size_t size)
{
	volatile unsigned char *to = at;

	for (size_t i = 0; i < size; i++)
		to[i] = 0;
}

/* CONTENT of a secret rests on ADDRESS, which older kernels lack. */
static unsigned secret_here(void)
{
	const unsigned sealed = SEALMEM_CONTENT | SEALMEM_ADDRESS;

	return SEALMEM_SECRECY | (sealmem_supported() & SEALMEM_ADDRESS ? sealed : 0);
}

static void keep_it_in_plain_memory(size_t size)
{
	write_secret(map_private(size), size);
}

static void move_it_by_the_c_library(size_t size)
{
	char *from = map_private(size), *to = map_private(size);

	write_secret(from, size);
	memcpy(to, from, size);
	forget(from, size);
	forget(to, size);
}

/* Whoever copies pages has their first or their last bytes in registers at the end. */
static void seal_a_region_of_it(size_t size)
{
	struct sealmem_region *region = empty_region(page_size(), secret_here());
	char *at = sealmem_region_alloc(region, page_size(), 0);

	write_secret(at, size);
	write_secret(at + page_size() - size, size);
	ck_assert_int_eq(sealmem_region_seal(region), 0);
}

static void make_a_region_from_it(size_t size)
{
	struct sealmem_region *region;
	char *from = map_private(size);

	write_secret(from, size);
	ck_assert_int_eq(sealmem_region_new_from(&region, "traces", from, size, secret_here()), 0);
	forget(from, size);
}

static void free_a_region_of_it(size_t size)
{
	struct sealmem_region *region = empty_region(size, SEALMEM_SECRECY);

	write_secret(sealmem_region_alloc(region, size, 0), size);
	sealmem_region_free(region);
}

static void wipe_a_buffer_of_it(size_t size)
{
	char *at = map_private(size);

	write_secret(at, size);
	sealmem_wipe(at, size);
}

/* By the bare call: raise(3) would use the registers itself. */
static void stop(int signal)
{
	(void)signal;
	syscall(SYS_tgkill, (int)syscall(SYS_getpid), (int)syscall(SYS_gettid), SIGSTOP);
}

/* Stops with the secret made, and again in a handler, whose frame holds the registers of the first stop. */
static int hold_still(const struct way *way)
{
	ck_assert_int_eq(ptrace(PTRACE_TRACEME, 0, NULL, NULL), 0);
	ck_assert(signal(SIGUSR1, stop) != SIG_ERR);
	way->make(way->size);
	stop(0);
	return 0;
}

static size_t count_parts(const char *text, size_t length, const char *bytes, size_t size)
{
	size_t found = 0;

	for (size_t i = 0; i + PART <= size; i += PART)
		found += memmem(text, length, bytes + i, PART) != NULL;
	return found;
}

static size_t count_in_set(pid_t pid, int set, const char *bytes, size_t size)
{
	static char text[1 << 14];
	struct iovec all = { text, sizeof(text) };

	if (ptrace(PTRACE_GETREGSET, pid, (void *)(uintptr_t)set, &all) < 0)
		return 0;
	return count_parts(text, all.iov_len, bytes, size);
}

static size_t count_in_registers(pid_t pid, const char *bytes, size_t size)
{
#ifdef __x86_64__
	const int vectors = NT_X86_XSTATE;
#else
	const int vectors = NT_PRFPREG;
#endif
	return count_in_set(pid, NT_PRSTATUS, bytes, size) +
	       count_in_set(pid, vectors, bytes, size);
}

static size_t count_in_mapping(int memory, uintptr_t start, uintptr_t end, const char *bytes,
			       size_t size)
{
	size_t length = end - start, found = 0;
	char *text = malloc(length);
	ssize_t got = pread(memory, text, length, (off_t)start);

	if (got > 0)
		found = count_parts(text, (size_t)got, bytes, size);
	free(text);
	return found;
}

/* The mappings that other processes can read; those of secret memory are none. */
static size_t count_in_memory(pid_t pid, const char *bytes, size_t size)
{
	char path[64], line[512];
	unsigned long start, end;
	size_t found = 0;
	FILE *maps;
	int memory;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	memory = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(memory, 0);
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "re");
	ck_assert_ptr_nonnull(maps);
	while (fgets(line, sizeof(line), maps) != NULL)
		if (sscanf(line, "%lx-%lx r", &start, &end) == 2 && end - start < 1ul << 30)
			found += count_in_mapping(memory, start, end, bytes, size);
	fclose(maps);
	close(memory);
	return found;
}

static void wait_for_stop(pid_t child)
{
	int status;

	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP, "status %#x",
		      (unsigned)status);
}

struct found {
	size_t registers, memory;
};

static struct found search(void (*make)(size_t size), size_t size)
{
	struct way way = { make, size };
	struct found found;
	char bytes[MOST];
	pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (child == 0)
		_exit(hold_still(&way));
	wait_for_stop(child);
	write_secret(bytes, size);
	found.registers = count_in_registers(child, bytes, size);
	ck_assert_int_eq(ptrace(PTRACE_CONT, child, NULL, (void *)SIGUSR1), 0);
	wait_for_stop(child);
	found.memory = count_in_memory(child, bytes, size);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	/* The next process would inherit them. */
	forget(bytes, size);
	return found;
}

/* Each size that memcpy(3) treats in a way of its own. */
static const size_t sizes[] = { 16, 32, 64, 200, MOST };

#define FOR_EACH_SIZE(size)                                                                        \
 for (size_t i_ = 0, size; i_ < sizeof(sizes) / sizeof(*sizes) && (size = sizes[i_], true); i_++)

static void assert_leaves_no_trace(void (*make)(size_t size))
{
	if (!(sealmem_supported() & SEALMEM_SECRECY))
		skip_test("no SECRECY here");
	FOR_EACH_SIZE(size)
	{
		struct found found = search(make, size);

		ck_assert_msg(found.registers == 0, "%zu bytes: %zu parts of it in registers", size,
			      found.registers);
		ck_assert_msg(found.memory == 0, "%zu bytes: %zu parts of it in memory", size,
			      found.memory);
	}
}

START_TEST(the_search_finds_a_secret_in_plain_memory)
{
	FOR_EACH_SIZE(size)
	ck_assert_uint_ge(search(keep_it_in_plain_memory, size).memory, size / PART);
}
END_TEST

START_TEST(the_search_finds_a_secret_that_the_c_library_moved)
{
	FOR_EACH_SIZE(size)
	{
		struct found found = search(move_it_by_the_c_library, size);

		if (found.registers == 0)
			skip_test("memcpy(3) leaves nothing in the registers here");
		ck_assert_uint_gt(found.memory, 0);
	}
}
END_TEST

START_TEST(a_seal_leaves_no_trace_of_the_secret)
{
	assert_leaves_no_trace(seal_a_region_of_it);
}
END_TEST

START_TEST(a_region_from_a_buffer_leaves_no_trace_of_the_secret)
{
	assert_leaves_no_trace(make_a_region_from_it);
}
END_TEST

START_TEST(freeing_an_open_region_leaves_no_trace_of_the_secret)
{
	assert_leaves_no_trace(free_a_region_of_it);
}
END_TEST

START_TEST(wiping_a_buffer_leaves_no_trace_of_the_secret)
{
	assert_leaves_no_trace(wipe_a_buffer_of_it);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		the_search_finds_a_secret_in_plain_memory,
		the_search_finds_a_secret_that_the_c_library_moved,
		a_seal_leaves_no_trace_of_the_secret,
		a_region_from_a_buffer_leaves_no_trace_of_the_secret,
		freeing_an_open_region_leaves_no_trace_of_the_secret,
		wiping_a_buffer_leaves_no_trace_of_the_secret,
	};

	return RUN_TESTS("traces", tests);
}
