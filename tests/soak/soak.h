/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TESTS_SOAK_SOAK_H
#define SEALMEM_TESTS_SOAK_SOAK_H

/* Workers, each a process, that do everything at once for as long as the soak lasts. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

/* What a worker tells the process that watches it. It is memory that both share. */
struct report {
	atomic_ulong rounds;  /* what was done and was right */
	atomic_ulong refused; /* what was refused, where a limit allows the library to */
	atomic_uint children; /* that it has now, on purpose */
	atomic_bool ended;    /* the worker has returned from run() */
	char lost[256];	      /* what was wrong, and then the worker ends */
};

struct soak {
	atomic_bool stop;
	const char *command; /* sealmem */
	struct sockaddr_un address;
	socklen_t address_size;
	int listening;
};

struct worker {
	const char *name, *does;
	void (*run)(struct soak *soak, struct report *report);
};

/* The last of them only leaks, for a test of the soak itself. */
extern const struct worker workers[];
extern const size_t worker_count;

/* Says what was lost, and ends the worker. */
__attribute__((noreturn, format(printf, 2, 3))) void lose(struct report *report, const char *format,
							  ...);

#endif
