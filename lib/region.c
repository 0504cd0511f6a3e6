/* SPDX-License-Identifier: MIT */

/*
 * A region is memory that is written first and sealed later, at one address. Its pages are those of a
 * memfd from the beginning, so that sealing copies nothing: the writable mapping is replaced, in one
 * step, by one that can never become writable, and the file takes its seals.
 *
 * Everything that can fail comes before the point where success is reported, and whatever came before
 * a failure is undone, so a region is either open or sealed. The one thing that cannot be undone is a
 * file that took its seals when a later step failed: then the region goes on in a copy of it.
 */

#include "lib/region.h"

#include "lib/emulation.h"
#include "lib/mapping.h"
#include "lib/memfd.h"
#include "lib/address.h"
#include "lib/secret.h"
#include "lib/util.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct sealmem_region {
	char *data;
	size_t capacity;
	size_t used;	 /* handed out by alloc; 0 means that it was never called */
	size_t reserved; /* bytes of the file that memory was set aside for */
	size_t page;	 /* what the file is made of: huge pages, if somebody else made it so */
	struct scoped_mapping all; /* data with its guard pages */
	int writer;		   /* -1 once sealed */
	int reader; /* what a sealed region is mapped from; -1 if that is to be the writer */
	unsigned guarantees;
	enum { OPEN, STUCK, SEALED } state;
	bool replaced;	  /* the writable mapping is gone */
	bool final;	  /* the file took a seal */
	pid_t owner;	  /* who has the mapping, if children do not inherit it */
	const char *name; /* behind this, in the same piece of memory */
};

#define KINDS (SEALMEM_CONTENT | SEALMEM_SECRECY | SEALMEM_ADDRESS)

/* In force from the beginning; the rest come with the seal. */
#define OPEN_GUARANTEES                                                                            \
 (SEALMEM_SECRECY | SEALMEM_NOSWAP | SEALMEM_NODUMP | SEALMEM_NOFORK | SEALMEM_GUARDS)

static bool is_secret(const struct sealmem_region *r)
{
	return r->guarantees & SEALMEM_SECRECY;
}

/* Whether the bytes can be stored to by whoever has the address. */
static bool is_writable(const struct sealmem_region *r)
{
	return r->state == OPEN || (r->state == SEALED && !(r->guarantees & SEALMEM_CONTENT));
}

static size_t guard_size(const struct sealmem_region *r)
{
	return r->guarantees & SEALMEM_GUARDS ? page_size() : 0;
}

static size_t size_in_pages(const struct sealmem_region *r)
{
	return page_round_up(sealmem_region_size(r));
}

static int check_demand(const char *name, size_t size, unsigned guarantees)
{
	int err = memfd_check_name(name);

	if (err < 0)
		return err;
	if (size == 0 || guarantees & ~SEALMEM_GUARANTEES ||
	    !(guarantees & (SEALMEM_CONTENT | SEALMEM_SECRECY)))
		return -EINVAL;
	/* Secret memory takes no seals: what keeps its bytes is that its mapping stays as it is. */
	if ((guarantees & KINDS) == (SEALMEM_CONTENT | SEALMEM_SECRECY))
		return -EINVAL;
	/* Beyond this no address space reaches, and page arithmetic would wrap. */
	if (size > SIZE_MAX / 4)
		return -ENOMEM;
	return guarantees & SEALMEM_ADDRESS ? address_given() : 0;
}

static void close_files(struct sealmem_region *r)
{
	r->writer = close_fd(r->writer);
	r->reader = close_fd(r->reader);
}

/* In a child that did not inherit the mapping something else may be there by now. */
static bool has_mapping(const struct sealmem_region *r)
{
	bool inherited = r->state == SEALED && !(r->guarantees & SEALMEM_NOFORK);

	return inherited || r->owner == sys_getpid();
}

static struct sealmem_region *destroy(struct sealmem_region *r)
{
	if (has_mapping(r))
		unmap_scoped(&r->all);
	close_files(r);
	free(r);
	return NULL;
}

