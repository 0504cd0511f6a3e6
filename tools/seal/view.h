/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_SEAL_VIEW_H
#define SEALMEM_TOOLS_SEAL_VIEW_H

#include "outside/outside.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct json_object;

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

/* What is sealed in one process, and how long that took, without a newline. */
void process_line_print(FILE *out, const struct outside *process);

/* The same as members of `object`. */
void process_json_add(struct json_object *object, const struct outside *process);

#endif
