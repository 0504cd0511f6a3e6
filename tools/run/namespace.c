/* SPDX-License-Identifier: MIT */

/* A plain user may mount in a namespace of their own. */

#include "tools/run/namespace.h"

#include "lib/util.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

static int write_file(const char *path, const char *text)
{
	CLEANUP(close_fd_at) int fd = sys_open(path, O_WRONLY);
	ssize_t written = fd < 0 ? fd : sys_write(fd, text, strlen(text));

	return written < 0 ? (int)written : 0;
}

/* The kernel creates files only for users that the namespace maps. */
int namespace_enter(uid_t user, gid_t group)
{
	char line[64];
	int err;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return -errno;
	(void)snprintf(line, sizeof(line), "%u %u 1", user, user);
	err = write_file("/proc/self/uid_map", line);
	if (err == 0)
		err = write_file("/proc/self/setgroups", "deny");
	(void)snprintf(line, sizeof(line), "%u %u 1", group, group);
	return err == 0 ? write_file("/proc/self/gid_map", line) : err;
}
