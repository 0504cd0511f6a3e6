/* SPDX-License-Identifier: MIT */

/*
 * Large objects: each has pages of its own and ends where they end, at an inaccessible page, so that one byte too far
 * faults. (An object whose size is no multiple of 16 is aligned to the largest power of two that divides its size.) The
 * bytes before it, in its first page, have a canary at their end. A table finds an object by the page that it starts
 * in. All of this happens with the lock held: such an object takes several system calls anyway.
 *
 * Pages that the kernel does not take back, because their address is sealed or a mapping would have to be split, wait
 * here for the next object that they are large enough for.
 */

#include "lib/guard.h"
#include "lib/heap-canary.h"
#include "lib/heap-internal.h"
#include "lib/mapping.h"
#include "lib/names.h"
#include "lib/reason.h"

#define TABLE_LEAST 64

static const char overrun[] = "was overwritten: it lies before the start of an object";
static const char touched[] = "was overwritten: it lies in an object that was freed";
static const char unknown[] = "is no object of this heap, or was freed before";

static uintptr_t page_of(const void *p)
{
	return (uintptr_t)p & ~(page_size() - 1);
}

static char *end_of(const struct heap_large *large)
{
	return large->pages + large->pages_size;
}

/* The canary is in the last bytes before the object. A part of a word is left alone. */
static char *canary_end(const struct heap_large *large)
{
	return (char *)((uintptr_t)large->object & ~(uintptr_t)(HEAP_CANARY - 1));
}

static char *canary_start(const struct heap_large *large)
{
	char *end = canary_end(large);

	return (size_t)(end - large->pages) >= HEAP_CANARY ? end - HEAP_CANARY : end;
}

static size_t slot_of(const struct sealmem_heap *h, uintptr_t page)
{
	uint64_t hash = page / page_size() * UINT64_C(0x9e3779b97f4a7c15);

	return (size_t)(hash >> 32) & (h->large_room - 1);
}

/* The entry of the page, or the empty one where it belongs. */
static struct heap_large *look_up(const struct sealmem_heap *h, uintptr_t page)
{
	size_t at = slot_of(h, page);

	while (h->large[at].page != 0 && h->large[at].page != page)
		at = (at + 1) & (h->large_room - 1);
	return &h->large[at];
}

static void insert(struct sealmem_heap *h, const struct heap_large *large)
{
	*look_up(h, large->page) = *large;
	h->large_count++;
}

/* Whether what belongs at `home` may be found at `at`, after `hole` is empty. */
static bool may_stay(size_t hole, size_t home, size_t at)
{
	return hole < at ? hole < home && home <= at : hole < home || home <= at;
}

/* The entries after it move up, so that none comes after an empty one. */
static void take_out(struct sealmem_heap *h, struct heap_large *large)
{
	size_t hole = (size_t)(large - h->large), mask = h->large_room - 1;

	for (size_t at = (hole + 1) & mask; h->large[at].page != 0; at = (at + 1) & mask)
		if (!may_stay(hole, slot_of(h, h->large[at].page), at)) {
			h->large[hole] = h->large[at];
			hole = at;
		}
	h->large[hole].page = 0;
	h->large_count--;
}

static int make_table(struct scoped_mapping *ret, size_t room)
{
	size_t size = page_round_up(room * sizeof(struct heap_large)), guard = page_size();
	CLEANUP(unmap_scoped) struct scoped_mapping all = { 0 };
	int err = mapping_new_reserve(&all.addr, size + 2 * guard);

	if (err < 0)
		return err;
	all.size = size + 2 * guard;
	err = sys_mprotect((char *)all.addr + guard, size, PROT_READ | PROT_WRITE);
	if (err < 0)
		return not_given(err);
	*ret = all;
	all.size = 0;
	return 0;
}

/* At most half of the table is used. */
static int make_room(struct sealmem_heap *h)
{
	size_t room = h->large_room > 0 ? 2 * h->large_room : TABLE_LEAST, before = h->large_room;
	struct heap_large *old = h->large;
	CLEANUP(unmap_scoped) struct scoped_mapping old_all = { 0 };
	struct scoped_mapping all;
	int err;

	if (2 * h->large_count < h->large_room)
		return 0;
	err = make_table(&all, room);
	if (err < 0)
		return err;
	old_all = h->large_all;
	h->large_all = all;
	h->large = (struct heap_large *)(void *)((char *)all.addr + page_size());
	h->large_room = room;
	h->large_count = 0;
	for (size_t i = 0; i < before; i++)
		if (old[i].page != 0)
			insert(h, &old[i]);
	return 0;
}

