/* SPDX-License-Identifier: MIT */

/*
 * By hand, because the tests run in places without the library for it. The ring stays open: the kernel closes
 * it with the process of the test.
 */

#include "tests/support/ring.h"

#include "tests/support/support.h"

#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define ENTRIES 4

static void *map_ring(int fd, size_t size, off_t offset)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, offset);

	ck_assert_ptr_ne(at, MAP_FAILED);
	return at;
}

static size_t rings_size(const struct io_uring_params *p)
{
	size_t requests = p->sq_off.array + p->sq_entries * sizeof(unsigned);
	size_t answers = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);

	return requests > answers ? requests : answers;
}

struct ring open_ring(void)
{
	struct ring ring = { 0 };

	ring.fd = (int)syscall(SYS_io_uring_setup, ENTRIES, &ring.parameters);
	if (ring.fd < 0)
		skip_test("no io_uring for this user on this kernel");
	if (!(ring.parameters.features & IORING_FEAT_SINGLE_MMAP))
		skip_test("an io_uring of before Linux 5.4");
	ring.rings = map_ring(ring.fd, rings_size(&ring.parameters), IORING_OFF_SQ_RING);
	ring.entries = map_ring(ring.fd, ENTRIES * sizeof(*ring.entries), IORING_OFF_SQES);
	return ring;
}

int ring_register(const struct ring *ring, void *buffer, size_t size)
{
	struct iovec iov = { buffer, size };

	return (int)result(
		syscall(SYS_io_uring_register, ring->fd, IORING_REGISTER_BUFFERS, &iov, 1));
}

int ring_unregister(const struct ring *ring)
{
	return (int)result(
		syscall(SYS_io_uring_register, ring->fd, IORING_UNREGISTER_BUFFERS, NULL, 0));
}

static unsigned *word(const struct ring *ring, unsigned offset)
{
	return (unsigned *)(void *)(ring->rings + offset);
}

int ring_do(const struct ring *ring, const struct io_uring_sqe *request)
{
	const struct io_uring_params *p = &ring->parameters;
	unsigned mask = *word(ring, p->sq_off.ring_mask), tail = *word(ring, p->sq_off.tail);
	unsigned head = *word(ring, p->cq_off.head);
	const struct io_uring_cqe *answers = (void *)(ring->rings + p->cq_off.cqes);
	int answer;

	ring->entries[tail & mask] = *request;
	word(ring, p->sq_off.array)[tail & mask] = tail & mask;
	__atomic_store_n(word(ring, p->sq_off.tail), tail + 1, __ATOMIC_RELEASE);
	ck_assert_int_eq(
		syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0), 1);
	ck_assert_uint_ne(__atomic_load_n(word(ring, p->cq_off.tail), __ATOMIC_ACQUIRE), head);
	answer = answers[head & *word(ring, p->cq_off.ring_mask)].res;
	__atomic_store_n(word(ring, p->cq_off.head), head + 1, __ATOMIC_RELEASE);
	return answer;
}
