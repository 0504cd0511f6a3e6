/* SPDX-License-Identifier: MIT */

/*
 * The floor of a heap: an array of slots in ordinary memory, as far apart as those of sealmem's heap, and a stack of the
 * free ones. To give a slot back wipes it. There is no canary, no check, no lock, no other size, and no growth: what
 * is left is the time that the machine takes to reach the memory of an object.
 */

#include "bench/contestants/contestant.h"

#include <string.h>
#include <sys/mman.h>

/* An object, and 8 bytes for a canary, in steps of 16. */
#define SLOT(size) (((size) + 8 + 15) & ~(size_t)15)

static char *slots, *end, *fresh;
static char **released, **top;

static void *pages(size_t size)
{
	void *addr = mmap(NULL, whole_pages(size), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	return addr == MAP_FAILED ? NULL : addr;
}

static bool begin(size_t count, size_t size)
{
	size_t room = count + 1;

	fresh = slots = pages(room * SLOT(size));
	top = released = pages(room * sizeof(*released));
	if (slots == NULL || released == NULL)
		return false;
	end = slots + room * SLOT(size);
	return true;
}

static char *take(size_t size)
{
	char *slot = fresh;

	if (top > released)
		return *--top;
	fresh += SLOT(size);
	return slot;
}

static bool make(struct object *object, const void *bytes, size_t size)
{
	object->data = take(size);
	if (object->data == end)
		return false;
	memcpy(object->data, bytes, size);
	return true;
}

static void release(const struct object *object, size_t size)
{
	memset(object->data, 0, size);
	/* The compiler does not leave it out. */
	__asm__ volatile("" : : "r"(object->data) : "memory");
	*top++ = object->data;
}

const struct contestant array[] = {
	{ "array", begin, NULL, make, release },
	{ 0 },
};
