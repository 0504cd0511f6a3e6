/* SPDX-License-Identifier: MIT */

/*
 * The system calls of the library. Most are one line, and every other test uses them; here are those that promise more
 * than the call itself: the errno in the answer, descriptors that no program inherits, questions without a side effect,
 * and a child that nobody notices.
 */

#include "lib/sys.h"

#include "tests/support/sandbox.h"
#include "tests/support/support.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

START_TEST(a_call_that_fails_answers_its_negative_errno)
{
	void *at = &at;

	ck_assert_int_eq(sys_close(-1), -EBADF);
	ck_assert_int_eq(sys_open("/proc/self/nothing", O_RDONLY), -ENOENT);
	ck_assert_int_eq(sys_read(-1, &at, 1), -EBADF);
	ck_assert_int_eq(sys_mmap(&at, NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1),
			 -EINVAL);
	ck_assert_ptr_eq(at, &at);
}
END_TEST

START_TEST(every_new_descriptor_is_closed_on_exec)
{
	int fds[5];

	fds[0] = sys_open("/proc/self/maps", O_RDONLY);
	fds[1] = sys_memfd_create("test", 0);
	ck_assert_int_eq(sys_pipe(fds + 2), 0);
	fds[4] = sys_dup_over(fds[0], dup(fds[0]));
	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++) {
		ck_assert_int_ge(fds[i], 0);
		ck_assert_int_eq(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
		close(fds[i]);
	}
}
END_TEST

