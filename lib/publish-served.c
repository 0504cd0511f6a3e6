/* SPDX-License-Identifier: MIT */

/* The names of a publisher. There are few, and they stay: they are looked for when a client asks, in turn. */

#include "lib/publish-internal.h"

#include "lib/util.h"

#include <stdlib.h>
#include <string.h>

struct served *served_find(const struct sealmem_publisher *p, const char *name)
{
	struct served *served = p->names;

	while (served != NULL && strcmp(served->name, name) != 0)
		served = served->next;
	return served;
}

/* At the end, so that a list that is being sent stays in order. */
static void append(struct sealmem_publisher *p, struct served *served)
{
	struct served **place = &p->names;

	while (*place != NULL)
		place = &(*place)->next;
	*place = served;
}

struct served *served_add(struct sealmem_publisher *p, const char *name)
{
	struct served *served = served_find(p, name);

	if (served != NULL)
		return served;
	served = calloc(1, sizeof(*served));
	if (served == NULL)
		return NULL;
	served->fd = -1;
	protocol_put_text(served->name, sizeof(served->name), name);
	append(p, served);
	return served;
}

void served_free(struct sealmem_publisher *p)
{
	struct served *served = p->names, *next;

	for (; served != NULL; served = next) {
		next = served->next;
		(void)close_fd(served->fd);
		free(served);
	}
}
