/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_LIB_SOURCE_H
#define SEALMEM_LIB_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Where bytes go: to the end of a memfd that has `done` bytes of the source, or to memory if that is not NULL. */
struct source_target {
	int memfd;
	void *memory;
};

struct source;
typedef ssize_t source_way(const struct source *source, struct source_target to, size_t size);

/* A descriptor that is read to its end. */
struct source {
	int fd;
	bool file;    /* a regular one: from its first byte on, wherever its position is */
	size_t size;  /* what such a file says it has; 0 if that is unknown */
	size_t limit; /* the most that the caller takes */
	size_t done;  /* bytes that were read */
	source_way *const
		*way; /* how they come, and after it what to try where the kernel refuses */
};

/*
 * Begins to read `fd`, which stays the caller's. -EISDIR for a directory, -EFBIG for a file that is larger than the
 * limit, -EBADF if it is not open.
 */
int source_begin(struct source *ret, int fd, size_t limit);

/*
 * Reads at most `size` bytes, and counts them. Returns how many; 0 at the end. Waits for them, whether the descriptor
 * waits or not. -EINTR when a signal came first: nothing is lost. -EAGAIN at the end of SO_RCVTIMEO. -EFBIG above the
 * limit, -EBUSY if a file is longer or shorter than it was at first. -ENOMEM if there is not enough for a memfd, and
 * -EFBIG where RLIMIT_FSIZE does not allow more (no SIGXFSZ).
 */
ssize_t source_read(struct source *source, struct source_target to, size_t size);

/* How much is read between two looks at the rest of the world. */
#define SOURCE_PIECE ((size_t)1 << 20)

/* Copies a file of `size` bytes to the empty memfd `to`. -EBUSY if there are not so many. */
int source_copy_file(int to, int from, size_t size);

#endif
