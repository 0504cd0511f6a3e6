/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_SEAL_WATCH_PATTERN_H
#define SEALMEM_TOOLS_SEAL_WATCH_PATTERN_H

#include "tools/common/errors.h"

#include <stdbool.h>
#include <stddef.h>

/* Which programs are meant, and where they are. All are texts of their own. */
struct patterns {
	char **globs; /* with symbolic links followed, as the kernel names files */
	size_t glob_count;
	char **places; /* something exists there, on each file system that a match can be on */
	size_t place_count;
};

/* Takes an absolute path that may have wildcards, as in glob(7). */
enum exit_status patterns_add(struct patterns *patterns, const char *text);

bool patterns_match(const struct patterns *patterns, const char *path);

void patterns_free(struct patterns *patterns);

#endif
