/* SPDX-License-Identifier: MIT */

/*
 * Three guarantees are properties of a mapping, not of the file below it: a mapping that replaces
 * another starts without them. This file applies them, for regions and ranges alike, so that none is
 * forgotten when a mapping is replaced. It also says in one place how to read a refusal.
 */

#include "lib/mapping.h"

#include "include/sealmem.h"
#include "lib/moment.h"
#include "lib/reason.h"

#include <sys/resource.h>

/* mlock(2) answers EPERM for a limit of 0 and ENOMEM for one that is exceeded, and both for other
 * reasons too. A caller needs to know whether raising the limit helps. */
static int lock_error(int err, size_t size)
{
	uint64_t limit;

	if (err == -EPERM && sys_limit(RLIMIT_MEMLOCK, &limit) == 0 && limit < size)
		return fail_for(REASON_MEMLOCK);
	if (err == -ENOMEM && sys_limit(RLIMIT_MEMLOCK, &limit) == 0 && limit != UINT64_MAX)
		return fail_for(REASON_MEMLOCK);
	return err;
}

static int dont_swap(void *addr, size_t size)
{
	return lock_error(sys_mlock(addr, size), size);
}

/* The kernel refuses this advice for locked memory alone, and otherwise it changes nothing that a program sees. */
static bool is_locked(char *page)
{
	return sys_madvise(page, page_size(), MADV_COLD) == -EINVAL;
}

/* Whoever does not know the advice refuses it for no memory at all, too. */
static bool are_locked(char *addr, size_t size)
{
	size_t at = 0;

	if (sys_madvise(addr, 0, MADV_COLD) < 0)
		return false;
	while (at < size && is_locked(addr + at))
		at += page_size();
	return at >= size;
}

/*
 * Linux 5.10 locks memory and then tries to look at its pages. Where some are inaccessible, as in the copy that a child
 * has of a closed heap, it says ENOMEM, as for a limit, although all is locked. See mm/gup.c, populate_vma_page_range().
 *
 * Where only the older call is available (valgrind), it locks everything at once. That takes more memory and keeps the
 * same promise.
 */
static int dont_swap_when_touched(void *addr, size_t size)
{
	int err = sys_mlock_on_fault(addr, size);

	if (err == -ENOSYS)
		return dont_swap(addr, size);
	if (err == -ENOMEM && are_locked(addr, size))
		return 0;
	return lock_error(err, size);
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

/* Locking comes first: in practice it is the one that fails, and then nothing has changed yet. A mapping of
 * mapping_new() has the others already. */
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

int mapping_new(void **ret, void *addr, size_t size, int protection, int flags, int fd,
		unsigned guarantees)
{
	CLEANUP(moment_end) struct moment moment = { 0 };
	int err = moment_begin(&moment, guarantees);

	if (err == 0)
		err = reason_for(sys_mmap(ret, addr, size, protection, flags, fd), REASON_MEMLOCK);
	if (err < 0)
		return err;
	return mapping_apply(*ret, size, guarantees & (SEALMEM_NODUMP | SEALMEM_NOFORK));
}

int mapping_scoped(struct scoped_mapping *ret, size_t size, int protection, int flags, int fd,
		   unsigned guarantees)
{
	CLEANUP(unmap_scoped) struct scoped_mapping mapping = { 0 };
	int err = mapping_new(&mapping.addr, NULL, size, protection, flags, fd, guarantees);

	if (mapping.addr != NULL)
		mapping.size = size;
	if (err < 0)
		return not_given(err);
	*ret = mapping;
	mapping.size = 0;
	return 0;
}

void mapping_undo(void *addr, size_t size, unsigned guarantees)
{
	for (size_t i = 0; i < sizeof(carried) / sizeof(*carried); i++)
		if (guarantees & carried[i].guarantee)
			(void)carried[i].undo(addr, size);
}

/*
 * Linux 5.14. Elsewhere, and where it fails, a page is mapped when it is touched. To populate for
 * reading is enough for stores too, because a shared mapping of such a file is not told of the first
 * store.
 */
void mapping_populate(void *addr, size_t size)
{
	(void)sys_madvise(addr, size, MADV_POPULATE_READ);
}

/*
 * The mappings that show a page keep it locked. While one mapping replaces another, there is a moment
 * with neither, and the kernel may reclaim the page in that moment. A third mapping prevents that. It
 * is private, so that it does not stand in the way of a seal.
 */
int mapping_hold(struct scoped_mapping *ret, int fd, size_t size, unsigned guarantees)
{
	CLEANUP(unmap_scoped) struct scoped_mapping held = { 0 };
	int err;

	if (!(guarantees & SEALMEM_NOSWAP))
		return 0;
	err = mapping_scoped(&held, size, PROT_READ, MAP_PRIVATE, fd, guarantees);
	if (err == 0)
		err = mapping_apply(held.addr, size, SEALMEM_NOSWAP);
	if (err < 0)
		return err;
	*ret = held;
	held.size = 0;
	return 0;
}
