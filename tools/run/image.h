/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_RUN_IMAGE_H
#define SEALMEM_TOOLS_RUN_IMAGE_H

#include "tools/common/errors.h"

#include <stdbool.h>

/* Checks a list as --image takes it: words with commas between them. NULL and "" are the empty list. */
enum exit_status image_check_words(const char *list);

struct preload_subject;

/* Arranges that the image of the program is sealed when it starts. Nothing but its execution may follow. `copied`: a copy of it
 * will be executed, that nobody may look into. If it cannot be, and may start all the same, its file
 * is closed: it is executed by its name, as env(1) does. */
enum exit_status image_prepare(struct preload_subject *subject, const char *list, bool copied);

#endif
