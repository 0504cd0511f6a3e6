/* SPDX-License-Identifier: MIT */

/*
 * The secure memory of libgcrypt, for programs as they are, by the handlers that libgcrypt offers: see
 * gcry_set_allocation_handler() in its manual. They have to be there before the program uses libgcrypt, so they are
 * set before main(). libgcrypt is not linked: not every program has it.
 *
 * Its ordinary memory stays that of malloc(3). The program still makes libgcrypt's own pool, and nothing is in it.
 */

#include "preload/drop-in.h"

#include "lib/util.h"

#include <dlfcn.h>
#include <stdlib.h>

typedef void *new_object(size_t size);
typedef int is_object(const void *object);
typedef void *resize_object(void *object, size_t size);
typedef void free_object(void *object);
typedef void set_handlers(new_object *ordinary, new_object *secret, is_object *is_secret,
			  resize_object *resize, free_object *release);

/* Made by the first thread that needs it. It stays until the end. */
static _Atomic(struct sealmem_heap *) made;

static void *new_secret(size_t size)
{
	int err = drop_in_share(&made, "gcrypt");

	if (err == 0)
		return sealmem_heap_alloc(atomic_load(&made), size);
	errno = -err;
	return NULL;
}

static struct sealmem_heap *heap_of(const void *object)
{
	struct sealmem_heap *h = atomic_load(&made);

	return h != NULL && drop_in_has(h, object) ? h : NULL;
}

static int is_secret(const void *object)
{
	return heap_of(object) != NULL;
}

static void *resize(void *object, size_t size)
{
	struct sealmem_heap *h = object != NULL ? heap_of(object) : NULL;

	return h != NULL ? sealmem_heap_realloc(h, object, size) : realloc(object, size);
}

static void release(void *object)
{
	struct sealmem_heap *h = object != NULL ? heap_of(object) : NULL;

	if (h != NULL)
		sealmem_heap_dealloc(h, object);
	else
		free(object);
}

__attribute__((constructor)) static void start(void)
{
	set_handlers *set;
	int err;

	*(void **)&set = dlsym(RTLD_NEXT, "gcry_set_allocation_handler");
	if (set == NULL)
		return;
	if (drop_in_wanted() & DROP_IN_START) {
		err = drop_in_share(&made, "gcrypt");
		drop_in_begin("libgcrypt's secure memory", err, atomic_load(&made));
	}
	set(malloc, new_secret, is_secret, resize, release);
}
