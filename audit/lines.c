/* SPDX-License-Identifier: MIT */

/*
 * Several files of /proc have this form: lines of a key and a value, in an order that differs between kernels. This
 * file finds a line by the key at its beginning, because nobody but the kernel writes there.
 */

#include "audit/lines.h"

#include <stddef.h>
#include <string.h>

bool begins_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

struct escape {
	const char *text;
	char character;
};

static const struct escape *escape_at(const char *text, const struct escape *escapes)
{
	for (; escapes->text != NULL; escapes++)
		if (begins_with(text, escapes->text))
			return escapes;
	return NULL;
}

/* `escapes` ends with a row without a text. */
static void unescape(char *name, const struct escape *escapes)
{
	char *to = name;

	while (*name != '\0') {
		const struct escape *escape = escape_at(name, escapes);

		*to++ = escape != NULL ? escape->character : *name;
		name += escape != NULL ? strlen(escape->text) : 1;
	}
	*to = '\0';
}

void unescape_maps(char *name)
{
	static const struct escape escapes[] = { { "\\012", '\n' }, { NULL, '\0' } };

	unescape(name, escapes);
}

void unescape_status(char *name)
{
	static const struct escape escapes[] = {
		{ "\\n", '\n' },
		{ "\\\\", '\\' },
		{ NULL, '\0' },
	};

	unescape(name, escapes);
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
