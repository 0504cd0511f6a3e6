/* SPDX-License-Identifier: MIT */

/*
 * Messages between a publisher and a subscriber. A socket that keeps messages apart (SOCK_SEQPACKET) brings a message
 * whole or not at all, so that neither end keeps half of one for the other.
 */

#include "lib/publication.h"

#include "lib/reason.h"
#include "lib/util.h"

#include <poll.h>

int publication_check_socket(int socket)
{
	int type = socket_type(socket);

	if (type < 0)
		return type;
	return type == SOCK_SEQPACKET ? 0 : fail_for(REASON_NOT_PACKETS);
}

int publication_send(const struct socket_wait *wait, const struct protocol_message *message, int fd)
{
	struct protocol_packet packet = { 0 };
	ssize_t sent;

	protocol_encode(&packet, message);
	sent = socket_send(wait, &packet, sizeof(packet), fd);
	if (sent < 0)
		return reason_for(not_given((int)sent), REASON_IN_FLIGHT);
	return sent == sizeof(packet) ? 0 : fail_for(REASON_CUT_SHORT);
}

int publication_begin_answer(struct socket_wait *ret, int socket, int sent)
{
	if (sent == 0)
		return socket_begin_wait(ret, socket, POLLIN);
	if (sent != -EPIPE && sent != -ECONNRESET)
		return sent;
	*ret = socket_no_wait(socket, POLLIN);
	return 0;
}

/* If the other end is closed with something unread, the kernel says so once, before it gives what that end has sent. */
static ssize_t receive_packet(const struct socket_wait *wait, struct protocol_packet *packet,
			      struct delivery *delivery)
{
	ssize_t got = socket_receive(wait, packet, sizeof(*packet), delivery);

	return got == -ECONNRESET ? socket_receive(wait, packet, sizeof(*packet), delivery) : got;
}

int publication_receive(const struct socket_wait *wait, struct protocol_message *ret,
			struct delivery *delivery)
{
	struct protocol_packet packet = { 0 };
	ssize_t got = receive_packet(wait, &packet, delivery);

	if (got < 0)
		return reason_for(not_given((int)got), REASON_CLOSED);
	if (got == 0)
		return fail_for(REASON_CLOSED);
	if (delivery->flags & MSG_TRUNC)
		return fail_for(REASON_PROTOCOL);
	return protocol_decode(ret, &packet, got);
}

int in_use_begin(struct in_use *in_use, const struct process *owner)
{
	if (!process_is(owner))
		return fail_for(REASON_NOT_OURS_EITHER);
	return atomic_exchange(&in_use->by_a_call, true) ? fail_for(REASON_IN_USE) : 0;
}

void in_use_end(struct in_use *in_use)
{
	atomic_store(&in_use->by_a_call, false);
}
