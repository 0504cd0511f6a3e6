/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_SERVE_ADMISSION_H
#define SEALMEM_TOOLS_SERVE_ADMISSION_H

#include "tools/common/errors.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct sealmem_peer;

/* Who may have what is served. If nobody is named, it is everybody who can connect. */
struct admission {
	uid_t *users;
	gid_t *groups;
	size_t user_count, group_count;
};

/* Adds a user or a group, by name or by number. */
enum exit_status admission_add_user(struct admission *admission, const char *text);
enum exit_status admission_add_group(struct admission *admission, const char *text);

void admission_release(struct admission *admission);

bool admission_is_limited(const struct admission *admission);

/* Whether a process is admitted: by its user, its group or a supplementary group; and always if it is root, or the user
 * of this process, who could read the memory of this process anyway. */
bool admission_admits(const struct admission *admission, const struct sealmem_peer *peer);

#endif
