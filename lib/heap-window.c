/* SPDX-License-Identifier: MIT */

/*
 * A heap that is closed cannot be read or written, not by accident either. With a protection key this costs two
 * instructions, and is for one thread: each has rights of its own, and starts with those of the thread that made it. A
 * signal handler starts with none. Without a key mprotect(2) does it, for all threads.
 *
 * A key is put on a heap when it is first closed. Where addresses are sealed that is too late, so such a heap gets its
 * key before it has memory. But then other threads, which exist already, have no right to it, although nobody has
 * closed the heap. So it gets one only where there are no other threads.
 *
 * Functions of the heap open it for themselves.
 */

#include "lib/fork-gate.h"
#include "lib/heap-internal.h"
#include "lib/reason.h"

/* How often a thread has opened the heap with this key, and which heap that was. */
static __thread struct {
	uint32_t identity;
	uint32_t opens;
} counted[KEYS_MAX];

static uint32_t new_identity(void)
{
	static _Atomic uint32_t last;

	return atomic_fetch_add(&last, 1) + 1;
}

/* A thread that meets a heap for the first time has it open if the thread that made this one had. */
static uint32_t *opens_of_thread(const struct sealmem_heap *h, int key)
{
	if (counted[key].identity != h->identity) {
		counted[key].identity = h->identity;
		counted[key].opens = key_is_open(key);
	}
	return &counted[key].opens;
}

static int protect(void *addr, size_t size, int protection)
{
	return not_given(sys_mprotect(addr, size, protection));
}

static int put_key(void *addr, size_t size, int key)
{
	return key_apply(key, addr, size);
}

static int for_all(struct sealmem_heap *h, heap_memory_act *act, int argument, int before)
{
	int err = heap_chunk_each(h, act, argument);

	if (err == 0)
		err = heap_large_each(h, act, argument);
	if (err == 0)
		return 0;
	/* All or nothing. */
	if (heap_chunk_each(h, act, before) < 0 || heap_large_each(h, act, before) < 0)
		return -ENOTRECOVERABLE;
	return err;
}

/* With the lock held. */
static int open_for_all(struct sealmem_heap *h)
{
	int err = for_all(h, protect, PROT_READ | PROT_WRITE, PROT_NONE);

	h->ajar |= err < 0;
	return err;
}

/* If the kernel refuses, the next sealmem_heap_close() tries again. */
static int close_for_all(struct sealmem_heap *h)
{
	int err = for_all(h, protect, PROT_NONE, PROT_READ | PROT_WRITE);

	h->ajar = err < 0;
	/* Who opens it opens all of it. */
	if (err == -ENOTRECOVERABLE)
		h->opens = 0;
	return err;
}

static void set_key(struct sealmem_heap *h, int key)
{
	atomic_store(&h->key, key);
	h->identity = new_identity();
	atomic_store(&h->windowed, true);
}

void heap_window_begin(struct sealmem_heap *h)
{
	int key;

	h->opens = 1;
	atomic_store(&h->key, -1);
	if (!(h->guarantees & SEALMEM_ADDRESS) || sys_threads() != 1)
		return;
	key = key_new();
	if (key >= 0)
		set_key(h, key);
}

void heap_window_end(struct sealmem_heap *h)
{
	key_free(atomic_load(&h->key));
}

/* In a child: memory that only gives its objects back need not be locked, which the child may not be allowed to. */
static int take_over(const struct heap_visit *visit, struct sealmem_heap *h)
{
	if (heap_is_broken(h))
		return -ENOTRECOVERABLE;
	if (process_has_memory_of(&h->owner))
		return 0;
	if (visit->leaves)
		return heap_has_memory(h) ? 0 : -ESTALE;
	return heap_adopt(h);
}

/* A fork(2) waits until nobody is inside: the child would have the heap open, and nobody who closes it. */
static void keep_forks_out(struct heap_visit *visit)
{
	visit->quiet = fork_gate_enter() == 0;
	if (!visit->quiet)
		fork_gate_enter_blocked();
}

static void let_forks_in(const struct heap_visit *visit)
{
	if (visit->quiet)
		fork_gate_leave();
	else
		fork_gate_leave_blocked();
}

