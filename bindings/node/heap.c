/* SPDX-License-Identifier: MIT */

/* Heaps, and the secrets in them: memory that is wiped when it goes. */

#include "common.h"

static void give_back_heap(struct owned *self)
{
	struct heap *h = (struct heap *)(void *)self;

	h->heap = sealmem_heap_free(h->heap);
}

static void give_back_secret(struct owned *self)
{
	struct secret *s = (struct secret *)(void *)self;

	if (!s->data)
		return;
	sealmem_heap_dealloc(s->heap->heap, s->data);
	s->data = NULL;
	owned_leave(&s->heap->owned);
}

static napi_value heap_new(napi_env env, napi_callback_info info)
{
	struct sealmem_heap *heap;
	struct text name;
	unsigned demand;
	struct heap *h;
	size_t limit;
	int err;

	if (!take(env, info, "szu", &name, &limit, &demand))
		return NULL;
	err = sealmem_heap_new(&heap, name.c, limit, demand);
	if (err < 0)
		return fail(env, err);
	h = owned_new(env, sizeof(*h), HEAP, give_back_heap);
	if (!h) {
		(void)sealmem_heap_free(heap);
		return NULL;
	}
	h->heap = heap;
	return owned_handle(env, &h->owned);
}

/* Its other owners are secrets. */
static napi_value heap_free(napi_env env, napi_callback_info info)
{
	struct owned *self;

	if (!take(env, info, "o", &self))
		return NULL;
	if (self->owners > 1)
		return fail(env, EBUSY);
	self->give_back(self);
	return none_or_fail(env, 0);
}

static napi_value heap_alloc(napi_env env, napi_callback_info info)
{
	struct secret *s;
	struct heap *h;
	size_t size;
	void *data;

	if (!take(env, info, "Hz", &h, &size))
		return NULL;
	data = sealmem_heap_alloc(h->heap, size);
	if (!data)
		return fail(env, errno);
	s = owned_new(env, sizeof(*s), SECRET, give_back_secret);
	if (!s) {
		sealmem_heap_dealloc(h->heap, data);
		return NULL;
	}
	s->data = data;
	s->heap = h;
	h->owned.owners++;
	return owned_handle(env, &s->owned);
}

static napi_value heap_check(napi_env env, napi_callback_info info)
{
	struct heap *h;

	return take(env, info, "H", &h) ? none_or_fail(env, sealmem_heap_check(h->heap)) : NULL;
}

static napi_value heap_guarantees(napi_env env, napi_callback_info info)
{
	struct heap *h;

	return take(env, info, "H", &h) ? number_of(env, sealmem_heap_guarantees(h->heap)) : NULL;
}

static napi_value secret_size(napi_env env, napi_callback_info info)
{
	struct secret *s;

	if (!take(env, info, "S", &s))
		return NULL;
	return number_of(env, (double)sealmem_heap_usable_size(s->heap->heap, s->data));
}

static napi_value secret_resize(napi_env env, napi_callback_info info)
{
	struct secret *s;
	size_t size;
	void *data;

	if (!take(env, info, "Sz", &s, &size))
		return NULL;
	data = sealmem_heap_realloc(s->heap->heap, s->data, size);
	if (!data)
		return fail(env, errno);
	s->data = data;
	return none_or_fail(env, 0);
}

static napi_value secret_view(napi_env env, napi_callback_info info)
{
	struct secret *s;

	if (!take(env, info, "S", &s))
		return NULL;
	return owned_view(env, &s->owned, s->data,
			  sealmem_heap_usable_size(s->heap->heap, s->data));
}

const struct function heap_functions[] = {
	{ "heapNew", heap_new },
	{ "heapFree", heap_free },
	{ "heapAlloc", heap_alloc },
	{ "heapCheck", heap_check },
	{ "heapGuarantees", heap_guarantees },
	{ "secretSize", secret_size },
	{ "secretResize", secret_resize },
	{ "secretView", secret_view },
	{ NULL, NULL },
};