static void destroy_at(struct sealmem_region **r)
{
	if (*r != NULL)
		(void)destroy(*r);
}

static struct sealmem_region *allocate_region(const char *name, size_t capacity,
					      unsigned guarantees)
{
	size_t name_size = strlen(name) + 1;
	struct sealmem_region *r = malloc(sizeof(*r) + name_size);

	if (r == NULL)
		return NULL;
	*r = (struct sealmem_region){
		.capacity = capacity,
		.page = page_size(),
		.writer = -1,
		.reader = -1,
		.guarantees = guarantees | (guarantees & SEALMEM_SECRECY ? SECRET_GUARANTEES : 0),
		.name = memcpy(r + 1, name, name_size),
	};
	return r;
}

/* Maps the file where the region is. The first time that is where the kernel likes, or between the
 * guard pages. */
static int map_as(struct sealmem_region *r, size_t size, int protection, int flags, int fd)
{
	void *data;
	int err;

	flags |= r->data != NULL ? MAP_FIXED : 0;
	err = sys_mmap(&data, r->data, size, protection, flags, fd);

	if (err < 0)
		return err;
	if (r->data == NULL)
		r->all = (struct scoped_mapping){ data, size };
	r->data = data;
	return 0;
}

static int map(struct sealmem_region *r, size_t size, int protection, int fd)
{
	return map_as(r, size, protection, MAP_SHARED, fd);
}

/* Addresses first, where guard pages or the emulation of mseal(2) have a say in which. */
static int reserve_addresses(struct sealmem_region *r, size_t size)
{
	bool emulated = r->guarantees & SEALMEM_ADDRESS && address_is_emulated();
	uintptr_t start;
	int err;

	if (guard_size(r) == 0 && !emulated)
		return 0;
	/* Huge pages lie at multiples of their size. */
	size += 2 * guard_size(r) + r->page - page_size();
	err = emulated ? emulation_reserve(&r->all.addr, size)
		       : mapping_new_reserve(&r->all.addr, size);
	if (err < 0)
		return err;
	r->all.size = size;
	start = (uintptr_t)r->all.addr + guard_size(r);
	r->data = (char *)r->all.addr + guard_size(r) + (-start & (r->page - 1));
	return 0;
}

/*
 * Not inherited by children while open, whatever was demanded: a child that was forked with a
 * writable mapping would keep the seal from ever being given.
 */
static int map_open(struct sealmem_region *r)
{
	size_t size = page_round_up(r->capacity);
	int err = map(r, size, PROT_READ | PROT_WRITE, r->writer);

	if (err < 0)
		return not_given(err);
	return mapping_apply_open(r->data, size, r->guarantees | SEALMEM_NOFORK);
}

/* The file has its full length from the start, for callers that write without sealmem_region_alloc();
 * its pages come when they are touched. */
static int open_file(struct sealmem_region *r)
{
	int err;

	r->reader = -1;
	r->writer = memfd_new(r->name, r->capacity);
	if (r->writer < 0)
		return r->writer;
	if (!memfd_writer_will_do()) {
		r->reader = memfd_reopen_readonly(r->writer);
		if (r->reader < 0)
			return r->reader;
	}
	/* A page is not worth a second call. */
	if (r->capacity <= page_size()) {
		r->reserved = r->capacity;
		return memfd_clear(r->writer, r->capacity);
	}
	err = sys_ftruncate(r->writer, (off_t)r->capacity);
	return err < 0 ? not_given(err) : 0;
}

/* Without a descriptor from here on: it could be mapped writable again after the seal. */
static int open_secret(struct sealmem_region *r)
{
	size_t size = page_round_up(r->capacity);
	CLEANUP(close_fd_at) int fd = secret_new(size);
	int err = fd < 0 ? fd : reserve_addresses(r, size);

	if (err == 0)
		err = map(r, size, PROT_READ | PROT_WRITE, fd);
	if (err < 0)
		return not_given(err);
	r->reserved = r->capacity;
	return secret_settle(r->data, size);
}

