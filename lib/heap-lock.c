/* SPDX-License-Identifier: MIT */

/*
 * The lock of a heap, for what is rare. A mutex of the C library would stay locked in a child that was forked while
 * another thread had it, and what the lock guards would stay half changed there. So a fork(2) waits until nobody has the
 * lock. The lock also says in which process it is locked: a child that the C library knows nothing of takes the lock of
 * its parent for free.
 */

#include "lib/fork-gate.h"
#include "lib/heap-internal.h"

#define ALL_SIGNALS (~UINT64_C(0))

/* Not 0, and another one in a child. */
static unsigned mark_of_process(void)
{
	return (unsigned)process_memory() * 2 + 1;
}

static void wait_for(struct sealmem_heap *h, unsigned mark)
{
	(void)atomic_fetch_add(&h->waiting, 1);
	/* Where a sandbox forbids to wait, ask again later. */
	if (sys_wait_while(&h->lock, mark) < 0)
		sys_yield();
	(void)atomic_fetch_sub(&h->waiting, 1);
}

void heap_lock(struct heap_locked *ret, struct sealmem_heap *h)
{
	unsigned mark = mark_of_process(), now = atomic_load(&h->lock);

	ret->heap = h;
	ret->blocked = sys_block_signals(ALL_SIGNALS, &ret->signals) == 0;
	fork_gate_enter_blocked();
	for (;;) {
		if (now != mark && atomic_compare_exchange_weak(&h->lock, &now, mark))
			return;
		if (now == mark)
			wait_for(h, mark);
		now = atomic_load(&h->lock);
	}
}

void heap_unlock(struct heap_locked *locked)
{
	struct sealmem_heap *h = locked->heap;

	if (h == NULL)
		return;
	locked->heap = NULL;
	atomic_store(&h->lock, 0);
	if (atomic_load(&h->waiting) > 0)
		(void)sys_wake_all(&h->lock);
	fork_gate_leave_blocked();
	if (locked->blocked)
		(void)sys_set_blocked(locked->signals);
}
