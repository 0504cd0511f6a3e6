/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_AUDIT_LINES_H
#define SEALMEM_AUDIT_LINES_H

#include <stdbool.h>

bool begins_with(const char *text, const char *start);

/* In a text of lines "KEY:\tVALUE", where the value of the first line of that key begins, up to the end of
 * the line; NULL if there is none. */
const char *find_value(const char *text, const char *key);

#endif
