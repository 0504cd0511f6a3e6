/* SPDX-License-Identifier: MIT */

/*
 * Where a thread finds a slab with free slots. It keeps to one slab for each class, its hint, until that is full. Then
 * it takes one from its list of the class, where a slab that it has held goes when the first slot of it becomes free
 * again; or one from the list of another thread; or one that no class has; or the heap grows. Threads that keep as many
 * objects as they have do not meet: what one of them frees, it allocates again. The lists need no lock: their heads
 * change in one step, and carry a number, so that a head that was taken off and put back is not mistaken for one that
 * stayed.
 *
 * A thread that a signal takes out of here for good (longjmp(3)) takes one slab with it: the objects in it stay, and
 * can be freed, but nobody takes new ones from it.
 */

#include "lib/heap-internal.h"

/* How many threads have had a share. It never wraps. */
static _Atomic uint64_t threads;

/* Which share of each heap this thread has. */
static unsigned share_of_thread(void)
{
	static __thread unsigned mine;

	if (mine == 0)
		mine = (unsigned)(atomic_fetch_add(&threads, 1) % HEAP_THREADS) + 1;
	return mine - 1;
}

/* Nobody has the others yet. */
static unsigned shares_in_use(void)
{
	uint64_t count = atomic_load(&threads);

	return count < HEAP_THREADS ? (unsigned)count : HEAP_THREADS;
}

static _Atomic uint32_t *hint_of(struct sealmem_heap *h, unsigned class)
{
	return &h->shares[share_of_thread()].hints[class];
}

static heap_list *list_of(struct sealmem_heap *h, const struct heap_slab *slab, unsigned class)
{
	return &h->shares[atomic_load(&slab->owner)].partial[class];
}

uint32_t heap_supply_hint(struct sealmem_heap *h, unsigned class)
{
	return atomic_load_explicit(hint_of(h, class), memory_order_acquire);
}

static uint64_t head(uint64_t before, uint32_t first)
{
	return ((before >> 32) + 1) << 32 | first;
}

static void push(const struct sealmem_heap *h, heap_list *list, uint32_t number)
{
	uint64_t now = atomic_load(list);

	do
		atomic_store(&heap_slab(h, number)->next, (uint32_t)now);
	while (!atomic_compare_exchange_weak(list, &now, head(now, number)));
}

/* 0 if the list is empty. The slab may have left it meanwhile: then its next one does not matter. */
static uint32_t pop(const struct sealmem_heap *h, heap_list *list)
{
	uint64_t now = atomic_load(list);

	while ((uint32_t)now != 0) {
		uint32_t next = atomic_load(&heap_slab(h, (uint32_t)now)->next);

		if (atomic_compare_exchange_weak(list, &now, head(now, next)))
			break;
	}
	return (uint32_t)now;
}

/* All of it, which is then nobody else's. */
static uint32_t take_list(heap_list *list)
{
	uint64_t now = atomic_load(list);

	while (!atomic_compare_exchange_weak(list, &now, head(now, 0)))
		;
	return (uint32_t)now;
}

static bool move(struct heap_slab *slab, uint32_t from, uint32_t to)
{
	return atomic_compare_exchange_strong(&slab->place, &from, to);
}

void heap_supply_offer(struct sealmem_heap *h, uint32_t number)
{
	struct heap_slab *slab = heap_slab(h, number);
	unsigned class = atomic_load(&slab->class);

	if (class != 0 && move(slab, HEAP_IDLE, HEAP_LISTED))
		push(h, list_of(h, slab, class - 1), number);
}

static bool has_unused(const struct sealmem_heap *h, struct heap_slab *slab)
{
	uint64_t found = 0;

	for (uint32_t i = 0; i < h->words; i++)
		found |= atomic_load(&heap_unused(slab)[i]);
	return found != 0;
}

/* Nobody takes from it any more. A slot that has become free meanwhile was not offered. */
static void leave(struct sealmem_heap *h, uint32_t number)
{
	struct heap_slab *slab = heap_slab(h, number);

	if (number != 0 && move(slab, HEAP_HELD, HEAP_IDLE) && has_unused(h, slab))
		heap_supply_offer(h, number);
}

static uint32_t hold(struct sealmem_heap *h, unsigned class, uint32_t number)
{
	atomic_store(&heap_slab(h, number)->owner, (uint8_t)share_of_thread());
	leave(h, atomic_exchange(hint_of(h, class), number));
	return number;
}

/* From the lists of `count` threads. The first is this one. */
static uint32_t take_listed(struct sealmem_heap *h, unsigned class, unsigned count)
{
	unsigned mine = share_of_thread(), all = shares_in_use();
	uint32_t number = 0;

	for (unsigned i = 0; i < count && number == 0; i++)
		number = pop(h, &h->shares[(mine + i) % all].partial[class]);
	if (number != 0)
		(void)move(heap_slab(h, number), HEAP_LISTED, HEAP_HELD);
	return number;
}

