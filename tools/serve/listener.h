/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_SERVE_LISTENER_H
#define SEALMEM_TOOLS_SERVE_LISTENER_H

#include "tools/common/errors.h"

#include <sys/types.h>

/* The socket that clients connect to. */
struct listener {
	int fd, lock;
	char *path; /* of the socket; NULL if somebody else has made it */
	dev_t device;
	ino_t inode;
};

#define LISTENER_NONE ((struct listener){ .fd = -1, .lock = -1 })

/* Where the socket is if nobody says where: NULL if there is no such place. To be freed. */
char *listener_usual_path(void);

/* Makes the socket, with that mode. Nobody can connect yet. What another process left at the path goes, if it is a socket
 * that nobody listens to. */
enum exit_status listener_bind(struct listener *ret, const char *path, mode_t mode);

/* Takes a socket that somebody else has made, and who removes it. */
void listener_adopt(struct listener *ret, int fd);

/* Lets clients connect. */
enum exit_status listener_listen(const struct listener *listener);

/* Closes the socket, and removes it if it is still the one that was made. */
void listener_close(struct listener *listener);

#endif
