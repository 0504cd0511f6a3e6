/* SPDX-License-Identifier: MIT */

/*
 * Regions over a Unix socket. One message of one size brings a name and a descriptor. A sender can put
 * anything else into a message, any number of descriptors, and pieces of it. So everything that arrives
 * is counted and closed, and accept.c judges the one descriptor that is left.
 */

#include "lib/accept.h"
#include "lib/fork-gate.h"
#include "lib/memfd.h"
#include "lib/reason.h"
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

/* Room for all descriptors that the kernel lets one message carry. A descriptor that finds no room
 * tells us nothing, but each one that arrives must be closed. */
#define MAX_DESCRIPTORS 253

union control {
	struct cmsghdr align;
	char space[CMSG_SPACE(MAX_DESCRIPTORS * sizeof(int)) + CMSG_SPACE(64)];
};

/* The type of a Unix socket. A socket of the internet takes a message with a descriptor, drops the
 * descriptor, and reports success. */
static int unix_socket_type(int socket)
{
	int domain = 0, type = 0, err = sys_socket_option(socket, SO_DOMAIN, &domain);

	if (err == 0 && domain != AF_UNIX)
		return fail_for(REASON_NOT_UNIX);
	if (err == 0)
		err = sys_socket_option(socket, SO_TYPE, &type);
	return err < 0 ? not_given(err) : type;
}

/*
 * SO_RCVTIMEO and SO_SNDTIMEO are the limit of one system call: a signal with a handler starts it anew, and so does
 * each piece of a message. Of a call of ours they are the limit as a whole. So where there is one, the
 * system calls do not wait.
 */
struct wait {
	int socket;
	short events; /* POLLIN or POLLOUT */
	int flags;
	bool possible; /* unless the socket never waits */
	int64_t end;
};

/* Longer is for ever, and the sum must not overflow. */
#define LONGEST ((time_t)1 << 32)

static int begin_wait(struct wait *ret, int socket, short events)
{
	struct timeval most = { 0 };
	int err = sys_socket_limit(socket, events == POLLIN ? SO_RCVTIMEO : SO_SNDTIMEO, &most);
	int flags;

	*ret = (struct wait){ .socket = socket, .events = events };
	if (err < 0 || (most.tv_sec == 0 && most.tv_usec == 0))
		return not_given(err);
	flags = sys_fcntl(socket, F_GETFL, 0);
	err = flags < 0 ? flags : sys_now(&ret->end);
	if (err < 0)
		return not_given(err);
	ret->flags = MSG_DONTWAIT;
	ret->possible = !(flags & O_NONBLOCK);
	ret->end += (most.tv_sec < LONGEST ? most.tv_sec : LONGEST) * INT64_C(1000000000) +
		    most.tv_usec * INT64_C(1000);
	return 0;
}

/* poll(2) says that a stream has room when three quarters of it are free, but a message may fit before. */
static int64_t next_look(const struct wait *wait, int64_t left)
{
	const int64_t soon = 20000000;

	return wait->events == POLLOUT && left > soon ? soon : left;
}

/* 0 if it is worth another try, -EAGAIN at the end of the time. */
static int wait_more(const struct wait *wait)
{
	int64_t now = 0;
	int err = sys_now(&now);

	if (err == 0 && (!wait->possible || now >= wait->end))
		return -EAGAIN;
	if (err == 0)
		err = sys_wait_ready(wait->socket, wait->events, next_look(wait, wait->end - now));
	return err == -EINTR || err >= 0 ? 0 : err;
}

static ssize_t pass(const struct wait *wait, struct msghdr *header)
{
	if (wait->events == POLLIN)
		return sys_recvmsg(wait->socket, header, MSG_CMSG_CLOEXEC | wait->flags);
	return sys_sendmsg(wait->socket, header, MSG_NOSIGNAL | wait->flags);
}

static ssize_t pass_in_time(const struct wait *wait, struct msghdr *header)
{
	for (;;) {
		ssize_t passed = pass(wait, header);
		int err = 0;

		if (passed == -EAGAIN && wait->flags != 0)
			err = wait_more(wait);
		else if (passed != -EINTR)
			return passed;
		if (err < 0)
			return err;
	}
}

