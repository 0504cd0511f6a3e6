/* SPDX-License-Identifier: MIT */

/*
 * Which moment of a program to look at? One that was just started has sealed nothing yet, and how long it
 * needs for that nobody knows. But it can be stopped when it is about to end, after its last
 * instruction and before its memory goes: what it ever sealed for good is there. So a program is
 * audited then. One that does not end by itself is ended by the user, or audited by its PID.
 */

#include "tools/audit/until-exit.h"

#include "lib/util.h"

#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

static void run(char **argv, const int go[2], const int failed[2])
{
	char byte;
	int err;

	/* Until it is followed. */
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

/* A stop that is none of ours goes on as if nobody were watching. */
static void go_on(pid_t pid, int status)
{
	int event = status >> 16, signal = WSTOPSIG(status);

	if (event == PTRACE_EVENT_STOP && signal != SIGTRAP)
		(void)ptrace(PTRACE_LISTEN, pid, NULL, NULL);
	else
		(void)ptrace(PTRACE_CONT, pid, NULL, event == 0 ? (void *)(intptr_t)signal : NULL);
}

static int wait_for_the_end(pid_t pid)
{
	int status;

	for (;;) {
		if (waitpid(pid, &status, __WALL) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (!WIFSTOPPED(status))
			return -ECHILD;
		if (status >> 16 == PTRACE_EVENT_EXIT)
			return 0;
		go_on(pid, status);
	}
}

static void ignore_keyboard(void)
{
	/* What ends the program from there is meant for it. */
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGQUIT, SIG_IGN);
}

static int follow(pid_t pid, int go[2], int failed[2])
{
	int err = 0;

	failed[1] = close_fd(failed[1]);
	if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)(intptr_t)PTRACE_O_TRACEEXIT) < 0) {
		err = -errno;
		(void)kill(pid, SIGKILL);
	}
	go[1] = close_fd(go[1]);
	/* Closed by a successful exec. */
	if (err < 0 || read(failed[0], &err, sizeof(err)) <= 0)
		return err;
	(void)kill(pid, SIGKILL);
	return -err;
}

void let_end(pid_t pid)
{
	int status;

	(void)ptrace(PTRACE_CONT, pid, NULL, NULL);
	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status))
		(void)ptrace(PTRACE_CONT, pid, NULL, NULL);
}

pid_t start_and_stop(char **argv)
{
	CLEANUP(close_pipe) int go[2] = { -1, -1 };
	CLEANUP(close_pipe) int failed[2] = { -1, -1 };
	pid_t pid;
	int err;

	if (pipe2(go, O_CLOEXEC) < 0 || pipe2(failed, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		run(argv, go, failed);
	ignore_keyboard();
	err = follow(pid, go, failed);
	if (err == 0)
		err = wait_for_the_end(pid);
	if (err == 0)
		return pid;
	if (err != -ECHILD)
		let_end(pid);
	return err;
}
