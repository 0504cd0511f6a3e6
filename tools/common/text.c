/* SPDX-License-Identifier: MIT */

/*
 * Text that a terminal shows as it was meant. The bytes shown are anybody's: a file may hold escape
 * sequences, and characters that are invisible or reverse the direction of what follows, so
 * only what takes up room on the screen is shown as it is.
 */

#include "tools/common/text.h"

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

static void put_byte(FILE *out, unsigned char byte)
{
	static const char escapes[] = "\\\\\tt\nn\rr";

	for (const char *escape = escapes; *escape != '\0'; escape += 2) {
		if (byte == (unsigned char)escape[0]) {
			(void)fprintf(out, "\\%c", escape[1]);
			return;
		}
	}
	(void)fprintf(out, byte >= ' ' && byte < 0x7f ? "%c" : "\\x%02x", byte);
}

/* How many bytes the character at `bytes` has, if it takes up room on the screen; otherwise 0. */
static size_t visible_length(const char *bytes, size_t size)
{
	mbstate_t state = { 0 };
	wchar_t character;
	size_t length = mbrtowc(&character, bytes, size, &state);

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

void put_excerpt(FILE *out, const char *bytes, size_t size, size_t most)
{
	size_t shown = 0;

	while (shown < size && shown < most)
		shown += put_character(out, bytes + shown, size - shown);
	if (shown < size)
		(void)fprintf(out, "... (%zu of %zu bytes)", shown, size);
}

/* How much of the text fits: up to the last blank before `room` runs out, or else up to the first. */
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

int terminal_width(void)
{
	struct winsize size = { 0 };

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
