/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_COMMON_SOCKET_PATH_H
#define SEALMEM_TOOLS_COMMON_SOCKET_PATH_H

#include <sys/un.h>

/* The address of a Unix socket in the file system. -ENAMETOOLONG, or -EINVAL for an empty path. */
int socket_path_address(struct sockaddr_un *ret, const char *path);

/* Connects to a publisher of memory. `flags` may have SOCK_NONBLOCK. A descriptor, or the negative errno of connect(2). */
int socket_path_connect(const char *path, int flags);

/* Has a bound socket accept connections. 0 or a negative errno. */
int socket_listen(int socket);

/* Limits how long each receive of the socket waits. */
int socket_set_wait(int socket, unsigned seconds);

#endif
