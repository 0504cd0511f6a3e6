/* SPDX-License-Identifier: MIT */

/*
 * --owner, for a program that changes its user: it can then open a secret of mode 400, which many programs
 * demand of a key. The group is that of the user, as container runtimes choose it.
 */

#include "tools/run/owner.h"

#include "lib/util.h"

#include <stdlib.h>
#include <string.h>

static void free_copy(char **copy)
{
	free(*copy);
}

enum exit_status owner_parse(struct owner *ret, const char *text)
{
	struct owner owner = { OWNER_SAME, OWNER_SAME };
	const char *separator = strchr(text, ':');
	CLEANUP(free_copy) char *user = strndup(text, strcspn(text, ":"));

	if (user == NULL)
		return complain("run", EXIT_OURS, "out of memory");
	if (!account_find_user(&owner, user))
		return complain("run", EXIT_OURS, "--owner: there is no user '%s'", user);
	if (separator != NULL && !account_find_group(&owner.group, separator + 1))
		return complain("run", EXIT_OURS, "--owner: there is no group '%s'", separator + 1);
	*ret = owner;
	return EXIT_NOT_YET;
}
