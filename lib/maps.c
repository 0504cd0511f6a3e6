/* SPDX-License-Identifier: MIT */

/*
 * Reads from /proc which addresses are mapped to what. Two callers with opposite needs share it: a seal
 * that must know which pages it is about to replace, and a signal handler that wants the name of the
 * mapping that was hit. So it allocates nothing, uses little stack, calls nothing but read(2), and
 * takes lines of any length, because a process names its mappings as it likes.
 */

#include "lib/maps.h"

#include "lib/number.h"
#include "lib/util.h"

#include <string.h>
#include <sys/sysmacros.h>

int maps_open(struct maps *ret)
{
	int fd = sys_open("/proc/self/maps", O_RDONLY);

	if (fd < 0)
		return fd;
	ret->fd = fd;
	ret->length = ret->next = 0;
	ret->in_name = ret->only_read = false;
	return 0;
}

int maps_rewind(struct maps *maps)
{
	off_t start;
	int err = sys_seek_hole_or_data(maps->fd, 0, SEEK_SET, &start);

	if (err < 0)
		return err;
	maps->length = maps->next = 0;
	maps->in_name = false;
	return 0;
}

void maps_close(const struct maps *maps)
{
	(void)close_fd(maps->fd);
}

static int refill(struct maps *maps)
{
	ssize_t got;

	do
		got = sys_read(maps->fd, maps->buffer, sizeof(maps->buffer));
	while (got == -EINTR);
	if (got < 0)
		return (int)got;
	maps->length = (size_t)got;
	maps->next = 0;
	return got > 0;
}

/* The next character, 0 at the end of the file. */
static int next_char(struct maps *maps)
{
	if (maps->next == maps->length) {
		int more = refill(maps);

		if (more <= 0)
			return more;
	}
	return (unsigned char)maps->buffer[maps->next++];
}

