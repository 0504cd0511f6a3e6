/* SPDX-License-Identifier: MIT */

/* Users and groups, as people write them: by name or by number. */

#include "tools/common/accounts.h"

#include <ctype.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>

/* chown(2) takes the largest number for "leave it as it is", so nobody has that number. */
static bool parse_number(const char *text, unsigned *ret)
{
	char *end;
	unsigned long long number = strtoull(text, &end, 10);

	*ret = (unsigned)number;
	return isdigit((unsigned char)*text) && *end == '\0' && number < OWNER_SAME;
}

/* A name comes first, because the name of a user may consist of digits. */
bool account_find_user(struct owner *ret, const char *text)
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

bool account_find_group(gid_t *ret, const char *text)
{
	const struct group *entry = getgrnam(text);

	if (entry != NULL)
		*ret = entry->gr_gid;
	return entry != NULL || parse_number(text, ret);
}
