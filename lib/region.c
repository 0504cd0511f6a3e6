/* SPDX-License-Identifier: MIT */

/*
 * A region is memory that is written first and sealed later, at one address. Its pages are those of a
 * file from the beginning, so that sealing a memfd copies nothing: the seal replaces the writable mapping,
 * in one step, by one that can never become writable, and the file takes its seals.
 *
 * Everything that can fail comes before the point where success is reported. A seal that fails undoes what
 * it did, so a region is either open or sealed. Only the seals of a file cannot be undone: if a later step
 * fails, the region moves to a copy of the file.
 *
 * This file has what all regions share. The two kinds of region differ by their operations: see
 * region-internal.h.
 */

#include "lib/region.h"

#include "lib/region-internal.h"

#include "lib/address.h"
#include "lib/confirm.h"
#include "lib/emulation.h"
#include "lib/fork-gate.h"
#include "lib/mapping.h"
#include "lib/memfd.h"
#include "lib/names.h"
#include "lib/reason.h"
#include "lib/retain.h"
#include "lib/trial.h"
#include "lib/wipe.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* In force from the beginning; the rest come with the seal. */
#define OPEN_GUARANTEES                                                                            \
 (SEALMEM_SECRECY | SEALMEM_NOSWAP | SEALMEM_NODUMP | SEALMEM_NOFORK | SEALMEM_GUARDS)

/* These say what is mapped where. The others hold for the pages of a file, or can be taken back as soon as they are
 * given. */
#define CONFIRMED (SEALMEM_ADDRESS | SEALMEM_GUARDS)

size_t region_guard_size(const struct sealmem_region *r)
{
	return r->guarantees & SEALMEM_GUARDS ? page_size() : 0;
}

/* An empty region has a page too, because an address needs a mapping. */
static size_t whole_pages(size_t size)
{
	return size > 0 ? page_round_up(size) : page_size();
}

size_t region_size_in_pages(const struct sealmem_region *r)
{
	return whole_pages(sealmem_region_size(r));
}

size_t region_capacity_in_pages(const struct sealmem_region *r)
{
	return whole_pages(r->capacity);
}

int region_lock(const struct sealmem_region *r)
{
	if (sealmem_region_size(r) == 0)
		return 0;
	return mapping_apply(r->data, region_size_in_pages(r), r->guarantees & SEALMEM_NOSWAP);
}

/* Secret memory takes no seals: its bytes last only if its mapping stays as it is. */
unsigned region_complete_demand(unsigned guarantees)
{
	const unsigned both = SEALMEM_CONTENT | SEALMEM_SECRECY;

	return (guarantees & both) == both ? guarantees | SEALMEM_ADDRESS : guarantees;
}

int region_check_demand(const char *name, size_t size, unsigned guarantees)
{
	int err = memfd_check_name(name);

	if (err < 0)
		return err;
	if (guarantees & ~SEALMEM_GUARANTEES)
		return fail_for(REASON_UNKNOWN_BITS);
	if (!(guarantees & (SEALMEM_CONTENT | SEALMEM_SECRECY)))
		return fail_for(REASON_NO_BASIS);
	/* No address space is larger than this, and page arithmetic would wrap. */
	if (size > SIZE_MAX / 4)
		return fail_for(REASON_TOO_LARGE);
	err = fork_gate_install();
	if (guarantees & SEALMEM_SECRECY)
		trial_learn(TRIAL_MEMFD_SECRET);
	return err == 0 && guarantees & SEALMEM_ADDRESS ? address_given() : err;
}

/* In a child that did not inherit the mapping, something else may be at its address by now. */
bool region_has_mapping(const struct sealmem_region *r)
{
	bool inherited = r->state == REGION_SEALED && !(r->guarantees & SEALMEM_NOFORK);

	return inherited || process_has_memory_of(&r->owner);
}

