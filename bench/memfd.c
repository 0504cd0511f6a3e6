/* SPDX-License-Identifier: MIT */

/*
 * The floor: the system calls that memory with sealed bytes takes on any kernel of today, in the best
 * order that we know, with no check and no way back. What a library adds is what it costs above these.
 */

#include "contestant.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
# define MFD_NOEXEC_SEAL 0x0008U
#endif

#define ALL_SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

static int create(void)
{
	return memfd_create("bench", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
}

static bool write_all(int fd, const char *bytes, size_t size)
{
	for (size_t at = 0; at < size;) {
		ssize_t written = pwrite(fd, bytes + at, size - at, (off_t)at);

		if (written <= 0)
			return false;
		at += (size_t)written;
	}
	return true;
}

static bool map(struct object *object, size_t size, int protection, int flags, int fd)
{
	void *data = mmap(object->data, whole_pages(size), protection,
			  flags | (object->data != NULL ? MAP_FIXED : 0), fd, 0);

	if (data == MAP_FAILED)
		return false;
	object->data = data;
	return true;
}

static bool from_bytes(struct object *object, const void *bytes, size_t size, int flags)
{
	int fd = create();
	bool done;

	object->data = NULL;
	done = fd >= 0 && write_all(fd, bytes, size) && fcntl(fd, F_ADD_SEALS, ALL_SEALS) == 0 &&
	       map(object, size, PROT_READ, flags, fd);
	return close(fd) == 0 && done;
}

static bool make(struct object *object, const void *bytes, size_t size)
{
	return from_bytes(object, bytes, size, MAP_SHARED);
}

/* As systemd maps what it has sealed: the file keeps its bytes, but what is read can be replaced. */
static bool make_private(struct object *object, const void *bytes, size_t size)
{
	return from_bytes(object, bytes, size, MAP_PRIVATE);
}

/* Open first and sealed later, at one address. A private mapping in between lets the seal be given
 * without a moment in which nothing can be read. */
static bool make_in_place(struct object *object, const void *bytes, size_t size)
{
	int fd = create();
	bool done;

	object->data = NULL;
	done = fd >= 0 && ftruncate(fd, (off_t)size) == 0 &&
	       map(object, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd) &&
	       madvise(object->data, whole_pages(size), MADV_DONTFORK) == 0;
	if (done)
		memcpy(object->data, bytes, size);
	done = done && map(object, size, PROT_READ, MAP_PRIVATE, fd) &&
	       fcntl(fd, F_ADD_SEALS, ALL_SEALS) == 0 &&
	       map(object, size, PROT_READ, MAP_SHARED, fd);
	return close(fd) == 0 && done;
}

static void release(const struct object *object, size_t size)
{
	(void)munmap(object->data, whole_pages(size));
}

const struct contestant memfd[] = {
	{ "calls", NULL, NULL, make, release },
	{ "calls-in-place", NULL, NULL, make_in_place, release },
	{ "memfd-private", NULL, NULL, make_private, release },
	{ 0 },
};
