/* SPDX-License-Identifier: MIT */

/*
 * What is mapped where, read from /proc. Two callers with opposite needs share it: a seal that must
 * know what it is about to replace, and a signal handler that wants the name of what was hit. So it
 * allocates nothing, uses little stack, calls nothing but read(2), and takes lines of any length: a
 * process names its mappings as it likes.
 */

#include "lib/maps.h"

#include "lib/util.h"

#include <string.h>

int maps_open(struct maps *ret)
{
	int fd = sys_open("/proc/self/maps", O_RDONLY);

	if (fd < 0)
		return fd;
	*ret = (struct maps){ .fd = fd };
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

/* A number in base 16 and the one character behind it, which has to be `behind`. */
static int take_hex(struct maps *maps, int behind, uint64_t *ret)
{
	uint64_t value = 0;
	int c = next_char(maps), digits = 0;

	for (; hex_digit(c) >= 0; c = next_char(maps), digits++)
		value = value << 4 | (uint64_t)hex_digit(c);
	if (c < 0)
		return c;
	if (c != behind || digits == 0 || digits > 16)
		return c == 0 && digits == 0 ? -ENODATA : -EBADMSG;
	*ret = value;
	return 0;
}

/* "rw-p " */
static int take_protection(struct maps *maps, struct maps_entry *entry)
{
	static const struct {
		char letter;
		int bit;
	} letters[] = { { 'r', PROT_READ }, { 'w', PROT_WRITE }, { 'x', PROT_EXEC } };

	for (size_t i = 0; i < sizeof(letters) / sizeof(*letters); i++) {
		int c = next_char(maps);

		if (c != letters[i].letter && c != '-')
			return c < 0 ? c : -EBADMSG;
		entry->protection |= c == letters[i].letter ? letters[i].bit : 0;
	}
	entry->shared = next_char(maps) == 's';
	return next_char(maps) == ' ' ? 0 : -EBADMSG;
}

/* Device and inode, the blanks behind them, and the name up to the end of the line. */
static int take_name(struct maps *maps, struct maps_entry *entry)
{
	size_t length = 0;
	int c, fields = 0;

	while ((c = next_char(maps)) > 0 && c != '\n' && fields < 2)
		fields += c == ' ';
	while (c == ' ')
		c = next_char(maps);
	for (; c > 0 && c != '\n'; c = next_char(maps))
		if (length < sizeof(entry->name) - 1)
			entry->name[length++] = (char)c;
	entry->name[length] = '\0';
	return c < 0 ? c : 0;
}

int maps_next(struct maps *maps, struct maps_entry *ret)
{
	struct maps_entry entry = { 0 };
	uint64_t start = 0, end = 0;
	int err = take_hex(maps, '-', &start);

	if (err == -ENODATA)
		return 0;
	if (err == 0)
		err = take_hex(maps, ' ', &end);
	if (err == 0)
		err = take_protection(maps, &entry);
	if (err == 0)
		err = take_hex(maps, ' ', &entry.offset);
	if (err == 0)
		err = take_name(maps, &entry);
	if (err < 0)
		return err;
	entry.start = (uintptr_t)start;
	entry.end = (uintptr_t)end;
	*ret = entry;
	return 1;
}
