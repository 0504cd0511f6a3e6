/* SPDX-License-Identifier: MIT */

/*
 * sealmem, used in three ways: from a buffer, in place, and many objects in one region.
 */

#include "bench/contestants/contestant.h"

#include "include/sealmem.h"

#include <string.h>

static bool from_bytes(struct object *object, const void *bytes, size_t size)
{
	struct sealmem_region *r;

	if (sealmem_region_new_from(&r, "bench", bytes, size, SEALMEM_CONTENT) < 0)
		return false;
	*object = (struct object){ sealmem_region_data(r), r };
	return true;
}

static bool in_place(struct object *object, const void *bytes, size_t size)
{
	struct sealmem_region *r;

	if (sealmem_region_new(&r, "bench", size, SEALMEM_CONTENT) < 0)
		return false;
	*object = (struct object){ sealmem_region_alloc(r, size, 0), r };
	if (object->data == NULL)
		return false;
	memcpy(object->data, bytes, size);
	return sealmem_region_seal(r) == 0;
}

static void release(const struct object *object, size_t size)
{
	(void)size;
	(void)sealmem_region_free(object->handle);
}

static struct sealmem_region *one;

static bool open_one(size_t count, size_t size)
{
	/* Every object is aligned for every type. */
	size_t each = (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);

	return sealmem_region_new(&one, "bench", count * each, SEALMEM_CONTENT) == 0;
}

static bool add(struct object *object, const void *bytes, size_t size)
{
	object->data = sealmem_region_alloc(one, size, 0);
	if (object->data == NULL)
		return false;
	memcpy(object->data, bytes, size);
	return true;
}

static bool seal_one(void)
{
	return sealmem_region_seal(one) == 0;
}

const struct contestant region[] = {
	{ "sealmem-from-bytes", NULL, NULL, from_bytes, release },
	{ "sealmem-in-place", NULL, NULL, in_place, release },
	{ "sealmem-one-region", open_one, seal_one, add, NULL },
	{ 0 },
};
