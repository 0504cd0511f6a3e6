/* SPDX-License-Identifier: MIT */

/*
 * A libcrypto as some builds of OpenSSL have it: linked with -Bsymbolic, it calls its own functions whatever is
 * preloaded.
 */

#include <stddef.h>

void *CRYPTO_secure_malloc(size_t size, const char *file, int line);

void *CRYPTO_secure_malloc(size_t size, const char *file, int line)
{
	(void)size;
	(void)file;
	(void)line;
	return NULL;
}
