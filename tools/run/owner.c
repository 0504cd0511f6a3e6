/* SPDX-License-Identifier: MIT */

/*
 * --owner, for a program that changes its user: it can then open a secret of mode 400, which many programs
 * demand of a key. The group is that of the user, as container runtimes choose it.
 */

#include "tools/run/owner.h"

#include "lib/util.h"

#include <ctype.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

/* chown(2) takes the largest number for "leave it as it is", so nobody has that number. */
static bool parse_number(const char *text, unsigned *ret)
{
	char *end;
	unsigned long long number = strtoull(text, &end, 10);

	*ret = (unsigned)number;
	return isdigit((unsigned char)*text) && *end == '\0' && number < OWNER_SAME;
}

/* A name comes first, because the name of a user may consist of digits. */
static bool find_user(const char *text, struct owner *ret)
{
	const struct passwd *entry = getpwnam(text);

	if (entry == NULL && !parse_number(text, &ret->user))
		return false;
	if (entry == NULL)
		entry = getpwuid(ret->user);
	if (entry != NULL)
		*ret = (struct owner){ entry->pw_uid, entry->pw_gid };
	return true;
}

static bool find_group(const char *text, gid_t *ret)
{
	const struct group *entry = getgrnam(text);

	if (entry != NULL)
		*ret = entry->gr_gid;
	return entry != NULL || parse_number(text, ret);
}

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
	if (!find_user(user, &owner))
		return complain("run", EXIT_OURS, "--owner: there is no user '%s'", user);
	if (separator != NULL && !find_group(separator + 1, &owner.group))
		return complain("run", EXIT_OURS, "--owner: there is no group '%s'", separator + 1);
	*ret = owner;
	return EXIT_NOT_YET;
}
