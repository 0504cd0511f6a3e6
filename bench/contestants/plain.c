/* SPDX-License-Identifier: MIT */

/*
 * A program without a library: it uses page protection, alone or with a sealed address, or nothing at
 * all. None of these keeps the bytes.
 */

#include "bench/contestants/contestant.h"

#include "lib/sys.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static bool fill(struct object *object, const void *bytes, size_t size, int advice)
{
	size_t length = whole_pages(size);
	void *data = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (data == MAP_FAILED)
		return false;
	if (advice != 0 && madvise(data, length, advice) < 0)
		return false;
	memcpy(data, bytes, size);
	object->data = data;
	return mprotect(data, length, PROT_READ) == 0;
}

static bool make(struct object *object, const void *bytes, size_t size)
{
	return fill(object, bytes, size, 0);
}

static bool make_huge(struct object *object, const void *bytes, size_t size)
{
	return fill(object, bytes, size, MADV_HUGEPAGE);
}

static bool make_sealed(struct object *object, const void *bytes, size_t size)
{
	return make(object, bytes, size) &&
	       syscall(__NR_mseal, object->data, whole_pages(size), 0L) == 0;
}

static void release(const struct object *object, size_t size)
{
	(void)munmap(object->data, whole_pages(size));
}

static bool make_malloc(struct object *object, const void *bytes, size_t size)
{
	object->data = malloc(size);
	if (object->data == NULL)
		return false;
	memcpy(object->data, bytes, size);
	return true;
}

static void release_malloc(const struct object *object, size_t size)
{
	(void)size;
	free(object->data);
}

const struct contestant plain[] = {
	{ "plain", NULL, NULL, make, release },
	{ "plain-huge", NULL, NULL, make_huge, release },
	{ "mseal", NULL, NULL, make_sealed, NULL },
	{ "malloc", NULL, NULL, make_malloc, release_malloc },
	{ 0 },
};
