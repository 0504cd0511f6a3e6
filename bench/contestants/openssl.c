/* SPDX-License-Identifier: MIT */

/* OpenSSL's secure heap: locked pages between two guard pages. Its size is set once, and it stays
 * writable. */

#include "bench/contestants/contestant.h"

#include <openssl/crypto.h>
#include <string.h>

/* A power of two with room to spare, because the heap splits in halves. */
static bool begin(size_t count, size_t size)
{
	size_t heap = 1 << 16;

	while (heap < 2 * count * size)
		heap *= 2;
	return CRYPTO_secure_malloc_init(heap, 32) == 1;
}

static bool make(struct object *object, const void *bytes, size_t size)
{
	object->data = OPENSSL_secure_malloc(size);
	if (object->data == NULL || !CRYPTO_secure_allocated(object->data))
		return false;
	memcpy(object->data, bytes, size);
	return true;
}

static void release(const struct object *object, size_t size)
{
	OPENSSL_secure_clear_free(object->data, size);
}

const struct contestant openssl[] = {
	{ "openssl-heap", begin, NULL, make, release },
	{ 0 },
};
