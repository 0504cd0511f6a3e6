/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_BENCH_CONTESTANT_H
#define SEALMEM_BENCH_CONTESTANT_H

/*
 * What every way to keep an object from being written has in common, so that one loop measures them all
 * and none gets a loop that suits it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct object {
	char *data;
	void *handle;
};

struct contestant {
	const char *name;

	/* Optional: before the first of `count` objects, and after the last; the time of both counts. */
	bool (*begin)(size_t count, size_t size);
	bool (*end)(void);

	/* From bytes at hand to an object that is as safe as this way makes it. */
	bool (*make)(struct object *object, const void *bytes, size_t size);

	/* Optional: what cannot be given back stays. */
	void (*release)(const struct object *object, size_t size);
};

/* One table for each file that has contestants; a name of NULL ends it. */
extern const struct contestant naked[], memfd[], region[], sodium[], openssl[], gcrypt[];

/* NULL, with a line that says so, if there is none of that name. */
const struct contestant *contestant_find(const char *name);

/* Nanoseconds of a clock that only goes forward. */
double now(void);

/* Tells whoever counts the system calls of this process where what is measured begins and ends. */
void mark(void);

size_t whole_pages(size_t size);

/* Sorts the values. */
double median(double *values, size_t count);

/* What can be read, so that the compiler cannot leave it out. */
char first_byte(const void *data);

/* Ends the program. */
__attribute__((noreturn, format(printf, 1, 2))) void give_up(const char *format, ...);

#endif
