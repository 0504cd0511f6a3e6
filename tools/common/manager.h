/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_COMMON_MANAGER_H
#define SEALMEM_TOOLS_COMMON_MANAGER_H

#include "tools/common/errors.h"

#include <stdbool.h>
#include <stddef.h>

/* A descriptor that the manager has kept since an earlier start, and what it was called then. */
struct stored {
	char *title;
	int fd;	   /* -1 when it is closed */
	bool past; /* the manager need not keep it any longer */
};

/* The manager of services that has started this process, such as systemd. */
struct manager {
	char *address; /* that it is told at; NULL if there is none */
	int socket;    /* that it has made for the clients; -1 if there is none */
	unsigned
		room; /* the most descriptors that it stores; 0 for none, UINT_MAX if it does not say */
	struct stored *stored;
	size_t stored_count;
};

#define MANAGER_NONE ((struct manager){ .socket = -1 })

/* Each title of what is stored has this, and no name of a socket has. */
#define MANAGER_MARK '='

/* Takes from the environment what the manager has left there, so that no child of this process takes it for its own.
 * `command`: the subcommand, for what it says of a fault. */
enum exit_status manager_find(struct manager *ret, const char *command);

/* Tells it "NAME=VALUE" lines; see sd_notify(3). A manager that does not listen is no error. */
void manager_tell(const struct manager *manager, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The same when files are read again. It waits until it is told READY=1. */
void manager_tell_reloading(const struct manager *manager);

/* Has it keep the descriptor until it is told otherwise, also after the end of this process. 0 if it was told, which it
 * does not answer; -errno. */
int manager_store(const struct manager *manager, const char *title, int fd);

/* It closes what it keeps under this title. */
int manager_unstore(const struct manager *manager, const char *title);

void manager_release(struct manager *manager);

#endif
