/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TEXT_H
#define SEALMEM_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* For CLEANUP(). */
void free_text(char **text);

/* The bytes, with everything that could move the cursor or be invisible as an escape: \n, \\, \x1b. */
void put_escaped(FILE *out, const char *bytes, size_t size);

/* At most about `most` of the bytes, and how many there are if that is not all. */
void put_excerpt(FILE *out, const char *bytes, size_t size, size_t most);

/* The text in lines of `width` at most, broken at blanks only: the first line indented by `indent`, the
 * others by `hang`. A width of 0 means one line. */
void put_folded(FILE *out, const char *text, int indent, int hang, int width);

/* How many columns of a terminal the text takes. */
size_t text_width(const char *text);

/* Columns of the terminal that standard output is; 0 if it is none. */
int terminal_width(void);

/* Whether the descriptor is a terminal that is known to be more than a printer. */
bool takes_escapes(int fd);

/* Whether standard output is such a terminal, and its user has not asked for NO_COLOR. */
bool wants_colour(void);

#endif