/*
 * The pages of NOSWAP go while they cannot be written to swap. Where the addresses are sealed, they stay, and so
 * does their lock. Huge pages are never swapped.
 */
void region_retain_pages(const struct sealmem_region *r, struct retained *ret)
{
	int fd = r->writer >= 0 ? r->writer : r->reader;

	ret->count = 0;
	if (fd >= 0 && r->guarantees & SEALMEM_NOSWAP && r->page == page_size() &&
	    process_has_memory_of(&r->owner))
		retain_pages(ret, fd, region_capacity_in_pages(r));
}

/* The descriptors go first: the file must not outlive its mapping, which keeps the pages locked. */
static void give_back_memory(struct sealmem_region *r)
{
	CLEANUP(retain_end) struct retained retained = { 0 };

	if (!(sealmem_region_guarantees(r) & SEALMEM_ADDRESS))
		region_retain_pages(r, &retained);
	(void)close_fd(r->writer);
	(void)close_fd(r->reader);
	unmap_scoped(&r->all);
}

void region_vacate(struct sealmem_region *r)
{
	if (!region_has_mapping(r))
		r->all.size = 0;
	names_remove(r->listed);
	give_back_memory(r);
}

void region_discard(struct sealmem_region *r)
{
	free(r);
}

struct sealmem_region *region_destroy(struct sealmem_region *r)
{
	region_vacate(r);
	region_discard(r);
	return NULL;
}

void region_destroy_at(struct sealmem_region **r)
{
	if (*r != NULL)
		(void)region_destroy(*r);
}

struct sealmem_region *region_allocate(const char *name, size_t capacity, unsigned guarantees)
{
	const struct region_operations *operations =
		guarantees & SEALMEM_SECRECY ? &region_secret_operations : &region_file_operations;
	size_t name_size = strlen(name) + 1;
	struct sealmem_region *r = malloc(sizeof(*r) + name_size);

	if (r == NULL)
		return NULL;
	*r = (struct sealmem_region){
		.operations = operations,
		.capacity = capacity,
		.page = page_size(),
		.writer = -1,
		.reader = -1,
		.maps = -1,
		.guarantees = guarantees | operations->always,
		.listed = -1,
		.last = REGION_NO_PIECE,
		.name = memcpy(r + 1, name, name_size),
	};
	return r;
}

/* The first mapping goes where the kernel likes, or between the guard pages; a later one replaces it. */
int region_map_as(struct sealmem_region *r, size_t size, int protection, int flags, int fd,
		  unsigned guarantees)
{
	void *data = NULL;
	int err;

	flags |= r->data != NULL ? MAP_FIXED : 0;
	err = mapping_new(&data, r->data, size, protection, flags, fd, guarantees);

	if (data == NULL)
		return err;
	if (r->data == NULL)
		r->all = (struct scoped_mapping){ data, size };
	r->data = data;
	region_advance(r, REGION_REMAPPED);
	return err;
}

int region_map(struct sealmem_region *r, size_t size, int protection, int fd)
{
	return region_map_as(r, size, protection, MAP_SHARED, fd, r->guarantees);
}

int region_reserve_addresses(struct sealmem_region *r, size_t size)
{
	bool emulated = r->guarantees & SEALMEM_ADDRESS && address_is_emulated();
	size_t guard = region_guard_size(r);
	uintptr_t start;
	int err;

	if (guard == 0 && !emulated)
		return 0;
	/* Huge pages lie at multiples of their size. */
	size += 2 * guard + r->page - page_size();
	err = emulated ? emulation_reserve(&r->all.addr, size)
		       : mapping_new_reserve(&r->all.addr, size);
	if (err < 0)
		return err;
	r->all.size = size;
	start = (uintptr_t)r->all.addr + guard;
	r->data = (char *)r->all.addr + guard + (-start & (r->page - 1));
	return 0;
}

