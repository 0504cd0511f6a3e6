/* SPDX-License-Identifier: MIT */

/*
 * Bytes between processes. A receiver that maps what a stranger hands it is open to a sender who writes
 * while it reads, or truncates so that it dies of SIGBUS. Seals end both, if the receiver insists on
 * the right ones: as required bits, for new kinds of seals appear; and write, grow and shrink all
 * three, for F_SEAL_FUTURE_WRITE leaves mappings writable that were made before it, and other files
 * than memfds answer F_GET_SEALS too.
 *
 * Only what cannot change is looked at: first the seals, then the size that they have made final; and
 * it is looked at through a descriptor of our own, which nobody can exchange meanwhile. What is no
 * memfd is asked for nothing but its seals: to open a device or to ask a file of a user's own
 * filesystem for its size may have effects, or never end.
 */

#include "lib/region.h"

#include "lib/memfd.h"
#include "lib/address.h"
#include "lib/util.h"

#include <string.h>

/* Before anything is done: a message that was received cannot be put back. */
static int check_demand(unsigned guarantees)
{
	if (guarantees & ~SEALMEM_GUARANTEES || !(guarantees & SEALMEM_CONTENT))
		return -EINVAL;
	/* What others have had in their hands is no secret. */
	if (guarantees & SEALMEM_SECRECY)
		return -EOPNOTSUPP;
	return guarantees & SEALMEM_ADDRESS ? address_given() : 0;
}

/* Of a file that is sealed. A huge page that is not all there raises SIGBUS where it is not there. */
static int final_size(int fd, size_t page, size_t limit, size_t *ret)
{
	off_t size = 0;
	int err = sys_file_size(fd, &size);

	if (err < 0)
		return not_given(err);
	if (size == 0 || (page > page_size() && (size_t)size % page != 0))
		return -ENODATA;
	if ((size_t)size > limit)
		return -EFBIG;
	*ret = (size_t)size;
	return 0;
}

/* Takes the descriptor if it passes. */
static int accept_named(struct sealmem_region **ret, int *fd, const char *name, size_t limit,
			unsigned guarantees)
{
	size_t size = 0, page = 0;
	int err = memfd_check_foreign(*fd);

	if (err == 0)
		err = memfd_page(*fd, &page);
	if (err == 0)
		err = final_size(*fd, page, limit, &size);
	if (err < 0)
		return err;
	return region_adopt(ret, take_fd(fd), name, size, page, guarantees);
}

EXPORT int sealmem_region_accept_limited(struct sealmem_region **ret, int fd, size_t limit,
					 unsigned guarantees)
{
	CLEANUP(close_fd_at) int own = -1;
	int err = ret != NULL ? check_demand(guarantees) : -EINVAL;

	if (err < 0)
		return err;
	own = not_given(sys_fcntl(fd, F_DUPFD_CLOEXEC, 0));
	return own < 0 ? own : accept_named(ret, &own, "accepted", limit, guarantees);
}

EXPORT int sealmem_region_accept(struct sealmem_region **ret, int fd, unsigned guarantees)
{
	return sealmem_region_accept_limited(ret, fd, SIZE_MAX, guarantees);
}

/*
 * What goes over the socket, with one descriptor. Of one size, so that a stream never gives more or
 * less than a message: 256 bytes are sent and received whole.
 */
struct message {
	char magic[8];
	char name[248];
};

static const char magic[8] = "sealmem";

/* Room for all descriptors that the kernel lets one message carry: those it has no room for would
 * still tell us nothing, but the ones it has must be closed. */
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
		return -EAFNOSUPPORT;
	if (err == 0)
		err = sys_socket_option(socket, SO_TYPE, &type);
	return err < 0 ? not_given(err) : type;
}

