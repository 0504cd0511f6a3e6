/* SPDX-License-Identifier: MIT */

/*
 * One setting of the machine: how its value is found, stored and written. The place that shows a value may be
 * missing (an older kernel, a container without /proc) or closed to plain users. Each case has its own
 * state: a value that cannot be read is never reported as a value that does not exist.
 */

#include "tools/probe/setting.h"

#include "lib/util.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Without /proc and /sys every file in them is missing, even if the kernel has the setting. */
static bool is_mounted(const char *path)
{
	static const char *const places[] = { "/proc/self", "/sys/module" };
	const char *place = places[strncmp(path, "/sys/", 5) == 0];

	return access(place, F_OK) == 0;
}

int setting_read_text(const char *path, char *ret, size_t size)
{
	CLEANUP(close_fd_at) int fd = sys_open(path, O_RDONLY);
	ssize_t got;

	if (fd < 0)
		return fd;
	got = sys_read(fd, ret, size - 1);
	if (got < 0)
		return (int)got;
	ret[got] = '\0';
	return 0;
}

void setting_set_effect(struct setting *s, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(s->effect, sizeof(s->effect), format, arguments);
	va_end(arguments);
}

void setting_set_number(struct setting *s, uint64_t number)
{
	s->state = SETTING_FOUND;
	s->is_number = true;
	s->number = number;
}

void setting_set_word(struct setting *s, const char *word, size_t length)
{
	if (length > sizeof(s->word) - 1)
		length = sizeof(s->word) - 1;
	for (size_t i = 0; i < length; i++)
		s->word[i] = isascii(word[i]) && isprint(word[i]) ? word[i] : '?';
	s->word[length] = '\0';
	s->state = SETTING_FOUND;
}

void setting_set_string(struct setting *s, const char *word)
{
	setting_set_word(s, word, strlen(word));
}

void setting_set_tried(struct setting *s, int err, const char *works, const char *otherwise)
{
	setting_set_string(s, err == 0 ? "works" : strerror(-err));
	setting_set_effect(s, "%s", err == 0 ? works : otherwise);
}

void setting_set_missing(struct setting *s, const char *path, int error)
{
	bool absent = error == -ENOENT && is_mounted(path);

	s->state = absent ? SETTING_ABSENT : SETTING_UNREADABLE;
}

void setting_read_number(struct setting *s, const char *path)
{
	char text[32];
	int err = setting_read_text(path, text, sizeof(text));

	if (err < 0)
		setting_set_missing(s, path, err);
	else
		setting_set_number(s, strtoull(text, NULL, 10));
}

void setting_format_bytes(char *ret, size_t size, uint64_t bytes)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
	size_t unit = 0;

	while (bytes != 0 && bytes % 1024 == 0 && unit + 1 < sizeof(units) / sizeof(*units)) {
		bytes /= 1024;
		unit++;
	}
	(void)snprintf(ret, size, "%" PRIu64 " %s", bytes, units[unit]);
}

void setting_format(char *ret, size_t size, const struct setting *s)
{
	static const char *const missing[] = { "", "not present", "not set", "not readable" };

	if (s->state != SETTING_FOUND)
		(void)snprintf(ret, size, "%s", missing[s->state]);
	else if (!s->is_number)
		(void)snprintf(ret, size, "%s", s->word);
	else if (s->number == UINT64_MAX)
		(void)snprintf(ret, size, "unlimited");
	else if (s->in_bytes)
		setting_format_bytes(ret, size, s->number);
	else
		(void)snprintf(ret, size, "%" PRIu64, s->number);
}
