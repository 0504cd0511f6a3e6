/* SPDX-License-Identifier: MIT */

/* --allow-user and --allow-group: the kernel says who made a connection, so nobody can pretend to be another one. */

#include "tools/serve/admission.h"

#include "tools/common/accounts.h"
#include "include/sealmem.h"
#include "lib/util.h"

#include <stdlib.h>
#include <sys/socket.h>

enum exit_status admission_add_user(struct admission *admission, const char *text)
{
	struct owner owner;

	if (!account_find_user(&owner, text))
		return complain("serve", EXIT_FAILED, "--allow-user: there is no user '%s'", text);
	admission->users = need(reallocarray(admission->users, admission->user_count + 1,
					     sizeof(*admission->users)));
	admission->users[admission->user_count++] = owner.user;
	return EXIT_NOT_YET;
}

enum exit_status admission_add_group(struct admission *admission, const char *text)
{
	gid_t group;

	if (!account_find_group(&group, text))
		return complain("serve", EXIT_FAILED, "--allow-group: there is no group '%s'",
				text);
	admission->groups = need(reallocarray(admission->groups, admission->group_count + 1,
					      sizeof(*admission->groups)));
	admission->groups[admission->group_count++] = group;
	return EXIT_NOT_YET;
}

void admission_release(struct admission *admission)
{
	free(admission->users);
	free(admission->groups);
}

bool admission_is_limited(const struct admission *admission)
{
	return admission->user_count + admission->group_count > 0;
}

static bool has_user(const struct admission *admission, uid_t user)
{
	for (size_t i = 0; i < admission->user_count; i++)
		if (admission->users[i] == user)
			return true;
	return false;
}

static bool has_group(const struct admission *admission, gid_t group)
{
	for (size_t i = 0; i < admission->group_count; i++)
		if (admission->groups[i] == group)
			return true;
	return false;
}

static void free_groups(gid_t **groups)
{
	free(*groups);
}

/* The kernel says how much room the groups need, if there is too little. */
static bool has_supplementary_group(const struct admission *admission, int socket)
{
	CLEANUP(free_groups) gid_t *groups = NULL;
	socklen_t size = 0;

	if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, NULL, &size) == 0 || errno != ERANGE)
		return false;
	groups = need(malloc(size));
	if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
		return false;
	for (size_t i = 0; i < size / sizeof(*groups); i++)
		if (has_group(admission, groups[i]))
			return true;
	return false;
}

bool admission_admits(const struct admission *admission, const struct sealmem_peer *peer)
{
	if (!admission_is_limited(admission) || peer->uid == 0 || peer->uid == geteuid())
		return true;
	if (has_user(admission, peer->uid) || has_group(admission, peer->gid))
		return true;
	return admission->group_count > 0 && has_supplementary_group(admission, peer->socket);
}
