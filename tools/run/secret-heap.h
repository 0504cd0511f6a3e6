/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_RUN_SECRET_HEAP_H
#define SEALMEM_TOOLS_RUN_SECRET_HEAP_H

#include "tools/common/errors.h"

struct preload_subject;

/* Checks a list as --secret-heap takes it: words with commas between them. NULL and "" are the empty list. */
enum exit_status secret_heap_check_words(const char *list);

/* Arranges that the secret memory of the libraries of the program is that of sealmem. Before anything else of ours is
 * preloaded. */
enum exit_status secret_heap_prepare(const struct preload_subject *subject, const char *list);

#endif
