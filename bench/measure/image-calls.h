/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_BENCH_IMAGE_CALLS_H
#define SEALMEM_BENCH_IMAGE_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

/*
 * The system calls that a seal of the image of a process needs, made by the process itself in the best order that we know, and
 * nothing else: no choice of objects, no check, no roll-back. One sealed memfd replaces the RELRO pages, and then the
 * addresses of each object are sealed. A failure aborts.
 */

#define MOST_PARTS 64

/* Whole pages, in the order of the objects. */
struct parts {
	struct iovec of[MOST_PARTS];
	size_t count;
};

struct image {
	struct parts relro, extents;
	size_t page;
	int file; /* a sealed copy of the bytes of RELRO */
};

/* Finds the objects, and makes the copy. */
void image_prepare(struct image *ret);

/* Whether the pages still have the bytes of the copy, which is mapped first. */
const char *image_map_copy(const struct image *image);
bool image_is_same(const struct image *image, const char *copy);

/* Replaces the pages and seals all addresses. */
void image_seal(const struct image *image);

#endif