int region_open(struct sealmem_region *r)
{
	int err;

	r->owner = process_this();
	err = r->operations->open(r);
	/* Its first mapping was no step of a seal. */
	if (err == 0)
		r->state = REGION_OPEN;
	return err;
}

void region_list(struct sealmem_region *r)
{
	bool sealed = r->state == REGION_SEALED;
	uintptr_t all = (uintptr_t)r->all.addr, start = (uintptr_t)r->data;
	uintptr_t end = start + (sealed ? region_size_in_pages(r) : region_capacity_in_pages(r));
	bool inherited = sealed && !(r->guarantees & SEALMEM_NOFORK);
	struct names_memory memory = {
		.start = start,
		.end = end,
		.before = start - all,
		.after = all + r->all.size - end,
		.sealed = sealed,
		.shared = true,
		.owner = inherited ? 0 : r->owner.id,
	};

	if (r->listed < 0)
		r->listed = names_add(&memory, r->name);
	else
		names_change(r->listed, &memory);
}

int region_hand_over(struct sealmem_region **ret, struct sealmem_region **r)
{
	region_list(*r);
	*ret = *r;
	*r = NULL;
	return 0;
}

EXPORT int sealmem_region_new(struct sealmem_region **ret, const char *name, size_t capacity,
			      unsigned guarantees)
{
	CLEANUP(region_destroy_at) struct sealmem_region *r = NULL;
	int err;

	reason_forget();
	guarantees = region_complete_demand(guarantees);
	if (ret == NULL || capacity == 0)
		return fail_for(ret == NULL ? REASON_NO_RESULT : REASON_NO_CAPACITY);
	err = region_check_demand(name, capacity, guarantees);
	if (err < 0)
		return err;
	r = region_allocate(name, capacity, guarantees);
	if (r == NULL)
		return -ENOMEM;
	err = region_open(r);
	return err < 0 ? err : region_hand_over(ret, &r);
}

/* Whether alloc may hand out more of the region, or take back. */
static int check_growth(const struct sealmem_region *r)
{
	if (r->state != REGION_OPEN)
		return fail_for(r->state == REGION_SEALED ? REASON_SEALED : REASON_NOT_WRITABLE);
	return process_has_memory_of(&r->owner) ? 0 : fail_for(REASON_NOT_OURS);
}

/* Makes the last piece of what lies at an offset. */
static int hand_out(struct sealmem_region *r, size_t start, size_t size)
{
	size_t end = start + size;
	/* Most calls need no more memory. They make most of the time that a small object takes. */
	int err = end > r->reserved ? region_file_reserve(r, end) : 0;

	if (err < 0)
		return err;
	r->used = end;
	r->counted = true;
	r->last = start;
	return 0;
}

static int allocate(struct sealmem_region *r, size_t size, size_t align, void **ret)
{
	uintptr_t base, start;
	int err;

	if (align == 0)
		align = _Alignof(max_align_t);
	if (r == NULL || size == 0)
		return fail_for(r == NULL ? REASON_NO_REGION : REASON_NO_SIZE);
	if ((align & (align - 1)) != 0)
		return fail_for(REASON_ALIGNMENT);
	err = check_growth(r);
	if (err < 0)
		return err;
	base = (uintptr_t)r->data;
	start = (base + r->used + align - 1) & ~(align - 1);
	if (start < base || start - base > r->capacity || size > r->capacity - (start - base))
		return fail_for(REASON_USED_UP);
	err = hand_out(r, start - base, size);
	if (err == 0)
		*ret = r->data + (start - base);
	return err;
}

EXPORT void *sealmem_region_alloc(struct sealmem_region *r, size_t size, size_t align)
{
	void *memory = NULL;
	int err;

	reason_forget();
	err = allocate(r, size, align, &memory);
	if (err < 0)
		errno = -err;
	return memory;
}

