/* SPDX-License-Identifier: MIT */

/*
 * A program of libsodium, OpenSSL and libgcrypt at once, which knows nothing of sealmem. It has an object of each at the
 * same time, and says which of them are not what they were, or not secret.
 */

#include <gcrypt.h>
#include <openssl/crypto.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define ROUNDS 200

/* Without a heap of its own, OpenSSL's are ordinary. */
static int use_all(size_t size)
{
	unsigned char *one = sodium_malloc(size), *two = OPENSSL_secure_malloc(size),
		      *three = gcry_malloc_secure(size);
	int wrong = one == NULL || two == NULL || three == NULL || !CRYPTO_secure_allocated(two) ||
		    !gcry_is_secure(three) || CRYPTO_secure_allocated(one) ||
		    CRYPTO_secure_allocated(three) || gcry_is_secure(one) || gcry_is_secure(two);

	if (wrong)
		return 1;
	memset(one, '1', size);
	memset(two, '2', size);
	memset(three, '3', size);
	wrong = one[size - 1] != '1' || two[size - 1] != '2' || three[size - 1] != '3';
	sodium_free(one);
	OPENSSL_secure_free(two);
	gcry_free(three);
	return wrong;
}

int main(void)
{
	int wrong = sodium_init() < 0 || gcry_check_version(NULL) == NULL ||
		    gcry_control(GCRYCTL_INIT_SECMEM, 32768, 0) != 0 ||
		    gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0) != 0;

	for (size_t i = 0; i < ROUNDS && !wrong; i++)
		wrong = use_all(1 + 97 * i);
	(void)puts(wrong ? "not all secret" : "all secret");
	return 0;
}
