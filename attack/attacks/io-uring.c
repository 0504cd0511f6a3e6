/* SPDX-License-Identifier: MIT */

/*
 * Operations that the kernel carries out by itself. A ring that exists before the seal keeps what
 * it was allowed then: buffers whose pages it holds, reads that are in progress, a kernel thread
 * that submits without a system call. No system call filter sees the operations of a ring. So a
 * seal of the address alone does not stop these attacks, and a filter alone does not either.
 */

#include "attack/attacks/shared.h"
#include "attack/families.h"
#include "attack/raw.h"
#include "attack/ring.h"
#include "attack/scene.h"
#include "lib/util.h"

#include <string.h>

/* From before() to run(). */
struct prepared {
	struct uring ring;
	int writer;
};

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
	struct prepared *kept = keep(scene, sizeof(*kept));
	int err = uring_open(&kept->ring, 0);

	return err < 0 ? err : uring_register_buffer(&kept->ring, scene->data, scene->page);
}

static int read_registered(struct scene *scene)
{
	struct prepared *kept = scene->kept;

	return read_evil(&kept->ring, IORING_OP_READ_FIXED, scene);
}

/* The read waits for a pipe. The bytes come after the seal. */
static int start_reading(struct scene *scene)
{
	struct prepared *kept = keep(scene, sizeof(*kept));
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
	struct prepared *kept = keep(scene, sizeof(*kept));

	return uring_open(&kept->ring, IORING_SETUP_SQPOLL);
}

/* Before Linux 5.11, such a ring takes registered files only. */
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
 * A program may choose the memory that has the queues of a ring: here it is the last page of the
 * victim. At the time of the seal, an operation is in progress and the page is zero again. After
 * the seal the operation ends, and the kernel writes that into the queue.
 */
static int put_queues_there(struct scene *scene)
{
	struct prepared *kept = keep(scene, sizeof(*kept));
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

	/* Waits for the completion; does not wait if the page does not show it. */
	return err < 0 ? err
		       : refusal(attempt(SYS_io_uring_enter, kept->ring.fd, 0, 1,
					 IORING_ENTER_GETEVENTS, NULL, 0L));
}