/* With the lock held: one that no class has. Its bytes are zero. */
static uint32_t take_blank(struct sealmem_heap *h)
{
	uint32_t number = h->spare;

	if (number != 0)
		h->spare = atomic_load(&heap_slab(h, number)->next);
	else if (h->fresh < atomic_load(&h->fresh_end))
		number = h->fresh++;
	return number;
}

/* The bits come last: whoever finds one finds the rest. */
static void give_class(struct sealmem_heap *h, uint32_t number, unsigned class)
{
	struct heap_slab *slab = heap_slab(h, number);

	atomic_store(&slab->place, HEAP_HELD);
	atomic_store(&slab->class, (uint8_t)(class + 1));
	for (uint32_t i = 0; i < h->words; i++)
		atomic_store(&heap_unused(slab)[i], heap_slots_of_word(h->classes[class].count, i));
}

/* Takes all slots of the slab, if all are free. Then nobody else has any of it. */
static bool take_whole(struct sealmem_heap *h, struct heap_slab *slab, uint32_t count)
{
	uint32_t i = 0;

	for (; i < h->words; i++) {
		uint64_t all = heap_slots_of_word(count, i), seen = all;

		if (!atomic_compare_exchange_strong(&heap_unused(slab)[i], &seen, 0))
			break;
	}
	if (i == h->words)
		return true;
	while (i-- > 0)
		atomic_fetch_or(&heap_unused(slab)[i], heap_slots_of_word(count, i));
	return false;
}

/* The slab is in no list and held by nobody. */
static bool retire(struct sealmem_heap *h, uint32_t number, unsigned class)
{
	struct heap_slab *slab = heap_slab(h, number);

	if (!take_whole(h, slab, h->classes[class].count))
		return false;
	atomic_store(&slab->class, 0);
	atomic_store(&slab->place, HEAP_NOWHERE);
	atomic_store(&slab->next, h->spare);
	h->spare = number;
	return true;
}

static uint32_t collect_list(struct sealmem_heap *h, heap_list *list, unsigned class)
{
	uint32_t number, next, found = 0;

	for (number = take_list(list); number != 0; number = next) {
		next = atomic_load(&heap_slab(h, number)->next);
		if (retire(h, number, class))
			found++;
		else
			push(h, list, number);
	}
	return found;
}

static uint32_t collect_class(struct sealmem_heap *h, unsigned class)
{
	unsigned count = shares_in_use();
	uint32_t found = 0;

	for (unsigned i = 0; i < count; i++)
		leave(h, atomic_exchange(&h->shares[i].hints[class], 0));
	for (unsigned i = 0; i < count; i++)
		found += collect_list(h, &h->shares[i].partial[class], class);
	return found;
}

uint32_t heap_supply_collect(struct sealmem_heap *h)
{
	uint32_t found = 0;

	for (unsigned class = 0; class < HEAP_CLASSES; class ++)
		found += collect_class(h, class);
	return found;
}

/* What is collected is in the lists of all threads. Each takes its own back, unless another one was first: so that one
 * prefers a slab that no class has. */
static uint32_t take_any(struct sealmem_heap *h, unsigned class)
{
	uint32_t number = take_listed(h, class, 1);

	if (number != 0)
		return number;
	number = take_blank(h);
	if (number == 0)
		return take_listed(h, class, shares_in_use());
	give_class(h, number, class);
	return number;
}

/* Looking for slabs that have become empty takes a time that grows with the heap. So where there are few of them, the
 * heap grows as well, as long as it may. */
static bool is_enough(const struct sealmem_heap *h, uint32_t found)
{
	return found > h->taken >> h->shift >> 4;
}

/* With the lock held. */
static int supply(struct sealmem_heap *h, unsigned class, uint32_t *ret)
{
	int err = 0;

	*ret = take_any(h, class);
	if (*ret != 0)
		return 0;
	if (!is_enough(h, heap_supply_collect(h)))
		err = heap_chunk_grow(h);
	*ret = take_any(h, class);
	if (*ret != 0)
		return 0;
	return err < 0 ? err : -ENOMEM;
}

static int supply_locked(struct sealmem_heap *h, unsigned class, uint32_t *ret)
{
	HEAP_LOCKED(h);

	return supply(h, class, ret);
}

int heap_supply_refill(struct sealmem_heap *h, unsigned class, uint32_t *ret)
{
	uint32_t number = take_listed(h, class, shares_in_use());
	int err = number == 0 ? supply_locked(h, class, &number) : 0;

	if (err == 0)
		*ret = hold(h, class, number);
	return err;
}
