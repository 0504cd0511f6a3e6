/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_BENCH_PUBLISHING_H
#define SEALMEM_BENCH_PUBLISHING_H

/* A publisher on a socket, for the programs that measure what published memory costs. */

#include "bench/measure/clock.h"
#include "include/sealmem.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

struct place {
	struct sockaddr_un address;
	socklen_t size;
	int listening;
	struct sealmem_publisher *publisher;
};

/* Ends the program if a function of the library failed. */
void must(int err, const char *what);

/* The number of an argument; ends the program with `usage` if it is none. */
unsigned number_of(const char *argument, const char *usage);

struct place new_place(void);
void free_place(const struct place *place);

/* The size of a generation whose bytes do not matter. */
#define SMALL 4096

/* The next generation of the name "bench". */
void publish(const struct place *place, size_t size);

/* Whatever the publisher has to do within the time. */
void dispatch(const struct place *place, int milliseconds);

/* Does that until `size` bytes have come from the descriptor. */
void dispatch_until(const struct place *place, int fd, void *bytes, size_t size);

/* Nanoseconds from before a small generation is published until `size` bytes have come, which say that the last reader has
 * it: the median of several. */
double time_to_publish(const struct place *place, int fd, void *bytes, size_t size);

/* A connection, and one with a subscription. */
int connection_to(const struct place *place);
struct sealmem_subscription *subscribed(const struct place *place, size_t limit);

/* What this process has. */
struct held {
	long memory; /* bytes that are resident */
	long descriptors;
};
struct held held_now(void);

/* As many descriptors as this process may have, or `wanted` of them. */
void allow_descriptors(unsigned wanted);

#endif
