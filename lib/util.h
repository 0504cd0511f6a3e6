/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_UTIL_H
#define SEALMEM_UTIL_H

/*
 * What every floor needs and none owns: page arithmetic, and the attributes that release a resource
 * when its variable leaves scope, so that an error path is a plain return.
 */

#include "lib/sys.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#define CLEANUP(release) __attribute__((cleanup(release)))
#define EXPORT		 __attribute__((visibility("default")))

/* Page sizes differ between machines of one architecture (arm64 has three). Not sysconf(), which takes its time
 * to see what it is asked: this is asked several times for each object. */
static inline size_t page_size(void)
{
	return (size_t)getpagesize();
}

static inline bool page_aligned(uintptr_t value)
{
	return (value & (page_size() - 1)) == 0;
}

/* The caller has made sure that it does not overflow. */
static inline size_t page_round_up(size_t size)
{
	return (size + page_size() - 1) & ~(page_size() - 1);
}

/* close(2) gives the descriptor back whatever it answers. */
static inline int close_fd(int fd)
{
	if (fd >= 0)
		(void)sys_close(fd);
	return -1;
}

static inline void close_fd_at(const int *fd)
{
	(void)close_fd(*fd);
}

/* The path of a file that may have no other: opened by it, it gets a descriptor with rights and position of its own. */
struct fd_path {
	char text[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
};

static inline struct fd_path fd_path(int fd)
{
	struct fd_path path;

	(void)snprintf(path.text, sizeof(path.text), "/proc/self/fd/%d", fd);
	return path;
}

/* Hands a resource over to the caller, past the cleanup of the variable that held it. */
static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/* What a sandbox forbids, or an old kernel lacks, is a guarantee that cannot be given here. */
static inline int not_given(int error)
{
	return error == -ENOSYS || error == -EPERM ? -EOPNOTSUPP : error;
}

/* A mapping that goes when its variable does. */
struct scoped_mapping {
	void *addr;
	size_t size;
};

static inline void unmap_scoped(const struct scoped_mapping *mapping)
{
	if (mapping->size > 0)
		(void)sys_munmap(mapping->addr, mapping->size);
}

#endif