static ssize_t send_message(int socket, struct message *message, int fd)
{
	struct wait wait;

	union control control = { 0 };
	struct iovec bytes = { message, sizeof(*message) };
	struct msghdr header = { .msg_iov = &bytes,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = CMSG_SPACE(sizeof(int)) };
	struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
	int err = begin_wait(&wait, socket, POLLOUT);

	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(rights), &fd, sizeof(fd));
	return err < 0 ? err : pass_in_time(&wait, &header);
}

EXPORT int sealmem_send(int socket, const struct sealmem_region *r)
{
	struct message message = { 0 };
	int fd = sealmem_region_fd(r), type;
	ssize_t sent;

	if (fd < 0)
		return fd;
	type = unix_socket_type(socket);
	if (type < 0)
		return type;
	memcpy(message.magic, magic, sizeof(magic));
	memcpy(message.name, sealmem_region_name(r), strlen(sealmem_region_name(r)));
	sent = send_message(socket, &message, fd);
	if (sent < 0)
		return reason_for(not_given((int)sent), REASON_IN_FLIGHT);
	return sent == sizeof(message) ? 0 : fail_for(REASON_CUT_SHORT);
}

#ifndef SCM_PIDFD
# define SCM_PIDFD 0x04
#endif

/* The descriptors that came with the pieces of a message. */
struct delivery {
	int fd;	      /* the first descriptor; the others are closed */
	size_t count; /* of descriptors */
	int flags;
};

static bool has_socket(const int *fds, size_t count)
{
	int domain;

	for (size_t i = 0; i < count; i++)
		if (sys_socket_option(fds[i], SO_DOMAIN, &domain) == 0)
			return true;
	return false;
}

/*
 * If a socket has SO_LINGER, its last close(2) waits for the peer, for as long as the sender likes. So does the last
 * close(2) of a Unix socket in which such a socket is on its way. Only the exit of a process does not wait.
 * So a child has the descriptors as well, until we have closed ours, and then it ends.
 */
static void dismiss(const int *fds, size_t count)
{
	const struct linger none = { 0 };
	int holder = has_socket(fds, count) ? fork_gate_start_holder() : 0;

	for (size_t i = 0; i < count; i++) {
		/* Where there can be no child, this helps against the plain case. */
		if (holder < 0)
			(void)sys_set_linger(fds[i], &none);
		(void)close_fd(fds[i]);
	}
	if (holder > 0)
		sys_end_holder(holder);
}

static void dismiss_delivery(const struct delivery *delivery)
{
	if (delivery->fd >= 0)
		dismiss(&delivery->fd, 1);
}

/* Descriptors of one piece of a message that are to be closed. */
struct refused {
	int fds[MAX_DESCRIPTORS];
	size_t count;
};

static void take_descriptor(struct delivery *delivery, struct refused *refused, int type, int fd)
{
	/* The descriptor of a process, which the kernel adds because this socket was told so. */
	if (type == SCM_PIDFD)
		(void)close_fd(fd);
	else if (delivery->count++ == 0)
		delivery->fd = fd;
	else if (refused->count < MAX_DESCRIPTORS)
		refused->fds[refused->count++] = fd;
}

static void take_descriptors(struct delivery *delivery, struct msghdr *header)
{
	struct refused refused = { .count = 0 };

	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET ||
		    (c->cmsg_type != SCM_RIGHTS && c->cmsg_type != SCM_PIDFD))
			continue;
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			take_descriptor(delivery, &refused, c->cmsg_type, fd);
		}
	}
	dismiss(refused.fds, refused.count);
	delivery->flags |= header->msg_flags;
}

static ssize_t receive_piece(const struct wait *wait, char *at, size_t size,
			     struct delivery *delivery)
{
	union control control = { 0 };
	struct iovec bytes = { at, size };
	struct msghdr header = { .msg_iov = &bytes,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control) };
	ssize_t got = pass_in_time(wait, &header);

	/* A message without bytes can bring descriptors too. */
	if (got >= 0)
		take_descriptors(delivery, &header);
	return got;
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
	int type = unix_socket_type(socket), err;
	struct wait wait;
	size_t have = 0;

	if (type < 0)
		return type;
	err = begin_wait(&wait, socket, POLLIN);
	if (err < 0)
		return err;
	while (have < sizeof(*message)) {
		ssize_t got = receive_piece(&wait, (char *)message + have, sizeof(*message) - have,
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
	CLEANUP(dismiss_delivery) struct delivery delivery = { .fd = -1 };
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