/* What was set aside stays so. The rest loses what memory it has, in one step: a failure leaves every byte as it was. */
static int clear(const struct sealmem_region *r, size_t from, size_t to)
{
	size_t apart = from > r->reserved ? from : r->reserved;
	int err = to > apart ? memfd_empty(r->writer, apart, to - apart) : 0;

	if (err == 0 && from < apart)
		memset(r->data + from, 0, (to < apart ? to : apart) - from);
	return err;
}

static int check_last(const struct sealmem_region *r, const void *p, size_t size)
{
	int err;

	if (r == NULL || size == 0)
		return fail_for(r == NULL ? REASON_NO_REGION : REASON_NO_SIZE);
	err = check_growth(r);
	if (err < 0)
		return err;
	if (r->last == REGION_NO_PIECE || p != r->data + r->last)
		return fail_for(REASON_NOT_LAST);
	return size > r->capacity - r->last ? fail_for(REASON_USED_UP) : 0;
}

static int resize_last(struct sealmem_region *r, const void *p, size_t size)
{
	int err = check_last(r, p, size);

	if (err == 0 && r->last + size < r->used)
		err = clear(r, r->last + size, r->used);
	return err == 0 ? hand_out(r, r->last, size) : err;
}

EXPORT void *sealmem_region_realloc(struct sealmem_region *r, void *p, size_t size)
{
	int err;

	if (p == NULL)
		return sealmem_region_alloc(r, size, 0);
	reason_forget();
	err = resize_last(r, p, size);
	if (err < 0)
		errno = -err;
	return err == 0 ? p : NULL;
}

EXPORT int sealmem_region_trim(struct sealmem_region *r, size_t size)
{
	int err;

	reason_forget();
	if (r == NULL)
		return fail_for(REASON_NO_REGION);
	err = check_growth(r);
	if (err == 0 && size > sealmem_region_size(r))
		err = fail_for(REASON_TRIM_ABOVE);
	if (err == 0)
		err = clear(r, size, sealmem_region_size(r));
	if (err < 0)
		return err;
	r->used = size;
	r->counted = true;
	if (r->last >= size)
		r->last = REGION_NO_PIECE;
	return 0;
}

void region_advance(struct sealmem_region *r, enum region_state state)
{
	if (r->state < state)
		r->state = state;
}

/*
 * This is the first step of a seal, while there is nothing to lose yet: a process that has all the mappings
 * that vm.max_map_count allows would be refused even the roll-back.
 */
int region_part_tail(struct sealmem_region *r)
{
	size_t size = region_size_in_pages(r), tail = region_capacity_in_pages(r) - size;
	int err = tail > 0 ? sys_mprotect(r->data + size, tail, PROT_NONE) : 0;

	/* Where a program has cut the region into several mappings, a part may have changed. */
	if (err < 0)
		(void)sys_mprotect(r->data + size, tail, PROT_READ | PROT_WRITE);
	else if (tail > 0)
		region_advance(r, REGION_REMAPPED);
	return not_given(err);
}

static bool has_given_bytes(const struct sealmem_region *r)
{
	if (r->guarantees & SEALMEM_SECRECY)
		return wipe_equal(r->data, r->given, r->capacity);
	return memcmp(r->data, r->given, r->capacity) == 0;
}

int region_identify(struct sealmem_region *r, int fd)
{
	return r->guarantees & CONFIRMED ? not_given(sys_file_identity(fd, &r->file)) : 0;
}

int region_begin_seal(struct sealmem_region *r)
{
	int fd = r->writer >= 0 ? r->writer : r->reader, maps;

	if (!(r->guarantees & CONFIRMED))
		return 0;
	maps = confirm_open();
	if (maps < 0)
		return maps;
	r->maps = maps;
	return fd >= 0 ? region_identify(r, fd) : 0;
}

void region_end_seal(struct sealmem_region *r)
{
	r->maps = close_fd(r->maps);
}

typedef int confirm_function(int fd, const struct expected *parts, size_t count);

