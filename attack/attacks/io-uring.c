/* SPDX-License-Identifier: MIT */

/*
 * Operations that the kernel carries out by itself. A ring that exists before the seal takes with it what
 * it was allowed then: buffers whose pages it holds, reads under way, a thread of the kernel that
 * submits without a system call. What a ring does is seen by no system call filter. So these are the
 * attacks that a seal of the address alone, and one by a filter alone, do not stop.
 */

#include "attack/families.h"
#include "attack/raw.h"
#include "attack/ring.h"
#include "attack/scene.h"
#include "lib/util.h"

#include <stdlib.h>
#include <string.h>

/* From before() to run(). */
struct prepared {
	struct uring ring;
	int writer;
};

static struct prepared *prepare(struct scene *scene)
{
	scene->kept = calloc(1, sizeof(struct prepared));
	/* In a process of its own, whose end is reported. */
	if (scene->kept == NULL)
		abort();
	return scene->kept;
}

static struct io_uring_sqe reading(unsigned char operation, int fd, const struct scene *scene)
{
	struct io_uring_sqe entry = { .opcode = operation, .fd = fd };

	entry.addr = (uintptr_t)scene->data;
	entry.len = (unsigned)scene->page;
	return entry;
}

static int read_evil(struct uring *ring, unsigned char operation, const struct scene *scene)
{
	CLEANUP(close_fd_at) int fd = evil_file(scene->page);
	struct io_uring_sqe entry = reading(operation, fd, scene);

	return fd < 0 ? fd : uring_do(ring, &entry);
}

static int read_by_ring(struct scene *scene)
{
	struct uring ring;
	int err = uring_open(&ring, 0);

	return err < 0 ? err : read_evil(&ring, IORING_OP_READ, scene);
}

static int register_and_read(struct scene *scene)
{
	struct uring ring;
	int err = uring_open(&ring, 0);

	if (err == 0)
		err = uring_register_buffer(&ring, scene->data, scene->page);
	return err < 0 ? err : read_evil(&ring, IORING_OP_READ_FIXED, scene);
}

static int register_before(struct scene *scene)
{
	struct prepared *kept = prepare(scene);
	int err = uring_open(&kept->ring, 0);

	return err < 0 ? err : uring_register_buffer(&kept->ring, scene->data, scene->page);
}

static int read_registered(struct scene *scene)
{
	struct prepared *kept = scene->kept;

	return read_evil(&kept->ring, IORING_OP_READ_FIXED, scene);
}

/* The read waits for a pipe, and for the pipe's bytes to come when all is sealed. */
static int start_reading(struct scene *scene)
{
	struct prepared *kept = prepare(scene);
	struct io_uring_sqe entry;
	int ends[2];
	int err = sys_pipe(ends);

	if (err < 0)
		return err;
	kept->writer = ends[1];
	entry = reading(IORING_OP_READ, ends[0], scene);
	err = uring_open(&kept->ring, 0);
	return err < 0 ? err : uring_start(&kept->ring, &entry);
}

static int let_it_read(struct scene *scene)
{
	struct prepared *kept = scene->kept;
	unsigned long evil = EVIL_WORD;
	int err = refusal(attempt(SYS_write, kept->writer, &evil, sizeof(evil)));

	return err < 0 ? err : uring_finish(&kept->ring);
}

static int open_polled_ring(struct scene *scene)
{
	struct prepared *kept = prepare(scene);

	return uring_open(&kept->ring, IORING_SETUP_SQPOLL);
}

/* Before Linux 5.11 such a ring takes registered files only. */
static int read_by_polled_ring(struct scene *scene)
{
	CLEANUP(close_fd_at) int fd = evil_file(scene->page);
	struct prepared *kept = scene->kept;
	struct io_uring_sqe entry = reading(IORING_OP_READ, 0, scene);
	int err = fd < 0 ? fd
			 : refusal(attempt(SYS_io_uring_register, kept->ring.fd,
					   IORING_REGISTER_FILES, &fd, 1));

	entry.flags = IOSQE_FIXED_FILE;
	return err < 0 ? err : uring_do(&kept->ring, &entry);
}

/*
 * The queues of a ring may lie in memory of the program's choosing, here the last page of the victim's.
 * An operation is under way and the page is zero again when the seal comes; then the operation ends,
 * and the kernel says so in the queue.
 */
static int put_queues_there(struct scene *scene)
{
	struct prepared *kept = prepare(scene);
	char *page = scene->data + scene->size - scene->page;
	struct io_uring_sqe entry;
	int ends[2];
	int err = sys_pipe(ends);

	if (err < 0)
		return err;
	kept->writer = ends[1];
	entry = reading(IORING_OP_READ, ends[0], scene);
	entry.addr = (uintptr_t)evil_memory(scene->page);
	err = uring_open_in(&kept->ring, page, scene->page);
	if (err == 0)
		err = uring_start(&kept->ring, &entry);
	if (err == 0)
		memset(page, 0, scene->page);
	return err;
}

static int complete_there(struct scene *scene)
{
	struct prepared *kept = scene->kept;
	unsigned long evil = EVIL_WORD;
	int err = refusal(attempt(SYS_write, kept->writer, &evil, sizeof(evil)));

	/* Waits for the completion, or for nothing if the page does not show it. */
	return err < 0 ? err
		       : refusal(attempt(SYS_io_uring_enter, kept->ring.fd, 0, 1,
					 IORING_ENTER_GETEVENTS, NULL, 0L));
}