static int open_region(struct sealmem_region *r)
{
	int err;

	r->owner = sys_getpid();
	if (is_secret(r))
		return open_secret(r);
	err = open_file(r);
	if (err == 0)
		err = reserve_addresses(r, page_round_up(r->capacity));
	if (err == 0)
		err = map_open(r);
	return err;
}

EXPORT int sealmem_region_new(struct sealmem_region **ret, const char *name, size_t capacity,
			      unsigned guarantees)
{
	CLEANUP(destroy_at) struct sealmem_region *r = NULL;
	int err = ret != NULL ? check_demand(name, capacity, guarantees) : -EINVAL;

	if (err < 0)
		return err;
	r = allocate_region(name, capacity, guarantees);
	if (r == NULL)
		return -ENOMEM;
	err = open_region(r);
	if (err < 0)
		return err;
	*ret = r;
	r = NULL;
	return 0;
}

/*
 * Memory is set aside ahead of what is asked for, so that few calls enter the kernel, and only so far ahead
 * that it is still in the cache when it is stored to.
 */
static int reserve_memory(struct sealmem_region *r, size_t end)
{
	size_t step, target;
	int err;

	/* Most calls end here, and make most of the time that a small object takes. */
	if (end <= r->reserved)
		return 0;
	step = 16 * page_size();
	target = page_round_up(end);
	if (target < r->reserved + step)
		target = r->reserved + step;
	/* Not past the capacity, where the file would grow. */
	if (target > r->capacity)
		target = r->capacity;
	err = memfd_reserve(r->writer, r->reserved, target - r->reserved);
	if (err < 0)
		return err;
	mapping_populate(r->data + r->reserved, target - r->reserved);
	r->reserved = target;
	return 0;
}

static int allocate(struct sealmem_region *r, size_t size, size_t align, void **ret)
{
	uintptr_t base, start;
	int err;

	if (align == 0)
		align = _Alignof(max_align_t);
	if (r == NULL || size == 0 || (align & (align - 1)) != 0)
		return -EINVAL;
	if (r->state != OPEN)
		return r->state == SEALED ? -EPERM : -ENOTRECOVERABLE;
	base = (uintptr_t)r->data;
	start = (base + r->used + align - 1) & ~(align - 1);
	if (start < base || start - base > r->capacity || size > r->capacity - (start - base))
		return -ENOMEM;
	err = reserve_memory(r, start - base + size);
	if (err < 0)
		return err;
	r->used = start - base + size;
	*ret = r->data + (start - base);
	return 0;
}

EXPORT void *sealmem_region_alloc(struct sealmem_region *r, size_t size, size_t align)
{
	void *memory = NULL;
	int err = allocate(r, size, align, &memory);

	if (err < 0)
		errno = -err;
	return memory;
}

/*
 * Parts what was handed out from the rest of the capacity, while there is nothing to lose yet: a process
 * that has all the mappings that vm.max_map_count allows would not even be given the way back.
 */
static int part_tail(struct sealmem_region *r, size_t size, size_t tail)
{
	int err = tail > 0 ? sys_mprotect(r->data + size, tail, PROT_NONE) : 0;

	/* Where a program has cut the region into several mappings, a part may have changed. */
	if (err < 0)
		(void)sys_mprotect(r->data + size, tail, PROT_READ | PROT_WRITE);
	r->replaced = err == 0 && tail > 0;
	return not_given(err);
}

/*
 * What is read while the file takes its seals. A descriptor that can write would give a shared mapping that
 * stands in the way of the seal, so it gives a private one: the same pages until they are stored to, which
 * nobody can do to the bytes that count, those of the file.
 */
static int map_readable(struct sealmem_region *r, size_t size)
{
	if (r->reader >= 0)
		return map(r, size, PROT_READ, r->reader);
	return map_as(r, size, PROT_READ, MAP_PRIVATE, r->writer);
}

