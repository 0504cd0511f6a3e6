/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_RUN_FOLLOW_H
#define SEALMEM_TOOLS_RUN_FOLLOW_H

#include "tools/run/secret.h"

#include <stdbool.h>
#include <stdint.h>

/* One name that another process serves, and whose newest generation is wanted. The times are milliseconds. */
struct follower {
	struct secret *secret;
	const struct secret_terms *terms;
	bool lost;	/* the publisher has gone */
	bool told;	/* and that was said */
	int64_t since;	/* when it was there again */
	int64_t again;	/* when to try again what failed; 0: it is not to be tried */
	unsigned pause; /* before that */
};

/* `secret` came from a source that is followed. */
struct follower follower_of(struct secret *secret, const struct secret_terms *terms);

/* The descriptor to wait for, or -1. */
int follower_fd(const struct follower *follower);

/* Takes the newest generation if there is one: the number of the secret's descriptor then leads to it, from one moment to the
 * next. Returns whether its bytes are others. `ready` says that the descriptor was readable. */
bool follower_turn(struct follower *follower, bool ready, int64_t now);

#endif
