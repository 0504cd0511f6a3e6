/* SPDX-License-Identifier: MIT */

/* libgcrypt's secure memory: pools of locked pages. They stay writable. */

#include "bench/contestants/contestant.h"

#include <gcrypt.h>
#include <string.h>

/* The size of the pool is set once: room for all objects, and for the header that the pool adds to each. */
static bool begin(size_t count, size_t size)
{
	unsigned pool = (unsigned)((1 << 16) + 2 * count * size);

	if (gcry_check_version(NULL) == NULL)
		return false;
	return gcry_control(GCRYCTL_INIT_SECMEM, pool, 0) == 0 &&
	       gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0) == 0;
}

static bool make(struct object *object, const void *bytes, size_t size)
{
	object->data = gcry_malloc_secure(size);
	if (object->data == NULL)
		return false;
	memcpy(object->data, bytes, size);
	return true;
}

static void release(const struct object *object, size_t size)
{
	(void)size;
	gcry_free(object->data);
}

const struct contestant gcrypt[] = {
	{ "libgcrypt", begin, NULL, make, release },
	{ 0 },
};