/* The addresses behind the last page stay taken: a rollback needs them, and so do guard pages. */
static int map_sealed(struct sealmem_region *r)
{
	size_t size = size_in_pages(r), tail = page_round_up(r->capacity) - size;
	int err = part_tail(r, size, tail);

	if (err < 0)
		return err;
	err = map_readable(r, size);
	/* Before Linux 6.12 what was there may be gone when nothing could be put in its place. */
	r->replaced |= err == 0 || sys_mapped(r->data, size) < 0;
	if (err < 0)
		return not_given(err);
	if (tail > 0)
		err = mapping_reserve(r->data + size, tail);
	if (err < 0)
		return err;
	return mapping_apply(r->data, size, r->guarantees);
}

/* With its guard pages: a guard that can be unmapped guards nothing. */
static int seal_address(struct sealmem_region *r)
{
	if (!(r->guarantees & SEALMEM_ADDRESS))
		return 0;
	return address_seal(r->data - guard_size(r), size_in_pages(r) + 2 * guard_size(r));
}

/*
 * Gives back what was set aside and not handed out: the file is to be as long as the region. Not before
 * the bytes are final: should that be refused, nothing is lost.
 */
static int trim_file(struct sealmem_region *r)
{
	int err;

	if (sealmem_region_size(r) == r->capacity)
		return 0;
	err = memfd_seal_bytes(r->writer);
	if (err < 0)
		return err;
	r->final = true;
	return not_given(sys_ftruncate(r->writer, (off_t)r->used));
}

/* The check asks the descriptor that the memory is mapped from, where that is not the one that took the
 * seals. */
static int seal_file(struct sealmem_region *r)
{
	int shown = r->reader >= 0 ? r->reader : r->writer;
	int err;

	/* Sealed the time before, when what came next failed and so did the way back. */
	if (r->final && memfd_check(shown) == 0)
		return 0;
	err = trim_file(r);
	if (err == 0)
		err = memfd_seal(r->writer);
	if (err < 0)
		return err;
	r->final = true;
	return memfd_check(shown);
}

/* The private mapping has done its work: what lasts is a shared one, whose pages are those of the file
 * whatever anybody does. */
static int map_shared(struct sealmem_region *r)
{
	size_t size = size_in_pages(r);
	int err;

	if (r->reader >= 0)
		return 0;
	err = map(r, size, PROT_READ, r->writer);
	return err < 0 ? not_given(err) : mapping_apply(r->data, size, r->guarantees);
}

/*
 * Such a file takes no seals, so nothing says whether somebody has mapped it a second time while the region
 * was open, or a child has it. The bytes therefore move to a file that nobody else has seen, at the same
 * address, in one step.
 */
static int replace_secret(struct sealmem_region *r, size_t size)
{
	CLEANUP(close_fd_at) int fd = secret_copy(r->data, size);
	int err;

	if (fd < 0)
		return fd;
	err = map(r, size, PROT_READ, fd);
	r->replaced |= err == 0;
	/* Before Linux 6.12 what was there may be gone when nothing could be put in its place. */
	if (err < 0 && sys_mapped(r->data, size) < 0) {
		r->replaced = true;
		(void)map(r, size, PROT_READ, fd);
	}
	if (err == 0)
		err = mapping_apply(r->data, size, SEALMEM_NODUMP | SEALMEM_NOFORK);
	return err < 0 ? not_given(err) : secret_readable(r->data, size);
}

/* What was not handed out becomes inaccessible; its pages stay, for the way back. */
static int seal_secret(struct sealmem_region *r)
{
	size_t size = size_in_pages(r), tail = page_round_up(r->capacity) - size;
	int err = part_tail(r, size, tail);

	if (err == 0 && r->guarantees & SEALMEM_CONTENT)
		err = replace_secret(r, size);
	return err < 0 ? err : seal_address(r);
}

static int seal_in_place(struct sealmem_region *r)
{
	int err = map_sealed(r);

	if (err == 0)
		err = seal_file(r);
	if (err == 0)
		err = map_shared(r);
	if (err == 0)
		err = seal_address(r);
	return err;
}