static int open_plain_ring(struct scene *scene)
{
	struct prepared *kept = prepare(scene);

	return uring_open(&kept->ring, 0);
}

static int advise(struct uring *ring, const struct scene *scene, int advice)
{
	struct io_uring_sqe entry = { .opcode = IORING_OP_MADVISE, .fd = -1 };

	entry.addr = (uintptr_t)scene->data;
	entry.len = (unsigned)scene->size;
	entry.fadvise_advice = (unsigned)advice;
	return uring_do(ring, &entry);
}

static int advise_by_ring(struct scene *scene)
{
	struct uring ring;
	int err = uring_open(&ring, 0);

	return err < 0 ? err : advise(&ring, scene, (int)scene->argument);
}

static int advise_by_old_ring(struct scene *scene)
{
	struct prepared *kept = scene->kept;

	return advise(&kept->ring, scene, (int)scene->argument);
}

static void remove_guards(struct scene *scene)
{
	(void)attempt(SYS_madvise, scene->data, scene->size, MADV_GUARD_REMOVE);
}

static int write_file_by_ring(struct scene *scene)
{
	struct uring ring;
	unsigned long evil = EVIL_WORD;
	struct io_uring_sqe entry = { .opcode = IORING_OP_WRITE, .fd = find_descriptor(scene) };
	int err = entry.fd < 0 ? entry.fd : uring_open(&ring, 0);

	entry.addr = (uintptr_t)&evil;
	entry.len = sizeof(evil);
	return err < 0 ? err : uring_do(&ring, &entry);
}

#define OLD_RING "what an io_uring does that was made before the filter, the filter does not see"

static const struct attack rows[] = {
	{
		.name = "io-uring-read",
		.summary = "have a ring read into it",
		.target = CONTENT,
		.vantage = SELF,
		.syscalls = "io_uring IORING_OP_READ",
		.run = read_by_ring,
	},
	{
		.name = "io-uring-buffer",
		.summary = "register it as a buffer, have a ring read into that",
		.target = CONTENT,
		.vantage = SELF,
		.syscalls = "io_uring IORING_REGISTER_BUFFERS, READ_FIXED",
		.run = register_and_read,
	},
	{
		.name = "io-uring-buffer-before",
		.summary = "the same, registered before the seal",
		.target = CONTENT,
		.vantage = BEFORE,
		.syscalls = "io_uring IORING_REGISTER_BUFFERS, READ_FIXED",
		.before = register_before,
		.run = read_registered,
	},
	{
		.name = "io-uring-read-before",
		.summary = "a ring's read into it that waits for its bytes until after the seal",
		.target = CONTENT,
		.vantage = BEFORE,
		.syscalls = "io_uring IORING_OP_READ",
		.before = start_reading,
		.run = let_it_read,
	},
	{
		.name = "io-uring-sqpoll-before",
		.summary = "a thread of the kernel, started before the seal, reads into it",
		.target = CONTENT,
		.vantage = BEFORE,
		.syscalls = "io_uring IORING_SETUP_SQPOLL",
		.before = open_polled_ring,
		.run = read_by_polled_ring,
	},
	{
		.name = "io-uring-queues-before",
		.summary = "a ring whose queues lie in it, completes an operation",
		.target = CONTENT,
		.vantage = BEFORE,
		.syscalls = "io_uring IORING_SETUP_NO_MMAP",
		.before = put_queues_there,
		.run = complete_there,
	},
	{
		.name = "io-uring-write",
		.summary = "have a ring write to its descriptor",
		.target = CONTENT,
		.vantage = SELF,
		.syscalls = "io_uring IORING_OP_WRITE",
		.run = write_file_by_ring,
	},
	{
		.name = "io-uring-dontneed-before",
		.summary = "a ring made before the seal drops its pages",
		.target = CONTENT,
		.vantage = BEFORE,
		.syscalls = "io_uring IORING_OP_MADVISE MADV_DONTNEED",
		.before = open_plain_ring,
		.run = advise_by_old_ring,
		.argument = MADV_DONTNEED,
	},
	{
		.name = "io-uring-remove-before",
		.summary = "a ring made before the seal punches a hole into it",
		.target = CONTENT,
		.vantage = BEFORE,
		.syscalls = "io_uring IORING_OP_MADVISE MADV_REMOVE",
		.before = open_plain_ring,
		.run = advise_by_old_ring,
		.argument = MADV_REMOVE,
	},
	{
		.name = "io-uring-guard",
		.summary = "have a ring turn it into guard pages",
		.target = AVAILABILITY,
		.vantage = SELF,
		.syscalls = "io_uring IORING_OP_MADVISE MADV_GUARD_INSTALL",
		.run = advise_by_ring,
		.undo = remove_guards,
		.argument = MADV_GUARD_INSTALL,
	},
	{
		.name = "io-uring-guard-before",
		.summary = "the same, by a ring made before the seal",
		.target = AVAILABILITY,
		.vantage = BEFORE,
		.syscalls = "io_uring IORING_OP_MADVISE MADV_GUARD_INSTALL",
		.before = open_plain_ring,
		.run = advise_by_old_ring,
		.undo = remove_guards,
		.argument = MADV_GUARD_INSTALL,
		.gaps = GAP_FILTERED,
		.gap_reason = OLD_RING,
	},
};

FAMILY(rings, rows);
