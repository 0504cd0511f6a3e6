/* SPDX-License-Identifier: MIT */

/*
 * A heap as programs write them for speed: objects of one size lie next to each other, and what the heap knows lies with
 * them. A free object holds the address of the next free one. The heap wipes nothing and checks nothing. It is the
 * control of the attacks on a heap: they have to succeed here to count. The heap of the C library would not do, because
 * it notices some of them, and a sanitizer replaces it.
 */

#include "attack/pool.h"

#include "attack/raw.h"
#include "lib/mapping.h"
#include "lib/util.h"

#include <string.h>

#define PAGES 64

struct pool {
	char *free; /* the first free object */
	char *fresh, *end;
	size_t size; /* of each object */
};

/* Between inaccessible pages, so that an attack that runs over the end hits nothing but the heap. */
static int new_pool(void **ret, unsigned guarantees)
{
	size_t size = PAGES * page_size();
	struct pool *pool;
	void *all;
	int err = mapping_new_reserve(&all, size + 2 * page_size());

	(void)guarantees;
	if (err < 0)
		return err;
	pool = (struct pool *)(void *)((char *)all + page_size());
	err = sys_mprotect(pool, size, PROT_READ | PROT_WRITE);
	if (err < 0)
		return err;
	pool->fresh = (char *)pool + page_size();
	pool->end = (char *)pool + size;
	*ret = pool;
	return 0;
}

/* The address of the next free object is in the last word of a free one. */
static char *link_of(const struct pool *pool, char *object)
{
	return object + pool->size - sizeof(char *);
}

static void *alloc_object(void *heap, size_t size)
{
	struct pool *pool = heap;
	char *object = pool->free;

	pool->size = size;
	if (object != NULL) {
		memcpy(&pool->free, link_of(pool, object), sizeof(pool->free));
		return object;
	}
	if ((size_t)(pool->end - pool->fresh) < size)
		return NULL;
	object = pool->fresh;
	pool->fresh += size;
	return object;
}

static void dealloc_object(void *heap, void *object)
{
	struct pool *pool = heap;

	memcpy(link_of(pool, object), &pool->free, sizeof(pool->free));
	pool->free = object;
}

static int do_nothing(void *heap)
{
	(void)heap;
	return 0;
}

const struct heap pool_heap = {
	.new = new_pool,
	.alloc = alloc_object,
	.dealloc = dealloc_object,
	.check = do_nothing,
	.close = do_nothing,
	.open = do_nothing,
};
