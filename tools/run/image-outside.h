/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_RUN_IMAGE_OUTSIDE_H
#define SEALMEM_TOOLS_RUN_IMAGE_OUTSIDE_H

#include "tools/common/errors.h"

#include <stdbool.h>

struct preload_subject;

/* Whether a program that gains privileges keeps them when this process seals it. */
bool image_outside_keeps_privileges(void);

/* Has the program that this process executes next sealed from outside, as the IMAGE_ bits say. If it cannot be, it ends with
 * EXIT_OURS before it does anything, unless IMAGE_TRY is among them. */
enum exit_status image_outside_prepare(const struct preload_subject *subject, unsigned wanted);

#endif
