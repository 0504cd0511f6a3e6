/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_LIB_SOCKET_H
#define SEALMEM_LIB_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The type of a Unix socket. A socket of the internet takes a message with a descriptor, drops the
 * descriptor, and reports success: -EAFNOSUPPORT. */
int socket_type(int socket);

/*
 * SO_RCVTIMEO and SO_SNDTIMEO are the limit of one system call: a signal with a handler starts it anew, and so does
 * each piece of a message. Of a call of ours they are the limit as a whole. So where there is one, the
 * system calls do not wait.
 */
struct socket_wait {
	int socket;
	short events; /* POLLIN or POLLOUT */
	int flags;
	bool possible; /* unless the socket never waits */
	int64_t end;
};

/* A wait for POLLIN or POLLOUT, as the socket has it. */
int socket_begin_wait(struct socket_wait *ret, int socket, short events);

/* One that ends at once. */
struct socket_wait socket_no_wait(int socket, short events);

/* Sends a message, with one descriptor if it is not -1. */
ssize_t socket_send(const struct socket_wait *wait, void *bytes, size_t size, int fd);

/* The descriptors that came with the pieces of a message. */
struct delivery {
	int fd;	      /* the first descriptor, or -1 as in the beginning; the others are closed */
	size_t count; /* of descriptors */
	int flags;
};

/* Receives a message, or a piece of one on a stream. Adds the descriptors that came to the delivery. */
ssize_t socket_receive(const struct socket_wait *wait, void *at, size_t size,
		       struct delivery *delivery);

/* Closes the descriptor of a delivery, in a way that does not wait for its sender where that is possible. */
void delivery_dismiss(const struct delivery *delivery);

#endif
