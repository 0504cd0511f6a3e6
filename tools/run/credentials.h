/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_RUN_CREDENTIALS_H
#define SEALMEM_TOOLS_RUN_CREDENTIALS_H

#include "tools/run/paths.h"
#include "tools/run/secret.h"

/* Creates an empty directory that exists as long as a process has its descriptor open. Returns the
 * descriptor, closed on exec, or a negative errno. */
int credentials_new(void);

/* Creates a link to each secret, and one to each entry of the $CREDENTIALS_DIRECTORY of this process. Returns
 * 0 or a negative errno. */
int credentials_fill(int directory, const struct paths *paths, const struct secret *secrets,
		     size_t count);

/* Only the links to the entries of the $CREDENTIALS_DIRECTORY of this process. */
int credentials_link_inherited(int directory);

#endif
