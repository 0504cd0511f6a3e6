/* SPDX-License-Identifier: MIT */

/*
 * A fork waits for the threads that are inside the gate, and they for a fork. Signals wait for their thread to come out.
 * Nobody waits for their own thread: the handler of a fault that forks, the handlers of other libraries for a
 * fork, and a child.
 */

#include "lib/fork-gate.h"

#include "tests/support/sandbox.h"
#include "tests/support/scale.h"
#include "tests/support/support.h"

#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

/* Long for a thread that need not wait. */
static void pause_a_little(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 50 * 1000 * 1000 }, NULL);
}

static pthread_t start(void *(*run)(void *argument), void *argument)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, run, argument), 0);
	return thread;
}

/* A child has no threads to join, and a sanitizer need not look for them. */
__attribute__((noreturn)) static void end_child(int status)
{
	for (;;)
		syscall(SYS_exit_group, status);
}

/* For handlers too: whether a child was made, and ended with 0. */
static bool ends_well(pid_t child)
{
	int status;

	return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static bool can_fork(void)
{
	pid_t child = fork();

	if (child == 0)
		end_child(0);
	return ends_well(child);
}

/* Another thread can come in, and the process can fork. */
static void *pass(void *argument)
{
	ck_assert_int_eq(fork_gate_enter(), 0);
	fork_gate_leave();
	return argument;
}

static void assert_open(void)
{
	ck_assert_int_eq(pthread_join(start(pass, NULL), NULL), 0);
	ck_assert(can_fork());
}

static struct {
	sem_t entered;
	atomic_bool done;
} other;

static void *stay_inside(void *argument)
{
	ck_assert_int_eq(fork_gate_enter(), 0);
	sem_post(&other.entered);
	pause_a_little();
	atomic_store(&other.done, true);
	fork_gate_leave();
	return argument;
}

static void assert_a_fork_waits(void)
{
	pthread_t thread;
	pid_t child;

	sem_init(&other.entered, 0, 0);
	thread = start(stay_inside, NULL);
	sem_wait(&other.entered);
	child = fork();
	if (child == 0)
		end_child(atomic_load(&other.done) ? 0 : 1);
	ck_assert(ends_well(child));
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	assert_open();
}

START_TEST(a_fork_waits_for_the_thread_inside)
{
	assert_a_fork_waits();
}
END_TEST

static void *enter_and_say_so(void *argument)
{
	ck_assert_int_eq(fork_gate_enter(), 0);
	atomic_store(&other.done, true);
	fork_gate_leave();
	return argument;
}

START_TEST(a_thread_waits_for_the_fork)
{
	pthread_t thread;

	fork_gate_close();
	thread = start(enter_and_say_so, NULL);
	pause_a_little();
	ck_assert(!atomic_load(&other.done));
	fork_gate_open();
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert(atomic_load(&other.done));
	assert_open();
}
END_TEST

/* A fork and one thread inside: no lock of the C library has this value, and a lock that may not wait aborts. */
#define FORK_WAITS_FOR_ONE ((1u << 31) + 1)

START_TEST(who_may_not_wait_asks_again)
{
	const struct condition waits[] = {
		{ 1, UINT32_MAX, FUTEX_WAIT_PRIVATE },
		{ 2, UINT32_MAX, FORK_WAITS_FOR_ONE },
	};

	require_no_valgrind("valgrind has no seccomp(2)");
	forbid_where(SYS_futex, EPERM, waits, 2);
	assert_a_fork_waits();
}
END_TEST

START_TEST(entering_nests)
{
	ck_assert_int_eq(fork_gate_enter(), 0);
	ck_assert_int_eq(fork_gate_enter(), 0);
	fork_gate_leave();
	fork_gate_leave();
	assert_open();
}
END_TEST

static atomic_bool handler_forked;

static void fork_and_wait(int signal)
{
	(void)signal;
	atomic_store(&handler_forked, can_fork());
}

START_TEST(the_handler_of_a_fault_forks_inside)
{
	ck_assert(signal(SIGSEGV, fork_and_wait) != SIG_ERR);
	ck_assert_int_eq(fork_gate_enter(), 0);
	ck_assert_int_eq(raise(SIGSEGV), 0);
	fork_gate_leave();
	ck_assert(atomic_load(&handler_forked));
	assert_open();
}
END_TEST

/* Also a fork is inside, and the child begins as its parent was. */
START_TEST(a_handler_runs_when_its_thread_is_outside)
{
	ck_assert(signal(SIGUSR1, fork_and_wait) != SIG_ERR);
	ck_assert_int_eq(fork_gate_enter(), 0);
	ck_assert_int_eq(fork_gate_enter(), 0);
	ck_assert_int_eq(raise(SIGUSR1), 0);
	fork_gate_leave();
	ck_assert(!atomic_load(&handler_forked));
	fork_gate_leave();
	ck_assert(atomic_load(&handler_forked));
	atomic_store(&handler_forked, false);
	fork_gate_close();
	ck_assert_int_eq(raise(SIGUSR1), 0);
	ck_assert(!atomic_load(&handler_forked));
	fork_gate_open();
	ck_assert(atomic_load(&handler_forked));
	assert_open();
}
END_TEST

START_TEST(a_thread_that_cannot_block_signals_is_not_inside)
{
	require_no_valgrind("valgrind has no seccomp(2)");
	forbid_where(SYS_rt_sigprocmask, EPERM,
		     (const struct condition[]){ { 0, UINT32_MAX, SIG_BLOCK } }, 1);
	ck_assert_int_eq(fork_gate_enter(), -EPERM);
	fork_gate_close();
	fork_gate_open();
}
END_TEST

static pid_t forked;

static void fork_and_go_on(int signal)
{
	(void)signal;
	forked = fork();
}

/* The child leaves as often as its parent. */
START_TEST(a_child_of_such_a_handler_goes_on)
{
	ck_assert(signal(SIGSEGV, fork_and_go_on) != SIG_ERR);
	ck_assert_int_eq(fork_gate_enter(), 0);
	ck_assert_int_eq(fork_gate_enter(), 0);
	ck_assert_int_eq(raise(SIGSEGV), 0);
	fork_gate_leave();
	fork_gate_leave();
	if (forked == 0)
		end_child(can_fork() ? 0 : 1);
	ck_assert(ends_well(forked));
	assert_open();
}
END_TEST

static atomic_bool stop;

static void *go_in_and_out(void *argument)
{
	while (!atomic_load(&stop))
		pass(NULL);
	return argument;
}

static bool child_can_use_the_gate(void)
{
	pid_t child = fork();

	if (child == 0) {
		pass(NULL);
		end_child(can_fork() ? 0 : 1);
	}
	return ends_well(child);
}

/* Whoever was inside, or waited, when it was forked. */
START_TEST(a_child_starts_with_an_open_gate)
{
	pthread_t threads[] = { start(go_in_and_out, NULL), start(go_in_and_out, NULL) };

	for (unsigned i = 0; i < scaled(100); i++)
		ck_assert(child_can_use_the_gate());
	atomic_store(&stop, true);
	for (size_t i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
}
END_TEST

static void *fork_often(void *argument)
{
	for (unsigned i = 0; i < scaled(200); i++)
		ck_assert(can_fork());
	return argument;
}

START_TEST(forks_of_several_threads_all_end)
{
	pthread_t threads[] = { start(fork_often, NULL), start(fork_often, NULL),
				start(go_in_and_out, NULL) };

	for (size_t i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	atomic_store(&stop, true);
	ck_assert_int_eq(pthread_join(threads[2], NULL), 0);
	assert_open();
}
END_TEST

/* Handlers of another library, which themselves fork. They are installed before those of the gate and again after, so
 * that they run on both sides of it. */
static atomic_bool handlers_fork;
static atomic_uint forks_of_handlers;

static void fork_in_handler(void)
{
	if (atomic_exchange(&handlers_fork, false)) {
		atomic_fetch_add(&forks_of_handlers, can_fork());
		atomic_store(&handlers_fork, true);
	}
}

__attribute__((constructor(101))) static void install_before_the_gate(void)
{
	(void)pthread_atfork(fork_in_handler, fork_in_handler, NULL);
}

START_TEST(the_handlers_of_others_fork)
{
	ck_assert_int_eq(pthread_atfork(fork_in_handler, fork_in_handler, NULL), 0);
	atomic_store(&handlers_fork, true);
	ck_assert(can_fork());
	atomic_store(&handlers_fork, false);
	ck_assert_uint_eq(atomic_load(&forks_of_handlers), 4);
	assert_open();
}
END_TEST

START_TEST(installing_it_again_changes_nothing)
{
	ck_assert_int_eq(fork_gate_install(), 0);
	assert_open();
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		a_fork_waits_for_the_thread_inside,
		a_thread_waits_for_the_fork,
		who_may_not_wait_asks_again,
		entering_nests,
		the_handler_of_a_fault_forks_inside,
		a_handler_runs_when_its_thread_is_outside,
		a_thread_that_cannot_block_signals_is_not_inside,
		a_child_of_such_a_handler_goes_on,
		a_child_starts_with_an_open_gate,
		forks_of_several_threads_all_end,
		the_handlers_of_others_fork,
		installing_it_again_changes_nothing,
	};

	return RUN_TESTS("fork-gate", tests);
}
