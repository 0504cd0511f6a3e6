/* SPDX-License-Identifier: MIT */

/*
 * Three guarantees are properties of a mapping, not of the file below it: a mapping that replaces
 * another begins without them. This file puts them on, for regions and ranges alike, so that none is
 * forgotten when a mapping is exchanged, and says in one place what a refusal means.
 */

#include "lib/mapping.h"

#include "sealmem.h"

#include <sys/resource.h>

/* mlock(2) answers EPERM for a limit of 0 and ENOMEM for one that is exceeded, and both for other
 * reasons too. A caller needs to know whether raising the limit helps. */
static int lock_error(int err, size_t size)
{
	uint64_t limit;

	if (err == -EPERM && sys_limit(RLIMIT_MEMLOCK, &limit) == 0 && limit < size)
		return -EAGAIN;
	if (err == -ENOMEM && sys_limit(RLIMIT_MEMLOCK, &limit) == 0 && limit != UINT64_MAX)
		return -EAGAIN;
	return err;
}

static int dont_swap(void *addr, size_t size)
{
	return lock_error(sys_mlock(addr, size), size);
}

/* Where only the older call is there (valgrind), all is locked at once: more memory, the same promise. */
static int dont_swap_when_touched(void *addr, size_t size)
{
	int err = sys_mlock_on_fault(addr, size);

	return err == -ENOSYS ? dont_swap(addr, size) : lock_error(err, size);
}

static int do_swap(void *addr, size_t size)
{
	return sys_munlock(addr, size);
}

static int dont_dump(void *addr, size_t size)
{
	return sys_madvise(addr, size, MADV_DONTDUMP);
}

static int do_dump(void *addr, size_t size)
{
	return sys_madvise(addr, size, MADV_DODUMP);
}

static int dont_fork(void *addr, size_t size)
{
	return sys_madvise(addr, size, MADV_DONTFORK);
}

static int do_fork(void *addr, size_t size)
{
	return sys_madvise(addr, size, MADV_DOFORK);
}

/* Locking first: it is the one that fails in practice, and then nothing has changed. */
static const struct {
	unsigned guarantee;
	int (*apply)(void *addr, size_t size);
	int (*apply_open)(void *addr, size_t size);
	int (*undo)(void *addr, size_t size);
} carried[] = {
	{ SEALMEM_NOSWAP, dont_swap, dont_swap_when_touched, do_swap },
	{ SEALMEM_NODUMP, dont_dump, dont_dump, do_dump },
	{ SEALMEM_NOFORK, dont_fork, dont_fork, do_fork },
};

static int apply(void *addr, size_t size, unsigned guarantees, bool open)
{
	for (size_t i = 0; i < sizeof(carried) / sizeof(*carried); i++) {
		int err;

		if (!(guarantees & carried[i].guarantee))
			continue;
		err = open ? carried[i].apply_open(addr, size) : carried[i].apply(addr, size);
		if (err < 0)
			return not_given(err);
	}
	return 0;
}

int mapping_apply(void *addr, size_t size, unsigned guarantees)
{
	return apply(addr, size, guarantees, false);
}

int mapping_apply_open(void *addr, size_t size, unsigned guarantees)
{
	return apply(addr, size, guarantees, true);
}

void mapping_undo(void *addr, size_t size, unsigned guarantees)
{
	for (size_t i = 0; i < sizeof(carried) / sizeof(*carried); i++)
		if (guarantees & carried[i].guarantee)
			(void)carried[i].undo(addr, size);
}

/* Linux 5.14. Elsewhere, and where it fails, a page is mapped when it is touched. For reading: that is enough
 * for stores too, as a shared mapping of such a file needs no word of the first one. */
void mapping_populate(void *addr, size_t size)
{
	(void)sys_madvise(addr, size, MADV_POPULATE_READ);
}

/*
 * A page belongs to the lock of the mappings that show it. When one mapping is replaced by another,
 * there is a moment with neither, and reclaim may take the page in that moment: hence a third. It is
 * private, so that it does not stand in the way of a seal.
 */
int mapping_hold(struct scoped_mapping *ret, int fd, size_t size, unsigned guarantees)
{
	CLEANUP(unmap_scoped) struct scoped_mapping held = { 0 };
	int err;

	if (!(guarantees & SEALMEM_NOSWAP))
		return 0;
	err = sys_mmap(&held.addr, NULL, size, PROT_READ, MAP_PRIVATE, fd);
	if (err < 0)
		return not_given(err);
	held.size = size;
	err = mapping_apply(held.addr, size, SEALMEM_NOSWAP | (guarantees & SEALMEM_NODUMP));
	if (err < 0)
		return err;
	*ret = held;
	held.size = 0;
	return 0;
}

static int reserve(void **ret, void *addr, size_t size, int flags)
{
	return not_given(sys_mmap(ret, addr, size, PROT_NONE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1));
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
