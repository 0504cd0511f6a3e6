/* SPDX-License-Identifier: MIT */

/* How a command gets to a publisher of memory: a Unix socket that keeps messages apart. */

#include "tools/common/socket-path.h"

#include "lib/util.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

int socket_path_address(struct sockaddr_un *ret, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = strlen(path);

	if (length == 0)
		return -EINVAL;
	if (length >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, length + 1);
	*ret = address;
	return 0;
}

int socket_path_connect(const char *path, int flags)
{
	CLEANUP(close_fd_at) int fd = -1;
	struct sockaddr_un address;
	int err = socket_path_address(&address, path);

	if (err < 0)
		return err;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return take_fd(&fd);
}

int socket_listen(int socket)
{
	return listen(socket, SOMAXCONN) < 0 ? -errno : 0;
}

int socket_set_wait(int socket, unsigned seconds)
{
	const struct timeval limit = { .tv_sec = seconds };

	return setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ? -errno : 0;
}
