/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_OUTSIDE_START_H
#define SEALMEM_OUTSIDE_START_H

/*
 * Seals the image of a process that has just executed a program: before the first instruction of the program's own where
 * that is possible. start.c says when that is, for each way to link a program.
 *
 * The calling thread traces the process: outside_start_seize() and nothing else was done to it, and wait(2) has said that it
 * is stopped at PTRACE_EVENT_EXEC. All signals are blocked in this thread, and SIGCHLD is not ignored. Nothing else of the
 * calling process is changed, and it needs no other thread.
 */

#include "outside/outside.h"

/* After a refusal the process stays stopped and traced. Without this it goes on. */
#define OUTSIDE_KEEP_HELD (1u << 8)

/* The process is killed when this program dies. Without this it goes on; but then a program with a loader ends with SIGTRAP
 * if it has not come to its first instruction yet, because a breakpoint waits for it there. */
#define OUTSIDE_END_TOGETHER (1u << 9)

/* Its seccomp filters are those of this program. Where this program may not suspend them, they see the calls that seal: a filter
 * that kills at one kills the process. Without this, such a process is refused. */
#define OUTSIDE_SAME_FILTERS (1u << 10)

/* Traces a process that is to execute a program: 0 or a negative errno. It does not stop it. */
long outside_start_seize(pid_t pid, unsigned flags);

/* Waits until a process that was seized has executed a program. Signals and job control work meanwhile. False: it has
 * exited before. */
bool outside_start_await(pid_t pid);

/*
 * Seals it, and lets it go. `flags` are those that it was seized with, and OUTSIDE_DEEP. The answer is in ret->refusal, and
 * REFUSAL_GONE if the program has exited before it could be sealed; `ret` is to be freed in any case. If it executes another
 * program before it is sealed, that one is sealed.
 *
 * This takes as long as the program takes to come to the moment: the constructors of its libraries run before.
 */
void outside_start(struct outside *ret, pid_t pid, unsigned flags);

/* The same for a process that was seized, and is yet to execute a program: this waits for that, and gets ready meanwhile.
 * `then` gets the answer before the process goes on. */
void outside_start_then(struct outside *ret, pid_t pid, unsigned flags,
			void (*then)(const struct outside *answer, void *data), void *data);

/* Ends a process that stayed held, with an exit status, before it does anything else. */
void outside_start_end(pid_t pid, int status);

#endif