/*
 * One mapping for the pages and their guards. Unless it is locked, it merges with its neighbours of the same kind. The
 * guards count as locked memory, because they lie in the mapping.
 */
static int map_with_guards(struct sealmem_heap *h, struct heap_large *large)
{
	char *start = large->pages - large->guard;
	size_t all = large->pages_size + 2 * large->guard;
	bool changed;
	int err = guard_install(start, large->guard);

	if (err == 0)
		err = guard_install(end_of(large), large->guard);
	if (err < 0)
		return err;
	large->guards_inside = true;
	return heap_memory_new(h, start, all, &changed);
}

/* Inaccessible mappings around them. */
static int map_between_guards(struct sealmem_heap *h, struct heap_large *large)
{
	bool changed;
	int err = heap_memory_new(h, large->pages, large->pages_size, &changed);

	large->guards_inside = false;
	return err < 0 ? err : heap_memory_seal(h, large->pages, large->pages_size);
}

static void unmap_pages(const struct heap_large *large)
{
	(void)sys_munmap(large->pages - large->guard, large->pages_size + 2 * large->guard);
}

static int reserve_pages(const struct sealmem_heap *h, struct heap_large *ret, size_t size)
{
	struct scoped_mapping all;
	int err;

	ret->guard = page_size();
	ret->pages_size = page_round_up(size);
	err = heap_memory_reserve(h, &all, ret->pages_size + 2 * ret->guard);
	if (err == 0)
		ret->pages = (char *)all.addr + ret->guard;
	return err;
}

static int map_reserved(struct sealmem_heap *h, struct heap_large *ret, size_t size,
			int (*map)(struct sealmem_heap *h, struct heap_large *large))
{
	int err = reserve_pages(h, ret, size);

	if (err < 0)
		return err;
	err = map(h, ret);
	if (err < 0)
		unmap_pages(ret);
	return err;
}

/* Of the pages that are kept, the fewest that are enough. */
static bool take_kept(struct sealmem_heap *h, struct heap_large *ret, size_t size)
{
	struct heap_large *best = NULL;

	for (size_t i = 0; h->large_kept > 0 && i < h->large_room; i++) {
		struct heap_large *one = &h->large[i];

		if (one->page != 0 && one->object == NULL && one->pages_size >= size &&
		    (best == NULL || one->pages_size < best->pages_size))
			best = one;
	}
	if (best == NULL)
		return false;
	*ret = *best;
	take_out(h, best);
	h->large_kept--;
	return true;
}

static void keep(struct sealmem_heap *h, struct heap_large *large)
{
	large->object = NULL;
	large->page = (uintptr_t)large->pages;
	insert(h, large);
	h->large_kept++;
}

static int map_new(struct sealmem_heap *h, struct heap_large *ret, size_t size)
{
	int err = -EINVAL;

	if (page_round_up(size) > h->limit - h->taken)
		return fail_for(REASON_HEAP_FULL);
	if (h->guards_in_mapping)
		err = map_reserved(h, ret, size, map_with_guards);
	if (err == -EINVAL)
		h->guards_in_mapping = false;
	if (err < 0)
		err = map_reserved(h, ret, size, map_between_guards);
	if (err == 0)
		h->taken += ret->pages_size;
	return err;
}

static int obtain(struct sealmem_heap *h, struct heap_large *ret, size_t size)
{
	const char *changed;

	if (!take_kept(h, ret, size))
		return map_new(h, ret, size);
	changed = heap_zeroes_changed(ret->pages, end_of(ret));
	if (changed != NULL)
		heap_corrupt(h, changed, touched);
	return 0;
}

static void list(const struct sealmem_heap *h, struct heap_large *large)
{
	const struct names_memory memory = {
		.start = (uintptr_t)large->object,
		.end = (uintptr_t)end_of(large),
		.before = (size_t)(large->object - large->pages) + large->guard,
		.after = large->guard,
		.shared = h->guarantees & SEALMEM_SECRECY,
		.heap = true,
		.owner = h->guarantees & SEALMEM_NOFORK ? h->owner.id : 0,
	};

	large->listed = names_add(&memory, h->name);
}

