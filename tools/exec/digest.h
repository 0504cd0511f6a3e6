/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_DIGEST_H
#define SEALMEM_DIGEST_H

#include <stdbool.h>

/* A SHA-256. */
struct digest {
	unsigned char bytes[32];
};

/* From 64 hexadecimal digits. False for anything else. */
bool digest_parse(struct digest *ret, const char *text);

/* Of all bytes that can be read from the descriptor's file, from its beginning. A negative errno, or 0. */
int digest_of(struct digest *ret, int fd);

bool digest_equal(const struct digest *a, const struct digest *b);

#define DIGEST_TEXT_SIZE (2 * sizeof(struct digest) + 1)

void digest_print(char ret[DIGEST_TEXT_SIZE], const struct digest *digest);

#endif
