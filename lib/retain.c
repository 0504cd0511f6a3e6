/* SPDX-License-Identifier: MIT */

/*
 * The lock of mlock(2) belongs to a mapping, and the pages of a file outlive its last mapping for a moment. In
 * that moment the kernel may write them to swap, and the seals forbid to clear them first. The kernel never
 * writes a page to swap that a pipe refers to. So pipes refer to the pages until the file has given them up.
 */

#include "lib/retain.h"

#include "lib/memfd.h"
#include "lib/util.h"

/* What a pipe may hold without a privilege (fs.pipe-max-size). */
#define PIPE_SIZE ((size_t)1 << 20)

/* A pipe that cannot be as large as all of them have to be is as large as anybody's may be. */
static void enlarge(int pipe, size_t size)
{
	size_t each = size / RETAIN_PIPES;

	if (each > PIPE_SIZE && sys_set_pipe_size(pipe, 2 * each) >= 0)
		return;
	(void)sys_set_pipe_size(pipe, PIPE_SIZE);
}

/* One end keeps the pages. A pipe that is full refuses more. */
static bool add_pipe(struct retained *retained, size_t size, int *writer)
{
	int ends[2];

	*writer = close_fd(*writer);
	if (retained->count == RETAIN_PIPES || sys_pipe(ends) < 0)
		return false;
	retained->pipes[retained->count++] = ends[0];
	*writer = ends[1];
	enlarge(*writer, size);
	return true;
}

static bool retain_part(struct retained *retained, int fd, size_t start, size_t end, size_t size,
			int *writer)
{
	bool fresh = false;

	while (start < end) {
		ssize_t taken =
			*writer >= 0 ? sys_splice(fd, start, *writer, end - start) : -EAGAIN;

		if (taken > 0)
			start += (size_t)taken;
		else if (taken != -EAGAIN || fresh || !add_pipe(retained, size, writer))
			return false;
		fresh = taken <= 0;
	}
	return true;
}

void retain_pages(struct retained *ret, int fd, size_t size)
{
	CLEANUP(close_fd_at) int writer = -1;
	size_t start, end = 0;

	ret->count = 0;
	while (end < size && memfd_next_part(fd, &start, &end) > 0)
		if (!retain_part(ret, fd, start, end, size, &writer))
			break;
}

void retain_end(const struct retained *retained)
{
	for (size_t i = 0; i < retained->count; i++)
		(void)close_fd(retained->pipes[i]);
}
