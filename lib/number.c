/* SPDX-License-Identifier: MIT */

/*
 * Numbers that the kernel tells in /proc and nowhere else. They are read without the C library's streams, because a
 * seal may happen before the program has begun.
 */

#include "lib/number.h"

#include "lib/util.h"

#include <string.h>

static int nth_number(const char *text, int n, uint64_t *ret)
{
	uint64_t value = 0;

	for (; n > 1 && *text != '\0'; text++)
		n -= *text == ' ';
	if (n > 1 || *text < '0' || *text > '9')
		return -EBADMSG;
	for (; *text >= '0' && *text <= '9'; text++)
		value = value * 10 + (uint64_t)(*text - '0');
	*ret = value;
	return 0;
}

/* The kernel writes all of it at one read. A name may contain parentheses. */
int number_read(const char *path, int n, uint64_t *ret)
{
	CLEANUP(close_fd_at) int fd = sys_open(path, O_RDONLY);
	char text[2048];
	const char *name_end;
	ssize_t got;

	if (fd < 0)
		return fd;
	do
		got = sys_read(fd, text, sizeof(text) - 1);
	while (got == -EINTR);
	if (got < 0)
		return (int)got;
	text[got] = '\0';
	name_end = strrchr(text, ')');
	return nth_number(name_end != NULL ? name_end : text, n, ret);
}
