/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_OUTSIDE_STOP_H
#define SEALMEM_OUTSIDE_STOP_H

#include "outside/arch.h"
#include "outside/target.h"

struct stopped_thread {
	pid_t id;
	bool gone;
	bool done; /* it was looked at */
};

/* The threads of a process that this program holds. */
struct stopped {
	const struct target *target;
	struct stopped_thread *threads;
	size_t count, room;
	bool same_filters;     /* its filters are those of this program, and may see our calls */
	unsigned long options; /* that a thread has again after it was lent; usually none */
	bool others_run;       /* only one thread of the process is held */
	bool others;	       /* it has more threads */
	int64_t begun, ended;  /* when they were stopped and went on, in nanoseconds */
};

/* How long a thread may take to answer, in nanoseconds. */
#define STOP_PATIENCE INT64_C(1000000000)

/* Stops every thread of the process, or only one of them. After a refusal too, leave() has to follow. */
enum refusal stop_all(struct stopped *ret, const struct target *target);
enum refusal stop_one(struct stopped *ret, const struct target *target);

/* The same for a process whose first thread this program holds already, with `options`. */
enum refusal stop_others(struct stopped *ret, const struct target *target, unsigned long options);

/* Nobody waits for other work while a process is held, if this program may say so: a nice value. */
#define STOP_NICE (-20)

/* What a traced thread did next. */
enum stop_kind {
	STOP_TIMEOUT, /* nothing, within a second */
	STOP_GONE,
	STOP_CALL,   /* it enters or leaves a system call */
	STOP_CLONE,  /* it has started another thread */
	STOP_EXEC,   /* it has executed a program */
	STOP_EXIT,   /* it exits */
	STOP_HELD,   /* as PTRACE_INTERRUPT stops it */
	STOP_GROUP,  /* the whole process was stopped by a signal */
	STOP_SIGNAL, /* a signal is about to be delivered: `signal` */
};

struct stop_event {
	enum stop_kind kind;
	int signal;
};

struct stop_event stop_wait(pid_t thread);

/* Has the thread stop as PTRACE_INTERRUPT does, from any other stop. Signals are delivered on the way. */
enum refusal stop_hold(pid_t thread, int signal);

#endif
