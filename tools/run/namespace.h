/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_RUN_NAMESPACE_H
#define SEALMEM_TOOLS_RUN_NAMESPACE_H

#include <sys/types.h>

/*
 * Enters a user namespace of this user, who stays who they are, and a mount namespace in it. The process has all
 * capabilities there until it executes a program. It must be dumpable, and have one thread. Returns 0 or a negative
 * errno; after a failure the process may be in a namespace that is of no use.
 */
int namespace_enter(uid_t user, gid_t group);

#endif
