/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_SERVE_LOG_H
#define SEALMEM_TOOLS_SERVE_LOG_H

#include "tools/common/digest.h"

#include <stdbool.h>
#include <stdint.h>

struct json_object;

/* One thing that happened. What is NULL or 0 is not known, or does not belong to it. */
struct fact {
	const char *event; /* one word */
	const char *name;  /* of what is served */
	uint64_t generation, size;
	const struct digest *digest;
	const char *text;
};

/* Prints one line on standard error: for people, or as JSON. */
void fact_print(const struct fact *fact, bool json);

/* The number of a generation as a text, because many programs read a number of JSON as a double, which has too few
 * digits. 0 becomes null. */
struct json_object *json_generation(uint64_t generation);

#endif
