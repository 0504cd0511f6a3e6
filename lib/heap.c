/* SPDX-License-Identifier: MIT */

/*
 * A heap for secrets that come and go: what a caller calls. Small objects share pages (heap-slab.c), large ones have
 * pages of their own (heap-large.c). What the heap knows of them lies in mappings of its own, between inaccessible
 * pages, where no object that is overrun can reach it.
 */

#include "lib/address.h"
#include "lib/fork-gate.h"
#include "lib/heap-internal.h"
#include "lib/mapping.h"
#include "lib/memfd.h"
#include "lib/names.h"
#include "lib/reason.h"
#include "lib/secret.h"
#include "lib/trial.h"
#include "lib/wipe.h"

#include <string.h>

static int check_demand(const char *name, size_t limit, unsigned guarantees)
{
	int err = memfd_check_name(name);

	if (err < 0)
		return err;
	if (limit == 0)
		return fail_for(REASON_NO_LIMIT);
	if (guarantees & ~SEALMEM_GUARANTEES)
		return fail_for(REASON_UNKNOWN_BITS);
	if (guarantees & SEALMEM_CONTENT)
		return fail_for(REASON_HEAP_CONTENT);
	err = fork_gate_install();
	if (guarantees & SEALMEM_SECRECY)
		trial_learn(TRIAL_MEMFD_SECRET);
	return err == 0 && guarantees & SEALMEM_ADDRESS ? address_given() : err;
}

/* Guards are there in any case. */
static unsigned complete(unsigned guarantees)
{
	if (guarantees & SEALMEM_SECRECY)
		guarantees |= SECRET_GUARANTEES;
	return guarantees | SEALMEM_GUARDS;
}

static size_t size_of_handle(void)
{
	return page_round_up(sizeof(struct sealmem_heap));
}

/* Between inaccessible pages, as the book. */
static int allocate(struct sealmem_heap **ret)
{
	struct scoped_mapping all = { 0 };
	int err = mapping_new_reserve(&all.addr, size_of_handle() + 2 * page_size());
	char *at;

	if (err < 0)
		return err;
	all.size = size_of_handle() + 2 * page_size();
	at = (char *)all.addr + page_size();
	err = sys_mprotect(at, size_of_handle(), PROT_READ | PROT_WRITE);
	if (err < 0) {
		unmap_scoped(&all);
		return not_given(err);
	}
	*ret = (struct sealmem_heap *)(void *)at;
	(*ret)->all_self = all;
	(*ret)->listed = -1;
	atomic_store(&(*ret)->key, -1);
	return 0;
}

static void destroy(struct sealmem_heap *h)
{
	struct scoped_mapping self = h->all_self;

	names_remove(h->listed);
	heap_large_release(h, heap_has_memory(h));
	if (h->all.size > 0)
		heap_chunk_release(h, heap_has_memory(h));
	heap_window_end(h);
	unmap_scoped(&h->all_book);
	unmap_scoped(&self);
}

static void destroy_at(struct sealmem_heap **h)
{
	if (*h != NULL)
		destroy(*h);
}

static int choose_secret(struct sealmem_heap *h)
{
	int err = sys_random(&h->secret[0]);

	if (err == 0)
		err = sys_random(&h->secret[1]);
	return not_given(err);
}

static void list(struct sealmem_heap *h)
{
	uintptr_t start = (uintptr_t)h->all.addr;
	const struct names_memory memory = {
		.start = start + heap_slab_size(h),
		.end = start + h->all.size,
		.before = heap_slab_size(h),
		.shared = h->guarantees & SEALMEM_SECRECY,
		.heap = true,
		.owner = h->guarantees & SEALMEM_NOFORK ? h->owner.id : 0,
	};

	h->listed = names_add(&memory, h->name);
}

static int begin(struct sealmem_heap *h, const char *name, size_t limit, unsigned guarantees)
{
	int err;

	memcpy(h->name, name, strlen(name) + 1);
	h->limit = limit;
	h->guarantees = guarantees;
	h->guards_in_mapping = !(guarantees & (SEALMEM_SECRECY | SEALMEM_ADDRESS));
	h->owner = process_this();
	err = choose_secret(h);
	if (err == 0)
		err = heap_chunk_reserve(h);
	if (err < 0)
		return err;
	heap_window_begin(h);
	HEAP_LOCKED(h);
	return heap_chunk_grow(h);
}

EXPORT int sealmem_heap_new(struct sealmem_heap **ret, const char *name, size_t limit,
			    unsigned guarantees)
{
	CLEANUP(destroy_at) struct sealmem_heap *h = NULL;
	int err;

	reason_forget();
	err = ret != NULL ? check_demand(name, limit, guarantees) : fail_for(REASON_NO_RESULT);
	if (err == 0)
		err = allocate(&h);
	if (err == 0)
		err = begin(h, name, limit, complete(guarantees));
	if (err != 0)
		return err;
	list(h);
	*ret = h;
	h = NULL;
	return 0;
}

