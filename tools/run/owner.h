/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_RUN_OWNER_H
#define SEALMEM_TOOLS_RUN_OWNER_H

#include "tools/common/errors.h"

#include <sys/types.h>

/* Whom a secret belongs to. The value OWNER_SAME leaves the user or the group as it is. */
struct owner {
	uid_t user;
	gid_t group;
};

#define OWNER_SAME ((uid_t)-1)

/* Parses "USER[:GROUP]", each a name or a number. */
enum exit_status owner_parse(struct owner *ret, const char *text);

#endif
