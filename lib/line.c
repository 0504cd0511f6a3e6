/* SPDX-License-Identifier: MIT */

/*
 * The one line that the library writes: about a stray access, or about a heap that is corrupted. It is built
 * without the help of the C library, because printf may take locks, and a broken process may hold them.
 */

#include "lib/line.h"

#include "lib/escape.h"
#include "lib/quiet.h"
#include "lib/util.h"

void line_put(struct line *line, const char *text, size_t length)
{
	size_t room = sizeof(line->text) - line->length;

	if (length > room)
		length = room;
	for (size_t i = 0; i < length; i++)
		line->text[line->length++] = text[i];
}

void line_put_text(struct line *line, const char *text)
{
	size_t length = 0;

	while (text[length] != '\0')
		length++;
	line_put(line, text, length);
}

void line_put_number(struct line *line, uint64_t value, unsigned base)
{
	char digits[20];
	size_t at = sizeof(digits);

	do
		digits[--at] = "0123456789abcdef"[value % base];
	while ((value /= base) != 0);
	line_put_text(line, base == 16 ? "0x" : "");
	line_put(line, digits + at, sizeof(digits) - at);
}

void line_put_offset(struct line *line, int64_t offset)
{
	line_put_text(line, offset < 0 ? "-" : "");
	line_put_number(line, offset < 0 ? -(uint64_t)offset : (uint64_t)offset, 10);
}

/* A quote would end the name. */
void line_put_foreign(struct line *line, char byte, size_t end)
{
	char text[ESCAPE_MAX] = { '\\', '"' };
	size_t length = byte == '"' ? 2 : escape_byte(text, (unsigned char)byte);

	line->cut = line->cut || line->length + length > end;
	if (!line->cut)
		line_put(line, text, length);
}

void line_end_foreign(struct line *line)
{
	line_put_text(line, line->cut ? "..." : "");
	line->cut = false;
}

void line_write(const struct line *line, int fd)
{
	struct quiet quiet;

	if (sys_writable(fd) != 0 && quiet_begin(&quiet, QUIET_WRITE) == 0)
		(void)quiet_end(&quiet, sys_write(fd, line->text, line->length));
}
