/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_UTIL_H
#define SEALMEM_UTIL_H

/*
 * Helpers that every floor needs and none owns: page arithmetic, and the attributes that release a
 * resource when its variable leaves scope, so that an error path is a plain return.
 */

#include "lib/sys.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#define CLEANUP(release) __attribute__((cleanup(release)))
#define EXPORT		 __attribute__((visibility("default")))

/* Page sizes differ between machines of one architecture (arm64 has three). Not sysconf(), which is
 * slow: this is asked several times for each object. */
static inline size_t page_size(void)
{
	return (size_t)getpagesize();
}

static inline bool page_aligned(uintptr_t value)
{
	return (value & (page_size() - 1)) == 0;
}

/* A file may be larger than all addresses. Then this is SIZE_MAX, which no file has that can be mapped. */
static inline size_t size_of_file(off_t size)
{
	return (off_t)(size_t)size == size ? (size_t)size : SIZE_MAX;
}

/* The caller makes sure that it does not overflow. */
static inline size_t page_round_up(size_t size)
{
	return (size + page_size() - 1) & ~(page_size() - 1);
}

/*
 * Whether whole pages have the same bytes, those too that a sanitizer keeps from the program. So the compiler does
 * not instrument this, and it is not memcmp(3), which sanitizers watch.
 */
__attribute__((no_sanitize("address", "thread"))) static inline bool pages_equal(const void *a,
										 const void *b,
										 size_t size)
{
	const uint64_t *left = a, *right = b;
	size_t count = size / sizeof(*left), i = 0;

	while (i < count && left[i] == right[i])
		i++;
	return i == count;
}

/* close(2) gives the descriptor back, even if it fails. */
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

/* A path to the file of a descriptor, which may have no other. Opening it gives a descriptor with
 * rights and a position of its own. */
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

/* If a sandbox forbids a call, or an old kernel lacks it, the guarantee is unsupported here. */
static inline int not_given(int error)
{
	return error == -ENOSYS || error == -EPERM ? -EOPNOTSUPP : error;
}

/* A mapping that is removed when its variable leaves scope. */
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
