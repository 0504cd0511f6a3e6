/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_CREDENTIALS_H
#define SEALMEM_CREDENTIALS_H

#include "tools/run/secret.h"

/* An empty directory that lives as long as somebody has its descriptor open: that, closed on exec, or a
 * negative errno. */
int credentials_new(void);

/* Puts a link to each secret into it, and one to each entry of the $CREDENTIALS_DIRECTORY that this process
 * was given itself. A negative errno, or 0. */
int credentials_fill(int directory, const struct secret *secrets, size_t count);

#endif
