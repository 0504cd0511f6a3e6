/* SPDX-License-Identifier: MIT */

/*
 * Bytes between processes. A receiver that maps what a stranger hands it is open to a sender who writes
 * while it reads, or truncates so that it dies of SIGBUS. Seals end both, if the receiver insists on
 * the right ones: as required bits, for new kinds of seals appear; and write, grow and shrink all
 * three, for F_SEAL_FUTURE_WRITE leaves mappings writable that were made before it, and other files
 * than memfds answer F_GET_SEALS too.
 *
 * Only what cannot change is looked at: first the seals, then the size that they have made final.
 */

#include "region.h"

#include "memfd.h"
#include "util.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* The errors of fcntl(2) say nothing to somebody who passed on what he was sent. */
static int check_seals(int fd)
{
	int err = memfd_check_foreign(fd);

	return err == -EINVAL ? -ENODEV : err;
}

static int final_size(int fd, size_t limit, size_t *ret)
{
	struct stat file;
	int err = sys_stat(fd, &file);

	if (err < 0)
		return not_given(err);
	if (file.st_size == 0)
		return -ENODATA;
	if ((uint64_t)file.st_size > limit)
		return -EFBIG;
	*ret = (size_t)file.st_size;
	return 0;
}

static int accept_named(struct sealmem_region **ret, int fd, const char *name, size_t limit,
			unsigned guarantees)
{
	size_t size = 0;
	int own, err;

	/* What others have had in their hands is no secret. */
	if (guarantees & SEALMEM_SECRECY)
		return guarantees & ~SEALMEM_GUARANTEES ? -EINVAL : -EOPNOTSUPP;
	err = check_seals(fd);
	if (err == 0)
		err = final_size(fd, limit, &size);
	if (err < 0)
		return err;
	own = sys_fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return own < 0 ? not_given(own) : region_adopt(ret, own, name, size, guarantees);
}

EXPORT int sealmem_region_accept_limited(struct sealmem_region **ret, int fd, size_t limit,
					 unsigned guarantees)
{
	if (ret == NULL)
		return -EINVAL;
	return accept_named(ret, fd, "accepted", limit, guarantees);
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

EXPORT int sealmem_send(int socket, const struct sealmem_region *r)
{
	struct message message = { 0 };
	union control control = { 0 };
	struct iovec bytes = { &message, sizeof(message) };
	struct msghdr header = { .msg_iov = &bytes,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = CMSG_SPACE(sizeof(int)) };
	struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
	int fd = sealmem_region_fd(r);
	ssize_t sent;

	if (fd < 0)
		return fd;
	memcpy(message.magic, magic, sizeof(magic));
	memcpy(message.name, sealmem_region_name(r), strlen(sealmem_region_name(r)));
	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(rights), &fd, sizeof(fd));
	do
		sent = sys_sendmsg(socket, &header, MSG_NOSIGNAL);
	while (sent == -EINTR);
	if (sent < 0)
		return (int)sent;
	return sent == sizeof(message) ? 0 : -EMSGSIZE;
}

#ifndef SCM_PIDFD
# define SCM_PIDFD 0x04
#endif

/* Closes every descriptor that came along but the first of `keep`, if it is the only one. */
static int take_descriptor(struct msghdr *header)
{
	int kept = -1, count = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c)) {
		size_t fds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET ||
		    (c->cmsg_type != SCM_RIGHTS && c->cmsg_type != SCM_PIDFD))
			continue;
		for (size_t i = 0; i < fds; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			if (c->cmsg_type == SCM_RIGHTS && count++ == 0)
				kept = fd;
			else
				close_fd(fd);
		}
	}
	if (count == 1 && !(header->msg_flags & MSG_CTRUNC))
		return kept;
	close_fd(kept);
	return header->msg_flags & MSG_CTRUNC ? -EMFILE : -EBADMSG;
}

/* The rest of a message that a stream delivered in pieces. Ours never is: who sends so may stop midway,
 * and a socket that does not wait must not be made to. */
static int receive_rest(int socket, char *at, size_t size)
{
	while (size > 0) {
		ssize_t got = sys_read(socket, at, size);

		if (got == -EINTR)
			continue;
		if (got <= 0)
			return -EBADMSG;
		at += got;
		size -= (size_t)got;
	}
	return 0;
}

static bool valid(const struct message *message)
{
	return memcmp(message->magic, magic, sizeof(magic)) == 0 &&
	       memchr(message->name, '\0', sizeof(message->name)) != NULL &&
	       memfd_check_name(message->name) == 0;
}

/* Returns the descriptor that came with a message. */
static int receive_message(int socket, struct message *message)
{
	union control control = { 0 };
	struct iovec bytes = { message, sizeof(*message) };
	struct msghdr header = { .msg_iov = &bytes,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control) };
	CLEANUP(close_fd_at) int fd = -1;
	ssize_t got;
	int err;

	do
		got = sys_recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
	while (got == -EINTR);
	if (got <= 0)
		return got == 0 ? -ECONNRESET : (int)got;
	fd = take_descriptor(&header);
	if (fd < 0)
		return fd;
	if (header.msg_flags & MSG_TRUNC)
		return -EBADMSG;
	err = receive_rest(socket, (char *)message + got, sizeof(*message) - (size_t)got);
	if (err < 0)
		return err;
	return valid(message) ? take_fd(&fd) : -EBADMSG;
}

EXPORT int sealmem_receive_limited(int socket, struct sealmem_region **ret, size_t limit,
				   unsigned guarantees)
{
	struct message message = { 0 };
	CLEANUP(close_fd_at) int fd = -1;

	if (ret == NULL)
		return -EINVAL;
	fd = receive_message(socket, &message);
	if (fd < 0)
		return fd;
	return accept_named(ret, fd, message.name, limit, guarantees);
}

EXPORT int sealmem_receive(int socket, struct sealmem_region **ret, unsigned guarantees)
{
	return sealmem_receive_limited(socket, ret, SIZE_MAX, guarantees);
}
