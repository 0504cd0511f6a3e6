/* SPDX-License-Identifier: MIT */

/*
 * Descriptors with numbers that somebody counts on. Everything that this command opens is closed on
 * exec until the last moment, so an error leaks nothing, a command that fetches one secret cannot
 * read another, and what is open without that flag was the caller's: that is how the two are told apart.
 */

#include "tools/run/descriptors.h"

#include "lib/util.h"

int descriptor_is_inherited(int fd)
{
	int flags = sys_fcntl(fd, F_GETFD, 0);

	return flags >= 0 && !(flags & FD_CLOEXEC);
}

/* A number beyond RLIMIT_NOFILE has an errno of its own in each call. */
static int beyond_limit(int err)
{
	return err == -EINVAL || err == -EBADF ? -EMFILE : err;
}

int descriptor_move_behind(int *fd, int end)
{
	int moved;

	if (*fd >= end)
		return sys_fcntl(*fd, F_SETFD, FD_CLOEXEC);
	moved = sys_fcntl(*fd, F_DUPFD_CLOEXEC, end);
	if (moved < 0)
		return beyond_limit(moved);
	close_fd(*fd);
	*fd = moved;
	return 0;
}

int descriptor_move_to(int *fd, int number)
{
	int err;

	if (*fd == number)
		return 0;
	err = sys_dup_over(*fd, number);
	if (err < 0)
		return beyond_limit(err);
	close_fd(*fd);
	*fd = number;
	return 0;
}

int descriptor_keep(int fd)
{
	return sys_fcntl(fd, F_SETFD, 0);
}
