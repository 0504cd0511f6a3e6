/* SPDX-License-Identifier: MIT */

/*
 * The floor: the system calls that sealed memory needs on every supported kernel, in the best order that
 * we know, with no roll-back. The time above the floor is the cost of the library. There is one check: a copy is
 * compared after the seal, because another process of the user could have written to it before.
 */

#include "bench/contestants/contestant.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
# define MFD_NOEXEC_SEAL 0x0008U
#endif

#define ALL_SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

/* Kernels before 6.3 do not know this flag, so they are asked only once. */
static int create(void)
{
	static unsigned newer = MFD_NOEXEC_SEAL;
	int fd = memfd_create("bench", MFD_CLOEXEC | MFD_ALLOW_SEALING | newer);

	if (fd >= 0 || newer == 0)
		return fd;
	newer = 0;
	return create();
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
	return from_bytes(object, bytes, size, MAP_SHARED) &&
	       memcmp(object->data, bytes, size) == 0;
}

/* systemd maps its sealed files in this way: the file keeps its bytes, but the mapping can show others. */
static bool make_private(struct object *object, const void *bytes, size_t size)
{
	return from_bytes(object, bytes, size, MAP_PRIVATE);
}

/* The pages come when they are touched, with one fault for each. */
static bool open_touched(struct object *object, size_t size, int fd)
{
	return ftruncate(fd, (off_t)size) == 0 &&
	       map(object, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
}

/* All pages are there before the first store. */
static bool open_populated(struct object *object, size_t size, int fd)
{
	return fallocate(fd, 0, 0, (off_t)size) == 0 &&
	       map(object, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd);
}

/* Open first and sealed later, at one address. A private mapping stands in during the seal, so that
 * readers never miss the bytes. */
static bool in_place(struct object *object, const void *bytes, size_t size,
		     bool (*open)(struct object *object, size_t size, int fd))
{
	int fd = create();
	bool done;

	object->data = NULL;
	done = fd >= 0 && open(object, size, fd) &&
	       madvise(object->data, whole_pages(size), MADV_DONTFORK) == 0;
	if (done)
		memcpy(object->data, bytes, size);
	done = done && map(object, size, PROT_READ, MAP_PRIVATE, fd) &&
	       fcntl(fd, F_ADD_SEALS, ALL_SEALS) == 0 &&
	       map(object, size, PROT_READ, MAP_SHARED, fd);
	return close(fd) == 0 && done;
}

static bool make_in_place(struct object *object, const void *bytes, size_t size)
{
	return in_place(object, bytes, size, open_touched);
}

static bool make_populated(struct object *object, const void *bytes, size_t size)
{
	return in_place(object, bytes, size, open_populated);
}

/* Open in ordinary memory, and copied to a file when it is sealed: children get copies while it is open, so nothing has
 * to keep it from them. */
static bool make_late(struct object *object, const void *bytes, size_t size)
{
	int fd;
	bool done;

	object->data = NULL;
	if (!map(object, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1))
		return false;
	memcpy(object->data, bytes, size);
	fd = create();
	done = fd >= 0 && mprotect(object->data, whole_pages(size), PROT_READ) == 0 &&
	       write_all(fd, object->data, size) && fcntl(fd, F_ADD_SEALS, ALL_SEALS) == 0 &&
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
	{ "calls-populated", NULL, NULL, make_populated, release },
	{ "calls-late", NULL, NULL, make_late, release },
	{ "memfd-private", NULL, NULL, make_private, release },
	{ 0 },
};
