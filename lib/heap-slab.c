/* SPDX-License-Identifier: MIT */

/*
 * Small objects: slots of slabs. To take one is to clear its bit in `unused`, and to give it back is to set it again,
 * so that threads, also those that free what others made, need no lock. In between the slot has a bit in `live`. To
 * free an object is to clear that bit first: who finds it cleared frees what is free already.
 */

#include "lib/heap-canary.h"
#include "lib/heap-internal.h"

#include <string.h>

/* A slot, found by its address. */
struct slot {
	struct heap_slab *slab;
	const struct heap_class *class;
	uint32_t number, index; /* of the slab; of the slot in it */
	char *at;
};

static const char overrun[] = "was overwritten: it lies after the end of an object";
static const char touched[] = "was overwritten: it lies in an object that was freed";
static const char unknown[] = "is no object of this heap, or was freed before";
static const char inside[] = "is not where an object starts";

static uint64_t bit_of(uint32_t index)
{
	return UINT64_C(1) << index % 64;
}

static bool is_set(const _Atomic uint64_t *words, uint32_t index)
{
	return (atomic_load_explicit(&words[index / 64], memory_order_acquire) & bit_of(index)) !=
	       0;
}

static bool take_bit(_Atomic uint64_t *words, uint32_t index)
{
	return (atomic_fetch_and(&words[index / 64], ~bit_of(index)) & bit_of(index)) != 0;
}

static void put_bit(_Atomic uint64_t *words, uint32_t index)
{
	(void)atomic_fetch_or(&words[index / 64], bit_of(index));
}

static char *end_of(const struct slot *slot)
{
	return slot->at + slot->class->slot;
}

/* The bytes of a slot that are no object's, less those that each has: they fit into a byte. */
static size_t size_of(const struct sealmem_heap *h, const struct slot *slot)
{
	uint8_t slack =
		atomic_load_explicit(&heap_slack(h, slot->slab)[slot->index], memory_order_relaxed);

	return slot->class->slot - HEAP_CANARY - slack;
}

static void set_size(const struct sealmem_heap *h, const struct slot *slot, size_t size)
{
	atomic_store_explicit(&heap_slack(h, slot->slab)[slot->index],
			      (uint8_t)(slot->class->slot - HEAP_CANARY - size),
			      memory_order_relaxed);
	heap_canary_put(h, slot->at + size, end_of(slot));
}

/* -1 if all are taken. */
static int64_t take_slot(const struct sealmem_heap *h, struct heap_slab *slab)
{
	for (uint32_t i = 0; i < h->words; i++) {
		_Atomic uint64_t *word = &heap_unused(slab)[i];
		uint64_t seen = atomic_load_explicit(word, memory_order_relaxed);

		while (seen != 0)
			if (atomic_compare_exchange_weak(word, &seen, seen & (seen - 1)))
				return (int64_t)i * 64 + __builtin_ctzll(seen);
	}
	return -1;
}

/* The slab may have got another class, after this thread has seen that it was of the right one. */
static bool take_from(struct sealmem_heap *h, uint32_t number, unsigned class, struct slot *ret)
{
	struct heap_slab *slab = heap_slab(h, number);
	int64_t index = number != 0 ? take_slot(h, slab) : -1;

	if (index < 0)
		return false;
	ret->slab = slab;
	ret->class = &h->classes[class];
	ret->number = number;
	ret->index = (uint32_t)index;
	ret->at = heap_slab_start(h, number) + (size_t)index * ret->class->slot;
	if (atomic_load_explicit(&slab->class, memory_order_relaxed) == class + 1)
		return true;
	put_bit(heap_unused(slab), ret->index);
	heap_supply_offer(h, number);
	return false;
}

static int take(struct sealmem_heap *h, unsigned class, struct slot *ret)
{
	uint32_t number = heap_supply_hint(h, class);
	int err = 0;

	while (err == 0 && !take_from(h, number, class, ret))
		err = heap_supply_refill(h, class, &number);
	return err;
}