static ssize_t send_message(int socket, struct message *message, int fd)
{
	union control control = { 0 };
	struct iovec bytes = { message, sizeof(*message) };
	struct msghdr header = { .msg_iov = &bytes,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = CMSG_SPACE(sizeof(int)) };
	struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
	ssize_t sent;

	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(rights), &fd, sizeof(fd));
	do
		sent = sys_sendmsg(socket, &header, MSG_NOSIGNAL);
	while (sent == -EINTR);
	return sent;
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
		return not_given((int)sent);
	return sent == sizeof(message) ? 0 : -EMSGSIZE;
}

#ifndef SCM_PIDFD
# define SCM_PIDFD 0x04
#endif

/* What came with the pieces of a message. */
struct delivery {
	int fd;	      /* the first descriptor; the others are closed */
	size_t count; /* of descriptors */
	int flags;
};

/* The close of a socket that was told to linger waits for its peer, as long as the sender likes. */
static void dismiss(int fd)
{
	const struct linger none = { 0 };

	(void)sys_set_linger(fd, &none);
	(void)close_fd(fd);
}

static void dismiss_delivery(const struct delivery *delivery)
{
	if (delivery->fd >= 0)
		dismiss(delivery->fd);
}

static void take_descriptor(struct delivery *delivery, int type, int fd)
{
	/* Of a process that the kernel names because this socket was told so. */
	if (type == SCM_PIDFD)
		(void)close_fd(fd);
	else if (delivery->count++ == 0)
		delivery->fd = fd;
	else
		dismiss(fd);
}

static void take_descriptors(struct delivery *delivery, struct msghdr *header)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET ||
		    (c->cmsg_type != SCM_RIGHTS && c->cmsg_type != SCM_PIDFD))
			continue;
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			take_descriptor(delivery, c->cmsg_type, fd);
		}
	}
	delivery->flags |= header->msg_flags;
}

static ssize_t receive_piece(int socket, char *at, size_t size, struct delivery *delivery)
{
	union control control = { 0 };
	struct iovec bytes = { at, size };
	struct msghdr header = { .msg_iov = &bytes,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control) };
	ssize_t got;

	do
		got = sys_recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
	while (got == -EINTR);
	/* A message without bytes can bring descriptors too. */
	if (got >= 0)
		take_descriptors(delivery, &header);
	return got;
}

static int check_delivery(const struct delivery *delivery)
{
	if (delivery->count < 2 && delivery->flags & MSG_CTRUNC)
		return -EMFILE;
	return delivery->count == 1 && !(delivery->flags & MSG_TRUNC) ? 0 : -EBADMSG;
}

/* Nothing of a message is there. An empty datagram says nothing about the other end, which may not even be
 * the only one. */
static int nothing(ssize_t got, int type)
{
	if (got < 0)
		return not_given((int)got);
	return type == SOCK_DGRAM ? -EBADMSG : -ECONNRESET;
}

/*
 * All of a message. Only a stream may deliver it in pieces: what follows a datagram that is too short is
 * the next datagram, of another sender perhaps.
 */
static int receive_pieces(int socket, struct message *message, struct delivery *delivery)
{
	int type = unix_socket_type(socket);
	size_t have = 0;

	if (type < 0)
		return type;
	while (have < sizeof(*message)) {
		ssize_t got = receive_piece(socket, (char *)message + have, sizeof(*message) - have,
					    delivery);

		if (got <= 0 && have == 0 && delivery->count == 0)
			return nothing(got, type);
		if (got <= 0 || (type != SOCK_STREAM && got < (ssize_t)sizeof(*message)))
			return -EBADMSG;
		have += (size_t)got;
	}
	return check_delivery(delivery);
}

/* The check of a name looks no further than a name can be long: what passes has its end within. */
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
	int err = ret != NULL ? check_demand(guarantees) : -EINVAL;

	if (err == 0)
		err = receive_pieces(socket, &message, &delivery);
	if (err < 0)
		return err;
	if (!is_valid(&message))
		return -EBADMSG;
	return accept_named(ret, &delivery.fd, message.name, limit, guarantees);
}

EXPORT int sealmem_receive(int socket, struct sealmem_region **ret, unsigned guarantees)
{
	return sealmem_receive_limited(socket, ret, SIZE_MAX, guarantees);
}
