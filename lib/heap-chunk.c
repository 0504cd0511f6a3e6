/* SPDX-License-Identifier: MIT */

/*
 * The addresses of a heap, and its chunks. All addresses that it can need are reserved when it is made, twice as many
 * as its limit, because chunks have unused slabs between them. They take no memory. A heap that grows adds a chunk of
 * a sixteenth of its size: so chunks, and with them mappings, stay few, and little of the last one is unused.
 */

#include "lib/address.h"
#include "lib/heap-canary.h"
#include "lib/heap-internal.h"
#include "lib/mapping.h"
#include "lib/reason.h"

/* Slabs of the first chunks. */
#define LEAST	       8
#define LEAST_EMULATED 64

/* The most that a heap reserves. */
#define MOST_BYTES (SIZE_MAX / 4 < ((uint64_t)1 << 40) ? SIZE_MAX / 4 : (size_t)1 << 40)

static size_t lines(size_t size)
{
	return (size + HEAP_LINE - 1) & ~(size_t)(HEAP_LINE - 1);
}

static void set_classes(struct sealmem_heap *h)
{
	for (unsigned class = 0; class < HEAP_CLASSES; class ++) {
		uint32_t slot = (uint32_t)heap_class_slot(class);

		h->classes[class] = (struct heap_class){
			.slot = slot,
			.count = (uint32_t)(heap_slab_size(h) / slot),
			.inverse = UINT32_MAX / slot + 1,
		};
	}
}

/* How large slabs are and what is known of each. */
static void set_geometry(struct sealmem_heap *h)
{
	size_t slab = page_size() > HEAP_SLAB_MIN ? page_size() : HEAP_SLAB_MIN;
	size_t slots = slab / HEAP_SLOT_MIN, limit = h->limit;

	if (limit > MOST_BYTES)
		limit = MOST_BYTES;
	h->shift = (unsigned)__builtin_ctzll(slab);
	h->words = (uint32_t)(slots / 64);
	h->stride =
		(uint32_t)lines(sizeof(struct heap_slab) + 2 * h->words * sizeof(uint64_t) + slots);
	h->most = (uint32_t)(limit / slab * 2 + 2);
	set_classes(h);
}

/* Between inaccessible pages; its memory comes as the heap grows. */
static int reserve_book(struct sealmem_heap *h)
{
	size_t size = page_round_up((size_t)h->most * h->stride) + 2 * page_size();
	int err = mapping_new_reserve(&h->all_book.addr, size);

	if (err < 0)
		return err;
	h->all_book.size = size;
	h->book = (char *)h->all_book.addr + page_size();
	return 0;
}

int heap_chunk_reserve(struct sealmem_heap *h)
{
	int err;

	set_geometry(h);
	atomic_store(&h->count, HEAP_FIRST_CHUNK);
	err = reserve_book(h);
	if (err == 0)
		err = heap_memory_reserve(h, &h->all, (size_t)h->most << h->shift);
	h->base = h->all.addr;
	return err;
}

/* Up to slab `end`. */
static int extend_book(struct sealmem_heap *h, uint32_t end)
{
	size_t size = page_round_up((size_t)end * h->stride);
	int err = 0;

	if (size > h->book_size)
		err = sys_mprotect(h->book, size, PROT_READ | PROT_WRITE);
	if (err == 0 && size > h->book_size)
		h->book_size = size;
	return not_given(err);
}

/* What the kernel neither gives nor takes back is not used again, and the heap does not grow any more. Where there was
 * a hole, there may be memory of somebody else by now. */
static void lose(struct sealmem_heap *h, uint32_t first, uint32_t slabs)
{
	heap_slab(h, first)->lost = true;
	heap_slab(h, first)->length = slabs;
	atomic_store(&h->count, first + slabs + 1);
	h->most = 0;
}

static int map_chunk(struct sealmem_heap *h, uint32_t first, uint32_t slabs)
{
	char *addr = heap_slab_start(h, first);
	size_t size = (size_t)slabs << h->shift;
	bool changed;
	int err = heap_memory_new(h, addr, size, &changed);

	if (err == 0)
		err = heap_memory_seal(h, addr, size);
	if (err < 0 && changed && heap_memory_drop(h, addr, size) < 0)
		lose(h, first, slabs);
	return err;
}

/* Whoever frees an object of it finds it. */
static void make_known(struct sealmem_heap *h, uint32_t first, uint32_t slabs)
{
	heap_slab(h, first)->length = slabs;
	h->taken += (size_t)slabs << h->shift;
	atomic_store(&h->count, first + slabs + 1);
}