/* Without a key: for all threads. */
static int visit_for_all(struct heap_visit *ret, struct sealmem_heap *h)
{
	int err = 0;
	HEAP_LOCKED(h);

	if (h->opens + h->visits == 0)
		err = open_for_all(h);
	if (err == 0) {
		h->visits++;
		ret->heap = h;
	}
	return err;
}

static void leave_for_all(struct sealmem_heap *h)
{
	HEAP_LOCKED(h);

	if (--h->visits == 0 && h->opens == 0)
		(void)close_for_all(h);
}

int heap_visit_slowly(struct heap_visit *ret, struct sealmem_heap *h)
{
	int err = take_over(ret, h);
	int key = atomic_load(&h->key);

	if (err < 0 || !atomic_load(&h->windowed))
		return err;
	if (key >= 0) {
		ret->rights = key_rights();
		if (ret->rights & key_bits(key)) {
			key_set_rights(ret->rights & ~key_bits(key));
			ret->heap = h;
		}
		return 0;
	}
	keep_forks_out(ret);
	err = visit_for_all(ret, h);
	if (err < 0)
		let_forks_in(ret);
	return err;
}

void heap_leave_slowly(const struct heap_visit *visit)
{
	struct sealmem_heap *h = visit->heap;

	if (atomic_load(&h->key) >= 0) {
		key_set_rights(visit->rights);
		return;
	}
	leave_for_all(h);
	let_forks_in(visit);
}

static int close_for_thread(const struct sealmem_heap *h, int key)
{
	uint32_t *opens = opens_of_thread(h, key);

	if (*opens > 0)
		--*opens;
	if (*opens == 0)
		key_close(key);
	return 0;
}

static int begin_with_key(struct sealmem_heap *h)
{
	int key = key_new(), err;

	if (key < 0)
		return key;
	err = for_all(h, put_key, key, 0);
	if (err < 0) {
		key_free(key);
		return err;
	}
	set_key(h, key);
	return close_for_thread(h, key);
}

/* The first time that it is closed. */
static int begin(struct sealmem_heap *h)
{
	int err;

	if (h->guarantees & SEALMEM_ADDRESS)
		return fail_for(REASON_NO_KEY);
	err = begin_with_key(h);
	if (err != -EOPNOTSUPP && err != -ENOSPC)
		return err;
	atomic_store(&h->windowed, true);
	err = close_for_all(h);
	if (err == 0)
		h->opens = 0;
	return err;
}

static int close_locked(struct sealmem_heap *h)
{
	int key, err = 0;
	HEAP_LOCKED(h);

	key = atomic_load(&h->key);
	if (key >= 0)
		return close_for_thread(h, key);
	if (h->opens > 1) {
		h->opens--;
		return 0;
	}
	if (!atomic_load(&h->windowed))
		return begin(h);
	/* While a function of ours is in the heap, it is the one that closes it. */
	if (h->visits == 0 && (h->opens == 1 || h->ajar))
		err = close_for_all(h);
	if (err == 0)
		h->opens = 0;
	return err;
}

static int open_locked(struct sealmem_heap *h)
{
	int err = 0;
	HEAP_LOCKED(h);

	if (h->opens + h->visits == 0)
		err = open_for_all(h);
	if (err == 0)
		h->opens++;
	return err;
}

static int check_access(struct sealmem_heap *h)
{
	reason_forget();
	if (h == NULL)
		return -EINVAL;
	return process_has_memory_of(&h->owner) ? 0 : heap_adopt(h);
}

EXPORT int sealmem_heap_close(struct sealmem_heap *h)
{
	int err = check_access(h), key;

	if (err < 0)
		return err;
	key = atomic_load_explicit(&h->key, memory_order_relaxed);
	return key >= 0 ? close_for_thread(h, key) : close_locked(h);
}

EXPORT int sealmem_heap_open(struct sealmem_heap *h)
{
	int err = check_access(h), key;

	if (err < 0)
		return err;
	key = atomic_load_explicit(&h->key, memory_order_relaxed);
	if (key < 0)
		return open_locked(h);
	++*opens_of_thread(h, key);
	key_open(key);
	return 0;
}
