/* SPDX-License-Identifier: MIT */

/*
 * At which moment does one look at a program? When it has just started it has sealed nothing yet, and nobody knows
 * how long that takes. But ptrace(2) can stop it when it is about to exit: after its last instruction, with its
 * memory still there, and with everything that it has sealed for good. So the audit looks then. If a program does
 * not exit by itself, the user ends it, or audits it by its PID.
 */

#include "tools/audit/until-exit.h"

#include "tools/audit/leaving.h"

#include "audit/procfs.h"
#include "lib/util.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

static void run(char **argv, const int go[2], const int failed[2])
{
	char byte;
	int err;

	/* Waits until the parent follows it. */
	(void)close(go[1]);
	(void)!read(go[0], &byte, 1);
	(void)dup2(STDERR_FILENO, STDOUT_FILENO);
	(void)execvp(argv[0], argv);
	err = errno;
	(void)!write(failed[1], &err, sizeof(err));
	_exit(127);
}

static void close_pipe(int (*ends)[2])
{
	(void)close_fd((*ends)[0]);
	(void)close_fd((*ends)[1]);
}

/* If the stop is not ours, the program goes on as if nobody were watching. */
static void go_on(pid_t thread, int status)
{
	int event = status >> 16, signal = WSTOPSIG(status);

	if (event == PTRACE_EVENT_STOP && signal != SIGTRAP)
		(void)ptrace(PTRACE_LISTEN, thread, NULL, NULL);
	else
		(void)ptrace(PTRACE_CONT, thread, NULL,
			     event == 0 ? (void *)(intptr_t)signal : NULL);
}

/* A child that shares the memory of the program is followed like a thread at first, but it is none. */
static bool is_of_program(const struct leaving *leaving, pid_t thread)
{
	return thread_state(leaving, thread) != THREAD_ABSENT;
}

/* Whether it is still in that stop. If another thread has ended the program or executes another one, the kernel has
 * killed this thread in its stop, and the one that executes may have its number now. */
static bool is_about_to_exit(pid_t thread)
{
	siginfo_t info;

	return ptrace(PTRACE_GETSIGINFO, thread, NULL, &info) == 0 &&
	       info.si_code == (SIGTRAP | PTRACE_EVENT_EXIT << 8);
}

/* A signal that ends the program is in the low bits of the exit status. */
static bool is_ended_by_signal(pid_t thread)
{
	unsigned long status;

	return ptrace(PTRACE_GETEVENTMSG, thread, NULL, &status) == 0 && (status & 0x7f) != 0;
}

static bool is_in_exit_group(const struct leaving *leaving, pid_t thread)
{
	char path[64], text[256];

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", (int)leaving->pid,
		       (int)thread);
	return procfs_read(AT_FDCWD, path, text, sizeof(text)) > 0 &&
	       strtol(text, NULL, 10) == SYS_exit_group;
}

/*
 * A thread that stops in exit_group(2), or because of a signal, has ended all the others: none of them executes another
 * instruction. So nothing needs to be known about them. They could not be asked either: on Linux 6.18 a thread can
 * have taken its SIGKILL and still exit without a stop, and looks like a live one until it has.
 */
static int is_last(const struct leaving *leaving, pid_t thread)
{
	if (is_ended_by_signal(thread) || is_in_exit_group(leaving, thread))
		return 1;
	return leaving_is_last(leaving, thread);
}

/* 1 if the thread is the last one, and then it stays stopped. */
static int meet_exit(struct leaving *leaving, pid_t thread, int status)
{
	int last = is_last(leaving, thread);

	if (last < 0 || !is_about_to_exit(thread))
		return last < 0 ? last : 0;
	if (last == 0)
		last = leaving_add(leaving, thread);
	if (last == 0)
		go_on(thread, status);
	return last;
}