int heap_large_new(struct sealmem_heap *h, size_t size, void **ret)
{
	struct heap_large large = { 0 };
	int err;
	HEAP_LOCKED(h);

	if (size > h->limit)
		return fail_for(REASON_HEAP_FULL);
	/* Below it, whole pages and guards can be added. */
	if (size > PTRDIFF_MAX)
		return fail_for(REASON_TOO_LARGE);
	err = make_room(h);
	if (err == 0)
		err = obtain(h, &large, size);
	if (err < 0)
		return err;
	large.size = size;
	large.object = end_of(&large) - size;
	large.page = page_of(large.object);
	heap_canary_put(h, canary_start(&large), canary_end(&large));
	list(h, &large);
	insert(h, &large);
	*ret = large.object;
	return 0;
}

static struct heap_large *find(const struct sealmem_heap *h, const void *p)
{
	struct heap_large *found = h->large_room > 0 ? look_up(h, page_of(p)) : NULL;

	if (found == NULL || found->page == 0 || found->object != p)
		heap_corrupt(h, p, unknown);
	return found;
}

static void check_before(const struct sealmem_heap *h, const struct heap_large *large)
{
	const char *start = canary_start(large), *end = canary_end(large);
	const char *changed = heap_zeroes_changed(large->pages, start);

	if (changed == NULL)
		changed = heap_canary_changed(h, start, end);
	for (; changed == NULL && end < large->object; end++)
		if (*end != 0)
			changed = end;
	if (changed != NULL)
		heap_corrupt(h, changed, overrun);
}

bool heap_large_is(struct sealmem_heap *h, const void *p)
{
	const struct heap_large *found;
	HEAP_LOCKED(h);

	found = h->large_room > 0 ? look_up(h, page_of(p)) : NULL;
	return found != NULL && found->page != 0 && found->object == p;
}

size_t heap_large_size(struct sealmem_heap *h, const void *p)
{
	HEAP_LOCKED(h);

	return find(h, p)->size;
}

static bool give_back(const struct sealmem_heap *h, const struct heap_large *large)
{
	return !(h->guarantees & SEALMEM_ADDRESS) &&
	       sys_munmap(large->pages - large->guard, large->pages_size + 2 * large->guard) == 0;
}

static void wipe(const struct heap_large *large)
{
	char *start = canary_start(large);

	heap_wipe(start, (size_t)(end_of(large) - start));
}

void heap_large_free(struct sealmem_heap *h, void *p)
{
	struct heap_large large, *found;
	HEAP_LOCKED(h);

	found = find(h, p);
	check_before(h, found);
	large = *found;
	take_out(h, found);
	names_remove(large.listed);
	wipe(&large);
	if (give_back(h, &large))
		h->taken -= large.pages_size;
	else
		keep(h, &large);
}

void heap_large_check(struct sealmem_heap *h)
{
	for (size_t i = 0; i < h->large_room; i++) {
		const struct heap_large *large = &h->large[i];
		const char *changed = NULL;

		if (large->page != 0 && large->object != NULL)
			check_before(h, large);
		else if (large->page != 0)
			changed = heap_zeroes_changed(large->pages, end_of(large));
		if (changed != NULL)
			heap_corrupt(h, changed, touched);
	}
}

void heap_large_wipe(struct sealmem_heap *h)
{
	for (size_t i = 0; i < h->large_room; i++)
		if (h->large[i].page != 0 && h->large[i].object != NULL)
			wipe(&h->large[i]);
}

static void release(const struct sealmem_heap *h, const struct heap_large *large, bool has_memory)
{
	if (large->object != NULL)
		names_remove(large->listed);
	if (has_memory)
		(void)give_back(h, large);
}

void heap_large_release(struct sealmem_heap *h, bool has_memory)
{
	for (size_t i = 0; i < h->large_room; i++)
		if (h->large[i].page != 0)
			release(h, &h->large[i], has_memory);
	unmap_scoped(&h->large_all);
}

int heap_large_each(struct sealmem_heap *h, heap_memory_act *act, int argument)
{
	int err = 0;

	for (size_t i = 0; i < h->large_room && err == 0; i++) {
		const struct heap_large *large = &h->large[i];
		size_t guard = large->guards_inside ? large->guard : 0;

		if (large->page != 0)
			err = act(large->pages - guard, large->pages_size + 2 * guard, argument);
	}
	return err;
}
