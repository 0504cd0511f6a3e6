/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TESTS_SUPPORT_RING_H
#define SEALMEM_TESTS_SUPPORT_RING_H

/*
 * Just enough of io_uring to have the kernel store to memory on its behalf: one request at a time.
 */

#include <linux/io_uring.h>
#include <stddef.h>

struct ring {
	int fd;
	char *rings;
	struct io_uring_sqe *entries;
	struct io_uring_params parameters;
};

/* Skips the test where there is no io_uring. */
struct ring open_ring(void);

/* Registers one buffer, number 0, which pins its pages. 0 or a negative errno. */
int ring_register(const struct ring *ring, void *buffer, size_t size);
int ring_unregister(const struct ring *ring);

/* What the request answered. */
int ring_do(const struct ring *ring, const struct io_uring_sqe *request);

#endif
