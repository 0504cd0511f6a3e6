/* SPDX-License-Identifier: MIT */

/*
 * Seals memory that exists already: the globals of a program, a table that some other library built,
 * the relocated pages of an object. It is private memory, and private memory cannot be sealed: mseal(2)
 * keeps the mapping, but /proc/PID/mem and ptrace can still change the bytes. So the bytes move to a
 * sealed memfd, which then takes the place of the old pages in one step.
 *
 * A store by another thread between the copy and that step would be lost. So the old pages are made
 * read-only first, and such a store faults instead.
 */

#include "include/sealmem.h"

#include "lib/confirm.h"
#include "lib/maps.h"
#include "lib/mapping.h"
#include "lib/memfd.h"
#include "lib/fork-gate.h"
#include "lib/moment.h"
#include "lib/names.h"
#include "lib/reason.h"
#include "lib/address.h"
#include "lib/util.h"

#include <pthread.h>
#include <stdint.h>

#define RANGE_GUARANTEES                                                                           \
 (SEALMEM_CONTENT | SEALMEM_ADDRESS | SEALMEM_NOSWAP | SEALMEM_NODUMP | SEALMEM_NOFORK)

struct range {
	char *addr;
	size_t size;
	const char *name;
	unsigned guarantees;
	int protection;
	struct maps maps;
	struct sys_file copy; /* the file that takes the place of the range */
};

static int check_extent(const struct range *range)
{
	uintptr_t start = (uintptr_t)range->addr;

	if (range->size == 0)
		return fail_for(REASON_NO_SIZE);
	if (!page_aligned(start | range->size))
		return fail_for(REASON_PARTIAL_PAGES);
	return start + range->size < start ? fail_for(REASON_WRAPS) : 0;
}

static int check_demand(const struct range *range)
{
	int err = memfd_check_name(range->name);

	if (err < 0)
		return err;
	if (range->guarantees & ~SEALMEM_GUARANTEES)
		return fail_for(REASON_UNKNOWN_BITS);
	if (range->guarantees & SEALMEM_GUARDS)
		return fail_for(REASON_RANGE_GUARDS);
	if (!(range->guarantees & (SEALMEM_CONTENT | SEALMEM_ADDRESS)))
		return fail_for(REASON_NO_RANGE_BASIS);
	err = check_extent(range);
	if (err < 0)
		return err;
	if (range->guarantees & ~RANGE_GUARANTEES)
		return fail_for(REASON_SHARED_SECRET);
	err = fork_gate_install();
	return err == 0 && range->guarantees & SEALMEM_ADDRESS ? address_given() : err;
}

/*
 * If this function froze the stack that it and its callers store to, it would do nothing more. The part
 * above this frame is in use. Of a thread that runs on a stack of its own making, only this very page
 * is known to be in use.
 */
static bool holds_stack(const struct range *range)
{
	uintptr_t start = (uintptr_t)range->addr, frame = (uintptr_t)__builtin_frame_address(0);
	uintptr_t top = frame + 1;
	pthread_attr_t attributes;
	void *stack;
	size_t size;

	/* The C library reads the list of all mappings to find the stack of the first thread. */
	if (start + range->size <= frame)
		return false;
	if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
		if (pthread_attr_getstack(&attributes, &stack, &size) == 0 &&
		    frame - (uintptr_t)stack < size)
			top = (uintptr_t)stack + size;
		(void)pthread_attr_destroy(&attributes);
	}
	return start < top && frame < start + range->size;
}

/* Adds one mapping to the facts about the range, which is covered up to `covered`. */
static int survey_entry(struct range *range, const struct maps_span *entry, uintptr_t *covered)
{
	bool first = *covered == (uintptr_t)range->addr;

	if (entry->end <= *covered)
		return 0;
	if (entry->start > *covered)
		return fail_for(REASON_UNMAPPED);
	if (entry->shared)
		return fail_for(REASON_RANGE_SHARED);
	if (!first && entry->protection != range->protection)
		return fail_for(REASON_RANGE_MIXED);
	if (!(entry->protection & PROT_READ))
		return fail_for(REASON_UNREADABLE);
	range->protection = entry->protection;
	*covered = entry->end;
	return 0;
}

/* The range must have no hole and be private, readable, and of one protection. Otherwise it is not
 * ours to replace. */
static int survey(struct range *range)
{
	uintptr_t covered = (uintptr_t)range->addr, end = covered + range->size;
	struct maps_span entry;
	int err = range->maps.fd = confirm_open();

	if (err < 0)
		return err;
	while (covered < end) {
		err = confirm_find(&range->maps, covered, &entry);
		if (err == 0)
			return fail_for(REASON_UNMAPPED);
		if (err > 0)
			err = survey_entry(range, &entry, &covered);
		if (err < 0)
			return err;
	}
	return 0;
}

/* Where another thread has unmapped the range, the kernel may put a mapping of this library in its place: then the copy
 * would be one of itself. */
static int confirm_source(const struct range *range)
{
	const struct expected source = {
		.addr = range->addr,
		.size = range->size,
		.protection = range->protection & ~PROT_WRITE,
		.other_than = range->copy,
	};

	return confirm_mapped(range->maps.fd, &source, 1);
}

/*
 * Until the seal, another process can write to the file. And another thread may map memory of its own over the range,
 * and store to it after it was copied.
 */
