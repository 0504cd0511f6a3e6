/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_BENCH_CONTESTANT_H
#define SEALMEM_BENCH_CONTESTANT_H

/*
 * The interface that every contestant has. One loop measures them all, so that no contestant gets a loop
 * that suits it.
 */

#include "bench/measure/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct object {
	char *data;
	void *handle;
};

struct contestant {
	const char *name;

	/* Optional: runs before the first of `count` objects, or after the last. Its time counts. */
	bool (*begin)(size_t count, size_t size);
	bool (*end)(void);

	/* Makes an object from a buffer, as safe as this contestant can make it. */
	bool (*make)(struct object *object, const void *bytes, size_t size);

	/* Optional: without it the object stays. */
	void (*release)(const struct object *object, size_t size);
};

/* One table for each file that has contestants; a name of NULL ends it. */
extern const struct contestant plain[], memfd[], region[], heaps[], array[], sodium[], openssl[],
	gcrypt[];

/* NULL, and a line on standard error, if no contestant has that name. */
const struct contestant *contestant_find(const char *name);

/* Marks the begin and the end of the measured part, for a program that counts the system calls. */
void mark(void);

size_t whole_pages(size_t size);

/* Takes a value that was read, so that the compiler cannot leave the read out. */
char first_byte(const void *data);

/* Ends the program. */
__attribute__((noreturn, format(printf, 1, 2))) void give_up(const char *format, ...);

#endif
