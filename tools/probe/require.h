/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_PROBE_REQUIRE_H
#define SEALMEM_TOOLS_PROBE_REQUIRE_H

#include "tools/common/verdict.h"

#include <stdbool.h>

/* What a user requires of this machine. */
struct requirement {
	unsigned guarantees; /* 0: nothing */
	bool met;
	/* Why not all of them are available at once, although each of them is alone. */
	struct verdict together;
};

/* Adds the guarantees of a list, with commas between their names. NULL, or the first name that is none. */
const char *requirement_add(struct requirement *requirement, const char *names);

/* Judges it. There is one verdict for each guarantee, in the order of their bits. */
void requirement_judge(struct requirement *requirement, const struct verdict *verdicts);

/* One line: what is missing, why, and what to do; or what is available. */
void requirement_print(const struct requirement *requirement, const struct verdict *verdicts);

#endif
