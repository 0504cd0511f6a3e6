/* SPDX-License-Identifier: MIT */

/*
 * A heap in a child. With NOFORK the child has nothing of it but the book, and each function says so. Without NOFORK
 * it has a copy of everything, except that the kernel does not lock the copy in memory: the first function that the
 * child calls does, so that the copy has all that was demanded.
 */

#include "lib/heap-internal.h"
#include "lib/mapping.h"

static int lock_memory(void *addr, size_t size, int argument)
{
	(void)argument;
	return mapping_apply_open(addr, size, SEALMEM_NOSWAP);
}

static int lock_all(struct sealmem_heap *h)
{
	int err = heap_chunk_each(h, lock_memory, 0);

	return err < 0 ? err : heap_large_each(h, lock_memory, 0);
}

bool heap_has_memory(const struct sealmem_heap *h)
{
	return !(h->guarantees & SEALMEM_NOFORK) || process_has_memory_of(&h->owner);
}

int heap_adopt(struct sealmem_heap *h)
{
	int err = 0;
	HEAP_LOCKED(h);

	if (process_has_memory_of(&h->owner))
		return 0;
	if (h->guarantees & SEALMEM_NOFORK)
		return -ESTALE;
	if (h->guarantees & SEALMEM_NOSWAP)
		err = lock_all(h);
	if (err == 0)
		h->owner = process_this();
	return err;
}
