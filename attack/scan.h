/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_ATTACK_SCAN_H
#define SEALMEM_ATTACK_SCAN_H

#include <stddef.h>
#include <stdint.h>

/* A secret of 32 bytes. Its words are kept inverted, so that what knows the secret is no copy of it. */
#define SECRET_WORDS 4
#define SECRET_SIZE  (SECRET_WORDS * sizeof(uint64_t))
struct secret {
	uint64_t inverted[SECRET_WORDS];
};

/* A secret that nobody had before. */
void secret_choose(struct secret *ret);
void secret_write(const struct secret *secret, char *to);

/* Whether the secret is there. It may fault, and is not instrumented. */
int secret_is_at(const struct secret *secret, const char *at);

/*
 * Looks for the secret in all memory of the process that can be loaded, byte by byte, and returns the first place, or
 * NULL. It leaves out the stacks and the registers, where what wrote or read the secret may have left it.
 */
const char *scan_process(const struct secret *secret);

#endif
