/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_OUTSIDE_GATE_H
#define SEALMEM_OUTSIDE_GATE_H

/*
 * The calls by which the kernel asks this program before others execute a file: fanotify(7) with FAN_OPEN_EXEC_PERM. One
 * function for each, which answers 0 or more, or a negative errno. It decides nothing. The thread that executes the file
 * waits until it is answered. When the gate is closed, also because this program has ended, the kernel lets it go on.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Somebody executes a file. */
struct gate_event {
	int file;     /* open to be read, to be closed after the answer */
	pid_t thread; /* 0: it is in another PID namespace */
};

/* The most that one call reads: each takes a descriptor. */
#define GATE_EVENTS 16

/* A descriptor to poll. -EPERM without CAP_SYS_ADMIN, -ENOSYS or -EINVAL if the kernel has no such gate. */
int gate_open(void);

/* Asks about each file of the file system that the path is on, by whatever mount it is reached. */
int gate_watch(int gate, const char *path);

/* How many events, without waiting. */
ssize_t gate_read(int gate, struct gate_event ret[GATE_EVENTS]);

/* -ENOENT if nobody waits for the answer any more. */
int gate_answer(int gate, int file, bool allow);

#endif
