/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_RUN_SECRET_HEAP_H
#define SEALMEM_TOOLS_RUN_SECRET_HEAP_H

#include "tools/common/errors.h"

struct program;

/* Checks a list as --secret-heap takes it: words with commas between them. NULL and "" are the empty list. */
enum exit_status secret_heap_check_words(const char *list);

/* Arranges that the secret memory of the libraries of the named program is that of sealmem. That holds for one file,
 * which is located then, and which the caller must execute. */
enum exit_status secret_heap_prepare(struct program *program, const char *list, const char *name);

#endif
