/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_SEAL_CHOOSE_H
#define SEALMEM_TOOLS_SEAL_CHOOSE_H

#include "tools/common/errors.h"

#include <regex.h>
#include <stdbool.h>
#include <sys/types.h>

/* Which processes are meant. */
struct choice {
	pid_t *pids; /* those that were named */
	size_t count;
	bool matching; /* every process whose name matches `pattern` */
	regex_t pattern;
	const char *
		unit; /* NULL, or every process of a unit of systemd, or of another control group */
};

/* Takes one more number. */
enum exit_status choice_add_pid(struct choice *choice, const char *text);

/* Takes an extended regular expression. */
enum exit_status choice_set_pattern(struct choice *choice, const char *text);

/* Adds the processes that are meant and are not among the numbers yet. Returns how many. */
size_t choice_find_more(struct choice *choice);

void choice_free(struct choice *choice);

#endif
