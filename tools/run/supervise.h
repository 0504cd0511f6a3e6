/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_RUN_SUPERVISE_H
#define SEALMEM_TOOLS_RUN_SUPERVISE_H

#include "tools/run/secret.h"

/* What to do at a newer generation of what another process serves. */
struct update {
	bool wanted;
	int signal; /* for the program; 0: it ends and starts again */
};

/* "restart" or a signal. */
enum exit_status update_parse(struct update *ret, const char *text);

struct supervision {
	struct update update;
	struct secret *secrets;
	size_t count;
	const struct secret_terms *terms;
	/* In a child: executes the program. Returns only if that fails. */
	enum exit_status (*start)(void *data);
	void *data;
};

/* Starts the program as a child, and tells it of newer generations until it ends. Returns what to exit with; in the child, why
 * the program was not executed. If a signal has ended the program, it ends this process. */
enum exit_status supervise(const struct supervision *what);

#endif