/* A file that took its seals can never be written again: the region moves to a copy of it. */
static int replace_file(struct sealmem_region *r, struct scoped_mapping *held)
{
	CLEANUP(close_files) struct sealmem_region fresh = *r;
	int err = open_file(&fresh);

	if (err == 0 && r->reserved > 0)
		err = memfd_reserve(fresh.writer, 0, r->reserved);
	if (err == 0)
		err = mapping_hold(held, fresh.writer, size_in_pages(r), r->guarantees);
	if (err == 0)
		err = memfd_copy(fresh.writer, r->writer, r->capacity);
	if (err < 0)
		return err;
	close_files(r);
	r->writer = take_fd(&fresh.writer);
	r->reader = take_fd(&fresh.reader);
	r->final = false;
	return 0;
}

/* The lock of an open region takes a page when it is touched; those that were, are again. */
static int lock_present_pages(struct sealmem_region *r)
{
	size_t start, end = 0;
	int err;

	if (!(r->guarantees & SEALMEM_NOSWAP))
		return 0;
	while ((err = memfd_next_part(r->writer, &start, &end)) > 0)
		for (size_t at = start; at < end; at += page_size())
			(void)*(volatile const char *)(r->data + at);
	return err;
}

/* The mapping that a seal began with may be without them. */
static int open_secret_again(struct sealmem_region *r)
{
	size_t size = page_round_up(r->capacity);
	int err = mapping_apply(r->data, size, SEALMEM_NODUMP | SEALMEM_NOFORK);

	if (err == 0)
		err = sys_mprotect(r->data, size, PROT_READ | PROT_WRITE);
	return not_given(err);
}

static int open_again(struct sealmem_region *r)
{
	int err = is_secret(r) ? open_secret_again(r) : map_open(r);

	return err < 0 || is_secret(r) ? err : lock_present_pages(r);
}

/* F_SEAL_FUTURE_WRITE, which somebody else may have added while the region was open, lets nobody map the
 * file writable again. */
static bool is_final(const struct sealmem_region *r)
{
	int seals = is_secret(r) ? 0 : sys_fcntl(r->writer, F_GET_SEALS, 0);

	return r->final || (seals > 0 && seals & F_SEAL_FUTURE_WRITE);
}

/* A refused mmap(2) with MAP_FIXED has unmapped what was there on kernels up to 6.1 at least: so it is
 * mapped anew, not only protected. */
static void stay_readable(struct sealmem_region *r)
{
	size_t size = page_round_up(r->capacity);

	if (is_secret(r))
		(void)sys_mprotect(r->data, size, PROT_READ);
	else
		(void)map_readable(r, size);
}

/* What a refused mmap(2) has unmapped is free for any other mapping, one that the way back needs included. */
static int keep_addresses(const struct sealmem_region *r)
{
	size_t size = page_round_up(r->capacity);

	return sys_mapped(r->data, size) < 0 ? mapping_reserve(r->data, size) : 0;
}

/* Back to an open region; readers see the same bytes throughout. */
static int roll_back(struct sealmem_region *r)
{
	CLEANUP(unmap_scoped) struct scoped_mapping held = { 0 };
	int err;

	if (!r->replaced)
		return 0;
	err = is_secret(r) ? 0 : keep_addresses(r);
	if (err == 0 && is_final(r))
		err = replace_file(r, &held);
	if (err == 0)
		err = open_again(r);
	/* With less than was demanded it is not to be written to. */
	if (err < 0)
		stay_readable(r);
	r->replaced = err < 0;
	r->state = err < 0 ? STUCK : OPEN;
	return err;
}

/* Secret pages are locked by nature, and stay in their mapping. */
static int hold_pages(const struct sealmem_region *r, struct scoped_mapping *held)
{
	if (is_secret(r))
		return 0;
	return mapping_hold(held, r->writer, size_in_pages(r), r->guarantees);
}

/* Sealed, one descriptor is enough. */
static void keep_one_file(struct sealmem_region *r)
{
	if (r->reader < 0) {
		r->reader = take_fd(&r->writer);
		return;
	}
	memfd_try_writer(r->writer);
	r->writer = close_fd(r->writer);
}

