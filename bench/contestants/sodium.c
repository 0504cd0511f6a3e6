/* SPDX-License-Identifier: MIT */

/* libsodium: guard pages, a canary, locked pages, a page protection. */

#include "bench/contestants/contestant.h"

#include <sodium.h>
#include <string.h>

static bool begin(size_t count, size_t size)
{
	(void)count;
	(void)size;
	return sodium_init() >= 0;
}

static bool make_writable(struct object *object, const void *bytes, size_t size)
{
	object->data = sodium_malloc(size);
	if (object->data == NULL)
		return false;
	memcpy(object->data, bytes, size);
	return true;
}

static bool make(struct object *object, const void *bytes, size_t size)
{
	return make_writable(object, bytes, size) && sodium_mprotect_readonly(object->data) == 0;
}

static void release(const struct object *object, size_t size)
{
	(void)size;
	sodium_free(object->data);
}

const struct contestant sodium[] = {
	{ "libsodium", begin, NULL, make, release },
	{ "libsodium-writable", begin, NULL, make_writable, release },
	{ 0 },
};
