/* SPDX-License-Identifier: MIT */

/*
 * A Unix socket whose other end may do anything: waits that have an end, and descriptors that nobody asked for. All
 * messages of this library with descriptors pass here.
 */

#include "lib/socket.h"

#include "lib/fork-gate.h"
#include "lib/reason.h"
#include "lib/util.h"

#include <poll.h>
#include <string.h>

/* Room for all descriptors that the kernel lets one message carry. A descriptor that finds no room
 * tells us nothing, but each one that arrives must be closed. */
#define MAX_DESCRIPTORS 253

union control {
	struct cmsghdr align;
	char space[CMSG_SPACE(MAX_DESCRIPTORS * sizeof(int)) + CMSG_SPACE(64)];
};

int socket_type(int socket)
{
	int domain = 0, type = 0, err = sys_socket_option(socket, SO_DOMAIN, &domain);

	if (err == 0 && domain != AF_UNIX)
		return fail_for(REASON_NOT_UNIX);
	if (err == 0)
		err = sys_socket_option(socket, SO_TYPE, &type);
	return err < 0 ? not_given(err) : type;
}

/* Longer is for ever, and the sum must not overflow. */
#define LONGEST ((time_t)1 << 32)

int socket_begin_wait(struct socket_wait *ret, int socket, short events)
{
	struct timeval most = { 0 };
	int err = sys_socket_limit(socket, events == POLLIN ? SO_RCVTIMEO : SO_SNDTIMEO, &most);
	int flags;

	*ret = (struct socket_wait){ .socket = socket, .events = events };
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
static int64_t next_look(const struct socket_wait *wait, int64_t left)
{
	const int64_t soon = 20000000;

	return wait->events == POLLOUT && left > soon ? soon : left;
}

/* 0 if it is worth another try, -EAGAIN at the end of the time. */
static int wait_more(const struct socket_wait *wait)
{
	int64_t now = 0;
	int err = wait->possible ? sys_now(&now) : -EAGAIN;

	if (err == 0 && now >= wait->end)
		return -EAGAIN;
	if (err == 0)
		err = sys_wait_ready(wait->socket, wait->events, next_look(wait, wait->end - now));
	return err == -EINTR || err >= 0 ? 0 : err;
}

static ssize_t pass(const struct socket_wait *wait, struct msghdr *header)
{
	if (wait->events == POLLIN)
		return sys_recvmsg(wait->socket, header, MSG_CMSG_CLOEXEC | wait->flags);
	return sys_sendmsg(wait->socket, header, MSG_NOSIGNAL | wait->flags);
}

static ssize_t pass_in_time(const struct socket_wait *wait, struct msghdr *header)
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

struct socket_wait socket_no_wait(int socket, short events)
{
	return (struct socket_wait){ .socket = socket, .events = events, .flags = MSG_DONTWAIT };
}

union one_descriptor {
	struct cmsghdr align;
	char space[CMSG_SPACE(sizeof(int))];
};

static void put_descriptor(struct msghdr *header, union one_descriptor *control, int fd)
{
	struct cmsghdr *rights = &control->align;

	header->msg_control = control;
	header->msg_controllen = CMSG_SPACE(sizeof(int));
	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(rights), &fd, sizeof(fd));
}

ssize_t socket_send(const struct socket_wait *wait, void *bytes, size_t size, int fd)
{
	union one_descriptor control = { 0 };
	struct iovec piece = { bytes, size };
	struct msghdr header = { .msg_iov = &piece, .msg_iovlen = 1 };

	if (fd >= 0)
		put_descriptor(&header, &control, fd);
	return pass_in_time(wait, &header);
}

#ifndef SCM_PIDFD
# define SCM_PIDFD 0x04
#endif

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

void delivery_dismiss(const struct delivery *delivery)
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

ssize_t socket_receive(const struct socket_wait *wait, void *at, size_t size,
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
