/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_SEAL_WATCH_WORKER_H
#define SEALMEM_TOOLS_SEAL_WATCH_WORKER_H

/*
 * A process that holds one program at a time as it starts, and seals it. It is a process of its own, because a program may
 * take its time, and because the kernel lets go what a process holds when that dies: so whatever goes wrong in it ends
 * with it. It never has the gate, which closes with the process that watches.
 */

#include "outside/gate.h"
#include "tools/seal/watch.h"

#include <stdint.h>

enum worker_state {
	WORKER_FREE,
	WORKER_SEIZING, /* somebody waits at the gate until it has an answer */
	WORKER_HOLDING, /* they are let through, and further files on their way as well */
	WORKER_SEALING, /* they have executed the program */
};

/* As the process that watches sees it. */
struct watch_worker {
	pid_t pid;   /* 0: there is none */
	int process; /* a descriptor of it, as its number may be another's once it is dead */
	int socket;
	enum worker_state state;
	struct gate_event event;
	int64_t deadline;    /* for the answer */
	int64_t stuck_since; /* 0: it was not when it was last looked at */
};

/* What it says. Each answer at the gate is given by the process that watches, which replies with 0 or a negative errno. */
enum worker_word {
	WORKER_HAS_SEIZED,
	WORKER_WANTS_RUN, /* unsealed, as it was refused */
	WORKER_WANTS_DENIAL,
	WORKER_IS_PAST, /* the program has begun, or could not */
	WORKER_IS_DONE,
	WORKER_IS_LOST, /* it is dead */
	WORKER_IS_SILENT,
};

/* `closed` are descriptors that it must not have. 0 or a negative errno. */
int worker_start(struct watch_worker *ret, const struct watch_order *order, const int *closed,
		 size_t count);

/* Gives it work. */
int worker_send(struct watch_worker *worker, const struct gate_event *event, int64_t deadline);

/* What it has said, without waiting. */
enum worker_word worker_listen(const struct watch_worker *worker);

void worker_reply(const struct watch_worker *worker, int err);

/* Whether it has waited for the kernel to seize a thread for a while: then it waits as long as that thread does at the
 * gate. The time is in milliseconds. */
bool worker_is_stuck(struct watch_worker *worker, int64_t now);

/* It lets go what it holds. */
void worker_kill(struct watch_worker *worker);

/* Gives it no more work: it finishes what it holds, and exits. */
void worker_dismiss(struct watch_worker *worker);

#endif
