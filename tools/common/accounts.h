/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_COMMON_ACCOUNTS_H
#define SEALMEM_TOOLS_COMMON_ACCOUNTS_H

#include <stdbool.h>
#include <sys/types.h>

/* A user with a group. Where a file is given to somebody, OWNER_SAME leaves the user or the group as it is. */
struct owner {
	uid_t user;
	gid_t group;
};

#define OWNER_SAME ((uid_t)-1)

/* A name or a number. The group is that of the user; it stays as it was if a number has no name. */
bool account_find_user(struct owner *ret, const char *text);

bool account_find_group(gid_t *ret, const char *text);

#endif
