/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_SERVE_VERIFICATION_H
#define SEALMEM_TOOLS_SERVE_VERIFICATION_H

#include "tools/serve/offer.h"

#include <sys/types.h>

/* A command that is looking at a sealed copy. */
struct verification {
	pid_t process;
	int ended; /* a descriptor that is readable when the command has ended */
};

#define VERIFICATION_NONE ((struct verification){ .process = -1, .ended = -1 })

/* Starts the shell command: the copy is its standard input. `descriptors` is the soft limit that it gets for them. */
int verification_start(struct verification *ret, const char *command, const struct offer *offer,
		       int copy, unsigned long descriptors);

/* After it has ended: EXIT_NOT_YET if it is content, EXIT_NO if not. */
enum exit_status verification_judge(struct verification *verification, struct refusal *why);

/* Ends the command, and what it has started in its process group, if it is still there. */
void verification_end(struct verification *verification);

#endif
