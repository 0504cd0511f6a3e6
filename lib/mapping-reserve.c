/* SPDX-License-Identifier: MIT */

/*
 * Addresses without memory. They are a file of their own, because the object that sealmem run --image preloads
 * needs them and nothing else of mapping.c.
 */

#include "lib/mapping.h"

#define RESERVED (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

static int reserve(void **ret, void *addr, size_t size, int flags)
{
	return not_given(sys_mmap(ret, addr, size, PROT_NONE, RESERVED | flags, -1));
}

int mapping_new_reserve(void **ret, size_t size)
{
	return reserve(ret, NULL, size, 0);
}

int mapping_reserve(void *addr, size_t size)
{
	void *same;

	return reserve(&same, addr, size, MAP_FIXED);
}

/* Before Linux 4.17, the kernel takes the address only as a wish. */
int mapping_new_free(void **ret, void *addr, size_t size, int protection, int flags, int fd)
{
	void *at;
	int err = not_given(sys_mmap(&at, addr, size, protection, flags | MAP_FIXED_NOREPLACE, fd));

	if (err < 0)
		return err;
	if (at != addr) {
		(void)sys_munmap(at, size);
		return -EEXIST;
	}
	*ret = at;
	return 0;
}

int mapping_reserve_free(void **ret, void *addr, size_t size)
{
	return mapping_new_free(ret, addr, size, PROT_NONE, RESERVED, -1);
}
