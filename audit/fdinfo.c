/* SPDX-License-Identifier: MIT */

/*
 * How a process holds a file open. A process that has a memfd open for writing can write to it, mapped or not. The
 * lines of fdinfo depend on the kind of the file, so this file looks only for the lines that it needs.
 */

#include "audit/fdinfo.h"

#include "audit/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

static bool number(const char *text, int base, uint64_t *ret, const char **end)
{
	char *after;

	if (text == NULL || *text < '0' || *text > 'f')
		return false;
	errno = 0;
	*ret = strtoull(text, &after, base);
	*end = after;
	return errno == 0 && after != text;
}

static dev_t parse_device(const char *value)
{
	uint64_t high, low;

	if (!number(value, 16, &high, &value) || *value != ':' ||
	    !number(value + 1, 16, &low, &value))
		return 0;
	return makedev((unsigned)high, (unsigned)low);
}

int fdinfo_parse(struct fdinfo *ret, const char *text)
{
	struct fdinfo info = { 0 };
	uint64_t flags;
	const char *end;

	if (!number(find_value(text, "flags"), 8, &flags, &end))
		return -EBADMSG;
	info.writable = (flags & O_ACCMODE) != O_RDONLY && (flags & O_PATH) == 0;
	if (!number(find_value(text, "ino"), 10, &info.file.inode, &end))
		info.file.inode = 0;
	info.file.device = parse_device(find_value(text, "dev"));
	*ret = info;
	return 0;
}
