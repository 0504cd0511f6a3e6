/* SPDX-License-Identifier: MIT */

/*
 * What becomes of a process if the program that seals it is killed: at each system call that it makes from the first on
 * that reaches into the process, in a fresh process each time. The process lives, works, has no thread, descriptor or
 * blocked signal that it did not have, and can be sealed. A program that is sealed as it starts never runs unsealed.
 */

#include "tests/outside/victim.h"

#include "outside/start.h"
#include "tests/support/scale.h"
#include "tests/support/support.h"

#include <linux/ptrace.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* Not from <sys/ptrace.h>, which has another struct of this name. */
#define TRACE_SYSGOOD  1
#define TRACE_CLONE    8
#define TRACE_EXITKILL (1 << 20)

static long trace(long request, pid_t pid, uintptr_t address, uintptr_t data)
{
	return syscall(SYS_ptrace, request, pid, address, data);
}

/* What a sealer does: 0 if it has sealed. */
struct work {
	int (*seal)(void *argument);
	void *argument;
};

/* The sealer waits for a byte, so that it can be traced before it begins. */
static pid_t start_sealer(struct work work, int *ret_begin)
{
	int ends[2];
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		(void)close(ends[1]);
		(void)!read(ends[0], &byte, 1);
		_exit(work.seal(work.argument));
	}
	(void)close(ends[0]);
	*ret_begin = ends[1];
	return pid;
}

static bool enters_call(pid_t thread, struct ptrace_syscall_info *ret)
{
	return trace(PTRACE_GET_SYSCALL_INFO, thread, sizeof(*ret), (uintptr_t)ret) > 0 &&
	       ret->op == PTRACE_SYSCALL_INFO_ENTRY;
}

struct sealing {
	pid_t sealer;
	bool begun; /* it has reached into the process */
	unsigned calls, last;
};

/* Returns whether it is to be killed now. */
static bool count_call(struct sealing *sealing, pid_t thread)
{
	struct ptrace_syscall_info info;

	if (!enters_call(thread, &info))
		return false;
	if (info.entry.nr == SYS_ptrace && info.entry.args[0] == PTRACE_SEIZE)
		sealing->begun = true;
	sealing->calls += sealing->begun;
	return sealing->begun && sealing->calls == sealing->last;
}

/* Follows all of its threads. Other children of the test are none of its business. */
static void follow(struct sealing *sealing)
{
	bool killed = false;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		bool is_call = WIFSTOPPED(status) && WSTOPSIG(status) == (SIGTRAP | 0x80);
		bool is_event = WIFSTOPPED(status) && status >> 16 != 0;

		if (pid == sealing->sealer && !WIFSTOPPED(status))
			return;
		if (!WIFSTOPPED(status) || killed)
			continue;
		killed = is_call && count_call(sealing, pid);
		if (killed)
			(void)kill(sealing->sealer, SIGKILL);
		else
			(void)trace(PTRACE_SYSCALL, pid, 0,
				    is_call || is_event ? 0 : (uintptr_t)WSTOPSIG(status));
	}
}

/* Kills the sealer at its call number `last`. Returns whether it made so many. */
static bool seal_and_kill(struct work work, unsigned last)
{
	struct sealing sealing = { .last = last };
	int begin;

	sealing.sealer = start_sealer(work, &begin);
	ck_assert_int_eq(trace(PTRACE_SEIZE, sealing.sealer, 0,
			       TRACE_SYSGOOD | TRACE_CLONE | TRACE_EXITKILL),
			 0);
	ck_assert_int_eq(trace(PTRACE_INTERRUPT, sealing.sealer, 0, 0), 0);
	ck_assert_int_eq(write(begin, "", 1), 1);
	follow(&sealing);
	(void)close(begin);
	ck_assert(sealing.begun);
	return sealing.calls == last;
}

static long count_descriptors(void)
{
	long count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static long blocked_signals(void)
{
	uint64_t blocked = 0;

	(void)sys_block_signals(0, &blocked);
	return (long)blocked;
}

static long count_threads(void)
{
	return sys_threads();
}

/* The helper exits by itself, which takes a moment. */
static void assert_alone(const struct victim *victim)
{
	for (int i = 0; i < 1000 && victim_run(victim, count_threads) > 1; i++)
		(void)usleep(1000);
	ck_assert_int_eq(victim_run(victim, count_threads), 1);
}

static void assert_sealed_later(const struct victim *victim, unsigned flags)
{
	struct outside sealed;

	outside_seal(&sealed, victim->pid, flags);
	ck_assert_msg(sealed.refusal == REFUSAL_NONE, "%s", refusal_rows[sealed.refusal].text);
	ck_assert_int_eq(sealed.state, OUTSIDE_SEALED);
	outside_free(&sealed);
	ck_assert_int_ne(victim_try(victim, PART_RELRO, ACT_PROTECT).err, 0);
	ck_assert_int_eq(victim_try(victim, PART_RELRO, ACT_WRITE).err, EIO);
}

/* On arm64 a lent thread cannot go back to its call by itself: the process may end with it, in the few calls for which a
 * thread is lent. */
static bool is_lost(const struct victim *victim)
{
#ifdef __aarch64__
	static unsigned lost;
	int status;

	(void)usleep(10000);
	if (waitpid(victim->pid, &status, WNOHANG) != victim->pid)
		return false;
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGTRAP);
	ck_assert_uint_lt(lost++, 40);
	(void)close(victim->to);
	(void)close(victim->from);
	return true;
#else
	(void)victim;
	return false;
#endif
}

