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

#include "lib/emulation.h"

#include "lib/filter.h"
#include "lib/mapping.h"
#include "lib/placement.h"
#include "lib/util.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

/* What one program sealed. The list only grows, and a node never changes once it is in: so it can be
 * read without a lock, also by the child of a fork in the middle of a push. */
struct sealed {
	struct sealed *next;
	size_t count;
	struct filter_range ranges[];
};

static _Atomic(struct sealed *) all_sealed;
static atomic_bool allowed;

/* How many bits of address this processor has, as far as a window can tell; 0 before the first
 * reservation. */
static _Atomic unsigned address_bits;

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

static bool all_within(const struct sealed *sealed, const struct filter_range *window)
{
	for (size_t i = 0; i < sealed->count; i++)
		if (sealed->ranges[i].start < window->start || sealed->ranges[i].end > window->end)
			return false;
	return true;
}

/* The one that all of it lies in, or none. */
static size_t window_of(const struct sealed *sealed)
{
	unsigned bits = atomic_load(&address_bits);

	for (size_t i = 0; i < PLACEMENT_WINDOWS; i++)
		if (placement_windows[i].bits == bits &&
		    all_within(sealed, &placement_windows[i].range))
			return i;
	return PLACEMENT_WINDOWS;
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
	static atomic_bool process, placed[PLACEMENT_WINDOWS];
	size_t window = window_of(sealed);
	bool inside = window < PLACEMENT_WINDOWS;
	int err = enforce_once(&process, NULL, FILTER_PROCESS);

	if (err == 0)
		err = inside ? enforce_once(&placed[window], &placement_windows[window].range,
					    FILTER_RARE)
			     : enforce_in_heap(sealed);
	if (err < 0)
		return err;
	return enforce(sealed->ranges, sealed->count,
		       FILTER_PLAIN | (inside ? 0u : (unsigned)FILTER_RARE));
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

/* Before Linux 4.17 the address is no more than a wish. */
static int reserve_at(void **ret, uint64_t addr, size_t size)
{
	void *wanted = (void *)(uintptr_t)addr, *at;
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
	int err = sys_mmap(&at, wanted, size, PROT_NONE, flags, -1);

	if (err < 0)
		return err;
	if (at != wanted) {
		(void)sys_munmap(at, size);
		return -EEXIST;
	}
	*ret = at;
	return 0;
}

/*
 * A program that executed this one may have left a seal there, of which nothing is seen but that advice
 * is refused: advice that does not exist, or else the kernel's answer is EINVAL.
 */
static int reserve_unsealed(void **ret, uint64_t addr, size_t size)
{
	void *at;
	int err = reserve_at(&at, addr, size);

	if (err < 0)
		return err;
	if (sys_madvise(at, size, INT_MAX) == -EPERM) {
		(void)sys_munmap(at, size);
		return -EEXIST;
	}
	*ret = at;
	return 0;
}

/* At random, for whoever knows an address is half-way to what is there. Others may be there already, and
 * in the end there is no room. */
static int reserve_in(void **ret, const struct filter_range *window, size_t size)
{
	int err = -EEXIST;

	for (int tries = 0; tries < 32 && err == -EEXIST; tries++) {
		uint64_t random, addr;

		err = sys_random(&random);
		if (err == 0)
			err = placement_pick(window, size, page_size(), random, &addr);
		if (err == 0)
			err = reserve_unsealed(ret, addr, size);
	}
	return err;
}

/*
 * Whether this processor has the window, and programs know of it. The stack lies at the top of what they
 * are given: beyond the window's bits if there was no memory for a larger window only; below the window
 * where x86-64 has five levels of page tables, and maps higher addresses for those who ask.
 */
static bool can_be_mapped(const struct placement_window *window)
{
	uint64_t stack = getauxval(AT_RANDOM);
	void *page;
	int err;

	if (stack >> window->bits != 0 || stack < window->range.start)
		return false;
	err = reserve_at(&page, window->range.start, page_size());
	if (err == 0)
		(void)sys_munmap(page, page_size());
	return err == 0 || err == -EEXIST;
}

static unsigned find_address_bits(void)
{
	unsigned bits = atomic_load(&address_bits);

	for (size_t i = 0; i < PLACEMENT_WINDOWS && bits == 0; i++)
		if (can_be_mapped(&placement_windows[i]))
			bits = placement_windows[i].bits;
	atomic_store(&address_bits, bits);
	return bits;
}

/* Without room in a window, or without random numbers, it is anywhere: the seal costs more there. */
int emulation_reserve(void **ret, size_t size)
{
	unsigned bits = find_address_bits();

	for (size_t i = 0; i < PLACEMENT_WINDOWS; i++)
		if (placement_windows[i].bits == bits &&
		    reserve_in(ret, &placement_windows[i].range, size) == 0)
			return 0;
	return mapping_new_reserve(ret, size);
}