static int open_plain_ring(struct scene *scene)
{
	struct prepared *kept = keep(scene, sizeof(*kept));

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

/* A process that makes a ring when it is told to, and keeps it until it is told to end. */
struct maker {
	struct helper helper;
	int told[2], end[2];
};

static int make_ring(struct scene *scene)
{
	const struct maker *kept = scene->kept;
	struct uring ring = { 0 };
	int err = uring_open(&ring, 0);
	char none;

	if (err < 0)
		ring.fd = err;
	close_fd(kept->end[1]);
	(void)attempt(SYS_write, kept->told[1], &ring, sizeof(ring));
	(void)attempt(SYS_read, kept->end[0], &none, sizeof(none));
	return err;
}

static int start_maker(struct scene *scene)
{
	struct maker *kept = keep(scene, sizeof(*kept));
	int err = sys_pipe(kept->told);

	if (err == 0)
		err = sys_pipe(kept->end);
	return err < 0 ? err : helper_start(&kept->helper, scene, make_ring);
}

/* The ring is newer than the filter. */
static int take_ring(struct maker *kept, struct uring *ret)
{
	struct uring theirs;
	long err = attempt(SYS_write, kept->helper.wake, "", 1);
	int process;

	close_fd(kept->told[1]);
	if (err > 0)
		err = attempt(SYS_read, kept->told[0], &theirs, sizeof(theirs));
	if (err >= 0)
		err = err == sizeof(theirs) ? theirs.fd : -ECHILD;
	process = err < 0 ? (int)err : (int)attempt(SYS_pidfd_open, kept->helper.pid, 0);
	err = process < 0 ? process : attempt(SYS_pidfd_getfd, process, theirs.fd, 0);
	return err < 0 ? (int)err : uring_adopt(ret, &theirs, (int)err);
}

static int advise_by_passed_ring(struct scene *scene)
{
	struct maker *kept = scene->kept;
	struct uring ring;
	int err = take_ring(kept, &ring), status;

	if (err == 0)
		err = advise(&ring, scene, (int)scene->argument);
	close_fd(kept->end[1]);
	(void)attempt(SYS_wait4, kept->helper.pid, &status, 0, NULL);
	return err;
}

#define FOREIGN_RING                                                                               \
 "the filter does not see the operations of an io_uring that is older than the filter, or that "   \
 "another process made and passed on"

static const struct attack rows[] = {
	{
		.name = "io-uring-read",
		.summary = "make a ring read into it",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_SELF,
		.syscalls = "io_uring IORING_OP_READ",
		.run = read_by_ring,
	},
	{
		.name = "io-uring-buffer",
		.summary = "register it as a buffer, make a ring read into the buffer",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_SELF,
		.syscalls = "io_uring IORING_REGISTER_BUFFERS, READ_FIXED",
		.run = register_and_read,
	},
	{
		.name = "io-uring-buffer-before",
		.summary = "the same, registered before the seal",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_BEFORE,
		.syscalls = "io_uring IORING_REGISTER_BUFFERS, READ_FIXED",
		.before = register_before,
		.run = read_registered,
	},
	{
		.name = "io-uring-read-before",
		.summary = "a ring reads into it: it starts before the seal, the bytes come after",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_BEFORE,
		.syscalls = "io_uring IORING_OP_READ",
		.before = start_reading,
		.run = let_it_read,
	},
	{
		.name = "io-uring-sqpoll-before",
		.summary = "a kernel thread that started before the seal reads into it",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_BEFORE,
		.syscalls = "io_uring IORING_SETUP_SQPOLL",
		.before = open_polled_ring,
		.run = read_by_polled_ring,
	},
	{
		.name = "io-uring-queues-before",
		.summary = "a ring whose queues lie in it completes an operation",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_BEFORE,
		.syscalls = "io_uring IORING_SETUP_NO_MMAP",
		.before = put_queues_there,
		.run = complete_there,
	},
	{
		.name = "io-uring-write",
		.summary = "make a ring write to its descriptor",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_SELF,
		.syscalls = "io_uring IORING_OP_WRITE",
		.run = write_file_by_ring,
	},
	{
		.name = "io-uring-dontneed-before",
		.summary = "a ring that is older than the seal drops its pages",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_BEFORE,
		.syscalls = "io_uring IORING_OP_MADVISE MADV_DONTNEED",
		.before = open_plain_ring,
		.run = advise_by_old_ring,
		.argument = MADV_DONTNEED,
	},
	{
		.name = "io-uring-remove-before",
		.summary = "a ring that is older than the seal punches a hole into it",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_BEFORE,
		.syscalls = "io_uring IORING_OP_MADVISE MADV_REMOVE",
		.before = open_plain_ring,
		.run = advise_by_old_ring,
		.argument = MADV_REMOVE,
	},
	{
		.name = "io-uring-guard",
		.summary = "make a ring turn it into guard pages",
		.target = TARGET_AVAILABILITY,
		.vantage = VANTAGE_SELF,
		.syscalls = "io_uring IORING_OP_MADVISE MADV_GUARD_INSTALL",
		.run = advise_by_ring,
		.undo = remove_guards,
		.argument = MADV_GUARD_INSTALL,
	},
	{
		.name = "io-uring-guard-before",
		.summary = "the same, by a ring that is older than the seal",
		.target = TARGET_AVAILABILITY,
		.vantage = VANTAGE_BEFORE,
		.syscalls = "io_uring IORING_OP_MADVISE MADV_GUARD_INSTALL",
		.before = open_plain_ring,
		.run = advise_by_old_ring,
		.undo = remove_guards,
		.argument = MADV_GUARD_INSTALL,
		.gaps = GAP_FILTERED,
		.gap_reason = FOREIGN_RING,
	},
	{
		.name = "io-uring-guard-passed",
		.summary =
			"the same, by a ring that another process makes after the seal and passes on",
		.target = TARGET_AVAILABILITY,
		.vantage = VANTAGE_BEFORE,
		.syscalls = "pidfd_getfd, io_uring IORING_OP_MADVISE MADV_GUARD_INSTALL",
		.before = start_maker,
		.run = advise_by_passed_ring,
		.undo = remove_guards,
		.argument = MADV_GUARD_INSTALL,
		.gaps = GAP_FILTERED,
		.gap_reason = FOREIGN_RING,
	},
};

FAMILY(io_uring, rows);
