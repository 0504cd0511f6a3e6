/* SPDX-License-Identifier: MIT */

/*
 * A moment hides the process from the others of its user, and gives back what it changed. No other process gets at a
 * descriptor meanwhile, which it does before and after.
 */

#include "lib/moment.h"

#include "include/sealmem.h"

#include "tests/support/sandbox.h"
#include "tests/support/support.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef SYS_pidfd_getfd
# define SYS_pidfd_getfd 438
#endif

static int dumpable(void)
{
	return prctl(PR_GET_DUMPABLE);
}

static struct moment begin(unsigned guarantees)
{
	struct moment moment = { 0 };

	ck_assert_int_eq(moment_begin(&moment, guarantees), 0);
	return moment;
}

static void assert_undumpable_during(unsigned guarantees)
{
	struct moment moment = begin(guarantees);

	ck_assert_int_eq(dumpable(), 0);
	moment_end(&moment);
	ck_assert_int_eq(dumpable(), 1);
}

START_TEST(a_process_is_not_dumpable_while_a_secret_is_made)
{
	assert_undumpable_during(SEALMEM_SECRECY);
	assert_undumpable_during(SEALMEM_NODUMP);
	assert_undumpable_during(SEALMEM_GUARANTEES);
}
END_TEST

START_TEST(nothing_changes_for_other_memory)
{
	struct moment moment = begin(SEALMEM_GUARANTEES & ~(SEALMEM_SECRECY | SEALMEM_NODUMP));

	ck_assert_int_eq(dumpable(), 1);
	moment_end(&moment);
	ck_assert_int_eq(dumpable(), 1);
}
END_TEST

START_TEST(the_last_moment_that_ends_gives_back)
{
	struct moment first = begin(SEALMEM_NODUMP), second = begin(SEALMEM_SECRECY);

	moment_end(&first);
	ck_assert_int_eq(dumpable(), 0);
	moment_end(&second);
	ck_assert_int_eq(dumpable(), 1);
}
END_TEST

START_TEST(a_process_that_was_not_dumpable_stays_so)
{
	struct moment moment;

	ck_assert_int_eq(prctl(PR_SET_DUMPABLE, 0), 0);
	moment = begin(SEALMEM_SECRECY);
	moment_end(&moment);
	ck_assert_int_eq(dumpable(), 0);
}
END_TEST

/* By the value too, if it is not negative. */
static void forbid_prctl(uint32_t option, int value)
{
	const struct condition conditions[] = { { 0, UINT32_MAX, option },
						{ 1, UINT32_MAX, (uint32_t)value } };

	require_no_valgrind("valgrind has no seccomp(2)");
	forbid_where(SYS_prctl, EPERM, conditions, value < 0 ? 1 : 2);
}

/* Not even a fork waits any longer. */
static void assert_refused(unsigned guarantees)
{
	struct moment moment = { 0 };
	pid_t child;

	ck_assert_int_eq(moment_begin(&moment, guarantees), -EOPNOTSUPP);
	ck_assert_uint_eq(moment.guarantees, 0);
	ck_assert_int_ne(dumpable(), 0);
	child = fork();
	if (child == 0)
		_exit(0);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
}

START_TEST(without_prctl_there_is_no_moment)
{
	forbid_prctl(PR_SET_DUMPABLE, 0);
	assert_refused(SEALMEM_SECRECY);
	assert_refused(SEALMEM_NODUMP);
	begin(SEALMEM_NOFORK);
}
END_TEST

START_TEST(nor_if_nobody_may_ask)
{
	forbid_prctl(PR_GET_DUMPABLE, -1);
	assert_refused(SEALMEM_SECRECY);
}
END_TEST

START_TEST(a_region_that_needs_a_moment_is_refused_without)
{
	struct sealmem_region *region = NULL;

	forbid_prctl(PR_SET_DUMPABLE, 0);
	ck_assert_int_eq(sealmem_region_new(&region, "moment", 1, SEALMEM_SECRECY), -EOPNOTSUPP);
	ck_assert_int_eq(sealmem_region_new(&region, "moment", 1, SEALMEM_CONTENT | SEALMEM_NODUMP),
			 -EOPNOTSUPP);
	ck_assert_ptr_null(region);
	ck_assert_int_eq(sealmem_region_new(&region, "moment", 1, SEALMEM_CONTENT | SEALMEM_NOFORK),
			 0);
	sealmem_region_free(region);
}
END_TEST

START_TEST(a_process_that_may_not_become_dumpable_again_stays_undumpable)
{
	struct moment moment;

	forbid_prctl(PR_SET_DUMPABLE, 1);
	moment = begin(SEALMEM_SECRECY);
	moment_end(&moment);
	ck_assert_int_eq(dumpable(), 0);
	moment = begin(SEALMEM_SECRECY);
	moment_end(&moment);
	ck_assert_int_eq(dumpable(), 0);
}
END_TEST