static int meet_stop(struct leaving *leaving, pid_t thread, int status)
{
	int event = status >> 16;

	if (event == PTRACE_EVENT_EXIT)
		return meet_exit(leaving, thread, status);
	if (event == PTRACE_EVENT_EXEC)
		leaving_forget_all(leaving);
	if (is_of_program(leaving, thread))
		go_on(thread, status);
	else
		(void)ptrace(PTRACE_DETACH, thread, NULL, NULL);
	return 0;
}

static pid_t wait_for_any(int *status, int options)
{
	pid_t thread;

	do
		thread = waitpid(-1, status, __WALL | options);
	while (thread < 0 && errno == EINTR);
	return thread < 0 ? -errno : thread;
}

/*
 * The exit of one thread is not the end of the program: the others go on, or one of them executes another program. So
 * the audit follows all threads and waits for the last.
 */
static int wait_for_the_end(struct leaving *leaving, pid_t *ret_last)
{
	int status, done = 0;

	while (done == 0) {
		pid_t thread = wait_for_any(&status, 0);

		if (thread < 0)
			return thread;
		if (WIFSTOPPED(status))
			done = meet_stop(leaving, thread, status);
		else if (thread == leaving->pid)
			return -ECHILD;
		else
			leaving_forget(leaving, thread);
		*ret_last = thread;
	}
	return done < 0 ? done : 0;
}

/* The kernel ends the other threads at the same time. The audit reads the memory more easily when they are gone. */
static void wait_for_the_others(const struct leaving *leaving, pid_t last)
{
	static const struct timespec nap = { .tv_nsec = 1000000 };
	int status;

	for (int i = 0; i < 1000 && !leaving_is_alone(leaving, last); i++) {
		pid_t thread = wait_for_any(&status, WNOHANG);

		if (thread == 0)
			(void)nanosleep(&nap, NULL);
		else if (thread > 0 && thread != last && WIFSTOPPED(status))
			go_on(thread, status);
	}
}

static void ignore_keyboard(void)
{
	/* An interrupt is meant for the program. */
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGQUIT, SIG_IGN);
}

static int follow(pid_t pid, int go[2], int failed[2])
{
	const intptr_t options = PTRACE_O_TRACEEXIT | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
	int err = 0;

	failed[1] = close_fd(failed[1]);
	if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)options) < 0) {
		err = -errno;
		(void)kill(pid, SIGKILL);
	}
	go[1] = close_fd(go[1]);
	/* A successful exec closes it. */
	if (err < 0 || read(failed[0], &err, sizeof(err)) <= 0)
		return err;
	(void)kill(pid, SIGKILL);
	return -err;
}

void let_end(pid_t pid, pid_t last)
{
	pid_t thread = 0;
	int status = 0;

	(void)ptrace(PTRACE_CONT, last, NULL, NULL);
	while (thread >= 0 && (thread != pid || WIFSTOPPED(status))) {
		thread = wait_for_any(&status, 0);
		if (thread > 0 && WIFSTOPPED(status))
			(void)ptrace(PTRACE_CONT, thread, NULL, NULL);
	}
}

static int run_until_the_end(pid_t pid, pid_t *ret_last)
{
	CLEANUP(leaving_free) struct leaving leaving = { .pid = pid };
	int err = wait_for_the_end(&leaving, ret_last);

	if (err == 0)
		wait_for_the_others(&leaving, *ret_last);
	return err;
}

pid_t start_and_stop(char **argv, pid_t *ret_last)
{
	CLEANUP(close_pipe) int go[2] = { -1, -1 };
	CLEANUP(close_pipe) int failed[2] = { -1, -1 };
	pid_t pid, last;
	int err;

	err = sys_pipe(go);
	if (err == 0)
		err = sys_pipe(failed);
	if (err < 0)
		return err;
	pid = last = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		run(argv, go, failed);
	ignore_keyboard();
	err = follow(pid, go, failed);
	if (err == 0)
		err = run_until_the_end(pid, &last);
	if (err < 0) {
		let_end(pid, last);
		return err;
	}
	*ret_last = last;
	return pid;
}
