/* SPDX-License-Identifier: MIT */

/*
 * Moves descriptors to the numbers that other programs rely on. Every descriptor that this command opens is
 * closed on exec until the last moment. So an error leaks nothing, and a command that fetches one secret
 * cannot read another. A descriptor without that flag came from the caller: the flag tells them apart.
 */

#include "tools/run/descriptors.h"

#include "lib/util.h"

bool descriptor_is_inherited(int fd)
{
	int flags = sys_fcntl(fd, F_GETFD, 0);

	return flags >= 0 && !(flags & FD_CLOEXEC);
}

/* Each call has its own errno for a number past RLIMIT_NOFILE. */
static int limit_errno(int err)
{
	return err == -EINVAL || err == -EBADF ? -EMFILE : err;
}

int descriptor_move_past(int *fd, int end)
{
	int moved;

	if (*fd >= end)
		return sys_fcntl(*fd, F_SETFD, FD_CLOEXEC);
	moved = sys_fcntl(*fd, F_DUPFD_CLOEXEC, end);
	if (moved < 0)
		return limit_errno(moved);
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
		return limit_errno(err);
	close_fd(*fd);
	*fd = number;
	return 0;
}

int descriptor_keep(int fd)
{
	return sys_fcntl(fd, F_SETFD, 0);
}
