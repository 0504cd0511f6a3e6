/* SPDX-License-Identifier: MIT */

/*
 * The secure heap of OpenSSL 3, for programs as they are: CRYPTO_secure_malloc(3) and its companions. It begins when
 * the program calls CRYPTO_secure_malloc_init(), or by itself where the environment says so: then keys are in
 * secret memory also in a program that never asked for it. Unlike OpenSSL's, it grows, and has no lock for small objects.
 *
 * What is not in the heap is OpenSSL's own memory, as there. libcrypto is not linked: not every program has it.
 */

#include "lib/heap-internal.h"
#include "preload/drop-in.h"
#include "preload/dynamic.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* Its least size of an object, by which it counts. */
#define LEAST 32

#define FOREIGN extern __attribute__((weak))

FOREIGN void *CRYPTO_malloc(size_t size, const char *file, int line);
FOREIGN void *CRYPTO_zalloc(size_t size, const char *file, int line);
FOREIGN void CRYPTO_free(void *object, const char *file, int line);
FOREIGN void CRYPTO_clear_free(void *object, size_t size, const char *file, int line);

EXPORT int CRYPTO_secure_malloc_init(size_t size, size_t least);
EXPORT int CRYPTO_secure_malloc_done(void);
EXPORT int CRYPTO_secure_malloc_initialized(void);
EXPORT void *CRYPTO_secure_malloc(size_t size, const char *file, int line);
EXPORT void *CRYPTO_secure_zalloc(size_t size, const char *file, int line);
EXPORT void CRYPTO_secure_free(void *object, const char *file, int line);
EXPORT void CRYPTO_secure_clear_free(void *object, size_t size, const char *file, int line);
EXPORT int CRYPTO_secure_allocated(const void *object);
EXPORT size_t CRYPTO_secure_used(void);
EXPORT size_t CRYPTO_secure_actual_size(void *object);

/* The heap stays when the program is done with it, for the next time. */
static _Atomic(struct sealmem_heap *) made;
static atomic_bool begun;
static _Atomic size_t used, least_size = LEAST;

/* A libcrypto that calls its own functions whatever is preloaded would mix two heaps. */
static bool is_symbolic(const ElfW(Dyn) * dynamic)
{
	return dynamic_has(dynamic, DT_SYMBOLIC, 0) || dynamic_has(dynamic, DT_FLAGS, DF_SYMBOLIC);
}

static bool is_bypassed(void)
{
	const void *theirs = dlsym(RTLD_NEXT, "CRYPTO_secure_malloc");
	const ElfW(Dyn) *dynamic = theirs != NULL ? dynamic_of(theirs) : NULL;

	return dynamic != NULL && is_symbolic(dynamic);
}

static int make(void)
{
	return is_bypassed() ? -EOPNOTSUPP : drop_in_share(&made, "openssl");
}

/* The heap, if it has begun. Where the environment wants it, it begins now. */
static struct sealmem_heap *heap(void)
{
	if (!atomic_load(&begun) && drop_in_wanted() & DROP_IN_START) {
		int err = make();

		drop_in_begin(
			is_bypassed()
				? "the secure memory of a libcrypto that calls its own functions"
				: "OpenSSL's secure memory",
			err, atomic_load(&made));
		atomic_store(&begun, true);
	}
	return atomic_load(&begun) ? atomic_load(&made) : NULL;
}

__attribute__((constructor)) static void start(void)
{
	if (dlsym(RTLD_NEXT, "CRYPTO_secure_malloc") != NULL)
		(void)heap();
}

static bool is_power_of_two(size_t value)
{
	return value != 0 && (value & (value - 1)) == 0;
}

/* OpenSSL refuses a heap that begins twice, sizes that are no powers of two, and one that has no room for an object. */
int CRYPTO_secure_malloc_init(size_t size, size_t least)
{
	bool started = drop_in_wanted() & DROP_IN_START;

	if (least < LEAST)
		least = LEAST;
	if (!is_power_of_two(size) || !is_power_of_two(least) || size / least < 4)
		return 0;
	if (started)
		return heap() != NULL;
	if (atomic_load(&begun) || make() < 0)
		return 0;
	atomic_store(&least_size, least);
	atomic_store(&begun, true);
	return 1;
}

int CRYPTO_secure_malloc_done(void)
{
	if (atomic_load(&used) != 0)
		return 0;
	if (!(drop_in_wanted() & DROP_IN_START))
		atomic_store(&begun, false);
	return 1;
}

int CRYPTO_secure_malloc_initialized(void)
{
	return heap() != NULL;
}

/* As OpenSSL counts it. */
static size_t counted(size_t size)
{
	size_t count = atomic_load(&least_size);

	while (count < size)
		count *= 2;
	return count;
}

/* It is zeroed. */
static void *allocate(struct sealmem_heap *h, size_t size)
{
	void *object = size <= PTRDIFF_MAX ? sealmem_heap_alloc(h, size) : NULL;

	if (object != NULL)
		atomic_fetch_add(&used, counted(size));
	return object;
}

void *CRYPTO_secure_malloc(size_t size, const char *file, int line)
{
	struct sealmem_heap *h = heap();

	if (h != NULL)
		return allocate(h, size);
	return CRYPTO_malloc != NULL ? CRYPTO_malloc(size, file, line) : malloc(size);
}

void *CRYPTO_secure_zalloc(size_t size, const char *file, int line)
{
	struct sealmem_heap *h = heap();

	if (h != NULL)
		return allocate(h, size);
	return CRYPTO_zalloc != NULL ? CRYPTO_zalloc(size, file, line) : calloc(1, size);
}

/* The heap, if the object is in it. */
static struct sealmem_heap *heap_of(const void *object)
{
	struct sealmem_heap *h = atomic_load(&made);

	return h != NULL && drop_in_has(h, object) ? h : NULL;
}

static void release(struct sealmem_heap *h, void *object)
{
	if (heap_has_memory(h))
		atomic_fetch_sub(&used, counted(sealmem_heap_usable_size(h, object)));
	sealmem_heap_dealloc(h, object);
}

void CRYPTO_secure_free(void *object, const char *file, int line)
{
	struct sealmem_heap *h = object != NULL ? heap_of(object) : NULL;

	if (h != NULL)
		release(h, object);
	else if (CRYPTO_free != NULL)
		CRYPTO_free(object, file, line);
	else
		free(object);
}

void CRYPTO_secure_clear_free(void *object, size_t size, const char *file, int line)
{
	struct sealmem_heap *h = object != NULL ? heap_of(object) : NULL;

	if (h != NULL || object == NULL) {
		CRYPTO_secure_free(object, file, line);
	} else if (CRYPTO_clear_free != NULL) {
		CRYPTO_clear_free(object, size, file, line);
	} else {
		sealmem_wipe(object, size);
		free(object);
	}
}

int CRYPTO_secure_allocated(const void *object)
{
	return atomic_load(&begun) && heap_of(object) != NULL;
}

size_t CRYPTO_secure_used(void)
{
	return atomic_load(&used);
}

/* What the program may use: after it lies the canary. */
size_t CRYPTO_secure_actual_size(void *object)
{
	struct sealmem_heap *h = heap_of(object);

	return h != NULL ? sealmem_heap_usable_size(h, object) : 0;
}
