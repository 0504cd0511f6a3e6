/* SPDX-License-Identifier: MIT */

/*
 * A program that uses the secure heap of OpenSSL and knows nothing of sealmem. Without arguments it meets what OpenSSL
 * documents, and says on standard output which was not so. With a word it does one thing, and says what came of it.
 */

#include "tests/live/expectations.h"

#include <fcntl.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE	65536
#define THREADS 4

static bool it_has_not_begun(void)
{
	void *object = OPENSSL_secure_malloc(20);
	bool so = object != NULL && !CRYPTO_secure_allocated(object) &&
		  !CRYPTO_secure_malloc_initialized();

	OPENSSL_secure_clear_free(object, 20);
	return so;
}

static bool it_begins_once(void)
{
	return CRYPTO_secure_malloc_init(SIZE, 32) == 1 &&
	       CRYPTO_secure_malloc_init(SIZE, 32) == 0 && CRYPTO_secure_malloc_initialized() == 1;
}

static bool an_object_is_counted_until_it_is_freed(void)
{
	unsigned char *object = OPENSSL_secure_malloc(20), *other = OPENSSL_secure_malloc(40);
	bool so = object != NULL && other != NULL && CRYPTO_secure_allocated(object) &&
		  CRYPTO_secure_allocated(other) && CRYPTO_secure_used() == 96 &&
		  CRYPTO_secure_actual_size(object) >= 20;

	memset(object, 's', 20);
	OPENSSL_secure_free(object);
	so = so && CRYPTO_secure_used() == 64;
	OPENSSL_secure_clear_free(other, 40);
	OPENSSL_secure_free(NULL);
	return so && CRYPTO_secure_used() == 0;
}

static bool is_zero(const unsigned char *object, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (object[i] != 0)
			return false;
	return true;
}

static bool new_memory_is_zero_again(void)
{
	bool so = true;

	for (size_t size = 1; size <= 8192; size += 511) {
		unsigned char *object = OPENSSL_secure_zalloc(size);

		so = so && object != NULL && is_zero(object, size);
		if (object != NULL)
			memset(object, 's', size);
		OPENSSL_secure_free(object);
	}
	return so;
}

static bool other_memory_is_told_apart(void)
{
	unsigned char *object = OPENSSL_malloc(20), on_stack;
	bool so = object != NULL && !CRYPTO_secure_allocated(object) &&
		  !CRYPTO_secure_allocated(&on_stack);

	OPENSSL_secure_free(object);
	return so;
}

static bool a_key_of_the_library_is_in_it(void)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	BIGNUM *number = BN_secure_new();
	bool so = key != NULL && number != NULL && BN_rand(number, 2048, 0, 0) == 1 &&
		  CRYPTO_secure_used() >= 256 + 32;

	EVP_PKEY_free(key);
	BN_clear_free(number);
	return so;
}

static void *make_and_free(void *unused)
{
	for (size_t i = 0; i < 2000; i++) {
		size_t *object = OPENSSL_secure_malloc(sizeof(*object) + i % 700);

		if (object == NULL)
			return NULL;
		*object = i;
		if (*object != i)
			return NULL;
		OPENSSL_secure_free(object);
	}
	return unused;
}

static bool threads_do_not_meet(void)
{
	pthread_t threads[THREADS];
	bool so = true;
	void *answer;
	int started = 0;

	while (started < THREADS &&
	       pthread_create(&threads[started], NULL, make_and_free, &so) == 0)
		started++;
	for (int i = 0; i < started; i++)
		so &= pthread_join(threads[i], &answer) == 0 && answer != NULL;
	return so && started == THREADS;
}

static bool a_child_has_a_copy(void)
{
	unsigned char *object = OPENSSL_secure_zalloc(20), *own;
	int status = -1;
	pid_t child;

	*object = 's';
	child = fork();
	if (child == 0) {
		own = OPENSSL_secure_malloc(20);
		_exit(*object == 's' && own != NULL && CRYPTO_secure_allocated(own) ? 0 : 1);
	}
	(void)waitpid(child, &status, 0);
	OPENSSL_secure_free(object);
	return status == 0;
}

static bool it_does_not_end_with_an_object_in_it(void)
{
	void *object = OPENSSL_secure_malloc(20);
	bool so = CRYPTO_secure_malloc_done() == 0 && CRYPTO_secure_malloc_initialized();

	OPENSSL_secure_free(object);
	return so;
}

static bool it_ends_and_begins_again(void)
{
	return CRYPTO_secure_malloc_done() == 1 && !CRYPTO_secure_malloc_initialized() &&
	       CRYPTO_secure_malloc_init(SIZE, 64) == 1 && OPENSSL_secure_malloc(1) != NULL &&
	       CRYPTO_secure_used() == 64;
}

static const struct expectation expectations[] = {
	{ "it has not begun", it_has_not_begun },
	{ "it begins once", it_begins_once },
	{ "an object is counted until it is freed", an_object_is_counted_until_it_is_freed },
	{ "new memory is zero again", new_memory_is_zero_again },
	{ "other memory is told apart", other_memory_is_told_apart },
	{ "threads do not meet", threads_do_not_meet },
	{ "a child has a copy", a_child_has_a_copy },
	{ "it does not end with an object in it", it_does_not_end_with_an_object_in_it },
	{ "it ends and begins again", it_ends_and_begins_again },
	/* What the library keeps for random numbers stays in it from then on. */
	{ "a key of the library is in it", a_key_of_the_library_is_in_it },
};

/* More than the program asked for. */
static void grow(void)
{
	size_t made = 0;

	(void)CRYPTO_secure_malloc_init(SIZE, 32);
	while (made < 1000 && OPENSSL_secure_malloc(1024) != NULL)
		made++;
	(void)printf("%s\n", made == 1000 ? "grown" : "full");
}

/* A program that never asked for secure memory. */
static void use_unasked(void)
{
	void *object = OPENSSL_secure_malloc(20), *large = OPENSSL_secure_malloc(9000);

	(void)printf("%s\n", CRYPTO_secure_allocated(object) && CRYPTO_secure_allocated(large)
				     ? "secure"
				     : "ordinary");
	OPENSSL_secure_free(object);
	OPENSSL_secure_free(large);
}

/* As another process would read it. */
static void read_by_file(void)
{
	char *object, byte = 0;
	int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);

	(void)CRYPTO_secure_malloc_init(SIZE, 32);
	object = OPENSSL_secure_malloc(20);
	if (object == NULL || !CRYPTO_secure_allocated(object)) {
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
	{ "unasked", use_unasked },
	{ "read", read_by_file },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < sizeof(tasks) / sizeof(*tasks); i++)
		if (strcmp(tasks[i].name, argv[1]) == 0) {
			tasks[i].run();
			return 0;
		}
	return MEET(expectations);
}
