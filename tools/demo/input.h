/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_INPUT_H
#define SEALMEM_INPUT_H

#include <stddef.h>

/* Bytes of somebody else's: a file, or what was typed. */
struct input {
	char *bytes;
	size_t size;
};

/* All of a file ("-" is standard input). A negative errno: -EFBIG if it holds more than `most`. */
int input_read(struct input *ret, const char *path, size_t most);

int input_copy(struct input *ret, const char *text);

void input_free(struct input *input);

#endif
