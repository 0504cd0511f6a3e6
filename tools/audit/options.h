/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_AUDIT_OPTIONS_H
#define SEALMEM_TOOLS_AUDIT_OPTIONS_H

#include "tools/audit/views.h"
#include "tools/common/errors.h"

struct options {
	int all, self, raw, flagged_only, quiet,
		no_progress; /* truths, as getopt_long(3) sets them */
	pid_t *pids;
	size_t pid_count;
	char **command;
	const char *procfs, *svg, *columns;
	const struct view *view;
	double interval; /* of --watch, in seconds; 0: audit once */
	unsigned needs;	 /* what process_read() has to find out */
	struct rules rules;
};

/* Prints what is wrong, or the help. */
enum exit_status options_parse(struct options *ret, int argc, char **argv);

void options_free(struct options *options);

#endif
