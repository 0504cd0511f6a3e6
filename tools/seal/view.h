/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_SEAL_VIEW_H
#define SEALMEM_TOOLS_SEAL_VIEW_H

#include "outside/outside.h"

#include <stdbool.h>
#include <stddef.h>

/* What was done with some processes, or what would be. */
struct answer {
	struct outside *processes;
	size_t count;
	bool planned; /* nothing was done */
};

/* A line for each process. */
void answer_table_print(const struct answer *answer);

/* A line for each range. */
void answer_ranges_print(const struct answer *answer);

void answer_json_print(const struct answer *answer);

#endif
