/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TESTS_LIVE_EXPECTATIONS_H
#define SEALMEM_TESTS_LIVE_EXPECTATIONS_H

/* What the manual of a library or a function says, each with the way to find out. */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct expectation {
	const char *name;
	bool (*holds)(void);
};

/* Says which are not met. The exit status of the program. */
static inline int meet(const struct expectation *all, size_t count)
{
	int failed = 0;

	for (size_t i = 0; i < count; i++) {
		if (all[i].holds())
			continue;
		(void)printf("not so: %s\n", all[i].name);
		failed = 1;
	}
	return failed;
}

#define MEET(all) meet(all, sizeof(all) / sizeof(*(all)))

#endif
