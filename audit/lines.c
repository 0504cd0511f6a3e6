/* SPDX-License-Identifier: MIT */

/*
 * The form that several files of /proc have: lines of a key and a value, in an order that differs between
 * kernels. So a line is looked for by its key, at the beginning of a line, where nobody but the kernel writes.
 */

#include "audit/lines.h"

#include <stddef.h>
#include <string.h>

bool begins_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

static const char *next_line(const char *text)
{
	const char *end = strchr(text, '\n');

	return end != NULL ? end + 1 : NULL;
}

const char *find_value(const char *text, const char *key)
{
	size_t length = strlen(key);

	for (; text != NULL; text = next_line(text))
		if (strncmp(text, key, length) == 0 && text[length] == ':')
			return text + length + 1 + strspn(text + length + 1, "\t ");
	return NULL;
}
