/* SPDX-License-Identifier: MIT */

/*
 * SHA-256 from libcrypto, because the distribution keeps that library up to date. It is loaded only when a
 * digest is needed. Loading takes longer than everything else that this command does, and `sealmem run`
 * precedes every start of a program (bench/measure/run-overhead).
 *
 * The bytes are read from a descriptor and not from a mapping. If another process shortens the file
 * meanwhile, that is an error and not a signal. For a sealed memfd there is no difference.
 */

#include "tools/common/digest.h"

#include "tools/common/library.h"
#include "lib/util.h"

#include <openssl/evp.h>
#include <string.h>

#define LIBRARY "libcrypto.so.3"

/* The functions of libcrypto that this file uses, with the types of its header. */
struct libcrypto {
	__typeof__(EVP_MD_CTX_new) *new;
	__typeof__(EVP_MD_CTX_free) *free;
	__typeof__(EVP_sha256) *sha256;
	__typeof__(EVP_DigestInit_ex) *init;
	__typeof__(EVP_DigestUpdate) *update;
	__typeof__(EVP_DigestFinal_ex) *final;
};

#ifdef SEALMEM_ONE_FILE
/* It is inside. */
static int load(struct libcrypto *ret)
{
	*ret = (struct libcrypto){ EVP_MD_CTX_new,    EVP_MD_CTX_free,	EVP_sha256,
				   EVP_DigestInit_ex, EVP_DigestUpdate, EVP_DigestFinal_ex };
	return 0;
}
#else
static int load(struct libcrypto *ret)
{
	struct library library = { .name = LIBRARY };
	bool found = library_find(&library, "EVP_MD_CTX_new", &ret->new) &&
		     library_find(&library, "EVP_MD_CTX_free", &ret->free) &&
		     library_find(&library, "EVP_sha256", &ret->sha256) &&
		     library_find(&library, "EVP_DigestInit_ex", &ret->init) &&
		     library_find(&library, "EVP_DigestUpdate", &ret->update) &&
		     library_find(&library, "EVP_DigestFinal_ex", &ret->final);

	return found ? 0 : -ELIBACC;
}
#endif

static int update(const struct libcrypto *crypto, EVP_MD_CTX *context, int fd)
{
	unsigned char bytes[1 << 16];
	off_t at = 0;
	ssize_t got;

	while ((got = pread(fd, bytes, sizeof(bytes), at)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (crypto->update(context, bytes, (size_t)got) != 1)
			return -ENOMEM;
		at += got;
	}
	return 0;
}

static int compute(const struct libcrypto *crypto, EVP_MD_CTX *context, int fd, struct digest *ret)
{
	int err;

	/* The configuration of libcrypto can also forbid SHA-256. */
	if (context == NULL || crypto->init(context, crypto->sha256(), NULL) != 1)
		return -EOPNOTSUPP;
	err = update(crypto, context, fd);
	if (err < 0)
		return err;
	return crypto->final(context, ret->bytes, NULL) == 1 ? 0 : -EOPNOTSUPP;
}

int digest_of(struct digest *ret, int fd)
{
	struct libcrypto crypto;
	EVP_MD_CTX *context;
	int err = load(&crypto);

	if (err < 0)
		return err;
	context = crypto.new();
	err = compute(&crypto, context, fd, ret);
	crypto.free(context);
	return err;
}

const char *digest_fault(int err)
{
	return err == -ELIBACC ? LIBRARY " cannot be loaded" : strerror(-err);
}
