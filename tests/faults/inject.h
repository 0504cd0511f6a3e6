/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TESTS_FAULTS_INJECT_H
#define SEALMEM_TESTS_FAULTS_INJECT_H

/*
 * Makes chosen system calls of the library fail. The program is linked with
 * -Wl,--wrap=NAME for syscall, sigaction, malloc, calloc and free, which puts the functions of
 * inject.c between the library and the C library; no kernel feature and no privilege is needed, so it
 * works wherever the tests run.
 */

#include <stdbool.h>

/* These stand among the numbers of system calls for functions of the C library. */
#define MALLOC (-1L)
#define CALLOC (-2L)

enum manner {
	REFUSED,   /* nothing is done, and an error */
	HALF_DONE, /* an error, but a part was done, as the kernel does here and there */
	SHORT,	   /* fewer bytes than asked for, which is no error */
	PRETENDED, /* answers 0 and does nothing, as a sandbox may */
};

struct call {
	long number;
	int command; /* which use of it, for fcntl(2), seccomp(2), madvise(2), mmap(2) and prctl(2) */
};

/* Uses that a fault means something else to: advice that does not exist, pages brought in ahead, a mapping made
 * to see whether it can be, and whether it can become writable. PRCTL_DUMPABLE_AGAIN ends what another prctl(2)
 * began. */
enum use { MADVISE_NOTHING = 1, MADVISE_POPULATE, MMAP_TRY, MPROTECT_TRY };
#define PRCTL_DUMPABLE_AGAIN (-1)

bool same_call(struct call a, struct call b);

struct fault {
	struct call call;
	unsigned index; /* which call of the process, from 0 */
	bool in_child;	/* counted in the process that the library made */
	bool standing;	/* from that call on each with the same number, as a sandbox does */
	enum manner manner;
	int error;
};

/* A second fault can hit what the library does about the first. */
struct plan {
	unsigned count;
	struct fault faults[2];
};

#define MAX_CALLS 512

/* What happened. It has to be memory that is shared with children. */
struct trace {
	unsigned count[2]; /* of calls, in the process and in the child that the library made */
	struct call calls[2][MAX_CALLS];
	unsigned injected;
	bool astray; /* a fault met another call than the one it was meant for */
};

/* From now on the calls of this process are counted in `trace` and fail as planned. */
void inject_arm(const struct plan *plan, struct trace *trace);

void inject_disarm(void);

/* Before the system call with this index, of those of this process, `act` runs. The calls that it makes are not counted,
 * and do not fail. */
struct stop {
	unsigned index, next;
	void (*act)(void *argument);
	void *argument;
};

/* From the next inject_arm() on, until inject_disarm(). */
void inject_stop(struct stop *stop);

/* How much of what was allocated while armed has not been freed. */
unsigned inject_allocations(void);

#endif
