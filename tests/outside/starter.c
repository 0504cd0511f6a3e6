/* SPDX-License-Identifier: MIT */

/*
 * Starts a program in one of the ways in which programs do, and exits with its status, or with 126 if it does not start.
 *
 *    starter WAY PROGRAM [ARGUMENT]...
 */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOT_STARTED 126

extern char **environ;

static int wait_for(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return NOT_STARTED;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int by_exec(char **program)
{
	(void)execve(program[0], program, environ);
	(void)fprintf(stderr, "%s\n", strerror(errno));
	return NOT_STARTED;
}

static int by_fork(char **program)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(by_exec(program));
	return wait_for(pid);
}

static int by_spawn(char **program)
{
	pid_t pid;
	int err = posix_spawn(&pid, program[0], NULL, NULL, program, environ);

	if (err != 0)
		(void)fprintf(stderr, "%s\n", strerror(err));
	return err != 0 ? NOT_STARTED : wait_for(pid);
}

static _Noreturn void *exec_in_thread(void *program)
{
	exit(by_exec(program));
}

static _Noreturn void *wait_in_thread(void *unused)
{
	(void)unused;
	for (;;)
		(void)pause();
}

/* The first thread and a third one are there when the second one executes. */
static int by_thread(char **program)
{
	pthread_t other, executing;

	if (pthread_create(&other, NULL, wait_in_thread, NULL) != 0 ||
	    pthread_create(&executing, NULL, exec_in_thread, program) != 0)
		return NOT_STARTED;
	(void)pthread_join(executing, NULL);
	return NOT_STARTED;
}

static int by_tracer(char **program)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		_exit(by_exec(program));
	}
	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status))
		(void)ptrace(PTRACE_CONT, pid, NULL, NULL);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* What cannot be executed, a hundred times, and then the program. */
static int by_failing(char **program)
{
	for (int i = 0; i < 100; i++)
		(void)execve(program[0], program, environ);
	return by_exec(program + 1);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *way;
		int (*start)(char **program);
	} rows[] = {
		{ "exec", by_exec },	 { "fork", by_fork },	  { "spawn", by_spawn },
		{ "thread", by_thread }, { "tracer", by_tracer }, { "failing", by_failing },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows) && argc > 2; i++)
		if (strcmp(argv[1], rows[i].way) == 0)
			return rows[i].start(argv + 2);
	return 2;
}