EXPORT int sealmem_region_seal(struct sealmem_region *r)
{
	CLEANUP(unmap_scoped) struct scoped_mapping held = { 0 };
	int err;

	if (r == NULL)
		return -EINVAL;
	if (r->state == SEALED)
		return 0;
	err = hold_pages(r, &held);
	if (err < 0)
		return err;
	err = is_secret(r) ? seal_secret(r) : seal_in_place(r);
	if (err < 0)
		return roll_back(r) == 0 ? err : -ENOTRECOVERABLE;
	if (!is_secret(r))
		keep_one_file(r);
	r->state = SEALED;
	return 0;
}

/*
 * Most kernels map a write-sealed file read-only and shared from the descriptor that wrote it, which
 * saves opening another. Some builds (5.10.223, early 6.12) refuse that with EPERM. Never MAP_PRIVATE:
 * such pages can be replaced through /proc/PID/mem.
 */
static int map_written(struct sealmem_region *r)
{
	size_t size = size_in_pages(r);
	int err = map(r, size, PROT_READ, r->reader);

	/* EACCES: a descriptor that was received, and is for writing only. */
	if (err != -EPERM && err != -EACCES)
		return not_given(err);
	err = memfd_make_readonly(&r->reader);
	return err < 0 ? err : not_given(map(r, size, PROT_READ, r->reader));
}

/* Maps a file that is sealed. */
static int map_sealed_file(struct sealmem_region *r)
{
	int err;

	if (r->guarantees & SEALMEM_NOFORK)
		r->owner = sys_getpid();
	err = reserve_addresses(r, size_in_pages(r));
	if (err == 0)
		err = map_written(r);
	if (err == 0)
		err = mapping_apply(r->data, size_in_pages(r), r->guarantees);
	if (err == 0)
		err = seal_address(r);
	r->state = SEALED;
	return err;
}

static int seal_bytes(struct sealmem_region *r, const void *bytes)
{
	int err;

	r->reader = memfd_new(r->name, r->capacity);
	if (r->reader < 0)
		return r->reader;
	err = memfd_write(r->reader, bytes, r->capacity, 0);
	if (err == 0)
		err = memfd_seal(r->reader);
	if (err == 0)
		err = memfd_check(r->reader);
	return err < 0 ? err : map_sealed_file(r);
}

/*
 * From a descriptor of our own if there can be one: the one that was given has its position and flags in
 * common with whoever gave it, who could turn a later read(2) of sealed bytes to other bytes. Where
 * there cannot, the mapping is as good, and the region has no descriptor afterwards.
 */
static int map_given(struct sealmem_region *r, int fd)
{
	CLEANUP(close_fd_at) int given = fd;
	int reader = memfd_reopen_readonly(given), err;

	if (reader < 0 && reader != -EOPNOTSUPP)
		return reader;
	r->reader = reader >= 0 ? reader : take_fd(&given);
	err = map_sealed_file(r);
	if (reader < 0)
		r->reader = close_fd(r->reader);
	return err;
}

int region_adopt(struct sealmem_region **ret, int fd, const char *name, size_t size, size_t page,
		 unsigned guarantees)
{
	CLEANUP(close_fd_at) int given = fd;
	CLEANUP(destroy_at) struct sealmem_region *r = NULL;
	int err = check_demand(name, size, guarantees);

	if (err < 0)
		return err;
	r = allocate_region(name, size, guarantees);
	if (r == NULL)
		return -ENOMEM;
	r->page = page;
	err = map_given(r, take_fd(&given));
	if (err < 0)
		return err;
	*ret = r;
	r = NULL;
	return 0;
}

EXPORT const char *sealmem_region_name(const struct sealmem_region *r)
{
	return r != NULL ? r->name : NULL;
}

/* Bytes that must never reach the swap are written to pages that are locked already, which takes a
 * mapping: the way of an open region. */
static int seal_bytes_locked(struct sealmem_region *r, const void *bytes)
{
	int err = open_region(r);

	if (err == 0)
		err = mapping_apply(r->data, size_in_pages(r), SEALMEM_NOSWAP);
	if (err == 0)
		err = memfd_write(r->writer, bytes, r->capacity, 0);
	if (err == 0)
		err = sealmem_region_seal(r);
	return err;
}

