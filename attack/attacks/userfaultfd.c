/* SPDX-License-Identifier: MIT */

/*
 * Serving the memory's page faults. With userfaultfd(2), a program decides itself which bytes a
 * missing page gets. So whoever can make a page go missing, or finds one that never existed, can
 * fill it with bytes of their own. Whoever can cause faults on pages that exist can make readers
 * wait. Memory that is registered before it is sealed is the harder case, because the kernel does
 * not check again.
 */

#include "attack/attacks/shared.h"
#include "attack/families.h"
#include "attack/raw.h"
#include "attack/scene.h"
#include "lib/util.h"

#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>

/* Linux 6.8 brought it. The kernel's header defines call, flag and structure together: Debian 12
 * has none of them, Debian 13 has all. */
#ifndef UFFDIO_MOVE
# define UFFD_FEATURE_MOVE (1 << 16)
# define UFFDIO_MOVE	   _IOWR(UFFDIO, 0x05, struct uffdio_move)
struct uffdio_move {
	__u64 dst, src, len, mode;
	__s64 move;
};
#endif

/*
 * A missing page raises SIGBUS instead of an event, because nobody would answer the event: the
 * attacks fill pages before anyone asks. We serve faults of user space only, as an unprivileged
 * user may. Linux 5.10 does not know that flag.
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
	int *kept = keep(scene, sizeof(*kept));

	*kept = open_userfaults(features);
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

/* Closing the descriptor ends the watch, so that the verdict does not wait for us. */
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

/* Nobody has touched the last page, so it need not be dropped. */
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

/* Without the protection of the watch, the page must not be more writable than its mapping. */
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

/* A thread that reads the memory and reports it. */
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

/* If the kernel reports the read as a fault, the reader waits for as long as we like. */
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
		saw(scene, OUTCOME_HIDDEN);
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
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_SELF,
		.syscalls = "userfaultfd, madvise, ioctl UFFDIO_COPY",
		.run = watch_missing_drop_and_fill,
	},
	{
		.name = "userfaultfd-missing-before",
		.summary = "the same, watched before the seal",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_BEFORE,
		.syscalls = "userfaultfd, madvise, ioctl UFFDIO_COPY",
		.before = watch_missing_before,
		.run = drop_and_fill_watched,
	},
	{
		.name = "userfaultfd-hole",
		.summary = "watch a page that nobody has touched, fill it",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_SELF,
		.syscalls = "userfaultfd, ioctl UFFDIO_COPY",
		.run = watch_and_fill_hole,
	},
	{
		.name = "userfaultfd-hole-before",
		.summary = "the same, watched before the seal",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_BEFORE,
		.syscalls = "userfaultfd, ioctl UFFDIO_COPY",
		.before = watch_hole_before,
		.run = fill_hole_watched,
	},
	{
		.name = "userfaultfd-unprotect-before",
		.summary = "write-protect a page before the seal, undo that after it, store",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_BEFORE,
		.syscalls = "userfaultfd, ioctl UFFDIO_WRITEPROTECT",
		.before = watch_writes_before,
		.run = let_writes_through,
	},
	{
		.name = "userfaultfd-move",
		.summary = "move a page of it elsewhere: zeroes come in its place",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_SELF,
		.syscalls = "userfaultfd, ioctl UFFDIO_MOVE",
		.run = move_page,
	},
	{
		.name = "userfaultfd-minor",
		.summary = "watch pages that exist: a reader waits for as long as we like",
		.target = TARGET_AVAILABILITY,
		.vantage = VANTAGE_SELF,
		.syscalls = "userfaultfd, madvise",
		.run = watch_minor_and_make_wait,
	},
	{
		.name = "userfaultfd-minor-before",
		.summary = "the same, watched before the seal",
		.target = TARGET_AVAILABILITY,
		.vantage = VANTAGE_BEFORE,
		.syscalls = "userfaultfd, madvise",
		.before = watch_minor_before,
		.run = make_a_reader_wait_watched,
	},
};

FAMILY(userfaultfd, rows);
