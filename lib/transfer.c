/* SPDX-License-Identifier: MIT */

/*
 * Regions over a Unix socket. One message of one size brings a name and a descriptor. A sender can put
 * anything else into a message, any number of descriptors, and pieces of it. So everything that arrives
 * is counted and closed, and accept.c judges the one descriptor that is left.
 */

#include "lib/accept.h"
#include "lib/memfd.h"
#include "lib/reason.h"
#include "lib/socket.h"
#include "lib/util.h"

#include <poll.h>
#include <string.h>

/*
 * The message that goes over the socket, with one descriptor. It has one size, so that a stream never
 * gives more or less than a message: 256 bytes are sent and received whole.
 */
struct message {
	char magic[8];
	char name[248];
};

static const char magic[8] = "sealmem";

EXPORT int sealmem_send(int socket, const struct sealmem_region *r)
{
	struct message message = { 0 };
	int fd = sealmem_region_fd(r), err;
	struct socket_wait wait;
	ssize_t sent;

	if (fd < 0)
		return fd;
	err = socket_type(socket);
	if (err >= 0)
		err = socket_begin_wait(&wait, socket, POLLOUT);
	if (err < 0)
		return err;
	memcpy(message.magic, magic, sizeof(magic));
	memcpy(message.name, sealmem_region_name(r), strlen(sealmem_region_name(r)));
	sent = socket_send(&wait, &message, sizeof(message), fd);
	if (sent < 0)
		return reason_for(not_given((int)sent), REASON_IN_FLIGHT);
	return sent == sizeof(message) ? 0 : fail_for(REASON_CUT_SHORT);
}

static int check_delivery(const struct delivery *delivery)
{
	if (delivery->count < 2 && delivery->flags & MSG_CTRUNC)
		return fail_for(REASON_LOST);
	return delivery->count == 1 && !(delivery->flags & MSG_TRUNC) ? 0
								      : fail_for(REASON_NO_MESSAGE);
}

/* No part of a message has arrived. An empty datagram says nothing about the other end, which may
 * not even be the only one. */
static int nothing(ssize_t got, int type)
{
	if (got < 0)
		return not_given((int)got);
	return fail_for(type == SOCK_DGRAM ? REASON_NO_MESSAGE : REASON_CLOSED);
}

/*
 * Receives all of a message. Only a stream may deliver it in pieces: after a datagram that is too short
 * comes the next datagram, perhaps of another sender.
 */
static int receive_pieces(int socket, struct message *message, struct delivery *delivery)
{
	int type = socket_type(socket), err;
	struct socket_wait wait;
	size_t have = 0;

	if (type < 0)
		return type;
	err = socket_begin_wait(&wait, socket, POLLIN);
	if (err < 0)
		return err;
	while (have < sizeof(*message)) {
		ssize_t got = socket_receive(&wait, (char *)message + have, sizeof(*message) - have,
					     delivery);

		if (got <= 0 && have == 0 && delivery->count == 0)
			return nothing(got, type);
		if (got <= 0 || (type != SOCK_STREAM && got < (ssize_t)sizeof(*message)))
			return fail_for(REASON_NO_MESSAGE);
		have += (size_t)got;
	}
	return check_delivery(delivery);
}

/* The check of a name looks no further than the longest name, so a name that passes ends within the
 * message. */
static bool is_valid(const struct message *message)
{
	_Static_assert(sizeof(message->name) > SEALMEM_NAME_MAX, "room for a name and its end");
	return memcmp(message->magic, magic, sizeof(magic)) == 0 &&
	       memfd_check_name(message->name) == 0;
}

EXPORT int sealmem_receive_limited(int socket, struct sealmem_region **ret, size_t limit,
				   unsigned guarantees)
{
	CLEANUP(delivery_dismiss) struct delivery delivery = { .fd = -1 };
	struct message message = { 0 };
	int err;

	reason_forget();
	err = ret != NULL ? accept_check_demand(guarantees) : fail_for(REASON_NO_RESULT);
	if (err == 0)
		err = receive_pieces(socket, &message, &delivery);
	if (err < 0)
		return err;
	if (!is_valid(&message))
		return fail_for(REASON_NO_MESSAGE);
	return accept_named(ret, &delivery.fd, message.name, limit, guarantees);
}

EXPORT int sealmem_receive(int socket, struct sealmem_region **ret, unsigned guarantees)
{
	return sealmem_receive_limited(socket, ret, SIZE_MAX, guarantees);
}