START_TEST(a_size_is_that_of_a_file_only)
{
	int fd = sys_memfd_create("test", 0), ends[2];
	off_t size = 1;

	ck_assert_int_eq(sys_file_size(fd, &size), 0);
	ck_assert_int_eq(size, 0);
	ck_assert_int_eq(sys_ftruncate(fd, 77), 0);
	ck_assert_int_eq(sys_file_size(fd, &size), 0);
	ck_assert_int_eq(size, 77);
	ck_assert_int_eq(sys_pipe(ends), 0);
	ck_assert_int_eq(sys_file_size(ends[0], &size), -EINVAL);
	ck_assert_int_eq(sys_file_size(-1, &size), -EBADF);
	ck_assert_int_eq(size, 77);
	close(fd);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

static sigset_t blocked_signals(void)
{
	sigset_t blocked;

	ck_assert_int_eq(sigprocmask(SIG_BLOCK, NULL, &blocked), 0);
	return blocked;
}

/* With one signal blocked, so that a change would show. */
static void assert_same_signals(int (*ask)(void))
{
	sigset_t one, before, after;

	sigemptyset(&one);
	sigaddset(&one, SIGUSR2);
	ck_assert_int_eq(sigprocmask(SIG_BLOCK, &one, NULL), 0);
	before = blocked_signals();
	ck_assert_int_eq(ask(), 0);
	after = blocked_signals();
	for (int signal = 1; signal < 32; signal++)
		ck_assert_int_eq(sigismember(&before, signal), sigismember(&after, signal));
}

static char *page_of(int protection)
{
	char *at = map_private(page_size());

	ck_assert_int_eq(mprotect(at, page_size(), protection), 0);
	return at;
}

START_TEST(a_touch_says_whether_a_store_would_fault)
{
	require_no_valgrind("valgrind does not let the kernel look at memory");
	ck_assert_int_eq(sys_touch(page_of(PROT_READ | PROT_WRITE)), 0);
	ck_assert_int_eq(sys_touch(page_of(PROT_READ)), -EFAULT);
	ck_assert_int_eq(sys_touch(page_of(PROT_NONE)), -EFAULT);
}
END_TEST

START_TEST(readable_says_whether_a_load_would_fault)
{
	require_no_valgrind("valgrind does not let the kernel look at memory");
	ck_assert_int_eq(sys_readable(page_of(PROT_READ | PROT_WRITE)), 0);
	ck_assert_int_eq(sys_readable(page_of(PROT_READ)), 0);
	ck_assert_int_eq(sys_readable(page_of(PROT_NONE)), -EFAULT);
}
END_TEST

static int touch(void)
{
	return sys_touch(page_of(PROT_READ | PROT_WRITE));
}

static int load(void)
{
	return sys_readable(page_of(PROT_READ));
}

START_TEST(neither_question_changes_the_signal_mask)
{
	assert_same_signals(touch);
	assert_same_signals(load);
}
END_TEST

START_TEST(mapped_says_whether_every_page_is)
{
	char *at = map_private(3 * page_size());

	require_own_address_space();
	ck_assert_int_eq(sys_mapped(at, 3 * page_size()), 0);
	ck_assert_int_eq(mprotect(at, page_size(), PROT_NONE), 0);
	ck_assert_int_eq(sys_mapped(at, 3 * page_size()), 0);
	ck_assert_int_eq(munmap(at + page_size(), page_size()), 0);
	ck_assert_int_eq(sys_mapped(at, 3 * page_size()), -ENOMEM);
	ck_assert_int_eq(sys_mapped(at, page_size()), 0);
}
END_TEST

START_TEST(a_limit_is_the_soft_one)
{
	uint64_t limit = 0;

	set_limit(RLIMIT_NOFILE, 33);
	ck_assert_int_eq(sys_limit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_uint_eq(limit, 33);
	ck_assert_int_eq(sys_limit(-1, &limit), -EINVAL);
	ck_assert_uint_eq(limit, 33);
}
END_TEST

START_TEST(no_limit_is_the_largest_number)
{
	struct rlimit before;
	uint64_t limit = 0;

	ck_assert_int_eq(getrlimit(RLIMIT_CPU, &before), 0);
	if (before.rlim_max != RLIM_INFINITY)
		skip_test("the processor time of this process is limited");
	set_limit(RLIMIT_CPU, RLIM_INFINITY);
	ck_assert_int_eq(sys_limit(RLIMIT_CPU, &limit), 0);
	ck_assert(limit == UINT64_MAX);
}
END_TEST

START_TEST(random_numbers_differ)
{
	uint64_t a, b;
	int err = sys_random(&a);

	if (err == -EAGAIN)
		skip_test("this machine has no random numbers yet");
	ck_assert_int_eq(err, 0);
	ck_assert_int_eq(sys_random(&b), 0);
	ck_assert(a != b);
}
END_TEST

START_TEST(the_heap_ends_where_brk_says)
{
	require_own_address_space();
	ck_assert(sys_heap_end() == (uint64_t)(uintptr_t)sbrk(0));
}
END_TEST

static int answer(void *argument)
{
	return *(int *)argument;
}

START_TEST(a_child_answers_a_byte)
{
	for (int value = 0; value < 256; value += 51)
		ck_assert_int_eq(sys_in_child(answer, &value), value);
}
END_TEST

static int change(void *argument)
{
	*(int *)argument = 2;
	return 0;
}

START_TEST(a_child_changes_its_own_memory_only)
{
	int value = 1;

	ck_assert_int_eq(sys_in_child(change, &value), 0);
	ck_assert_int_eq(value, 1);
}
END_TEST

static int die(void *argument)
{
	(void)argument;
	die_of_faults();
	(void)kill(sys_getpid(), SIGKILL);
	return 0;
}

START_TEST(a_child_that_dies_of_a_signal_answers_nothing)
{
	ck_assert_int_eq(sys_in_child(die, NULL), -ECHILD);
}
END_TEST

static volatile sig_atomic_t children;

static void count_child(int signal)
{
	(void)signal;
	children = children + 1;
}

START_TEST(a_child_raises_no_signal_and_leaves_nothing_to_wait_for)
{
	int value = 3;

	ck_assert(signal(SIGCHLD, count_child) != SIG_ERR);
	ck_assert_int_eq(sys_in_child(answer, &value), 3);
	ck_assert_int_eq(children, 0);
	ck_assert_int_eq(result(waitpid(-1, NULL, WNOHANG)), -ECHILD);
	ck_assert_int_eq(result(waitpid(-1, NULL, WNOHANG | __WALL)), -ECHILD);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		a_call_that_fails_answers_its_negative_errno,
		every_new_descriptor_is_closed_on_exec,
		a_size_is_that_of_a_file_only,
		a_touch_says_whether_a_store_would_fault,
		readable_says_whether_a_load_would_fault,
		neither_question_changes_the_signal_mask,
		mapped_says_whether_every_page_is,
		a_limit_is_the_soft_one,
		no_limit_is_the_largest_number,
		random_numbers_differ,
		the_heap_ends_where_brk_says,
		a_child_answers_a_byte,
		a_child_changes_its_own_memory_only,
		a_child_that_dies_of_a_signal_answers_nothing,
		a_child_raises_no_signal_and_leaves_nothing_to_wait_for,
	};

	return RUN_TESTS("sys", tests);
}
