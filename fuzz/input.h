/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_FUZZ_INPUT_H
#define SEALMEM_FUZZ_INPUT_H

/* An input as a row of choices. Where it ends, each choice is 0. */

#include <stddef.h>
#include <stdint.h>

struct input {
	const uint8_t *bytes;
	size_t size;
};

static inline uint8_t next(struct input *input)
{
	if (input->size == 0)
		return 0;
	input->size--;
	return *input->bytes++;
}

#endif
