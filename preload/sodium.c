/* SPDX-License-Identifier: MIT */

/*
 * The secret memory of libsodium, for programs as they are: sodium_malloc(3) and its companions, with the layout and the
 * answers that libsodium documents. Each object ends at an inaccessible page. Before it lies a canary, which
 * sodium_free() checks. It is locked, in no core dump, full of 0xdb at first, and has a protection of its own.
 *
 * Objects of up to a page come from a row of pages that need no mapping each (pages.c), larger ones from the heap. Two
 * things differ from libsodium: memory that cannot be locked is an error, and what is before the canary counts as
 * well.
 */

#include "lib/heap-canary.h"
#include "lib/heap-internal.h"
#include "preload/drop-in.h"
#include "preload/pages.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What libsodium fills new memory with. */
#define GARBAGE 0xdb

/* The bytes before an object that libsodium has as well. Here they are different for each place. */
#define CANARY 16

EXPORT void *sodium_malloc(size_t size);
EXPORT void *sodium_allocarray(size_t count, size_t size);
EXPORT void sodium_free(void *object);
EXPORT int sodium_mprotect_noaccess(void *object);
EXPORT int sodium_mprotect_readonly(void *object);
EXPORT int sodium_mprotect_readwrite(void *object);

static const char overrun[] = "was overwritten: it lies before the start of an object";
static const char stuck[] = "cannot be wiped, because the kernel does not make it writable";

/* Where an object is: its pages, and in them the canary that it follows. */
struct place {
	struct pages *all;
	char *start, *canary;
	size_t size;
	bool large;
};

/* Made by the first thread that needs it, and never unmade. */
static _Atomic(struct pages *) made;

static void discard(struct pages *p)
{
	struct sealmem_heap *h = pages_heap(p);

	pages_free(p);
	(void)sealmem_heap_free(h);
}

static int make(struct pages **ret)
{
	struct sealmem_heap *h;
	int err = drop_in_heap(&h, "sodium");

	if (err < 0)
		return err;
	err = pages_new(ret, h);
	if (err < 0)
		(void)sealmem_heap_free(h);
	return err;
}

static int find_or_make(struct pages **ret)
{
	struct pages *mine, *found = atomic_load(&made);
	int err = found == NULL ? make(&mine) : 0;

	if (err < 0)
		return err;
	if (found == NULL && atomic_compare_exchange_strong(&made, &found, mine))
		found = mine;
	else if (found == NULL)
		discard(mine);
	*ret = found;
	return 0;
}

/* Where the environment wants it, before the program does anything. */
__attribute__((constructor)) static void start(void)
{
	struct pages *p = NULL;
	int err;

	if (!(drop_in_wanted() & DROP_IN_START) || dlsym(RTLD_NEXT, "sodium_malloc") == NULL)
		return;
	err = find_or_make(&p);
	drop_in_begin("libsodium's secret memory", err, err == 0 ? pages_heap(p) : NULL);
}

static char *new_block(struct pages *p, size_t size)
{
	char *page;

	if (size > page_size())
		return sealmem_heap_alloc(pages_heap(p), size);
	return pages_take(p, &page) == 0 ? page + page_size() - size : NULL;
}

struct canary {
	uint64_t words[CANARY / sizeof(uint64_t)];
};

static struct canary canary_of(const struct pages *p, const char *at)
{
	uintptr_t place = (uintptr_t)at;

	return (struct canary){ { heap_canary(pages_heap(p), place),
				  heap_canary(pages_heap(p), place + 1) } };
}

void *sodium_malloc(size_t size)
{
	struct pages *p;
	char *block = NULL;
	struct canary canary;

	if (size < PTRDIFF_MAX - CANARY && find_or_make(&p) == 0)
		block = new_block(p, CANARY + size);
	if (block == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	canary = canary_of(p, block);
	memcpy(block, &canary, CANARY);
	return memset(block + CANARY, GARBAGE, size);
}

void *sodium_allocarray(size_t count, size_t size)
{
	size_t all;

	if (!__builtin_mul_overflow(count, size, &all))
		return sodium_malloc(all);
	errno = ENOMEM;
	return NULL;
}

static void locate_large(struct place *place)
{
	const char *end =
		place->canary + sealmem_heap_usable_size(pages_heap(place->all), place->canary);

	place->start = (char *)((uintptr_t)place->canary & ~(page_size() - 1));
	place->size = page_round_up((size_t)(end - place->start));
}

/* Ends the process if there is no such object. Returns false in a child that did not inherit it, and in a handler of the
 * signal that ends the process. */
static bool locate(struct place *ret, void *object)
{
	struct place place = { .all = atomic_load(&made),
			       .canary = (char *)((uintptr_t)object - CANARY),
			       .size = page_size() };

	if (place.all == NULL)
		abort();
	if (!heap_has_memory(pages_heap(place.all)) || heap_is_broken(pages_heap(place.all)))
		return false;
	place.large = !pages_contain(place.all, place.canary);
	if (place.large)
		locate_large(&place);
	else
		place.start = pages_taken(place.all, place.canary);
	*ret = place;
	return true;
}

static int protect_place(const struct place *place, int protection)
{
	return place->large ? sys_mprotect(place->start, place->size, protection)
			    : pages_protect(place->all, place->start, protection);
}

static int protect(void *object, int protection)
{
	struct place place;
	int err = locate(&place, object) ? protect_place(&place, protection) : -ENOMEM;

	if (err == 0)
		return 0;
	errno = -err;
	return -1;
}

int sodium_mprotect_noaccess(void *object)
{
	return protect(object, PROT_NONE);
}

int sodium_mprotect_readonly(void *object)
{
	return protect(object, PROT_READ);
}

int sodium_mprotect_readwrite(void *object)
{
	return protect(object, PROT_READ | PROT_WRITE);
}

/* The first byte before the object that is not what it was. Of a large one, the heap knows what is before the canary. */
static const char *find_change(const struct place *place)
{
	struct canary canary = canary_of(place->all, place->canary);
	const char *at = (char *)((uintptr_t)place->canary & ~(sizeof(uint64_t) - 1));
	const char *changed = place->large ? NULL : heap_zeroes_changed(place->start, at);

	for (; changed == NULL && !place->large && at < place->canary; at++)
		changed = *at != 0 ? at : NULL;
	if (changed == NULL && memcmp(place->canary, &canary, CANARY) != 0)
		changed = place->canary;
	return changed;
}

/* What cannot be wiped is not left behind silently. */
static void make_writable(const struct place *place)
{
	if (protect_place(place, PROT_READ | PROT_WRITE) < 0)
		heap_corrupt(pages_heap(place->all), place->canary + CANARY, stuck);
}

void sodium_free(void *object)
{
	const char *changed;
	struct place place;

	if (object == NULL || !locate(&place, object))
		return;
	make_writable(&place);
	changed = find_change(&place);
	if (changed != NULL)
		heap_corrupt(pages_heap(place.all), changed, overrun);
	if (place.large)
		sealmem_heap_dealloc(pages_heap(place.all), place.canary);
	else
		pages_give(place.all, place.start);
}