int heap_small_new(struct sealmem_heap *h, size_t size, void **ret)
{
	struct slot slot;
	const char *changed;
	int err = take(h, heap_class_of(size), &slot);

	if (err < 0)
		return err;
	changed = heap_zeroes_changed(slot.at, end_of(&slot));
	if (changed != NULL)
		heap_corrupt(h, changed, touched);
	set_size(h, &slot, size);
	put_bit(heap_live(h, slot.slab), slot.index);
	*ret = slot.at;
	return 0;
}

bool heap_small_is(const struct sealmem_heap *h, const void *p)
{
	return (uintptr_t)p - (uintptr_t)h->base < h->all.size;
}

/* NULL, or what is wrong with the pointer. */
static const char *find(const struct sealmem_heap *h, const void *p, struct slot *ret)
{
	size_t offset = (uintptr_t)p - (uintptr_t)h->base;
	uint32_t in_slab = (uint32_t)(offset & (heap_slab_size(h) - 1));
	unsigned class;

	ret->number = (uint32_t)(offset >> h->shift);
	if (ret->number >= atomic_load_explicit(&h->count, memory_order_acquire))
		return unknown;
	ret->slab = heap_slab(h, ret->number);
	/* What follows waits for each of these in turn, unless all are on their way. */
	__builtin_prefetch(p, 1);
	__builtin_prefetch(heap_live(h, ret->slab), 1);
	class = atomic_load_explicit(&ret->slab->class, memory_order_acquire);
	if (class == 0)
		return unknown;
	ret->class = &h->classes[class - 1];
	ret->index = (uint32_t)((uint64_t)in_slab * ret->class->inverse >> 32);
	ret->at = heap_slab_start(h, ret->number) + (size_t)ret->index * ret->class->slot;
	if (ret->index >= ret->class->count)
		return unknown;
	__builtin_prefetch((const char *)p + ret->class->slot - 1, 1);
	__builtin_prefetch(&heap_slack(h, ret->slab)[ret->index], 1);
	return (const char *)p == ret->at ? NULL : inside;
}

static void find_live(const struct sealmem_heap *h, const void *p, struct slot *ret)
{
	const char *wrong = find(h, p, ret);

	if (wrong == NULL && !is_set(heap_live(h, ret->slab), ret->index))
		wrong = unknown;
	if (wrong != NULL)
		heap_corrupt(h, p, wrong);
}

/* From now on it is this thread's alone, and who looks at it without owning it sees that it changes. */
static size_t claim(struct sealmem_heap *h, const struct slot *slot)
{
	const char *changed;
	size_t size;

	(void)atomic_fetch_add(&slot->slab->frees, 1);
	if (!take_bit(heap_live(h, slot->slab), slot->index))
		heap_corrupt(h, slot->at, unknown);
	size = size_of(h, slot);
	changed = heap_canary_changed(h, slot->at + size, end_of(slot));
	if (changed != NULL)
		heap_corrupt(h, changed, overrun);
	return size;
}

size_t heap_small_size(struct sealmem_heap *h, const void *p)
{
	struct slot slot;

	find_live(h, p, &slot);
	return size_of(h, &slot);
}

void heap_small_free(struct sealmem_heap *h, void *p)
{
	struct slot slot;

	find_live(h, p, &slot);
	(void)claim(h, &slot);
	heap_wipe(slot.at, slot.class->slot);
	put_bit(heap_unused(slot.slab), slot.index);
	if (atomic_load(&slot.slab->place) == HEAP_IDLE)
		heap_supply_offer(h, slot.number);
}

