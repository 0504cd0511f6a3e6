/* SPDX-License-Identifier: MIT */

/*
 * A file that was made and filled before the process was stopped has to get there. Its name in /proc does not help: the
 * process may have no /proc, or be of another user. So the helper makes a pair of sockets, this program takes one of them
 * and sends the descriptor, and the helper receives it from the other.
 *
 * The helper closes its copies of all descriptors first, so the numbers of the new ones are known. It waits for a second
 * and no longer: if this program dies, it exits.
 */

#include "outside/pass.h"

#include "outside/kernel.h"

#include "lib/socket.h"
#include "lib/util.h"

#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

/* In the memory of the process, which has pointers of the same size. */
struct room {
	int pair[2];
	struct pollfd poll;
	struct timespec patience;
	struct msghdr message;
	struct iovec piece;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	char byte;
};

_Static_assert(sizeof(struct room) <= PASS_SIZE, "PASS_SIZE is too small");

/* The numbers of the pair. */
#define OURS   1
#define THEIRS 0

#define PLACE(address, member) ((address) + offsetof(struct room, member))

static void *there(uint64_t address)
{
	return (void *)(uintptr_t)address; /* NOLINT: it is no pointer of this process */
}

void pass_write(void *ret, uint64_t address)
{
	const struct room room = {
		.poll = { THEIRS, POLLIN, 0 },
		.patience.tv_sec = 1,
		.message = {
			.msg_iov = there(PLACE(address, piece)),
			.msg_iovlen = 1,
			.msg_control = there(PLACE(address, control)),
			.msg_controllen = sizeof(room.control),
		},
		.piece = { there(PLACE(address, byte)), 1 },
	};

	memcpy(ret, &room, sizeof(room));
}

void pass_list(struct listed_call ret[PASS_CALLS], uint64_t address, uint64_t on_error)
{
	const struct listed_call calls[PASS_CALLS] = {
		{ SYS_close_range, { 0, UINT32_MAX }, on_error },
		{ SYS_socketpair,
		  { AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, PLACE(address, pair) },
		  on_error },
		{ SYS_ppoll,
		  { PLACE(address, poll), 1, PLACE(address, patience), 0, sizeof(uint64_t) },
		  on_error },
		{ SYS_recvmsg,
		  { THEIRS, PLACE(address, message), MSG_DONTWAIT | MSG_CMSG_CLOEXEC },
		  on_error },
	};

	memcpy(ret, calls, sizeof(calls));
}

/* How long the helper is waited for: first without sleep, because it takes no longer than a sleep does. */
#define TURNS 1000
#define SLEEP 100000
#define MOST  10000

/* Until the pair is there. It is gone if the helper has failed and has unmapped the memory. */
static int take_ours(const struct helper *helper, uint64_t address)
{
	int pair[2] = { 0 };
	long found = -EBADF;

	for (int i = 0; i < MOST && found == -EBADF; i++) {
		if (i < TURNS)
			sys_yield();
		else
			kernel_sleep(SLEEP);
		if (pair[1] != OURS &&
		    kernel_read_memory(helper->id, pair, sizeof(pair), PLACE(address, pair)) < 0)
			return -ESRCH;
		if (pair[1] == OURS)
			found = kernel_take_descriptor(helper->id, OURS);
	}
	return (int)found;
}

void pass_send(const struct helper *helper, uint64_t address, int descriptor)
{
	CLEANUP(close_fd_at) int socket = take_ours(helper, address);
	const struct socket_wait now = socket_no_wait(socket, POLLOUT);
	char byte = 0;

	if (socket >= 0)
		(void)socket_send(&now, &byte, sizeof(byte), descriptor);
}