static int new_object(struct sealmem_heap *h, size_t size, void **ret)
{
	return size <= HEAP_SMALL_MAX ? heap_small_new(h, size, ret) : heap_large_new(h, size, ret);
}

static size_t size_of(struct sealmem_heap *h, const void *p)
{
	return heap_small_is(h, p) ? heap_small_size(h, p) : heap_large_size(h, p);
}

static void free_object(struct sealmem_heap *h, void *p)
{
	if (heap_small_is(h, p))
		heap_small_free(h, p);
	else
		heap_large_free(h, p);
}

/* A handler that allocates leaves the errno of what it interrupts alone, unless it fails. */
static void *answer(int err, void *object, int saved)
{
	errno = err < 0 ? -err : saved;
	return err < 0 ? NULL : object;
}

static int visit_and_allocate(struct sealmem_heap *h, size_t size, void **ret)
{
	HEAP_VISIT visit = { 0 };
	int err;

	reason_forget();
	err = h != NULL ? heap_visit(&visit, h) : -EINVAL;
	return err < 0 ? err : new_object(h, size, ret);
}

EXPORT void *sealmem_heap_alloc(struct sealmem_heap *h, size_t size)
{
	void *object = NULL;
	int saved = errno, err = visit_and_allocate(h, size, &object);

	return answer(err, object, saved);
}

/* An object that moves leaves nothing behind, in registers either. */
static int move(struct sealmem_heap *h, void *p, size_t size, void **ret)
{
	size_t before = size_of(h, p);
	int err = new_object(h, size, ret);

	if (err < 0)
		return err;
	wipe_copy(*ret, p, before < size ? before : size);
	free_object(h, p);
	return 0;
}

static int resize(struct sealmem_heap *h, void *p, size_t size, void **ret)
{
	bool small = heap_small_is(h, p);

	*ret = p;
	if (small ? heap_small_resize(h, p, size) : heap_large_size(h, p) == size)
		return 0;
	return move(h, p, size, ret);
}

static int visit_and_resize(struct sealmem_heap *h, void *p, size_t size, void **ret)
{
	HEAP_VISIT visit = { 0 };
	int err;

	reason_forget();
	err = h != NULL ? heap_visit(&visit, h) : -EINVAL;
	return err < 0 ? err : resize(h, p, size, ret);
}

EXPORT void *sealmem_heap_realloc(struct sealmem_heap *h, void *p, size_t size)
{
	void *object = NULL;
	int saved = errno;
	int err = p == NULL ? visit_and_allocate(h, size, &object)
			    : visit_and_resize(h, p, size, &object);

	return answer(err, object, saved);
}

static void visit_and_free(struct sealmem_heap *h, void *p)
{
	HEAP_VISIT visit = { .leaves = true };

	if (h != NULL && p != NULL && heap_visit(&visit, h) == 0)
		free_object(h, p);
}

EXPORT void sealmem_heap_dealloc(struct sealmem_heap *h, void *p)
{
	int saved = errno;

	visit_and_free(h, p);
	errno = saved;
}

EXPORT size_t sealmem_heap_usable_size(const struct sealmem_heap *h, const void *p)
{
	HEAP_VISIT visit = { .leaves = true };
	struct sealmem_heap *heap = heap_variable(h);

	if (heap == NULL || p == NULL || heap_visit(&visit, heap) < 0)
		return 0;
	return size_of(heap, p);
}

EXPORT int sealmem_heap_check(const struct sealmem_heap *h)
{
	HEAP_VISIT visit = { 0 };
	struct sealmem_heap *heap = heap_variable(h);
	int err;

	reason_forget();
	err = heap != NULL ? heap_visit(&visit, heap) : -EINVAL;
	if (err < 0)
		return err;
	HEAP_LOCKED(heap);
	heap_small_check(heap);
	heap_large_check(heap);
	return 0;
}

/* A child does not inherit the lock of mlock(2); heap_adopt() puts one on its copy. */
EXPORT unsigned sealmem_heap_guarantees(const struct sealmem_heap *h)
{
	if (h == NULL || !heap_has_memory(h))
		return 0;
	return h->guarantees & ~(process_has_memory_of(&h->owner) ? 0 : SEALMEM_NOSWAP);
}

static void wipe_all(struct sealmem_heap *h)
{
	HEAP_VISIT visit = { .leaves = true };

	if (!heap_has_memory(h) || heap_visit(&visit, h) < 0)
		return;
	heap_chunk_wipe(h);
	heap_large_wipe(h);
	/* Nothing needs to be closed again. */
	h->opens++;
}

/* Addresses that are sealed stay. What is in them does not. */
EXPORT struct sealmem_heap *sealmem_heap_free(struct sealmem_heap *h)
{
	int saved = errno;

	/* A process that shares the memory would take it from the other one. */
	if (h == NULL || (process_has_memory_of(&h->owner) && !process_is(&h->owner)))
		return NULL;
	wipe_all(h);
	destroy(h);
	errno = saved;
	return NULL;
}