bool heap_small_resize(struct sealmem_heap *h, void *p, size_t size)
{
	struct slot slot;
	size_t before;

	find_live(h, p, &slot);
	if (size > HEAP_SMALL_MAX || &h->classes[heap_class_of(size)] != slot.class)
		return false;
	before = claim(h, &slot);
	/* What was a part of the object, or of the canary, and what is to be. */
	if (size < before)
		heap_wipe(slot.at + size, before - size);
	else
		heap_wipe(slot.at + before, size - before);
	set_size(h, &slot, size);
	put_bit(heap_live(h, slot.slab), slot.index);
	return true;
}

/* How often a wrong byte has to be seen. */
#define TIMES 3

/* A live object is somebody's, who may free it at any moment. If it was not freed, it is what it was. */
static const char *canary_changed(const struct sealmem_heap *h, const struct slot *slot)
{
	uint32_t frees = atomic_load(&slot->slab->frees);
	const char *changed = NULL;

	for (int times = 0; times < TIMES; times++) {
		if (!is_set(heap_live(h, slot->slab), slot->index))
			return NULL;
		changed = heap_canary_changed(h, slot->at + size_of(h, slot), end_of(slot));
		if (changed == NULL)
			return NULL;
		sys_yield();
		if (atomic_load(&slot->slab->frees) != frees)
			return NULL;
	}
	return changed;
}

/* A free slot may be taken at any moment, unless it is taken here. */
static const char *zeroes_changed(struct sealmem_heap *h, const struct slot *slot, unsigned class)
{
	const char *changed = heap_zeroes_changed(slot->at, end_of(slot));

	if (changed == NULL || !take_bit(heap_unused(slot->slab), slot->index))
		return NULL;
	changed = NULL;
	if (atomic_load(&slot->slab->class) == class + 1)
		changed = heap_zeroes_changed(slot->at, end_of(slot));
	put_bit(heap_unused(slot->slab), slot->index);
	heap_supply_offer(h, slot->number);
	return changed;
}

static void check_slot(struct sealmem_heap *h, const struct slot *slot, unsigned class)
{
	const char *changed = NULL;

	if (is_set(heap_live(h, slot->slab), slot->index)) {
		changed = canary_changed(h, slot);
		if (changed != NULL)
			heap_corrupt(h, changed, overrun);
	} else if (is_set(heap_unused(slot->slab), slot->index)) {
		changed = zeroes_changed(h, slot, class);
		if (changed != NULL)
			heap_corrupt(h, changed, touched);
	}
}

static void check_slots(struct sealmem_heap *h, struct slot *slot, unsigned class)
{
	char *start = heap_slab_start(h, slot->number);

	slot->class = &h->classes[class];
	for (slot->index = 0; slot->index < slot->class->count; slot->index++) {
		slot->at = start + (size_t)slot->index * slot->class->slot;
		check_slot(h, slot, class);
	}
}

/* No class gets a slab meanwhile: that needs the lock. */
static void check_slab(struct sealmem_heap *h, uint32_t number)
{
	struct slot slot = { .slab = heap_slab(h, number), .number = number };
	char *start = heap_slab_start(h, number);
	unsigned class = atomic_load(&slot.slab->class);
	const char *changed;

	if (class > 0) {
		check_slots(h, &slot, class - 1);
		return;
	}
	changed = heap_zeroes_changed(start, start + heap_slab_size(h));
	if (changed != NULL)
		heap_corrupt(h, changed, touched);
}

static void check_chunk(struct sealmem_heap *h, uint32_t first)
{
	const struct heap_slab *slab = heap_slab(h, first);
	uint32_t end = first + slab->length;

	/* What no class has had yet takes no memory until somebody reads it. */
	if (first <= h->fresh && h->fresh < end)
		end = h->fresh;
	for (uint32_t number = first; !slab->lost && number < end; number++)
		check_slab(h, number);
}

void heap_small_check(struct sealmem_heap *h)
{
	uint32_t end = atomic_load(&h->count);

	for (uint32_t first = HEAP_FIRST_CHUNK; first < end; first = heap_next_chunk(h, first))
		check_chunk(h, first);
}
