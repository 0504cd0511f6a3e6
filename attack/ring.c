/* SPDX-License-Identifier: MIT */

/*
 * As much of io_uring(7) as an attack needs, by the bare system calls: the attacks run without
 * liburing, in static programs, on old and new kernels. One operation is in flight at a time, so
 * the head of the completion queue is always where we left it.
 */

#include "attack/ring.h"

#include "attack/raw.h"

#include <string.h>

static long map(int fd, size_t size, off_t what)
{
	return attempt_map(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, what);
}

/* Both queues are one mapping on every kernel since 5.4. */
static size_t queues_size(const struct io_uring_params *p)
{
	size_t submissions = p->sq_off.array + p->sq_entries * sizeof(unsigned);
	size_t completions = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);

	return submissions > completions ? submissions : completions;
}

int uring_adopt(struct uring *ret, const struct uring *theirs, int fd)
{
	struct uring ring = *theirs;
	long queues = map(fd, queues_size(&ring.params), (off_t)IORING_OFF_SQ_RING);
	long entries = map(fd, sizeof(*ring.entry), (off_t)IORING_OFF_SQES);
	int err = refusal(queues);

	if (err == 0)
		err = refusal(entries);
	if (err < 0)
		return err;
	ring.fd = fd;
	ring.queues = (char *)queues;
	ring.entry = (struct io_uring_sqe *)entries;
	*ret = ring;
	return 0;
}

int uring_open(struct uring *ret, unsigned flags)
{
	struct uring ring = { .flags = flags, .params = { .flags = flags, .sq_thread_idle = 100 } };
	int fd = (int)attempt(SYS_io_uring_setup, 1, &ring.params);

	return fd < 0 ? fd : uring_adopt(ret, &ring, fd);
}

/* The field is the last of its structure; older headers have another name for it. */
static void set_address(void *offsets, size_t size, const void *address)
{
	const uint64_t value = (uintptr_t)address;

	memcpy((char *)offsets + size - sizeof(value), &value, sizeof(value));
}

int uring_open_in(struct uring *ret, char *page, size_t size)
{
	struct uring ring = { .flags = IORING_SETUP_NO_MMAP, .queues = page };
	long entries = attempt_map(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				   -1, 0L);

	if (refusal(entries) < 0)
		return refusal(entries);
	ring.entry = (struct io_uring_sqe *)entries;
	ring.params.flags = ring.flags;
	set_address(&ring.params.sq_off, sizeof(ring.params.sq_off), ring.entry);
	set_address(&ring.params.cq_off, sizeof(ring.params.cq_off), ring.queues);
	ring.fd = (int)attempt(SYS_io_uring_setup, 1, &ring.params);
	if (ring.fd < 0)
		return ring.fd;
	*ret = ring;
	return 0;
}

static unsigned *word(const struct uring *ring, unsigned offset)
{
	return (unsigned *)(void *)(ring->queues + offset);
}

/* The kernel thread that submits may be asleep. */
static int wake_submitter(const struct uring *ring)
{
	if (!(ring->flags & IORING_SETUP_SQPOLL))
		return refusal(attempt(SYS_io_uring_enter, ring->fd, 1, 0, 0, NULL, 0L));
	return refusal(
		attempt(SYS_io_uring_enter, ring->fd, 1, 0, IORING_ENTER_SQ_WAKEUP, NULL, 0L));
}

int uring_start(struct uring *ring, const struct io_uring_sqe *entry)
{
	unsigned *tail = word(ring, ring->params.sq_off.tail);

	memcpy(ring->entry, entry, sizeof(*entry));
	*word(ring, ring->params.sq_off.array) = 0;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	return wake_submitter(ring);
}

int uring_finish(struct uring *ring)
{
	unsigned *head = word(ring, ring->params.cq_off.head);
	unsigned *tail = word(ring, ring->params.cq_off.tail);
	const struct io_uring_cqe *completions =
		(const struct io_uring_cqe *)(void *)(ring->queues + ring->params.cq_off.cqes);
	int err = 0, answer;

	while (err >= 0 && __atomic_load_n(tail, __ATOMIC_ACQUIRE) == *head)
		err = refusal(attempt(SYS_io_uring_enter, ring->fd, 0, 1, IORING_ENTER_GETEVENTS,
				      NULL, 0L));
	if (err < 0)
		return err;
	answer = completions[*head & *word(ring, ring->params.cq_off.ring_mask)].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return refusal(answer);
}

int uring_do(struct uring *ring, const struct io_uring_sqe *entry)
{
	int err = uring_start(ring, entry);

	return err < 0 ? err : uring_finish(ring);
}

int uring_register_buffer(const struct uring *ring, void *addr, size_t size)
{
	struct {
		void *addr;
		size_t size;
	} buffer = { addr, size };

	return refusal(
		attempt(SYS_io_uring_register, ring->fd, IORING_REGISTER_BUFFERS, &buffer, 1));
}
