/* SPDX-License-Identifier: MIT */

/*
 * Calls that raise a signal with their error: nothing is raised, nothing is left, and what belongs to the program
 * stays. Each test runs in a process of its own, which the signals would end.
 */

#include "tests/support/sandbox.h"
#include "tests/support/support.h"

#include "lib/quiet.h"

#include <signal.h>

static int broken_pipe(void)
{
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	close(ends[0]);
	return ends[1];
}

/* The framework writes files too, so there is no assertion while the limit is in force. */
static ssize_t write_past_limit(uint64_t signals)
{
	int fd = memfd_create("quiet", MFD_CLOEXEC);
	SCOPED_LIMIT lowered = set_limit(RLIMIT_FSIZE, 0);
	struct quiet quiet;
	ssize_t answer;

	(void)lowered;
	(void)quiet_begin(&quiet, signals);
	answer = quiet_end(&quiet, sys_write(fd, "x", 1));
	close(fd);
	return answer;
}

static ssize_t write_into_broken_pipe(uint64_t signals)
{
	struct quiet quiet;
	int fd = broken_pipe();
	ssize_t answer;

	(void)quiet_begin(&quiet, signals);
	answer = quiet_end(&quiet, sys_write(fd, "x", 1));
	close(fd);
	return answer;
}

static const struct row {
	ssize_t (*act)(uint64_t signals);
	int signal, error;
} rows[] = {
	{ write_past_limit, SIGXFSZ, EFBIG },
	{ write_into_broken_pipe, SIGPIPE, EPIPE },
};

static bool is_pending(int signal)
{
	sigset_t pending;

	ck_assert_int_eq(sigpending(&pending), 0);
	return sigismember(&pending, signal) == 1;
}

static bool is_blocked(int signal)
{
	sigset_t blocked;

	ck_assert_int_eq(sigprocmask(SIG_BLOCK, NULL, &blocked), 0);
	return sigismember(&blocked, signal) == 1;
}

static void block(int signal)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, signal);
	ck_assert_int_eq(sigprocmask(SIG_BLOCK, &set, NULL), 0);
}

START_TEST(the_error_comes_without_its_signal)
{
	ck_assert_int_eq((int)rows[_i].act(QUIET_WRITE), -rows[_i].error);
	ck_assert(!is_blocked(rows[_i].signal));
	ck_assert(!is_pending(rows[_i].signal));
}
END_TEST

START_TEST(where_the_program_blocks_the_signal_none_is_left)
{
	block(rows[_i].signal);
	ck_assert_int_eq((int)rows[_i].act(QUIET_WRITE), -rows[_i].error);
	ck_assert(is_blocked(rows[_i].signal));
	ck_assert(!is_pending(rows[_i].signal));
}
END_TEST

START_TEST(a_signal_that_was_pending_stays)
{
	block(rows[_i].signal);
	ck_assert_int_eq(raise(rows[_i].signal), 0);
	ck_assert_int_eq((int)rows[_i].act(QUIET_WRITE), -rows[_i].error);
	ck_assert(is_pending(rows[_i].signal));
}
END_TEST

/* Within quiet_hold_all() it makes no call, and gives back nothing that the outer one holds. */
START_TEST(what_is_held_already_stays_held_until_all_is_released)
{
	ck_assert_int_eq(quiet_hold_all(), 0);
	ck_assert_int_eq((int)rows[_i].act(QUIET_WRITE), -rows[_i].error);
	ck_assert(is_blocked(rows[_i].signal));
	ck_assert(!is_pending(rows[_i].signal));
	quiet_release_all();
	ck_assert(!is_blocked(rows[_i].signal));
}
END_TEST

START_TEST(a_signal_that_was_pending_before_all_was_held_stays)
{
	block(rows[_i].signal);
	ck_assert_int_eq(raise(rows[_i].signal), 0);
	ck_assert_int_eq(quiet_hold_all(), 0);
	ck_assert_int_eq((int)rows[_i].act(QUIET_WRITE), -rows[_i].error);
	quiet_release_all();
	ck_assert(is_blocked(rows[_i].signal));
	ck_assert(is_pending(rows[_i].signal));
}
END_TEST

/* One that is sent to the process meanwhile is not taken in the place of ours. */
START_TEST(a_signal_for_the_process_that_comes_meanwhile_stays)
{
	struct quiet quiet;
	int fd = broken_pipe();
	ssize_t answer;

	(void)signal(SIGPIPE, SIG_DFL);
	block(SIGPIPE);
	(void)quiet_begin(&quiet, QUIET_WRITE);
	ck_assert_int_eq(kill(getpid(), SIGPIPE), 0);
	answer = sys_write(fd, "x", 1);
	ck_assert_int_eq((int)quiet_end(&quiet, answer), -EPIPE);
	ck_assert(is_pending(SIGPIPE));
}
END_TEST

START_TEST(a_success_takes_nothing)
{
	struct quiet quiet;

	block(SIGXFSZ);
	ck_assert_int_eq(quiet_begin(&quiet, QUIET_WRITE), 0);
	ck_assert_int_eq(raise(SIGXFSZ), 0);
	ck_assert_int_eq((int)quiet_end(&quiet, 1), 1);
	ck_assert(is_pending(SIGXFSZ));
}
END_TEST

START_TEST(another_error_takes_nothing)
{
	struct quiet quiet;

	block(SIGXFSZ);
	ck_assert_int_eq(quiet_begin(&quiet, QUIET_WRITE), 0);
	ck_assert_int_eq(raise(SIGXFSZ), 0);
	ck_assert_int_eq((int)quiet_end(&quiet, -ENOSPC), -ENOSPC);
	ck_assert(is_pending(SIGXFSZ));
}
END_TEST

static int without_quiet(void *row)
{
	(void)signal(((const struct row *)row)->signal, SIG_DFL);
	(void)((const struct row *)row)->act(SYS_SIGNAL(SIGUSR1));
	return 0;
}

START_TEST(without_it_the_signal_is_raised)
{
	assert_child_dies(rows[_i].signal, without_quiet, (void *)(uintptr_t)&rows[_i]);
}
END_TEST

int main(void)
{
	const int count = (int)(sizeof(rows) / sizeof(*rows));
	TCase *tcase = tcase_create("quiet");

	tcase_add_loop_test(tcase, the_error_comes_without_its_signal, 0, count);
	tcase_add_loop_test(tcase, where_the_program_blocks_the_signal_none_is_left, 0, count);
	tcase_add_loop_test(tcase, a_signal_that_was_pending_stays, 0, count);
	tcase_add_loop_test(tcase, what_is_held_already_stays_held_until_all_is_released, 0, count);
	tcase_add_loop_test(tcase, a_signal_that_was_pending_before_all_was_held_stays, 0, count);
	tcase_add_loop_test(tcase, without_it_the_signal_is_raised, 0, count);
	tcase_add_test(tcase, a_signal_for_the_process_that_comes_meanwhile_stays);
	tcase_add_test(tcase, a_success_takes_nothing);
	tcase_add_test(tcase, another_error_takes_nothing);
	return run_case("quiet", tcase);
}
