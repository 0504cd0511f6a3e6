/* SPDX-License-Identifier: MIT */

/*
 * Text that a terminal shows as intended. The bytes come from anybody. A file may contain escape sequences,
 * or characters that are invisible or reverse the direction of the text after them. So only characters
 * that take up room on the screen are shown as they are.
 */

#include "tools/common/text.h"

#include "lib/escape.h"

#include <locale.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

void free_text(char **text)
{
	free(*text);
}

void use_locale(void)
{
	static bool used;

	if (!used)
		(void)setlocale(LC_CTYPE, "");
	used = true;
}

static void put_byte(FILE *out, unsigned char byte)
{
	char text[ESCAPE_MAX] = "";

	(void)fwrite(text, 1, escape_byte(text, byte), out);
}

/* The length in bytes of the character at `bytes` if it takes up room on the screen, otherwise 0. */
static size_t visible_length(const char *bytes, size_t size)
{
	mbstate_t state = { 0 };
	wchar_t character;
	size_t length;

	use_locale();
	length = mbrtowc(&character, bytes, size, &state);
	if (length == 0 || length > size || wcwidth(character) <= 0)
		return 0;
	return length;
}

/* Shows one character and returns its length in bytes. */
static size_t put_character(FILE *out, const char *bytes, size_t size)
{
	size_t length = visible_length(bytes, size);

	if (length > 1)
		(void)fwrite(bytes, 1, length, out);
	else
		put_byte(out, (unsigned char)*bytes);
	return length > 1 ? length : 1;
}

void put_escaped(FILE *out, const char *bytes, size_t size)
{
	put_excerpt(out, bytes, size, SIZE_MAX);
}

void put_visible(FILE *out, const char *text)
{
	while (*text != '\0') {
		size_t length = strcspn(text, "\\");

		put_escaped(out, text, length);
		text += length;
		if (*text == '\\')
			(void)fputc(*text++, out);
	}
}

void put_excerpt(FILE *out, const char *bytes, size_t size, size_t most)
{
	size_t shown = 0;

	while (shown < size && shown < most)
		shown += put_character(out, bytes + shown, size - shown);
	if (shown < size)
		(void)fprintf(out, "... (%zu of %zu bytes)", shown, size);
}

/* The length of the text that fits: up to the last blank within `room`, or else up to the first blank. */
static size_t line_length(const char *text, size_t room)
{
	size_t fits = strcspn(text, " ");

	for (size_t end = fits; end <= room && text[end] != '\0'; end += strcspn(text + end, " ")) {
		fits = end;
		end++;
	}
	return strlen(text) <= room ? strlen(text) : fits;
}

void put_folded(FILE *out, const char *text, int indent, int hang, int width)
{
	while (*text != '\0') {
		size_t room = width > indent ? (size_t)(width - indent) : 1;
		size_t length = width > 0 ? line_length(text, room) : strlen(text);

		(void)fprintf(out, "%*s%.*s\n", indent, "", (int)length, text);
		text += length + strspn(text + length, " ");
		indent = hang;
	}
}

size_t text_width(const char *text)
{
	mbstate_t state = { 0 };
	size_t width = 0, length;
	wchar_t character;

	use_locale();
	for (; *text != '\0'; text += length) {
		int columns;

		length = mbrtowc(&character, text, strlen(text), &state);
		if (length == 0 || length > strlen(text))
			return width + strlen(text);
		columns = wcwidth(character);
		width += columns > 0 ? (size_t)columns : 0;
	}
	return width;
}

/* The user has set it, as for ls(1) and ps(1), also where the output is no terminal. */
static int wanted_width(void)
{
	const char *columns = getenv("COLUMNS");
	long width = columns != NULL ? strtol(columns, NULL, 10) : 0;

	return width > 0 && width <= UINT16_MAX ? (int)width : 0;
}

int terminal_width(void)
{
	struct winsize size = { 0 };

	if (wanted_width() > 0)
		return wanted_width();
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		return 0;
	return size.ws_col > 0 ? size.ws_col : 80;
}

bool takes_escapes(int fd)
{
	const char *terminal = getenv("TERM");

	if (terminal == NULL || *terminal == '\0' || strcmp(terminal, "dumb") == 0)
		return false;
	return isatty(fd);
}

bool wants_colour(void)
{
	const char *no_color = getenv("NO_COLOR");

	return (no_color == NULL || *no_color == '\0') && takes_escapes(STDOUT_FILENO);
}
