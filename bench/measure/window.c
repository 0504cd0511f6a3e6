/* SPDX-License-Identifier: MIT */

/*
 * Measures how long it takes to make memory inaccessible and accessible again: a heap with 1,000 objects, closed and
 * opened; two calls of mprotect(2) for as many pages; and one object of libsodium. All of it is locked in memory.
 *
 *     measure-window CONTESTANT
 */

#include "bench/contestants/contestant.h"

#include "include/sealmem.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define SIZE  32
#define COUNT 1000
#define CHUNK ((size_t)1 << 16) /* the memory that a new heap has */
#define PAGES (CHUNK / 4 * 3)	/* what COUNT objects take of it */
#define ROUND 100
#define TIMES 1000

#define PRIVATE (SEALMEM_NOSWAP | SEALMEM_NODUMP | SEALMEM_NOFORK)

struct window {
	const char *name;
	bool (*begin)(void);
	int (*close)(void);
	int (*open)(void);
};

static struct sealmem_heap *made;
static char *object;

static bool begin_heap(void)
{
	if (sealmem_heap_new(&made, "bench", CHUNK, PRIVATE) < 0)
		return false;
	for (size_t i = 0; i < COUNT; i++) {
		object = sealmem_heap_alloc(made, SIZE);
		if (object == NULL)
			return false;
	}
	return true;
}

/* A heap takes a key if there is one. */
static bool begin_without_key(void)
{
	while (pkey_alloc(0, 0) >= 0)
		;
	return begin_heap();
}

static bool begin_with_key(void)
{
	int key = pkey_alloc(0, 0);

	if (key < 0) {
		errno = EOPNOTSUPP;
		return false;
	}
	(void)pkey_free(key);
	return begin_heap();
}

static int close_heap(void)
{
	return sealmem_heap_close(made);
}

static int open_heap(void)
{
	return sealmem_heap_open(made);
}

static bool begin_pages(void)
{
	object = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (object == MAP_FAILED || mlock2(object, CHUNK, MLOCK_ONFAULT) < 0)
		return false;
	memset(object, 'x', PAGES);
	return true;
}

static int close_pages(void)
{
	return mprotect(object, CHUNK, PROT_NONE);
}

static int open_pages(void)
{
	return mprotect(object, CHUNK, PROT_READ | PROT_WRITE);
}

static bool begin_sodium(void)
{
	object = sodium_init() >= 0 ? sodium_malloc(SIZE) : NULL;
	return object != NULL;
}

static int close_sodium(void)
{
	return sodium_mprotect_noaccess(object);
}

static int open_sodium(void)
{
	return sodium_mprotect_readwrite(object);
}

static const struct window windows[] = {
	{ "mprotect", begin_pages, close_pages, open_pages },
	{ "sealmem-heap", begin_without_key, close_heap, open_heap },
	{ "sealmem-heap-key", begin_with_key, close_heap, open_heap },
	{ "libsodium", begin_sodium, close_sodium, open_sodium },
};

static const struct window *find(const char *name)
{
	for (size_t i = 0; i < sizeof(windows) / sizeof(*windows); i++)
		if (strcmp(windows[i].name, name) == 0)
			return &windows[i];
	give_up("no contestant named %s", name);
}

static double pair(const struct window *window)
{
	double begun = worked();

	for (size_t i = 0; i < ROUND; i++) {
		memset(object, 'x', SIZE);
		if (window->close() < 0 || window->open() < 0)
			give_up("%s: %s", window->name, strerror(errno));
	}
	return (worked() - begun) / ROUND;
}

int main(int argc, char **argv)
{
	const struct window *window = find(argc == 2 ? argv[1] : "");
	double times[TIMES];

	if (!window->begin())
		give_up("%s", strerror(errno));
	for (size_t i = 0; i < TIMES; i++)
		times[i] = pair(window);
	printf("window %.1f\n", median(times, TIMES));
	return 0;
}
