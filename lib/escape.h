/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_ESCAPE_H
#define SEALMEM_ESCAPE_H

#include <stddef.h>

/* The most characters that stand for one byte. */
#define ESCAPE_MAX 4

/* What a terminal is shown of a byte: the byte itself if it is a printable character of ASCII, and otherwise an
 * escape: \n, \\, \x1b. Returns the number of characters, which no zero ends. Safe in a signal handler. */
size_t escape_byte(char ret[ESCAPE_MAX], unsigned char byte);

#endif
