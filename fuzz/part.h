/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_FUZZ_PART_H
#define SEALMEM_FUZZ_PART_H

/* A part of an input, which can be read with offsets, like a file. */

#include "fuzz/promise.h"

#include <stdint.h>
#include <string.h>
#include <sys/types.h>

struct part {
	const uint8_t *bytes;
	size_t size;
};

static inline ssize_t part_read_at(void *from, void *ret, size_t size, off_t offset)
{
	const struct part *part = from;
	size_t left;

	PROMISE(offset >= 0);
	if ((size_t)offset >= part->size)
		return 0;
	left = part->size - (size_t)offset;
	memcpy(ret, part->bytes + offset, size < left ? size : left);
	return (ssize_t)(size < left ? size : left);
}

#endif
