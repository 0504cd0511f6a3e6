/* SPDX-License-Identifier: MIT */

/*
 * mseal(2) for kernels that lack it: a seccomp program refuses the system calls that would touch a
 * sealed range. lib/filter.c writes programs, this file puts them into force and remembers what is
 * sealed, so that sealing a range again costs nothing.
 *
 * A program, once in force, stays for this process and all it executes, and needs no_new_privs; that is
 * for the program that uses us to decide, hence sealmem_allow_emulation().
 *
 * The kernel's room for programs is small, and so is ours for each seal. What can be said once is said
 * once: what concerns the whole process with the first seal, and the rare calls for a whole window of
 * addresses that regions are placed in. A seal in the window then takes a short program of the four
 * calls that everybody makes; a seal elsewhere one of all.
 */

#include "emulation.h"

#include "filter.h"
#include "util.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* What one program sealed. The list only grows, and a node never changes once it is in: so it can be
 * read without a lock, also by the child of a fork in the middle of a push. */
struct sealed {
	struct sealed *next;
	size_t count;
	struct filter_range ranges[];
};

static _Atomic(struct sealed *) all_sealed;
static atomic_bool allowed;

/*
 * The window. A filter stays in force over the addresses of programs that are executed later: so it is
 * where the loader, the heap, the stack, the shadow memory of the sanitizers, the arenas of Go and the
 * random hints of JavaScript engines are not: just below the lowest address of a program that may be
 * loaded anywhere. That depends on how many bits of address a processor has.
 */
static const struct filter_range windows[] = {
#ifdef __aarch64__
	{ UINT64_C(0xa00000000000), UINT64_C(0xa01000000000) }, /* 48 bits */
#endif
	{ UINT64_C(0x550000000000), UINT64_C(0x551000000000) }, /* 47 */
	{ UINT64_C(0x02aa00000000), UINT64_C(0x02aaa0000000) }, /* 42 */
	{ UINT64_C(0x005500000000), UINT64_C(0x005555000000) }, /* 39 */
};

/* Regions begin one page behind a multiple of this: never at an address where a mapping of huge pages
 * could begin, which the program for the window refuses. */
#define SLOT (UINT64_C(1) << 21)

static _Atomic(const struct filter_range *) window; /* NULL before the first reservation */
static _Atomic uint64_t next_slot;

bool emulation_allowed(void)
{
	return atomic_load(&allowed);
}

EXPORT int sealmem_allow_emulation(void)
{
	int err = sys_seccomp_can_refuse();

	if (err == 0)
		err = sys_no_new_privs();
	if (err < 0)
		return -EOPNOTSUPP;
	atomic_store(&allowed, true);
	return 0;
}

/*
 * The kernel's word for a stack of programs that has grown too long is ENOMEM. For threads that have
 * taken a filter of their own, and can therefore not be given ours, it answers with the id of one.
 */
static int install(struct sock_filter *program, int length)
{
	struct sock_fprog text = { (unsigned short)length, program };
	int err = sys_no_new_privs();

	if (err == 0)
		err = sys_seccomp_filter(&text);
	if (err > 0)
		return -EBUSY;
	return err == -ENOMEM ? -ENOSPC : not_given(err);
}

static int enforce(const struct filter_range *ranges, size_t count, unsigned scope)
{
	struct sock_filter program[BPF_MAXINSNS];
	int length = filter_build(program, BPF_MAXINSNS, ranges, count, scope);

	if (length < 0)
		return length == -E2BIG ? -ENOSPC : length;
	return install(program, length);
}

/* Something to say once. Two threads that say it at once say it twice, which does no harm. */
static int enforce_once(atomic_bool *done, const struct filter_range *range, unsigned scope)
{
	int err;

	if (atomic_load(done))
		return 0;
	err = enforce(range, range != NULL, scope);
	if (err == 0)
		atomic_store(done, true);
	return err;
}

static bool all_in_window(const struct sealed *sealed)
{
	const struct filter_range *chosen = atomic_load(&window);

	for (size_t i = 0; i < sealed->count && chosen != NULL; i++)
		if (sealed->ranges[i].start < chosen->start || sealed->ranges[i].end > chosen->end)
			return false;
	return chosen != NULL;
}

