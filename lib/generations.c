/* SPDX-License-Identifier: MIT */

/*
 * How a generation goes when its last reader leaves, although readers take no lock and share no counter.
 *
 * A slot has many counts, and a thread comes and goes by one of them. Only their sum says how many readers there are,
 * and nobody can read all of them in one moment. But once a generation is retired, no reader comes any more: one that
 * comes late sees at its second look that there is a newer one, and leaves by the way it came. So from then on the sum
 * only falls, apart from such late ones. A sum of zero that was read one after the other is then a true one, and
 * whoever leaves last reads it.
 *
 * A slot is used again, so a thread that has read zero could be so slow that the slot meanwhile holds a later
 * generation with readers. Hence it first claims the slot and then reads: nobody uses a claimed slot again. Those who
 * leave meanwhile see that it is claimed and do nothing, so that the claimant reads again after it has given a claim up.
 *
 * Loads and stores here are in the one order that C gives them by default. The reader counts itself and then looks
 * at `newest`; the updater changes `newest` and then reads the counts: with any weaker order both could miss the
 * other. The same holds for a reader who leaves and then looks at the state.
 *
 * tests/models/generations.pml is a model of this, which Spin goes through in all orders.
 */

#include "lib/generations.h"

#include "lib/region.h"
#include "lib/util.h"

#include <stdlib.h>

/* Ways for so many threads at least, and at most. */
#define FEWEST_WAYS 64u
#define MOST_WAYS   1024u

REASON_STORAGE unsigned generations_way;

/* Threads that start one after the other get different ones. */
unsigned generations_choose_way(void)
{
	static atomic_uint last;
	unsigned way;

	do
		way = atomic_fetch_add(&last, 1) + 1;
	while (way == 0);
	generations_way = way;
	return way;
}

/* The kernel says how many processors there can be; more threads than that do not run at once. */
static unsigned count_ways(void)
{
	int processors = sys_processors();
	unsigned ways = FEWEST_WAYS;

	while (ways < MOST_WAYS && processors > 0 && ways < (unsigned)processors)
		ways *= 2;
	return ways;
}

void generations_begin(struct generations *g)
{
	g->mask = count_ways() - 1;
}

static struct generations_slot *find_free(const struct generations *g)
{
	struct generations_slot *slot = atomic_load(&g->slots);

	while (slot != NULL && atomic_load(&slot->state) != GENERATIONS_FREE)
		slot = slot->next;
	return slot;
}

int generations_reserve(struct generations *g)
{
	struct generations_slot *slot = find_free(g);

	if (slot != NULL)
		return 0;
	slot = calloc(1, sizeof(*slot) + (g->mask + 1) * sizeof(*slot->counts));
	if (slot == NULL)
		return -ENOMEM;
	slot->next = atomic_load(&g->slots);
	atomic_store(&g->slots, slot);
	return 0;
}

static bool has_readers(const struct generations *g, const struct generations_slot *slot)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i <= g->mask; i++)
		sum += atomic_load(&slot->counts[i].readers);
	return sum != 0;
}

static bool claim(struct generations_slot *slot)
{
	int retired = GENERATIONS_RETIRED;

	return atomic_compare_exchange_strong(&slot->state, &retired, GENERATIONS_CLAIMED);
}

/* The structure of the region stays until the slot is used again, because a signal handler cannot give it back. */
static void give_back(struct generations_slot *slot)
{
	int before = errno;

	region_vacate(atomic_load(&slot->region));
	atomic_store(&slot->state, GENERATIONS_FREE);
	errno = before;
}

void generations_reclaim(const struct generations *g, struct generations_slot *slot)
{
	while (!has_readers(g, slot) && claim(slot)) {
		if (!has_readers(g, slot)) {
			give_back(slot);
			return;
		}
		atomic_store(&slot->state, GENERATIONS_RETIRED);
	}
}

static void discard(struct generations_slot *slot)
{
	struct sealmem_region *old = atomic_load(&slot->region);

	if (old != NULL)
		region_discard(old);
	atomic_store(&slot->region, NULL);
}

void generations_replace(struct generations *g, struct sealmem_region *region, uint64_t number)
{
	struct generations_slot *slot = find_free(g), *old = atomic_load(&g->newest);

	discard(slot);
	atomic_store(&slot->region, region);
	atomic_store(&slot->state, GENERATIONS_NEWEST);
	atomic_store(&g->newest, slot);
	/* Whoever has read this number acquires this generation, or a later one. */
	atomic_store(&g->number, number);
	if (old == NULL)
		return;
	atomic_store(&old->state, GENERATIONS_RETIRED);
	generations_reclaim(g, old);
}

/* A claimed slot is one of a thread that a child does not have: nobody knows how much of it is given back already. */
static void end_slot(struct generations_slot *slot)
{
	int state = atomic_load(&slot->state);

	if (state == GENERATIONS_NEWEST || state == GENERATIONS_RETIRED)
		region_vacate(atomic_load(&slot->region));
	discard(slot);
	free(slot);
}

void generations_end(struct generations *g)
{
	struct generations_slot *slot = atomic_load(&g->slots), *next;

	for (; slot != NULL; slot = next) {
		next = slot->next;
		end_slot(slot);
	}
}
