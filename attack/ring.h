/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_ATTACK_RING_H
#define SEALMEM_ATTACK_RING_H

/* An io_uring(7) with at most one operation in flight. */

#include <linux/io_uring.h>
#include <stddef.h>

/* Linux 6.5 brought it; the headers of Debian 12 lack it. */
#ifndef IORING_SETUP_NO_MMAP
# define IORING_SETUP_NO_MMAP (1U << 14)
#endif

struct uring {
	int fd;
	unsigned flags; /* of io_uring_setup() */
	char *queues;	/* the memory of both */
	struct io_uring_sqe *entry;
	struct io_uring_params params;
};

/* -errno of io_uring_setup(2) or mmap(2). */
int uring_open(struct uring *ret, unsigned flags);

/* The ring of another process, which that opened; `fd` is a descriptor of it in this one. */
int uring_adopt(struct uring *ret, const struct uring *theirs, int fd);

/* Puts its queues in `page`, which holds nothing else. Needs Linux 6.5. */
int uring_open_in(struct uring *ret, char *page, size_t size);

/* Starts an operation. */
int uring_start(struct uring *ring, const struct io_uring_sqe *entry);

/* Waits until it ends and returns its result: a negative errno, or 0. */
int uring_finish(struct uring *ring);

/* Both. */
int uring_do(struct uring *ring, const struct io_uring_sqe *entry);

/* The kernel pins this memory once; later operations use it. */
int uring_register_buffer(const struct uring *ring, void *addr, size_t size);

#endif
