/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_OUTSIDE_HEADERS_H
#define SEALMEM_OUTSIDE_HEADERS_H

#include "audit/elf-file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More than any object has. */
#define HEADERS_EXCLUSIONS 16

struct extent {
	uint64_t start, end;
};

/* More than most objects have; those that come after are not looked at. */
#define HEADERS_SEGMENTS 16

/* The first page of a part that the loader maps, and where that is in the file. */
struct segment {
	uint64_t start, offset;
};

/* What the headers of a program or library in the memory of another process say, as addresses there. They may lie. */
struct headers {
	uint64_t bias;
	uint64_t end;	     /* after its last segment, in whole pages */
	struct extent relro; /* whole pages; empty if there is none */
	struct extent dynamic;
	struct extent table; /* of the program headers */
	bool marked;	     /* the linker asks for all of it to be sealed */
	bool has_name;	     /* for programs that are linked with it (DT_SONAME) */
	bool pie;	     /* it is marked as a program that is position-independent (DF_1_PIE) */
	bool gnu;	     /* it is linked with glibc, which leaves a note */
	bool relocated_text; /* the loader wrote to its code */
	bool has_debug;	     /* its dynamic section has a place for DT_DEBUG */
	uint64_t debug;	     /* 0: nothing is there */
	struct segment segments[HEADERS_SEGMENTS];
	size_t segment_count;
	struct extent exclusions[HEADERS_EXCLUSIONS]; /* whole pages that it asks to leave alone */
	size_t exclusion_count;
};

/*
 * Reads the headers that begin at an address, with pages of `page` bytes. -ENOEXEC if there is no object of this
 * architecture, or one that no loader would have mapped; or what `read` answers, whose offsets are addresses.
 */
int headers_read(struct headers *ret, elf_reader *read, void *memory, uint64_t start,
		 uint64_t page);

/* Whether the loader of the program with these headers is at work: it adds or removes an object, in any of its
 * namespaces. `has_loader`: the kernel has mapped one. */
bool headers_loader_is_at_work(const struct headers *program, elf_reader *read, void *memory,
			       bool has_loader);

#endif
