/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_OUTSIDE_AT_EXEC_H
#define SEALMEM_OUTSIDE_AT_EXEC_H

/*
 * A thread that is about to execute a program is made to stop as soon as it has, before the first instruction of the
 * program. Whoever dies meanwhile lets it go.
 *
 * This is for a process that has one thread, traces nothing else, blocks all signals and does not ignore SIGCHLD. Once the
 * thread has executed a program, outside_start() can take over.
 */

#include "outside/refusal.h"

#include <sys/types.h>

/* The thread waits at the gate meanwhile. If another thread of its process is in execve(2), or if the file is what
 * another file needs to be executed, this returns only after that. */
enum refusal exec_seize(pid_t thread);

/* A process or thread that the status of another one names, such as "TracerPid"; 0 if it names none, or if it is not
 * known. */
pid_t exec_related(pid_t thread, const char *key);

enum exec_outcome {
	EXEC_STOPPED, /* it has executed a program, and stands still before it */
	EXEC_FAILED,  /* execve(2) has failed, and it stands still after it */
	EXEC_GONE,    /* it has exited */
	EXEC_UNKNOWN, /* it is still on its way; the end of this process lets it go */
};

struct at_exec {
	pid_t thread; /* after execve(2) it has the number of its process */
	int signal;   /* that it is to get when it goes on */
};

/* After exec_seize(), and after the gate was opened. */
enum exec_outcome exec_await(struct at_exec *ret, pid_t thread);

/* Lets it go on. */
void exec_release(const struct at_exec *held);

/* Kills what this process still holds, and waits for its end. `process` is its descriptor. */
void exec_kill(int process);

#endif
