/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_RUN_FILES_H
#define SEALMEM_TOOLS_RUN_FILES_H

#include "tools/run/secret.h"

#include <limits.h>

/* What the files are made of. */
struct files_order {
	const char *directory; /* where they appear; "" for the usual place */
	const struct secret *secrets;
	size_t count;
	const struct secret_terms *terms;
	bool inherit; /* add the entries of the $CREDENTIALS_DIRECTORY of this process */
	bool hidden;  /* nobody may look at this process any more */
};

/* Where the files are, an absolute path without symbolic links. */
struct files_place {
	char path[PATH_MAX];
};

/*
 * Moves this process into a mount namespace of its own, in which the directory has a regular file for each secret,
 * on a file system that is read-only for good. A process without CAP_SYS_ADMIN moves into a user namespace, too.
 * After a failure the process must not execute the program.
 */
enum exit_status files_make(struct files_place *ret, const struct files_order *order);

#endif
