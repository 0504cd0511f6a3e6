/* SPDX-License-Identifier: MIT */

/*
 * Bytes of strangers on a terminal. A name that somebody else chose may contain sequences that move the
 * cursor, or a line end and a line that looks like ours. The command and the fault report show such bytes as
 * escapes, and both take them from here.
 */

#include "lib/escape.h"

size_t escape_byte(char ret[ESCAPE_MAX], unsigned char byte)
{
	static const char digits[] = "0123456789abcdef", letters[] = "\\\\\tt\nn\rr";

	ret[0] = '\\';
	for (const char *letter = letters; *letter != '\0'; letter += 2)
		if (byte == (unsigned char)letter[0]) {
			ret[1] = letter[1];
			return 2;
		}
	if (byte >= ' ' && byte < 0x7f) {
		ret[0] = (char)byte;
		return 1;
	}
	ret[1] = 'x';
	ret[2] = digits[byte >> 4];
	ret[3] = digits[byte & 0xf];
	return 4;
}
