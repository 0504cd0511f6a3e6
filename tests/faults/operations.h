/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TESTS_FAULTS_OPERATIONS_H
#define SEALMEM_TESTS_FAULTS_OPERATIONS_H

/* Everything that the library does, as a table, for a test that makes it fail at every step. */

#include "tests/faults/inject.h"
#include "tests/support/published.h"

#include <stdbool.h>
#include <stddef.h>

/* A function of the library with the errors that sealmem.h documents. */
struct function {
	const char *name;
	int errors[20];
};

/* What an operation is done to. */
struct subject {
	const struct operation *operation;
	const struct plan *plan;
	struct sealmem_region *region, *other;
	struct sealmem_heap *heap;
	struct pages *pages;
	struct place place;
	struct sealmem_publisher *publisher;
	struct sealmem_subscription *subscription;
	const struct sealmem_region *read;
	uint64_t generation;
	int offered, sockets[2], waiting;
	char *data;
	size_t size, capacity;
	char *piece, *moved;
	int result;
	unsigned faults; /* how many calls are to fail */
	unsigned expected, known;
	char line[256];
};

/* A use of a function. */
struct kind {
	const char *name;
	const struct function *function;
	void (*prepare)(struct subject *s);
	int (*act)(struct subject *s);	      /* 0 or a negative errno */
	void (*unchanged)(struct subject *s); /* after a failure: all is as it was prepared */
	void (*done)(struct subject *s);      /* after success: all was given; releases it */
	void (*after)(struct subject *s);     /* after a failure; if NULL, it is done again */
	const char *never_fails;	      /* why, if so */
	bool first;			      /* the library has not sealed anything before */
	const char *spared;		      /* why no mmap(2) is half done, if so */
	const char *whole;		      /* why no mprotect(2) is half done, if so */
	bool emulated;			      /* on a kernel without mseal(2), or one made so */
	bool foreign;			      /* of a file of somebody else */
	const char *other_way;		      /* why it may succeed after any fault, if so */
	const char *growing; /* why there may be more mappings after a failure, if so */
	const char *staying; /* what stays mapped in the end, if so */
	int refused_here;    /* the answer of a kernel that has nothing of the kind */
	int one_error;	     /* the only errno that it has, if so */
};

struct operation {
	const struct kind *kind;
	unsigned guarantees;
};

extern const struct operation operations[];
extern const size_t operation_count;

/* pages.c: secret memory for programs of libsodium. */
extern const struct kind new_pages, take_page, take_page_again, forbid_page, allow_page, give_page,
	make_sodium, make_sodium_large, free_sodium;

/* The bytes that are given to each function that takes a buffer: 24 pages. */
char *operations_buffer(void);

/* Whether the bytes are those that all memory is filled with. At most 24 pages of them. */
bool intact(const char *bytes, size_t size);
void fill_intact(char *bytes, size_t size);
bool zeroed(const char *bytes, size_t size);

/* Once, before the first of them. */
void prepare_operations(void);

/* Without that, bytes that were lost would look like those that were stored: both are zero. */
bool operations_are_prepared(void);

/* Ends the process, which is one run of one operation, and has the program print why. */
__attribute__((noreturn)) void wrong(const char *file, int line, const char *expected);

#define EXPECT(condition) ((condition) ? (void)0 : wrong(__FILE__, __LINE__, #condition))

/* What sealmem_supported() answers in a child: this process keeps no answer, and the runs must find it by themselves. */
unsigned supported_for_a_child(void);

#endif
