/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_SERVE_OFFER_H
#define SEALMEM_TOOLS_SERVE_OFFER_H

#include "tools/common/digest.h"
#include "tools/common/errors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sealmem_region;

/* A label of a generation is this, and the digits of its digest. */
#define DIGEST_PREFIX "sha256:"

/* A name that is served, the file that its bytes come from, and the generation that others have. */
struct offer {
	char *name, *path;
	bool expects; /* this digest, and no other */
	struct digest expected;
	uint64_t generation; /* 0 before the first one */
	uint64_t stored;     /* the number of the one that the manager keeps, or 0 */
	uint64_t size;
	struct digest digest;
};

/* Parses "NAME=FILE[,sha256=HEX]". */
enum exit_status offer_parse(struct offer *ret, const char *text);

void offer_release(struct offer *offer);

/* What a file holds now: sealed, so that what is found out about it stays true. */
struct version {
	struct sealmem_region *region;
	struct digest digest;
};

void version_release(struct version *version);

/* Why a file is not served: one line, without its end. */
struct refusal {
	char text[1024];
};

/* How a file is read. */
struct loading {
	size_t most; /* bytes */
	/* What is done between two pieces of it; anything but 0 ends it. */
	int (*meanwhile)(void *data);
	void *data;
};

/*
 * Reads the file into a sealed region, and verifies that. EXIT_NOT_YET if it is good. EXIT_NO if it has another digest,
 * EXIT_LACKING if the kernel seals nothing, EXIT_FAILED if it cannot be read; then `why` says more.
 */
enum exit_status version_load(struct version *ret, const struct offer *offer,
			      const struct loading *loading, struct refusal *why);

/*
 * The same of a descriptor that was stored: nothing is believed of it. EXIT_NO if it is not good, EXIT_FAILED if that
 * cannot be found out now.
 */
enum exit_status version_accept(struct version *ret, const struct offer *offer, int fd, size_t most,
				struct refusal *why);

/* Puts a text into `why`. Returns `code`. */
enum exit_status refuse(struct refusal *why, enum exit_status code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