static int seal_bytes_secret(struct sealmem_region *r, const void *bytes)
{
	int err = secret_readable(bytes, r->capacity);

	if (err == 0)
		err = open_region(r);
	if (err < 0)
		return err;
	memcpy(r->data, bytes, r->capacity);
	return sealmem_region_seal(r);
}

/* How bytes at hand become a region, by what was demanded: the first row that applies. */
static const struct {
	unsigned guarantee;
	int (*seal)(struct sealmem_region *r, const void *bytes);
} ways_from_bytes[] = {
	{ SEALMEM_SECRECY, seal_bytes_secret },
	{ SEALMEM_NOSWAP, seal_bytes_locked },
	{ SEALMEM_CONTENT, seal_bytes },
};

static int seal_from(struct sealmem_region *r, const void *bytes)
{
	size_t i = 0;

	while (!(r->guarantees & ways_from_bytes[i].guarantee))
		i++;
	return ways_from_bytes[i].seal(r, bytes);
}

EXPORT int sealmem_region_new_from(struct sealmem_region **ret, const char *name, const void *bytes,
				   size_t size, unsigned guarantees)
{
	CLEANUP(destroy_at) struct sealmem_region *r = NULL;
	int err = ret != NULL && bytes != NULL ? check_demand(name, size, guarantees) : -EINVAL;

	if (err < 0)
		return err;
	r = allocate_region(name, size, guarantees);
	if (r == NULL)
		return -ENOMEM;
	err = seal_from(r, bytes);
	if (err < 0)
		return err;
	*ret = r;
	r = NULL;
	return 0;
}

EXPORT void *sealmem_region_data(const struct sealmem_region *r)
{
	return r != NULL ? r->data : NULL;
}

EXPORT size_t sealmem_region_size(const struct sealmem_region *r)
{
	if (r == NULL)
		return 0;
	return r->used != 0 ? r->used : r->capacity;
}

EXPORT unsigned sealmem_region_guarantees(const struct sealmem_region *r)
{
	if (r == NULL || r->state == STUCK)
		return 0;
	return r->state == SEALED ? r->guarantees : r->guarantees & OPEN_GUARANTEES;
}

/*
 * A sealed region may be mapped from the descriptor that wrote it, which saves opening another until
 * somebody asks. The new one takes the old one's number, so the number stays valid, and
 * two threads that ask at once do no harm.
 */
EXPORT int sealmem_region_fd(const struct sealmem_region *r)
{
	CLEANUP(close_fd_at) int reader = -1;
	int flags;

	if (r == NULL)
		return -EINVAL;
	if (r->state != SEALED)
		return -EPERM;
	if (is_secret(r) || r->reader < 0)
		return -EOPNOTSUPP;
	flags = sys_fcntl(r->reader, F_GETFL, 0);
	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
		return flags < 0 ? not_given(flags) : r->reader;
	reader = memfd_reopen_readonly(r->reader);
	if (reader < 0)
		return reader;
	return not_given(sys_dup_over(reader, r->reader));
}

/* Sealed addresses stay; what lies behind them was only kept in case the seal had to be undone. */
static void forget_sealed_address(struct sealmem_region *r)
{
	char *end = r->data + size_in_pages(r) + guard_size(r);
	char *all_end = (char *)r->all.addr + r->all.size;

	r->all = (struct scoped_mapping){ end, (size_t)(all_end - end) };
}

EXPORT struct sealmem_region *sealmem_region_free(struct sealmem_region *r)
{
	if (r == NULL)
		return NULL;
	if (is_secret(r) && is_writable(r) && has_mapping(r))
		sealmem_wipe(r->data, r->state == OPEN ? r->capacity : sealmem_region_size(r));
	if (sealmem_region_guarantees(r) & SEALMEM_ADDRESS)
		forget_sealed_address(r);
	return destroy(r);
}