static pid_t forked;

static void fork_and_go_on(int signal)
{
	(void)signal;
	forked = fork();
}

static void assert_child_is_well(void)
{
	int status;

	if (forked == 0) {
		struct moment another = begin(SEALMEM_NODUMP);

		moment_end(&another);
		_exit(dumpable() == 1 ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(forked, &status, 0), forked);
	ck_assert_int_eq(status, 0);
}

START_TEST(a_signal_waits_for_the_end)
{
	struct moment moment = begin(SEALMEM_SECRECY);

	ck_assert(signal(SIGUSR1, fork_and_go_on) != SIG_ERR);
	forked = -1;
	ck_assert_int_eq(raise(SIGUSR1), 0);
	ck_assert_int_eq(forked, -1);
	moment_end(&moment);
	ck_assert_int_ne(forked, -1);
	assert_child_is_well();
}
END_TEST

static void *stay_in_a_moment(void *argument)
{
	struct moment moment = { 0 };

	if (moment_begin(&moment, SEALMEM_SECRECY) != 0)
		return NULL;
	sem_post(argument);
	(void)pause();
	return argument;
}

/* The child has no use for what another thread of its parent counts. */
START_TEST(the_child_of_a_fault_inside_ends_its_own_moments)
{
	struct moment moment = begin(SEALMEM_SECRECY);
	pthread_t thread;
	sem_t inside;

	ck_assert_int_eq(sem_init(&inside, 0, 0), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, stay_in_a_moment, &inside), 0);
	while (sem_wait(&inside) < 0)
		;
	ck_assert(signal(SIGSEGV, fork_and_go_on) != SIG_ERR);
	ck_assert_int_eq(raise(SIGSEGV), 0);
	ck_assert_int_eq(dumpable(), 0);
	moment_end(&moment);
	assert_child_is_well();
}
END_TEST

/* What another process of the user gets: 0, or the errno. */
struct thief {
	pid_t pid;
	int ask, answer;
};

static void steal(pid_t victim, int fd, int ask, int answer)
{
	int pidfd = (int)syscall(SYS_pidfd_open, victim, 0), result;
	char byte;

	while (read(ask, &byte, 1) == 1) {
		int stolen = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);

		result = stolen < 0 ? errno : 0;
		(void)close_fd(stolen);
		(void)!write(answer, &result, sizeof(result));
	}
	_exit(0);
}

/* It is there before the moment, because a child that is made in it is hidden itself. */
static struct thief start_thief(int fd)
{
	int asks[2], answers[2];
	struct thief thief;
	pid_t victim = getpid();

	/* Where children may attach only to those that let them (Yama). */
	(void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	ck_assert_int_eq(pipe(asks) | pipe(answers), 0);
	thief = (struct thief){ .ask = asks[1], .answer = answers[0] };
	thief.pid = fork();
	if (thief.pid == 0) {
		close(asks[1]);
		steal(victim, fd, asks[0], answers[1]);
	}
	return thief;
}

static int ask(struct thief thief)
{
	int result;

	ck_assert_int_eq(write(thief.ask, "?", 1), 1);
	ck_assert_int_eq(read(thief.answer, &result, sizeof(result)), sizeof(result));
	return result;
}

START_TEST(nobody_takes_a_descriptor_meanwhile)
{
	struct moment moment;
	struct thief thief;
	int before;

	become_plain_user();
	thief = start_thief(sys_memfd_create("moment", 0));
	before = ask(thief);
	if (before == ENOSYS)
		skip_test("this kernel has no pidfd_getfd(2)");
	ck_assert_int_eq(before, 0);
	moment = begin(SEALMEM_SECRECY);
	ck_assert_int_eq(ask(thief), EPERM);
	moment_end(&moment);
	ck_assert_int_eq(ask(thief), 0);
	close(thief.ask);
	ck_assert_int_eq(waitpid(thief.pid, NULL, 0), thief.pid);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		a_process_is_not_dumpable_while_a_secret_is_made,
		nothing_changes_for_other_memory,
		the_last_moment_that_ends_gives_back,
		a_process_that_was_not_dumpable_stays_so,
		without_prctl_there_is_no_moment,
		nor_if_nobody_may_ask,
		a_region_that_needs_a_moment_is_refused_without,
		a_process_that_may_not_become_dumpable_again_stays_undumpable,
		a_signal_waits_for_the_end,
		the_child_of_a_fault_inside_ends_its_own_moments,
		nobody_takes_a_descriptor_meanwhile,
	};

	return RUN_TESTS("moment", tests);
}