/* Whether `size` bytes are those of the region, between its guards. */
static int confirm(const struct sealmem_region *r, size_t size, int protection,
		   struct sys_file file, confirm_function *ask)
{
	size_t guard = region_guard_size(r);
	const struct expected parts[] = {
		{ .addr = r->data - guard, .size = guard, .protection = PROT_NONE },
		{ .addr = r->data, .size = size, .protection = protection, .file = file },
		{ .addr = r->data + size, .size = guard, .protection = PROT_NONE },
	};

	return ask(r->maps, parts, sizeof(parts) / sizeof(*parts));
}

/*
 * A seal goes over whatever another thread has put in the place of the region, and takes guards that are no more for
 * such. So they are looked at while nothing has changed.
 */
static int confirm_open_region(const struct sealmem_region *r)
{
	struct sys_file file = r->file;

	if (r->maps < 0 || r->state == REGION_ADDRESS_FINAL)
		return 0;
	/* A secret that a failed seal has moved lies in two files. */
	if (r->writer < 0)
		file.inode = 0;
	if (r->state != REGION_OPEN)
		file.device = 0;
	return confirm(r, region_capacity_in_pages(r), CONFIRM_ANY, file, confirm_mapped);
}

int region_confirm_source(const struct sealmem_region *r, size_t size)
{
	const struct expected source = {
		.addr = r->data,
		.size = size,
		.protection = CONFIRM_ANY,
		.file = { .device = r->file.device },
	};

	return confirm_mapped(r->maps, &source, 1);
}

static int confirm_sealed_region(const struct sealmem_region *r, confirm_function *ask)
{
	int protection = PROT_READ | (r->guarantees & SEALMEM_CONTENT ? 0 : PROT_WRITE);

	return confirm(r, region_size_in_pages(r), protection, r->file, ask);
}

/* The guard pages are sealed as well: a guard that can be unmapped guards nothing. */
static int seal_address(struct sealmem_region *r)
{
	size_t guard = region_guard_size(r);
	int err = confirm_sealed_region(r, confirm_mapped);

	if (err == 0)
		err = address_seal(r->data - guard, region_size_in_pages(r) + 2 * guard);
	if (err == 0)
		region_advance(r, REGION_ADDRESS_FINAL);
	return err;
}

/* Bytes that are refused must not stay for good, and no others may take the place of those that were not. */
static int verify(struct sealmem_region *r)
{
	return fail_as_judged(r->verify(r->data, sealmem_region_size(r), r->verify_data));
}

int region_judge(struct sealmem_region *r)
{
	if (r->given != NULL && !has_given_bytes(r))
		return fail_for(REASON_CHANGED);
	return r->verify != NULL ? verify(r) : 0;
}

int region_confirm_for_good(const struct sealmem_region *r)
{
	return confirm_sealed_region(r, confirm_final) == 0 ? 0
							    : fail_for(REASON_DISPLACED_FOR_GOOD);
}

/* It is looked at before, when a failure can be rolled back, and after, when nothing changes any more. */
int region_seal_address(struct sealmem_region *r)
{
	int err = region_judge(r);

	if (err < 0 || !(r->guarantees & SEALMEM_ADDRESS))
		return err;
	err = r->state != REGION_ADDRESS_FINAL ? seal_address(r) : 0;
	return err < 0 ? err : region_confirm_for_good(r);
}

/* Sealed addresses cannot be mapped again. */
static int roll_back(struct sealmem_region *r)
{
	REASON_KEPT why = reason_keep();
	int err = 0;

	if (r->state == REGION_ADDRESS_FINAL)
		return -EPERM;
	if (r->state != REGION_OPEN)
		err = r->operations->roll_back(r);
	if (err == 0)
		r->state = REGION_OPEN;
	return err;
}

/* Where the addresses are sealed, the seal itself may have said why nothing can be undone. */
static int give_up(int err)
{
	return err == -ENOTRECOVERABLE ? err : fail_for(REASON_ROLL_BACK);
}

