/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_DEMO_INPUT_H
#define SEALMEM_TOOLS_DEMO_INPUT_H

#include <stddef.h>

/* Bytes from outside: a file, or the text of an option. */
struct input {
	char *bytes;
	size_t size;
};

/* Reads a whole file; "-" is standard input. Returns 0 or a negative errno, -EFBIG for more than `most` bytes. */
int input_read(struct input *ret, const char *path, size_t most);

/* Copies the text. Returns 0 or -ENOMEM. */
int input_copy(struct input *ret, const char *text);

void input_free(struct input *input);

#endif
