/* SPDX-License-Identifier: MIT */

/*
 * A program that uses the secure memory of libgcrypt and knows nothing of sealmem. Without arguments it meets what
 * libgcrypt documents, and says on standard output which was not so. With a word it does one thing, and says what came
 * of it.
 */

#include "tests/live/expectations.h"

#include <fcntl.h>
#include <gcrypt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define POOL 32768

static bool begin(void)
{
	return gcry_check_version(NULL) != NULL &&
	       gcry_control(GCRYCTL_INIT_SECMEM, POOL, 0) == 0 &&
	       gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0) == 0;
}

static bool is_full_of(const char *object, size_t size, char byte)
{
	for (size_t i = 0; i < size; i++)
		if (object[i] != byte)
			return false;
	return true;
}

static bool memory_is_what_was_asked_for(void)
{
	char *secret = gcry_malloc_secure(20), *ordinary = gcry_malloc(20), on_stack = 0;
	bool so = gcry_is_secure(secret) && !gcry_is_secure(ordinary) && !gcry_is_secure(&on_stack);

	gcry_free(secret);
	gcry_free(ordinary);
	gcry_free(NULL);
	return so;
}

static bool new_memory_is_zero_if_asked_for(void)
{
	bool so = true;

	for (size_t size = 1; size < 9000; size += 811) {
		char *object = gcry_calloc_secure(1, size);

		so = so && object != NULL && is_full_of(object, size, 0);
		if (object != NULL)
			memset(object, 's', size);
		gcry_free(object);
	}
	return so;
}

static bool an_object_that_grows_stays_what_it_is(void)
{
	char *secret = gcry_malloc_secure(20), *ordinary = gcry_malloc(20);
	bool so;

	memset(secret, 's', 20);
	memset(ordinary, 'o', 20);
	secret = gcry_realloc(secret, 5000);
	ordinary = gcry_realloc(ordinary, 5000);
	so = gcry_is_secure(secret) && is_full_of(secret, 20, 's') && !gcry_is_secure(ordinary) &&
	     is_full_of(ordinary, 20, 'o');
	gcry_free(secret);
	gcry_free(ordinary);
	return so;
}

static bool a_number_can_be_secret(void)
{
	gcry_mpi_t number = gcry_mpi_snew(2048);
	bool so = gcry_mpi_get_flag(number, GCRYMPI_FLAG_SECURE);

	gcry_mpi_randomize(number, 2048, GCRY_WEAK_RANDOM);
	so = so && gcry_mpi_get_nbits(number) > 1900;
	gcry_mpi_release(number);
	return so;
}

static bool verifies(gcry_sexp_t key, gcry_sexp_t data)
{
	gcry_sexp_t signature = NULL;
	bool so = gcry_pk_sign(&signature, data, key) == 0 &&
		  gcry_pk_verify(signature, data, key) == 0;

	gcry_sexp_release(signature);
	return so;
}

static bool a_key_signs(void)
{
	static const char wanted[] = "(genkey (ecc (curve Ed25519) (flags eddsa transient-key)))",
			  text[] = "(data (flags eddsa) (hash-algo sha512) (value \"hello\"))";
	gcry_sexp_t order = NULL, key = NULL, data = NULL;
	bool so = gcry_sexp_new(&order, wanted, 0, 1) == 0 &&
		  gcry_sexp_new(&data, text, 0, 1) == 0 && gcry_pk_genkey(&key, order) == 0 &&
		  verifies(key, data);

	gcry_sexp_release(order);
	gcry_sexp_release(data);
	gcry_sexp_release(key);
	return so;
}

static const struct expectation expectations[] = {
	{ "memory is what was asked for", memory_is_what_was_asked_for },
	{ "new memory is zero if asked for", new_memory_is_zero_if_asked_for },
	{ "an object that grows stays what it is", an_object_that_grows_stays_what_it_is },
	{ "a number can be secret", a_number_can_be_secret },
	{ "a key signs", a_key_signs },
};

/* More than the pool has, and more objects than libgcrypt can find in a reasonable time. */
static void grow(void)
{
	size_t made = 0;

	while (made < 40000 && gcry_malloc_secure(32) != NULL)
		made++;
	(void)puts(made == 40000 ? "grown" : "full");
}

/* As another process would read it. */
static void read_by_file(void)
{
	char *object = gcry_malloc_secure(20), byte = 0;
	int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);

	if (object == NULL) {
		(void)puts("nothing");
		return;
	}
	*object = 's';
	(void)puts(pread(fd, &byte, 1, (off_t)(uintptr_t)object) == 1 && byte == 's' ? "found"
										     : "hidden");
}

static const struct {
	const char *name;
	void (*run)(void);
} tasks[] = {
	{ "grow", grow },
	{ "read", read_by_file },
};

int main(int argc, char **argv)
{
	if (!begin())
		return 1;
	for (size_t i = 0; argc == 2 && i < sizeof(tasks) / sizeof(*tasks); i++)
		if (strcmp(tasks[i].name, argv[1]) == 0) {
			tasks[i].run();
			return 0;
		}
	return MEET(expectations);
}