static int hex_digit(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A number in base 16 and the one character after it, which has to be `end`. */
static int take_hex(struct maps *maps, int end, uint64_t *ret)
{
	uint64_t value = 0;
	int c = next_char(maps), digits = 0;

	for (; hex_digit(c) >= 0; c = next_char(maps), digits++)
		value = value << 4 | (uint64_t)hex_digit(c);
	if (c < 0)
		return c;
	if (c != end || digits == 0 || digits > 16)
		return c == 0 && digits == 0 ? -ENODATA : -EBADMSG;
	*ret = value;
	return 0;
}

/* "p " */
static int take_sharing(struct maps *maps, struct maps_span *span)
{
	int sharing = next_char(maps), end = sharing < 0 ? sharing : next_char(maps);

	span->shared = sharing == 's';
	if (end < 0)
		return end;
	return end == ' ' ? 0 : -EBADMSG;
}

/* "rw-p " */
static int take_protection(struct maps *maps, struct maps_span *span)
{
	static const struct {
		char letter;
		int bit;
	} letters[] = { { 'r', PROT_READ }, { 'w', PROT_WRITE }, { 'x', PROT_EXEC } };

	for (size_t i = 0; i < sizeof(letters) / sizeof(*letters); i++) {
		int c = next_char(maps);

		if (c != letters[i].letter && c != '-')
			return c < 0 ? c : -EBADMSG;
		span->protection |= c == letters[i].letter ? letters[i].bit : 0;
	}
	return take_sharing(maps, span);
}

/* The number of the inode, and the blanks after it. */
static int take_inode(struct maps *maps, uint64_t *ret)
{
	int c;

	for (c = next_char(maps); c >= '0' && c <= '9'; c = next_char(maps))
		*ret = *ret * 10 + (uint64_t)(c - '0');
	while (c == ' ')
		c = next_char(maps);
	maps->in_name = c > 0 && c != '\n';
	maps->next -= maps->in_name;
	return c < 0 ? c : 0;
}

/* Has at least so many characters in the buffer, if the file has them. */
static int look_ahead(struct maps *maps, size_t count)
{
	ssize_t got = 1;

	for (size_t i = 0; i < maps->length - maps->next; i++)
		maps->buffer[i] = maps->buffer[maps->next + i];
	maps->length -= maps->next;
	maps->next = 0;
	while (maps->length < count && (got > 0 || got == -EINTR)) {
		got = sys_read(maps->fd, maps->buffer + maps->length,
			       sizeof(maps->buffer) - maps->length);
		maps->length += got > 0 ? (size_t)got : 0;
	}
	return got < 0 ? (int)got : 0;
}

/* After a backslash: 1 if the kernel has written it for the end of a line, and then that is taken. A backslash of the
 * name it writes as it is. */
static int take_line_end(struct maps *maps)
{
	static const char code[] = { '0', '1', '2' };
	int err = look_ahead(maps, sizeof(code));

	if (err < 0 || maps->length < sizeof(code))
		return err;
	for (size_t i = 0; i < sizeof(code); i++)
		if (maps->buffer[i] != code[i])
			return 0;
	maps->next = sizeof(code);
	return 1;
}

/* The next character of the name, 0 at its end. */
static int next_of_name(struct maps *maps)
{
	int c = maps->in_name ? next_char(maps) : 0, taken = 0;

	if (c == '\n')
		c = 0;
	if (c == '\\')
		taken = take_line_end(maps);
	if (taken != 0)
		c = taken > 0 ? '\n' : taken;
	maps->in_name = c > 0;
	return c;
}

int maps_take_name(struct maps *maps, char *ret, size_t room)
{
	int c = 0, length = 0;

	while ((size_t)length < room && (c = next_of_name(maps)) > 0)
		ret[length++] = (char)c;
	return c < 0 ? c : length;
}

static int skip_name(struct maps *maps)
{
	int c;

	while ((c = next_of_name(maps)) > 0)
		;
	return c;
}

/* "fd:01 1234567    " */
static int take_file(struct maps *maps, struct maps_span *span)
{
	uint64_t major, minor;
	int err = take_hex(maps, ':', &major);

	if (err == 0)
		err = take_hex(maps, ' ', &minor);
	if (err < 0)
		return err;
	span->file.device = makedev((unsigned)major, (unsigned)minor);
	return take_inode(maps, &span->file.inode);
}

int maps_next_span(struct maps *maps, struct maps_span *ret)
{
	struct maps_span span = { 0 };
	uint64_t start = 0, end = 0;
	int err = skip_name(maps);

	if (err == 0)
		err = take_hex(maps, '-', &start);
	if (err == -ENODATA)
		return 0;
	if (err == 0)
		err = take_hex(maps, ' ', &end);
	if (err == 0)
		err = take_protection(maps, &span);
	if (err == 0)
		err = take_hex(maps, ' ', &span.offset);
	if (err == 0)
		err = take_file(maps, &span);
	if (err < 0)
		return err;
	span.start = (uintptr_t)start;
	span.end = (uintptr_t)end;
	*ret = span;
	return 1;
}

int maps_find(struct maps *maps, uintptr_t address, struct maps_span *ret)
{
	int more;

	while ((more = maps_next_span(maps, ret)) > 0 && ret->end <= address)
		;
	return more > 0 ? maps_holds(ret, address) : more;
}

int maps_next(struct maps *maps, struct maps_entry *ret)
{
	struct maps_span span;
	char name[sizeof(ret->name)];
	int more = maps_next_span(maps, &span), length;

	if (more <= 0)
		return more;
	length = maps_take_name(maps, name, sizeof(name) - 1);
	if (length >= 0 && (more = skip_name(maps)) < 0)
		length = more;
	if (length < 0)
		return length;
	*ret = (struct maps_entry){ .start = span.start,
				    .end = span.end,
				    .protection = span.protection,
				    .shared = span.shared,
				    .offset = span.offset };
	memcpy(ret->name, name, (size_t)length);
	return 1;
}

/* start_brk is field 47 of proc_pid_stat(5), and the second field is the name of the program. */
int maps_heap_start(uint64_t *ret)
{
	return number_read("/proc/self/stat", 47 - 1, ret);
}