static int seal_or_roll_back(struct sealmem_region *r)
{
	CLEANUP(unmap_scoped) struct scoped_mapping held = { 0 };
	int err = r->operations->hold(r, &held);

	if (err < 0)
		return err;
	err = r->operations->seal(r);
	if (err < 0)
		return roll_back(r) == 0 ? err : give_up(err);
	r->state = REGION_SEALED;
	return 0;
}

EXPORT int sealmem_region_seal(struct sealmem_region *r)
{
	int err;

	reason_forget();
	if (r == NULL)
		return fail_for(REASON_NO_REGION);
	if (r->state == REGION_SEALED && region_has_mapping(r))
		return 0;
	if (!process_is(&r->owner))
		return fail_for(REASON_NOT_OURS);
	err = region_begin_seal(r);
	if (err == 0)
		err = confirm_open_region(r);
	if (err == 0)
		err = seal_or_roll_back(r);
	region_end_seal(r);
	if (err == 0)
		region_list(r);
	return err;
}

EXPORT const char *sealmem_region_name(const struct sealmem_region *r)
{
	return r != NULL ? r->name : NULL;
}

EXPORT void *sealmem_region_data(const struct sealmem_region *r)
{
	return r != NULL ? r->data : NULL;
}

EXPORT size_t sealmem_region_size(const struct sealmem_region *r)
{
	if (r == NULL)
		return 0;
	return r->counted ? r->used : r->capacity;
}

/* Of a mapping, a child does not inherit the lock. */
EXPORT unsigned sealmem_region_guarantees(const struct sealmem_region *r)
{
	unsigned lost;

	if (r == NULL || !region_has_mapping(r))
		return 0;
	lost = process_has_memory_of(&r->owner) ? 0 : SEALMEM_NOSWAP;
	if (r->state == REGION_SEALED)
		return r->guarantees & ~lost;
	return r->state == REGION_OPEN ? r->guarantees & OPEN_GUARANTEES : 0;
}

/*
 * A sealed region may be mapped from the descriptor that wrote it. So the library opens another one only
 * when somebody asks for it. The new one takes the number of the old one, so the number stays valid, and
 * two threads that ask at once do no harm.
 */
EXPORT int sealmem_region_fd(const struct sealmem_region *r)
{
	CLEANUP(close_fd_at) int reader = -1;
	int flags;

	reason_forget();
	if (r == NULL)
		return fail_for(REASON_NO_REGION);
	if (r->state != REGION_SEALED)
		return fail_for(REASON_OPEN);
	if (r->reader < 0)
		return fail_for(REASON_NO_DESCRIPTOR);
	flags = sys_fcntl(r->reader, F_GETFL, 0);
	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
		return flags < 0 ? not_given(flags) : r->reader;
	reader = memfd_reopen_readonly(r->reader);
	if (reader < 0)
		return reader;
	return not_given(sys_dup_over(reader, r->reader));
}

/* Sealed addresses stay, and so does their name. The addresses after them were only kept in case the seal had to
 * roll back. */
static void forget_sealed_address(struct sealmem_region *r)
{
	char *end = r->data + region_size_in_pages(r) + region_guard_size(r);
	char *all_end = (char *)r->all.addr + r->all.size;

	r->all.size = (size_t)(end - (char *)r->all.addr);
	region_list(r);
	r->listed = -1;
	r->all = (struct scoped_mapping){ end, (size_t)(all_end - end) };
}

EXPORT struct sealmem_region *sealmem_region_free(struct sealmem_region *r)
{
	/* A process that shares the memory would take it from the other one. */
	if (r == NULL || (process_has_memory_of(&r->owner) && !process_is(&r->owner)))
		return NULL;
	r->operations->wipe(r);
	if (sealmem_region_guarantees(r) & SEALMEM_ADDRESS)
		forget_sealed_address(r);
	return region_destroy(r);
}
