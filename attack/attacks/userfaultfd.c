/* SPDX-License-Identifier: MIT */

/*
 * Serving the memory's page faults. With userfaultfd(2) a program decides itself what a missing page holds.
 * So whoever can make a page go missing, or finds one that never was there, can fill it with bytes of
 * his own; one who can make faults happen on pages that are there can keep readers waiting. Memory
 * that is registered before it is sealed is the harder case: nothing asks again.
 */

#include "attack/families.h"
#include "attack/raw.h"
#include "attack/scene.h"
#include "lib/util.h"

#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>

/*
 * A missing page raises SIGBUS instead of a question to us, which nobody would answer: the attacks fill
 * pages of their own accord. Only faults of user space, as a plain user may; Linux 5.10 does not know
 * that flag.
 */
static int open_userfaults(uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int fd = (int)attempt(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY), err;

	if (fd == -EINVAL)
		fd = (int)attempt(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return fd;
	err = refusal(answered(ioctl(fd, UFFDIO_API, &api)));
	if (err < 0)
		close_fd(fd);
	return err < 0 ? err : fd;
}

static int watch_page(int fd, const char *page, size_t size, uint64_t mode)
{
	struct uffdio_register range = { .range = { (uintptr_t)page, size }, .mode = mode };

	return refusal(answered(ioctl(fd, UFFDIO_REGISTER, &range)));
}

static int fill_page(int fd, const char *page, size_t size)
{
	struct uffdio_copy copy = { .dst = (uintptr_t)page,
				    .src = (uintptr_t)evil_memory(size),
				    .len = size };

	return refusal(answered(ioctl(fd, UFFDIO_COPY, &copy)));
}

static int drop_page(const struct scene *scene)
{
	return refusal(attempt(SYS_madvise, scene->data, scene->page, MADV_DONTNEED));
}

/* Keeps the descriptor for run(). */
static int watch_before(struct scene *scene, uint64_t features, const char *page, uint64_t mode)
{
	int *kept = malloc(sizeof(*kept));

	if (kept == NULL)
		return -ENOMEM;
	*kept = open_userfaults(features);
	scene->kept = kept;
	return *kept < 0 ? *kept : watch_page(*kept, page, scene->page, mode);
}

static int drop_and_fill(const struct scene *scene, int fd)
{
	int err = drop_page(scene);

	return err < 0 ? err : fill_page(fd, scene->data, scene->page);
}

static int watch_missing_before(struct scene *scene)
{
	return watch_before(scene, UFFD_FEATURE_SIGBUS, scene->data, UFFDIO_REGISTER_MODE_MISSING);
}

/* Closing the descriptor ends the watch: the verdict's look must not wait for us. */
static int drop_and_fill_watched(struct scene *scene)
{
	int fd = *(int *)scene->kept;
	int err = drop_and_fill(scene, fd);

	close_fd(fd);
	return err;
}

static int watch_missing_drop_and_fill(struct scene *scene)
{
	CLEANUP(close_fd_at) int fd = open_userfaults(UFFD_FEATURE_SIGBUS);
	int err = fd < 0 ? fd
			 : watch_page(fd, scene->data, scene->page, UFFDIO_REGISTER_MODE_MISSING);

	return err < 0 ? err : drop_and_fill(scene, fd);
}

/* The last page has never been touched: it need not be dropped. */
static char *hole(const struct scene *scene)
{
	return scene->data + scene->size - scene->page;
}

static int watch_hole_before(struct scene *scene)
{
	return watch_before(scene, UFFD_FEATURE_SIGBUS, hole(scene), UFFDIO_REGISTER_MODE_MISSING);
}

static int fill_hole_watched(struct scene *scene)
{
	int fd = *(int *)scene->kept;
	int err = fill_page(fd, hole(scene), scene->page);

	close_fd(fd);
	return err;
}

static int watch_and_fill_hole(struct scene *scene)
{
	CLEANUP(close_fd_at) int fd = open_userfaults(UFFD_FEATURE_SIGBUS);
	int err = fd < 0 ? fd
			 : watch_page(fd, hole(scene), scene->page, UFFDIO_REGISTER_MODE_MISSING);

	return err < 0 ? err : fill_page(fd, hole(scene), scene->page);
}

static int protect(int fd, const struct scene *scene, uint64_t mode)
{
	struct uffdio_writeprotect range = { .range = { (uintptr_t)scene->data, scene->page },
					     .mode = mode };

	return refusal(answered(ioctl(fd, UFFDIO_WRITEPROTECT, &range)));
}

static int watch_writes_before(struct scene *scene)
{
	int err = watch_before(scene, UFFD_FEATURE_SIGBUS, scene->data, UFFDIO_REGISTER_MODE_WP);

	return err < 0 ? err : protect(*(int *)scene->kept, scene, UFFDIO_WRITEPROTECT_MODE_WP);
}

/* Taking the watch's own protection away must not make the page more writable than its mapping. */
static int let_writes_through(struct scene *scene)
{
	int err = protect(*(int *)scene->kept, scene, 0);

	return err < 0 ? err : overwrite(scene->data);
}

static int move_page(struct scene *scene)
{
	CLEANUP(close_fd_at) int fd = open_userfaults(UFFD_FEATURE_MOVE);
	char *target = fd < 0 ? NULL : evil_memory(scene->page);
	struct uffdio_move move = { .dst = (uintptr_t)target,
				    .src = (uintptr_t)scene->data,
				    .len = scene->page };
	int err = fd < 0 ? fd : 0;

	if (err == 0)
		err = refusal(attempt(SYS_madvise, target, scene->page, MADV_DONTNEED));
	if (err == 0)
		err = watch_page(fd, target, scene->page, UFFDIO_REGISTER_MODE_MISSING);
	return err < 0 ? err : refusal(answered(ioctl(fd, UFFDIO_MOVE, &move)));
}

/* A thread that reads the memory and says so. */
struct reader {
	const char *data;
	int done[2];
	pthread_t thread;
};

static void *read_page(void *argument)
{
	struct reader *reader = argument;

	(void)*(const volatile char *)reader->data;
	(void)sys_write(reader->done[1], "", 1);
	return NULL;
}

/* If the read shows up as a fault to be served, it waits until we please. */
static int make_a_reader_wait(struct scene *scene, int fd)
{
	struct reader reader = { .data = scene->data };
	struct pollfd either[] = { { .fd = fd, .events = POLLIN }, { .events = POLLIN } };
	int err = drop_page(scene);

	if (err == 0)
		err = sys_pipe(reader.done);
	if (err == 0)
		err = -pthread_create(&reader.thread, NULL, read_page, &reader);
	if (err < 0)
		return err;
	either[1].fd = reader.done[0];
	if (poll(either, 2, -1) > 0 && !(either[1].revents & POLLIN))
		saw(scene, HIDDEN);
	close_fd(fd);
	return -pthread_join(reader.thread, NULL);
}

static int watch_minor_before(struct scene *scene)
{
	return watch_before(scene, UFFD_FEATURE_MINOR_SHMEM, scene->data,
			    UFFDIO_REGISTER_MODE_MINOR);
}

static int make_a_reader_wait_watched(struct scene *scene)
{
	return make_a_reader_wait(scene, *(int *)scene->kept);
}

static int watch_minor_and_make_wait(struct scene *scene)
{
	int fd = open_userfaults(UFFD_FEATURE_MINOR_SHMEM);
	int err =
		fd < 0 ? fd : watch_page(fd, scene->data, scene->page, UFFDIO_REGISTER_MODE_MINOR);

	return err < 0 ? err : make_a_reader_wait(scene, fd);
}

static const struct attack rows[] = {
	{
		.name = "userfaultfd-missing",
		.summary = "watch a page, drop it, serve other bytes",
		.target = CONTENT,
		.vantage = SELF,
		.syscalls = "userfaultfd, madvise, ioctl UFFDIO_COPY",
		.run = watch_missing_drop_and_fill,
	},
	{
		.name = "userfaultfd-missing-before",
		.summary = "the same, watched before the seal",
		.target = CONTENT,
		.vantage = BEFORE,
		.syscalls = "userfaultfd, madvise, ioctl UFFDIO_COPY",
		.before = watch_missing_before,
		.run = drop_and_fill_watched,
	},
	{
		.name = "userfaultfd-hole",
		.summary = "watch a page that was never touched, fill it",
		.target = CONTENT,
		.vantage = SELF,
		.syscalls = "userfaultfd, ioctl UFFDIO_COPY",
		.run = watch_and_fill_hole,
	},
	{
		.name = "userfaultfd-hole-before",
		.summary = "the same, watched before the seal",
		.target = CONTENT,
		.vantage = BEFORE,
		.syscalls = "userfaultfd, ioctl UFFDIO_COPY",
		.before = watch_hole_before,
		.run = fill_hole_watched,
	},
	{
		.name = "userfaultfd-unprotect-before",
		.summary = "write-protect a page before the seal, take that away after, store",
		.target = CONTENT,
		.vantage = BEFORE,
		.syscalls = "userfaultfd, ioctl UFFDIO_WRITEPROTECT",
		.before = watch_writes_before,
		.run = let_writes_through,
	},
	{
		.name = "userfaultfd-move",
		.summary = "move a page of it elsewhere: zeroes come in its place",
		.target = CONTENT,
		.vantage = SELF,
		.syscalls = "userfaultfd, ioctl UFFDIO_MOVE",
		.run = move_page,
	},
	{
		.name = "userfaultfd-minor",
		.summary = "watch pages that are there: a reader waits for as long as we please",
		.target = AVAILABILITY,
		.vantage = SELF,
		.syscalls = "userfaultfd, madvise",
		.run = watch_minor_and_make_wait,
	},
	{
		.name = "userfaultfd-minor-before",
		.summary = "the same, watched before the seal",
		.target = AVAILABILITY,
		.vantage = BEFORE,
		.syscalls = "userfaultfd, madvise",
		.before = watch_minor_before,
		.run = make_a_reader_wait_watched,
	},
};

FAMILY(faults, rows);
