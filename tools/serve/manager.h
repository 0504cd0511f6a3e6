/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_SERVE_MANAGER_H
#define SEALMEM_TOOLS_SERVE_MANAGER_H

#include "tools/common/errors.h"

/* The manager of services that has started this process, such as systemd. */
struct manager {
	char *address; /* that it is told at; NULL if there is none */
	int socket;    /* that it has made for the clients; -1 if there is none */
};

#define MANAGER_NONE ((struct manager){ .socket = -1 })

/* Takes from the environment what the manager has left there, so that no child of this process takes it for its own. */
enum exit_status manager_find(struct manager *ret);

/* Tells it "NAME=VALUE" lines; see sd_notify(3). A manager that does not listen is no error. */
void manager_tell(const struct manager *manager, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The same when files are read again. It waits until it is told READY=1. */
void manager_tell_reloading(const struct manager *manager);

void manager_release(struct manager *manager);

#endif
