/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_AUDIT_LEAVING_H
#define SEALMEM_TOOLS_AUDIT_LEAVING_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The threads of a traced program that have stopped because they were about to exit, and have gone on. The kernel may
 * still list them. */
struct leaving {
	pid_t pid; /* of the program */
	pid_t *threads;
	size_t count;
};

enum thread_state {
	THREAD_ABSENT, /* it is no thread of the program, or no longer */
	THREAD_LIVE,
	THREAD_DOOMED, /* the kernel ends it; it may not stop before */
	THREAD_ENDED,
};

enum thread_state thread_state(const struct leaving *leaving, pid_t thread);

/* -ENOMEM */
int leaving_add(struct leaving *leaving, pid_t thread);

/* The thread has exited, and another one may get its number. */
void leaving_forget(struct leaving *leaving, pid_t thread);

/* Another program is executed, by the one thread that is left. */
void leaving_forget_all(struct leaving *leaving);

/* 1 if the other threads leave too, 0 if one of them goes on, or if the program is gone. -ENOMEM, -EMFILE. */
int leaving_is_last(const struct leaving *leaving, pid_t thread);

/* Whether the other threads have exited. */
bool leaving_is_alone(const struct leaving *leaving, pid_t thread);

void leaving_free(struct leaving *leaving);

#endif
