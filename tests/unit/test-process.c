/* SPDX-License-Identifier: MIT */

/*
 * Telling a process from its children: from copies, from those that have its id in a PID namespace of their own, and
 * from those that share its memory.
 */

#include "tests/support/support.h"

#include "lib/process.h"

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

START_TEST(a_process_knows_itself)
{
	struct process self = process_this();

	ck_assert(process_has_memory_of(&self));
	ck_assert(process_is(&self));
}
END_TEST

static int is_another(void *argument)
{
	struct process self;

	if (process_has_memory_of(argument) || process_is(argument))
		return 1;
	self = process_this();
	return process_is(&self) ? 0 : 2;
}

START_TEST(a_child_has_a_memory_of_its_own)
{
	struct process self = process_this();

	assert_child_succeeds(is_another, &self);
	ck_assert(process_is(&self));
}
END_TEST

static int ask_a_grandchild(void *argument)
{
	struct process self = process_this();
	int status = run_child(is_another, argument);

	return status == 0 ? run_child(is_another, &self) : status;
}

START_TEST(so_has_a_grandchild)
{
	struct process self = process_this();

	assert_child_succeeds(ask_a_grandchild, &self);
}
END_TEST

/* The handlers of fork(3) do not run, so nothing that rests on them would know. */
START_TEST(so_has_a_child_that_the_c_library_did_not_make)
{
	struct process self = process_this();
	long child = syscall(SYS_clone, (long)SIGCHLD, NULL, NULL, NULL, NULL);
	int status;

	if (child == 0)
		_exit(is_another(&self));
	ck_assert_int_eq(waitpid((pid_t)child, &status, 0), (pid_t)child);
	ck_assert_int_eq(status, 0);
}
END_TEST

/* A user who is not root needs a user namespace for it. */
static long clone_as_first(void)
{
	static const long flags[] = { CLONE_NEWPID, CLONE_NEWPID | CLONE_NEWUSER };
	long child = -1;

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags) && child < 0; i++)
		child = syscall(SYS_clone, SIGCHLD | flags[i], NULL, NULL, NULL, NULL);
	return child;
}

#define NO_NAMESPACES 77

/* Returns what `act` returns in a child that is the first process of a PID namespace. */
static int run_as_first(int (*act)(void *argument), void *argument)
{
	long child = clone_as_first();
	int status = 0;

	if (child < 0)
		return NO_NAMESPACES;
	if (child == 0)
		_exit(act(argument));
	ck_assert_int_eq(waitpid((pid_t)child, &status, 0), (pid_t)child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int is_another_of_the_same_id(void *argument)
{
	const struct process *parent = argument;

	return getpid() == parent->id ? is_another(argument) : 3;
}

static int have_a_child_of_the_same_id(void *argument)
{
	struct process self = process_this();

	(void)argument;
	return self.id == 1 ? run_as_first(is_another_of_the_same_id, &self) : 3;
}

START_TEST(a_child_with_the_same_id_is_another)
{
	int answer = run_as_first(have_a_child_of_the_same_id, NULL);

	if (answer == NO_NAMESPACES)
		skip_test("no PID namespaces here");
	ck_assert_int_eq(answer, 0);
}
END_TEST

static int shares_the_memory(void *argument)
{
	return process_has_memory_of(argument) && !process_is(argument) ? 0 : 1;
}

START_TEST(a_process_that_shares_the_memory_is_another)
{
	char stack[1 << 16] __attribute__((aligned(16)));
	struct process self = process_this();
	int child = clone(shares_the_memory, stack + sizeof(stack), CLONE_VM | SIGCHLD, &self);
	int status;

	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_process_knows_itself,
		a_child_has_a_memory_of_its_own,
		so_has_a_grandchild,
		so_has_a_child_that_the_c_library_did_not_make,
		a_child_with_the_same_id_is_another,
		a_process_that_shares_the_memory_is_another,
	};

	return RUN_TESTS("process", tests);
}
