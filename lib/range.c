/* SPDX-License-Identifier: MIT */

/*
 * Sealing memory that exists already: the globals of a program, a table some other library built, the
 * relocated pages of an object. It is private memory, and private memory cannot be sealed: mseal(2)
 * keeps the mapping, while the bytes can still be changed through /proc/PID/mem and ptrace. So the
 * bytes move to a sealed memfd, which then takes the place of the old pages in one step.
 *
 * Between the copy and that step a store by another thread would be lost. The old pages are made
 * read-only first: such a store faults instead.
 */

#include "sealmem.h"

#include "lib/maps.h"
#include "lib/mapping.h"
#include "lib/memfd.h"
#include "lib/address.h"
#include "lib/util.h"

#include <pthread.h>
#include <stdint.h>

#define RANGE_GUARANTEES                                                                           \
 (SEALMEM_CONTENT | SEALMEM_ADDRESS | SEALMEM_NOSWAP | SEALMEM_NODUMP | SEALMEM_NOFORK)

struct range {
	char *addr;
	size_t size;
	unsigned guarantees;
	int protection;
};

static int check_demand(const struct range *range)
{
	uintptr_t start = (uintptr_t)range->addr;

	if (range->guarantees & ~SEALMEM_GUARANTEES || range->guarantees & SEALMEM_GUARDS ||
	    !(range->guarantees & (SEALMEM_CONTENT | SEALMEM_ADDRESS)))
		return -EINVAL;
	if (range->size == 0 || !page_aligned(start | range->size) || start + range->size < start)
		return -EINVAL;
	if (range->guarantees & ~RANGE_GUARANTEES)
		return -EOPNOTSUPP;
	return range->guarantees & SEALMEM_ADDRESS ? address_given() : 0;
}

/*
 * Freezing the stack that this function and its callers store to would be the last thing it does. In use
 * is what lies above this frame; a thread that runs on a stack of its own making is only known to use
 * this very page.
 */
static bool holds_stack(const struct range *range)
{
	uintptr_t start = (uintptr_t)range->addr, frame = (uintptr_t)__builtin_frame_address(0);
	uintptr_t top = frame + 1;
	pthread_attr_t attributes;
	void *stack;
	size_t size;

	if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
		if (pthread_attr_getstack(&attributes, &stack, &size) == 0 &&
		    frame - (uintptr_t)stack < size)
			top = (uintptr_t)stack + size;
		(void)pthread_attr_destroy(&attributes);
	}
	return start < top && frame < start + range->size;
}

/* Adds one mapping to what is known of the range, which is covered up to `covered`. */
static int survey_entry(struct range *range, const struct maps_entry *entry, uintptr_t *covered)
{
	bool first = *covered == (uintptr_t)range->addr;

	if (entry->end <= *covered)
		return 0;
	if (entry->start > *covered)
		return -ENOMEM;
	if (entry->shared || (!first && entry->protection != range->protection))
		return -EINVAL;
	if (!(entry->protection & PROT_READ))
		return -EACCES;
	range->protection = entry->protection;
	*covered = entry->end;
	return 0;
}

/* Without a hole, private, readable, of one protection: or else not ours to replace. */
static int survey(struct range *range)
{
	CLEANUP(maps_close) struct maps maps = { .fd = -1 };
	uintptr_t covered = (uintptr_t)range->addr, end = covered + range->size;
	struct maps_entry entry;
	int err = maps_open(&maps);

	if (err < 0)
		return err == -ENOENT || err == -EACCES ? -EOPNOTSUPP : not_given(err);
	while (covered < end) {
		err = not_given(maps_next(&maps, &entry));
		if (err == 0)
			return -ENOMEM;
		if (err > 0)
			err = survey_entry(range, &entry, &covered);
		if (err < 0)
			return err;
	}
	return 0;
}

/* Returns a read-only descriptor of a sealed file with the bytes of the range. */
static int copy_sealed(const struct range *range, struct scoped_mapping *held)
{
	CLEANUP(close_fd_at) int writer = memfd_new("range", range->size);
	CLEANUP(close_fd_at) int reader = -1;
	int err;

	if (writer < 0)
		return writer;
	reader = memfd_reopen_readonly(writer);
	if (reader < 0)
		return reader;
	err = sys_ftruncate(writer, (off_t)range->size);
	if (err == 0)
		err = mapping_hold(held, reader, range->size, range->guarantees);
	if (err == 0)
		err = memfd_write(writer, range->addr, range->size, 0);
	if (err == 0)
		err = memfd_seal(writer);
	if (err == 0)
		err = memfd_check(reader);
	return err < 0 ? not_given(err) : take_fd(&reader);
}

static int map_over(const struct range *range, int protection, int flags, int fd)
{
	void *same;

	return sys_mmap(&same, range->addr, range->size, protection, flags | MAP_FIXED, fd);
}

static int finish(const struct range *range)
{
	int err = mapping_apply(range->addr, range->size, range->guarantees);

	if (err == 0 && range->guarantees & SEALMEM_ADDRESS)
		err = address_seal(range->addr, range->size);
	return err;
}

/*
 * The sealed file also serves the way back: mapped private and writable in one step it is again what
 * the range was, private memory with the same bytes, whoever is reading it meanwhile.
 */
static int replace(const struct range *range, int reader)
{
	int err = map_over(range, range->protection & ~PROT_WRITE, MAP_SHARED, reader);

	if (err == 0)
		err = finish(range);
	else if (sys_mapped(range->addr, range->size) == 0)
		return not_given(err);
	if (err < 0 && map_over(range, range->protection, MAP_PRIVATE, reader) < 0)
		return -ENOTRECOVERABLE;
	return not_given(err);
}

static int seal_content(struct range *range)
{
	CLEANUP(unmap_scoped) struct scoped_mapping held = { 0 };
	CLEANUP(close_fd_at) int reader = -1;
	int err = holds_stack(range) ? -EINVAL : survey(range);

	if (err < 0)
		return err;
	err = sys_mprotect(range->addr, range->size, range->protection & ~PROT_WRITE);
	err = err == -ENOSYS ? -EOPNOTSUPP : err;
	if (err == 0)
		reader = copy_sealed(range, &held);
	if (err == 0)
		err = reader < 0 ? reader : replace(range, reader);
	/* A refused mprotect(2) may have changed the part before the refusal. */
	if (err < 0)
		(void)sys_mprotect(range->addr, range->size, range->protection);
	return err;
}

/* The advice calls act on what is mapped even when they then complain of a hole: so that is asked first. */
static int seal_address(const struct range *range)
{
	int err = sys_mapped(range->addr, range->size);

	if (err < 0)
		return not_given(err);
	err = finish(range);
	if (err < 0)
		mapping_undo(range->addr, range->size, range->guarantees);
	return err;
}

EXPORT int sealmem_seal_range(void *addr, size_t size, unsigned guarantees)
{
	struct range range = { .addr = addr, .size = size, .guarantees = guarantees };
	int err = check_demand(&range);

	if (err < 0)
		return err;
	return guarantees & SEALMEM_CONTENT ? seal_content(&range) : seal_address(&range);
}
