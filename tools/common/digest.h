/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_COMMON_DIGEST_H
#define SEALMEM_TOOLS_COMMON_DIGEST_H

#include <stdbool.h>

/* A SHA-256. */
struct digest {
	unsigned char bytes[32];
};

/* Reads 64 hexadecimal digits. Returns false for any other text. */
bool digest_parse(struct digest *ret, const char *text);

/* Computes the digest of all bytes of the file, from its beginning. Returns 0 or a negative errno. */
int digest_of(struct digest *ret, int fd);

/* Why it did not, in words. */
const char *digest_fault(int err);

bool digest_equal(const struct digest *a, const struct digest *b);

#define DIGEST_TEXT_SIZE (2 * sizeof(struct digest) + 1)

void digest_format(char ret[DIGEST_TEXT_SIZE], const struct digest *digest);

#endif