static int compare(const struct range *range, int reader)
{
	CLEANUP(unmap_scoped) struct scoped_mapping copy = { 0 };
	int err = mapping_scoped(&copy, range->size, PROT_READ, MAP_SHARED, reader,
				 range->guarantees);
	bool same;

	if (err < 0)
		return err;
	same = pages_equal(copy.addr, range->addr, range->size);
	err = confirm_source(range);
	return err < 0 || same ? err : fail_for(REASON_CHANGED);
}

/* Returns a read-only descriptor of a sealed file with the bytes of the range. */
static int copy_sealed(struct range *range, struct scoped_mapping *held)
{
	CLEANUP(close_fd_at) int writer = memfd_new(range->name, range->size);
	CLEANUP(close_fd_at) int reader = -1;
	int err;

	if (writer < 0)
		return writer;
	reader = memfd_reopen_readonly(writer);
	if (reader < 0)
		return reader;
	err = memfd_set_size(writer, range->size);
	if (err == 0)
		err = sys_file_identity(reader, &range->copy);
	if (err == 0)
		err = mapping_hold(held, reader, range->size, range->guarantees);
	if (err == 0)
		err = reason_for(memfd_write(writer, range->addr, range->size, 0),
				 REASON_PAST_FILE);
	if (err == 0)
		err = memfd_seal(writer);
	if (err == 0)
		err = memfd_check(reader, range->size);
	if (err == 0)
		err = compare(range, reader);
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
 * Another thread may map memory of its own over the range until its addresses are sealed. Before that, a failure is
 * rolled back. After it nothing changes any more, and where there was no answer it is asked again.
 */
static int finish_and_confirm(const struct range *range)
{
	const struct expected part = {
		.addr = range->addr,
		.size = range->size,
		.protection = range->protection & ~PROT_WRITE,
		.file = range->copy,
	};
	int err;

	if (!(range->guarantees & SEALMEM_ADDRESS))
		return finish(range);
	err = confirm_mapped(range->maps.fd, &part, 1);
	if (err == 0)
		err = finish(range);
	if (err < 0)
		return err;
	return confirm_final(range->maps.fd, &part, 1);
}

/*
 * The sealed file also serves the roll-back. Mapped private and writable, in one step, it is again the
 * memory that the range was, private and with the same bytes, whoever reads it meanwhile.
 */
static int replace(const struct range *range, int reader)
{
	CLEANUP(moment_end) struct moment moment = { 0 };
	int err = moment_begin(&moment, range->guarantees);

	if (err < 0)
		return err;
	err = map_over(range, range->protection & ~PROT_WRITE, MAP_SHARED, reader);
	if (err == 0)
		err = finish_and_confirm(range);
	else if (sys_mapped(range->addr, range->size) == 0)
		return not_given(err);
	if (err < 0 && map_over(range, range->protection, MAP_PRIVATE, reader) < 0)
		return fail_for(err == -EADDRINUSE ? REASON_DISPLACED_FOR_GOOD : REASON_ROLL_BACK);
	return not_given(err);
}

static int seal_content(struct range *range)
{
	CLEANUP(unmap_scoped) struct scoped_mapping held = { 0 };
	CLEANUP(close_fd_at) int reader = -1;
	int err = holds_stack(range) ? fail_for(REASON_STACK) : survey(range);

	if (err < 0)
		return err;
	err = sys_mprotect(range->addr, range->size, range->protection & ~PROT_WRITE);
	err = err == -ENOSYS ? -EOPNOTSUPP : reason_for(err, REASON_RANGE_SEALED);
	if (err == 0)
		reader = copy_sealed(range, &held);
	if (err == 0)
		err = reader < 0 ? reader : replace(range, reader);
	/* A refused mprotect(2) may have changed the part before the refusal. */
	if (err < 0)
		(void)sys_mprotect(range->addr, range->size, range->protection);
	return err;
}

/* The advice calls act on the mapped pages even if they then complain of a hole. So the hole is
 * looked for first. */
static int seal_address(const struct range *range)
{
	int err = not_given(sys_mapped(range->addr, range->size));

	if (err < 0)
		return reason_for(err, REASON_UNMAPPED);
	err = finish(range);
	if (err < 0)
		mapping_undo(range->addr, range->size, range->guarantees);
	return err;
}

/* The kernel calls a range that CONTENT keeps by a name of ours, for as long as the range is mapped. One whose
 * address is sealed is mapped for good. */
static void list(const struct range *range)
{
	uintptr_t start = (uintptr_t)range->addr;
	struct names_memory memory = {
		.start = start,
		.end = start + range->size,
		.sealed = true,
		.shared = range->guarantees & SEALMEM_CONTENT,
		.owner = range->guarantees & SEALMEM_NOFORK ? sys_getpid() : 0,
	};

	if (range->guarantees & SEALMEM_ADDRESS)
		(void)names_add(&memory, range->name);
}

static void close_maps(const struct range *range)
{
	maps_close(&range->maps);
}

EXPORT int sealmem_seal_range(void *addr, size_t size, unsigned guarantees)
{
	return sealmem_seal_range_named(addr, size, "range", guarantees);
}

EXPORT int sealmem_seal_range_named(void *addr, size_t size, const char *name, unsigned guarantees)
{
	CLEANUP(close_maps)
	struct range range = {
		.addr = addr,
		.size = size,
		.name = name,
		.guarantees = guarantees,
		.maps = { .fd = -1 },
	};
	int err;

	reason_forget();
	err = check_demand(&range);
	if (err == 0)
		err = guarantees & SEALMEM_CONTENT ? seal_content(&range) : seal_address(&range);
	if (err == 0)
		list(&range);
	return err;
}
