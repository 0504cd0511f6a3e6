/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_RUN_IMAGE_H
#define SEALMEM_TOOLS_RUN_IMAGE_H

#include "tools/common/errors.h"

/* Checks a list as --image takes it: words with commas between them. NULL and "" are the empty list. */
enum exit_status image_check_words(const char *list);

/* Arranges that the image of the named program is sealed when it starts. That holds for one file. The caller must
 * execute that file, which is located then. If none is located, the program may be executed unsealed. */
struct program;
enum exit_status image_prepare(struct program *program, const char *list, const char *name);

#endif
