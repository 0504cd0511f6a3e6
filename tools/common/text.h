/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_COMMON_TEXT_H
#define SEALMEM_TOOLS_COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* For CLEANUP(). */
void free_text(char **text);

/* Takes the character set of the user's locale. Everything here does so when it needs it; before anything else prints
 * text of the user, it has to be called. */
void use_locale(void);

/* Prints the bytes. A byte that could move the cursor or be invisible becomes an escape: \n, \\, \x1b. */
void put_escaped(FILE *out, const char *bytes, size_t size);

/* The same for text that has backslashes with a meaning: they stay as they are. */
void put_visible(FILE *out, const char *text);

/* Prints at most about `most` of the bytes. If that is not all, prints the count as well. */
void put_excerpt(FILE *out, const char *bytes, size_t size, size_t most);

/* Prints the text in lines of at most `width` columns, broken only at blanks. The first line is indented by
 * `indent`, the others by `hang`. A width of 0 means one line. */
void put_folded(FILE *out, const char *text, int indent, int hang, int width);

/* The number of terminal columns that the text takes. */
size_t text_width(const char *text);

/* How wide lines on standard output may be: what COLUMNS says, or else the width of the terminal; 0 if it is none, for any
 * width. */
int terminal_width(void);

/* Whether the descriptor is a terminal that understands escape sequences. */
bool takes_escapes(int fd);

/* Whether standard output is such a terminal, and NO_COLOR is unset or empty. */
bool wants_colour(void);

#endif
