/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_BATTERY_URING_H
#define SEALMEM_BATTERY_URING_H

/* An io_uring(7) with one operation in flight at most. */

#include <linux/io_uring.h>
#include <stddef.h>

struct uring {
	int fd;
	unsigned flags; /* of io_uring_setup() */
	char *queues;	/* the memory of both */
	struct io_uring_sqe *entry;
	struct io_uring_params params;
};

/* -errno of io_uring_setup(2) or mmap(2). */
int uring_open(struct uring *ret, unsigned flags);

/* With its queues in `page`, which holds nothing else: Linux 6.5. */
int uring_open_in(struct uring *ret, char *page, size_t size);

/* Starts an operation. */
int uring_start(struct uring *ring, const struct io_uring_sqe *entry);

/* Waits for its end and returns what it answered: a negative errno, or 0. */
int uring_finish(struct uring *ring);

/* Both. */
int uring_do(struct uring *ring, const struct io_uring_sqe *entry);

/* Memory that the kernel gets hold of once, to be used by operations later. */
int uring_register_buffer(const struct uring *ring, void *addr, size_t size);

#endif
