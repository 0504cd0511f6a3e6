/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_COMMON_SIZE_H
#define SEALMEM_TOOLS_COMMON_SIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Reads a number of bytes, which may end in K, M or G. Returns false for any other text. */
bool size_parse(size_t *ret, const char *text);

/* Reads a decimal number from 1 to `most`. Returns false for any other text. */
bool count_parse(unsigned *ret, const char *text, unsigned most);

/* Prints a size for people, in the largest unit that it fits. */
void size_print(FILE *out, uint64_t bytes);

#endif