/* In a program of its own: of ranges above the heap it would say that the heap may not grow. */
static int enforce_in_heap(const struct sealed *sealed)
{
	uint64_t end = sys_heap_end();
	int err = 0;

	for (size_t i = 0; i < sealed->count && err == 0; i++)
		if (sealed->ranges[i].start < end)
			err = enforce(&sealed->ranges[i], 1, FILTER_HEAP);
	return err;
}

static int enforce_seal(const struct sealed *sealed)
{
	static atomic_bool process, placed;
	unsigned scope = FILTER_PLAIN;
	int err = enforce_once(&process, NULL, FILTER_PROCESS);

	if (err == 0 && all_in_window(sealed))
		err = enforce_once(&placed, atomic_load(&window), FILTER_RARE);
	else if (err == 0)
		err = enforce_in_heap(sealed);
	if (err < 0)
		return err;
	if (!all_in_window(sealed))
		scope |= FILTER_RARE;
	return enforce(sealed->ranges, sealed->count, scope);
}

/* The end of the sealed range that `at` lies in, or `at`. */
static uint64_t sealed_until(uint64_t at)
{
	for (const struct sealed *s = atomic_load(&all_sealed); s != NULL; s = s->next)
		for (size_t i = 0; i < s->count; i++)
			if (at >= s->ranges[i].start && at < s->ranges[i].end)
				return s->ranges[i].end;
	return at;
}

static bool is_sealed(struct filter_range range)
{
	for (uint64_t at = range.start, until; at < range.end; at = until) {
		until = sealed_until(at);
		if (until == at)
			return false;
	}
	return true;
}

static void remember(struct sealed *sealed)
{
	sealed->next = atomic_load(&all_sealed);
	while (!atomic_compare_exchange_weak(&all_sealed, &sealed->next, sealed))
		;
}

static struct filter_range range_of(const struct sealmem_extent *extent)
{
	uint64_t start = (uint64_t)(uintptr_t)extent->addr;

	return (struct filter_range){ start, start + extent->size };
}

static void free_sealed(struct sealed **sealed)
{
	free(*sealed);
}

int emulation_seal(const struct sealmem_extent *extents, size_t count)
{
	CLEANUP(free_sealed)
	struct sealed *sealed = malloc(sizeof(*sealed) + count * sizeof(sealed->ranges[0]));
	int err;

	if (sealed == NULL)
		return -ENOMEM;
	sealed->count = 0;
	for (size_t i = 0; i < count; i++)
		if (!is_sealed(range_of(&extents[i])))
			sealed->ranges[sealed->count++] = range_of(&extents[i]);
	if (sealed->count == 0)
		return 0;
	err = enforce_seal(sealed);
	if (err < 0)
		return err;
	remember(sealed);
	sealed = NULL;
	return 0;
}

int emulation_keep_available(const struct sealmem_extent *extent)
{
	struct filter_range range = range_of(extent);

	if (!emulation_allowed())
		return -EOPNOTSUPP;
	return enforce(&range, 1, FILTER_AVAILABILITY);
}

static int reserve_at(void **ret, uint64_t addr, size_t size)
{
	void *hint = (void *)(uintptr_t)addr;
	int err = sys_mmap(ret, addr != 0 ? hint : NULL, size, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
				   (addr != 0 ? MAP_FIXED_NOREPLACE : 0),
			   -1);

	return not_given(err);
}

/* The first window that this processor has. */
static const struct filter_range *choose_window(void)
{
	const struct filter_range *chosen = atomic_load(&window);
	void *page;

	for (size_t i = 0; i < sizeof(windows) / sizeof(*windows) && chosen == NULL; i++) {
		if (reserve_at(&page, windows[i].start, page_size()) < 0)
			continue;
		(void)sys_munmap(page, page_size());
		chosen = &windows[i];
		atomic_store(&window, chosen);
	}
	return chosen;
}

int emulation_reserve(void **ret, size_t size)
{
	const struct filter_range *chosen = choose_window();
	uint64_t slots = (page_size() + size + SLOT - 1) / SLOT;

	/* Slots that somebody else has are passed over; with all of them gone, anywhere will do. */
	for (int tries = 0; tries < 64 && chosen != NULL; tries++) {
		uint64_t offset = atomic_fetch_add(&next_slot, slots) * SLOT + page_size();

		if (offset + size > chosen->end - chosen->start)
			break;
		if (reserve_at(ret, chosen->start + offset, size) == 0)
			return 0;
	}
	return reserve_at(ret, 0, size);
}
