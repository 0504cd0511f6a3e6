/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_LIB_PUBLICATION_H
#define SEALMEM_LIB_PUBLICATION_H

/* What a publisher and a subscriber have in common: sockets of one kind, messages on them, and an owner. */

#include "lib/process.h"
#include "lib/protocol.h"
#include "lib/socket.h"

#include <stdatomic.h>
#include <stdbool.h>

/* 0 if it is a Unix socket that keeps messages apart. */
int publication_check_socket(int socket);

/* Sends a message, with a descriptor if it is not -1. */
int publication_send(const struct socket_wait *wait, const struct protocol_message *message,
		     int fd);

/* Before an answer is received: sets how to wait for it, after the question was sent with this result. 0 also if the other
 * end is closed, because it may have said why. */
int publication_begin_answer(struct socket_wait *ret, int socket, int sent);

/* Receives one. The caller judges the descriptors of the delivery, and dismisses it on failure too. -ECONNRESET if the
 * other end is closed and everything that it sent was received, -EPROTO for what is no message. */
int publication_receive(const struct socket_wait *wait, struct protocol_message *ret,
			struct delivery *delivery);

/* That one thread at a time is in the functions for an object, and no child of its process. */
struct in_use {
	atomic_uint by_a_call; /* a byte cannot be exchanged everywhere without another library */
};

/* -EBUSY, -ESTALE. */
int in_use_begin(struct in_use *in_use, const struct process *owner);
void in_use_end(struct in_use *in_use);

#endif