/* Its end comes last: without it there is nothing to take. */
static void make_available(struct sealmem_heap *h, uint32_t first, uint32_t slabs)
{
	h->fresh = first;
	atomic_store(&h->fresh_end, first + slabs);
}

/* Another thread may fork between any two steps, and the child goes on from there: it must not take an object from a
 * chunk that it does not know. */
static int add_chunk(struct sealmem_heap *h, uint32_t slabs)
{
	uint32_t first = atomic_load(&h->count);
	int err = extend_book(h, first + slabs + 1);

	if (err == 0)
		err = map_chunk(h, first, slabs);
	if (err < 0)
		return err;
	make_known(h, first, slabs);
	make_available(h, first, slabs);
	return 0;
}

/* How many slabs the limit and the addresses leave. */
static size_t room(const struct sealmem_heap *h)
{
	size_t by_limit = (h->limit - h->taken) >> h->shift;
	uint32_t count = atomic_load(&h->count);
	size_t by_addresses = h->most > count + 1 ? h->most - count - 1 : 0;

	return by_limit < by_addresses ? by_limit : by_addresses;
}

/* Each chunk that is sealed by emulation adds a filter to every system call. So there they are fewer and larger. */
static size_t wanted(const struct sealmem_heap *h)
{
	bool emulated = h->guarantees & SEALMEM_ADDRESS && address_is_emulated();
	size_t least = emulated ? LEAST_EMULATED : LEAST;
	size_t share = (h->taken >> h->shift) / (emulated ? 2 : 16);

	return share > least ? share : least;
}

/* Where there is not enough for a chunk, there may be for half of one. */
int heap_chunk_grow(struct sealmem_heap *h)
{
	size_t slabs = wanted(h), most = room(h);
	int err = -ENOMEM;

	if (most == 0)
		return fail_for(REASON_HEAP_FULL);
	if (slabs > most)
		slabs = most;
	for (; slabs > 0 && (err == -ENOMEM || err == -EAGAIN); slabs /= 2) {
		err = add_chunk(h, (uint32_t)slabs);
		if (err == 0 || h->most == 0)
			break;
	}
	return err;
}

int heap_chunk_each(struct sealmem_heap *h, heap_memory_act *act, int argument)
{
	uint32_t end = atomic_load(&h->count);
	int err = 0;

	for (uint32_t first = HEAP_FIRST_CHUNK; first < end && err == 0;
	     first = heap_next_chunk(h, first)) {
		const struct heap_slab *slab = heap_slab(h, first);

		if (!slab->lost)
			err = act(heap_slab_start(h, first), (size_t)slab->length << h->shift,
				  argument);
	}
	return err;
}

void heap_chunk_wipe(struct sealmem_heap *h)
{
	for (uint32_t number = 0; number < atomic_load(&h->count); number++)
		if (atomic_load(&heap_slab(h, number)->class) != 0)
			heap_wipe(heap_slab_start(h, number), heap_slab_size(h));
}

/* Of what lies between chunks, the pages next to them stay where addresses are sealed. */
static void release_gap(const struct sealmem_heap *h, uint32_t first, uint32_t end)
{
	bool sealed = h->guarantees & SEALMEM_ADDRESS;
	char *from = heap_slab_start(h, first), *to = heap_slab_start(h, end);

	if (sealed && first > 0)
		from += page_size();
	if (sealed && to < (char *)h->all.addr + h->all.size)
		to -= page_size();
	if (from < to)
		(void)sys_munmap(from, (size_t)(to - from));
}

static void release_chunk(const struct sealmem_heap *h, uint32_t first)
{
	const struct heap_slab *slab = heap_slab(h, first);

	if (!slab->lost && !(h->guarantees & SEALMEM_ADDRESS))
		(void)sys_munmap(heap_slab_start(h, first), (size_t)slab->length << h->shift);
}

/* A child that did not inherit the memory has none of the addresses either. */
void heap_chunk_release(struct sealmem_heap *h, bool has_memory)
{
	uint32_t end = atomic_load(&h->count), most = (uint32_t)(h->all.size >> h->shift);
	uint32_t gap = 0;

	if (!has_memory)
		return;
	for (uint32_t first = HEAP_FIRST_CHUNK; first < end; first = heap_next_chunk(h, first)) {
		release_gap(h, gap, first);
		release_chunk(h, first);
		gap = first + heap_slab(h, first)->length;
	}
	release_gap(h, gap, most);
}
