/* SPDX-License-Identifier: MIT */

/* What a publisher has, for a person who looks after it. */

#include "lib/publication.h"
#include "lib/reason.h"
#include "lib/util.h"

#include "include/sealmem.h"

#include <poll.h>

static int ask(int socket)
{
	const struct protocol_message message = { .kind = PROTOCOL_LIST };
	struct socket_wait wait;
	int err = socket_begin_wait(&wait, socket, POLLOUT);

	return err < 0 ? err : publication_send(&wait, &message, -1);
}

static int tell(const struct protocol_message *message,
		int (*each)(const struct sealmem_published *published, void *data), void *data)
{
	const struct sealmem_published published = {
		.name = message->name,
		.label = message->label,
		.generation = message->generation,
		.size = message->size,
		.subscribers = message->subscribers,
		.holders = message->holders,
	};
	int err = each(&published, data);

	/* It may have called this library. */
	reason_forget();
	return err == 0 ? 1 : err;
}

/* 1 if more follows. */
static int receive(const struct socket_wait *wait,
		   int (*each)(const struct sealmem_published *published, void *data), void *data)
{
	CLEANUP(delivery_dismiss) struct delivery delivery = { .fd = -1 };
	struct protocol_message message;
	int err = publication_receive(wait, &message, &delivery);

	if (err < 0)
		return err;
	if (message.kind == PROTOCOL_REFUSED)
		return protocol_error(message.status);
	if (message.kind == PROTOCOL_END)
		return 0;
	if (message.kind != PROTOCOL_ENTRY || delivery.count > 0)
		return fail_for(REASON_PROTOCOL);
	return tell(&message, each, data);
}

EXPORT int sealmem_list_published(
	int socket, int (*each)(const struct sealmem_published *published, void *data), void *data)
{
	struct socket_wait wait;
	int err;

	reason_forget();
	err = each != NULL ? publication_check_socket(socket) : fail_for(REASON_NO_FUNCTION);
	if (err == 0)
		err = publication_begin_answer(&wait, socket, ask(socket));
	if (err < 0)
		return err;
	do
		err = receive(&wait, each, data);
	while (err > 0);
	return err;
}