struct running {
	pid_t pid;
	unsigned flags;
};

static int seal_running(void *argument)
{
	const struct running *running = argument;
	struct outside sealed;

	outside_seal(&sealed, running->pid, running->flags);
	return sealed.refusal == REFUSAL_NONE ? 0 : 1;
}

static bool survives(unsigned flags, unsigned last)
{
	struct victim victim = victim_start(NULL, NULL);
	struct running running = { victim.pid, flags };
	unsigned long answer = victim_answer(&victim);
	long descriptors = victim_run(&victim, count_descriptors);
	long blocked = victim_run(&victim, blocked_signals);
	bool more = seal_and_kill((struct work){ seal_running, &running }, last);

	if (is_lost(&victim))
		return more;
	ck_assert_uint_eq(victim_answer(&victim), answer);
	assert_alone(&victim);
	ck_assert_int_eq(victim_run(&victim, count_descriptors), descriptors);
	ck_assert_int_eq(victim_run(&victim, blocked_signals), blocked);
	assert_sealed_later(&victim, flags);
	ck_assert_uint_eq(victim_answer(&victim), answer);
	victim_end(&victim);
	return more;
}

/* All of them, or as many as the scale allows, one after the other in each stretch. */
static void kill_at_each_call(unsigned flags)
{
	unsigned step = 100 / test_scale(), last = 1, count = 0;

	require_mseal();
	require_own_address_space();
	for (; survives(flags, last); last += step)
		count++;
	(void)printf("killed at %u of %u calls\n", count, last);
	/* All steps are in between. */
	ck_assert_uint_gt(last, 100);
	ck_assert_uint_gt(count, 100 / step - 1);
}

START_TEST(the_death_of_the_sealer_at_any_call_leaves_the_process_as_it_was)
{
	kill_at_each_call(0);
}
END_TEST

START_TEST(the_same_with_one_thread_that_is_held)
{
	kill_at_each_call(OUTSIDE_ONE_THREAD);
}
END_TEST

/* A process that executes this program when it gets a byte. The program says how it found itself. */
struct starting {
	pid_t pid;
	int begin, says;
};

/* What main() is told then. */
#define BE_PROGRAM "--be-a-program"

#define IS_SEALED "s"
#define IS_OPEN	  "o"

static struct starting start_program(void)
{
	int begin[2], says[2];
	char byte;
	pid_t pid;

	ck_assert(pipe2(begin, O_CLOEXEC) == 0 && pipe2(says, O_CLOEXEC) == 0);
	pid = fork();
	ck_assert(pid >= 0);
	if (pid == 0) {
		(void)close(begin[1]);
		(void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0L, 0L, 0L);
		if (read(begin[0], &byte, 1) == 1 && dup2(says[1], STDOUT_FILENO) >= 0)
			(void)execl("/proc/self/exe", "program", BE_PROGRAM, NULL);
		_exit(1);
	}
	(void)close(begin[0]);
	(void)close(says[1]);
	return (struct starting){ pid, begin[1], says[0] };
}

static int seal_starting(void *argument)
{
	const unsigned flags = OUTSIDE_END_TOGETHER | OUTSIDE_KEEP_HELD;
	const struct starting *starting = argument;
	struct outside sealed;

	(void)sys_block_signals(UINT64_MAX, NULL);
	if (outside_start_seize(starting->pid, flags) < 0 || write(starting->begin, "", 1) != 1 ||
	    !outside_start_await(starting->pid))
		return 1;
	outside_start(&sealed, starting->pid, flags);
	return sealed.refusal == REFUSAL_NONE ? 0 : 1;
}

/* Returns whether the sealer made so many calls. `ret_ran`: the program ran. */
static bool starts_sealed_or_not(unsigned last, bool *ret_ran)
{
	struct starting starting = start_program();
	bool more = seal_and_kill((struct work){ seal_starting, &starting }, last);
	char said = 0;

	(void)close(starting.begin);
	*ret_ran = read(starting.says, &said, 1) == 1;
	(void)close(starting.says);
	ck_assert_msg(!*ret_ran || said == *IS_SEALED, "it runs unsealed after call %u", last);
	(void)waitpid(starting.pid, NULL, 0);
	return more;
}

START_TEST(a_program_whose_sealer_dies_at_any_call_never_runs_unsealed)
{
	unsigned step = 100 / test_scale(), last = 1, killed = 0;
	bool ran;

	require_mseal();
	require_own_address_space();
	for (; starts_sealed_or_not(last, &ran); last += step)
		killed += !ran;
	ck_assert(ran);
	(void)printf("did not start at %u of %u calls\n", killed, last);
	ck_assert_uint_gt(killed, 50 / step);
}
END_TEST

static int be_program(void)
{
	bool open = act_try(PART_RELRO, ACT_PROTECT) == 0;

	return write(STDOUT_FILENO, open ? IS_OPEN : IS_SEALED, 1) == 1 ? 0 : 1;
}

int main(int argc, char **argv)
{
	const TTest *const tests[] = {
		the_death_of_the_sealer_at_any_call_leaves_the_process_as_it_was,
		the_same_with_one_thread_that_is_held,
		a_program_whose_sealer_dies_at_any_call_never_runs_unsealed,
	};

	if (argc > 1 && strcmp(argv[1], BE_PROGRAM) == 0)
		_exit(be_program());

	return RUN_TESTS_FOR(900, "killed", tests);
}
