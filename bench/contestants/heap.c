/* SPDX-License-Identifier: MIT */

/* sealmem's heap, with both kinds of memory that keep a secret off the swap. Its objects stay writable. */

#include "bench/contestants/contestant.h"

#include "include/sealmem.h"

#include <string.h>

#define PRIVATE (SEALMEM_NOSWAP | SEALMEM_NODUMP | SEALMEM_NOFORK)

/* The most that it may take. It starts small, whatever this is. */
#define LIMIT ((size_t)1 << 30)

static struct sealmem_heap *heap_made;

static bool begin(unsigned guarantees)
{
	return sealmem_heap_new(&heap_made, "bench", LIMIT, guarantees) == 0;
}

static bool begin_private(size_t count, size_t size)
{
	(void)count;
	(void)size;
	return begin(PRIVATE);
}

static bool begin_secrecy(size_t count, size_t size)
{
	(void)count;
	(void)size;
	return begin(SEALMEM_SECRECY);
}

static bool make(struct object *object, const void *bytes, size_t size)
{
	object->data = sealmem_heap_alloc(heap_made, size);
	if (object->data == NULL)
		return false;
	memcpy(object->data, bytes, size);
	return true;
}

static void release(const struct object *object, size_t size)
{
	(void)size;
	sealmem_heap_dealloc(heap_made, object->data);
}

const struct contestant heaps[] = {
	{ "sealmem-heap", begin_private, NULL, make, release },
	{ "sealmem-heap-secrecy", begin_secrecy, NULL, make, release },
	{ 0 },
};
