/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_AUDIT_LINES_H
#define SEALMEM_AUDIT_LINES_H

#include <stdbool.h>

bool begins_with(const char *text, const char *start);

/* The text has lines "KEY:\tVALUE". Returns where the value of the first line with this key begins; it ends with the
 * line. NULL if there is no such line. */
const char *find_value(const char *text, const char *key);

/*
 * Names as the kernel writes them, in place: what stands for a character becomes that character. In maps and smaps
 * only the end of a line is written in another way, and a backslash is not: so a file that is called "a\\012" cannot be
 * told from one with the end of a line. In the names of processes in status, a backslash is two.
 */
void unescape_maps(char *name);
void unescape_status(char *name);

#endif
