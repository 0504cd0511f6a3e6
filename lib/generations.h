/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_LIB_GENERATIONS_H
#define SEALMEM_LIB_GENERATIONS_H

/*
 * The newest generation of something, which any number of threads read while one thread replaces it, and the older
 * ones that are still being read. Here is the part that readers run: two additions, each to a line of the cache that
 * few other threads use. generations.c says why it is right.
 */

#include "include/sealmem.h"
#include "lib/reason.h"

#include <stdatomic.h>
#include <stdint.h>

#define GENERATIONS_LINE 64

/* How many readers came by this way less how many left by it. Below zero, if they left by another than they came. */
struct generations_count {
	atomic_uint_least64_t readers;
	char line[GENERATIONS_LINE - sizeof(uint_least64_t)];
};

enum generations_state {
	GENERATIONS_FREE,    /* no generation, or one without memory */
	GENERATIONS_NEWEST,  /* readers come */
	GENERATIONS_RETIRED, /* the last reader who leaves gives its memory back */
	GENERATIONS_CLAIMED, /* one thread is about to */
};

/* Room for a generation. It is used again for a later one, and given back with all others only: a reader who was
 * delayed can still count itself here. */
struct generations_slot {
	struct generations_slot *next;
	_Atomic(struct sealmem_region *) region;
	atomic_int state;
	struct generations_count counts[];
};

struct generations {
	_Atomic(struct generations_slot *) newest;
	_Atomic(struct generations_slot *) slots;
	unsigned mask; /* the number of counts in each slot, less 1 */
	atomic_uint_least64_t number;
};

/* By which count this thread comes and goes; 0 if it has none yet. */
extern REASON_STORAGE unsigned generations_way __attribute__((visibility("hidden")));
unsigned generations_choose_way(void);

/* Makes it empty. */
void generations_begin(struct generations *g);

/* Makes sure that the next generations_replace() has room: 0 or -ENOMEM. */
int generations_reserve(struct generations *g);

/* Takes a region over as the newest generation. One thread at a time. */
void generations_replace(struct generations *g, struct sealmem_region *region, uint64_t number);

/* Gives the memory of a retired generation back, unless it has readers. Safe in a signal handler. */
void generations_reclaim(const struct generations *g, struct generations_slot *slot);

/* Gives everything back. There are no readers any more. */
void generations_end(struct generations *g);

static inline unsigned generations_my_way(void)
{
	unsigned way = generations_way;

	return way != 0 ? way : generations_choose_way();
}

static inline void generations_leave(const struct generations *g, struct generations_slot *slot,
				     unsigned way)
{
	(void)atomic_fetch_sub(&slot->counts[way & g->mask].readers, 1);
	if (atomic_load(&slot->state) == GENERATIONS_RETIRED)
		generations_reclaim(g, slot);
}

/* There is a newest one. The second look makes sure that the reader was counted before the generation was retired. */
static inline const struct sealmem_region *generations_acquire(struct generations *g)
{
	unsigned way = generations_my_way();

	for (;;) {
		struct generations_slot *slot = atomic_load(&g->newest);

		(void)atomic_fetch_add(&slot->counts[way & g->mask].readers, 1);
		if (atomic_load(&g->newest) == slot)
			return atomic_load_explicit(&slot->region, memory_order_relaxed);
		generations_leave(g, slot, way);
	}
}

/* NULL for what is no generation of these. */
static inline struct generations_slot *generations_find(struct generations *g,
							const struct sealmem_region *region)
{
	struct generations_slot *slot = atomic_load_explicit(&g->newest, memory_order_acquire);

	if (atomic_load_explicit(&slot->region, memory_order_relaxed) == region)
		return slot;
	slot = atomic_load_explicit(&g->slots, memory_order_acquire);
	while (slot != NULL && atomic_load_explicit(&slot->region, memory_order_relaxed) != region)
		slot = slot->next;
	return slot;
}

static inline void generations_release(struct generations *g, const struct sealmem_region *region)
{
	struct generations_slot *slot = generations_find(g, region);

	if (slot != NULL)
		generations_leave(g, slot, generations_my_way());
}

#endif
