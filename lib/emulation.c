/* SPDX-License-Identifier: MIT */

/*
 * mseal(2) for kernels that lack it: a seccomp program refuses the system calls that would touch a
 * sealed range. lib/filter.c writes programs. This file puts them into force and remembers the sealed
 * ranges, so that sealing a range again costs nothing.
 *
 * Once in force, a program stays for this process and all that it executes, and it needs no_new_privs.
 * The program that uses us must decide that, hence sealmem_allow_emulation().
 *
 * The kernel has little room for programs, and so have we for each seal. So everything that need not be
 * repeated is said once: rules for the whole process come with the first seal, and rules for the rare
 * calls cover a whole window of addresses that regions are placed in. A seal in the window then takes a
 * short program about the four calls that everybody makes. A seal elsewhere takes a program about all
 * calls.
 *
 * A mapping that is final when it is made takes no program at all. Half of the window is sealed once, as a
 * whole, before there is anything in it. From then on nothing there can be changed, but a mapping that
 * replaces nothing can be made.
 */

#include "lib/emulation.h"

#include "lib/filter.h"
#include "lib/mapping.h"
#include "lib/maps.h"
#include "lib/occupy.h"
#include "lib/placement.h"
#include "lib/reason.h"
#include "lib/rings.h"
#include "lib/trial.h"
#include "lib/util.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

/* The ranges that one program sealed. The list only grows, and a node never changes once it is in.
 * So it can be read without a lock, even by the child of a fork in the middle of a push. */
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
	int err;

	reason_forget();
	if (filter_this_machine().abi == FILTER_ABIS)
		return fail_for(REASON_NO_FILTER);
	trial_learn(TRIAL_SECCOMP);
	err = trial_seccomp_can_refuse();
	if (err == 0)
		err = sys_no_new_privs();
	if (err < 0)
		return fail_for(REASON_NO_SECCOMP);
	atomic_store(&allowed, true);
	return 0;
}

/*
 * The kernel answers ENOMEM if the stack of programs has grown too long. If a thread has a filter of
 * its own, and so cannot get ours, the kernel answers with the id of such a thread.
 */
static int install(struct sock_filter *program, int length)
{
	struct sock_fprog text = { (unsigned short)length, program };
	int err = sys_no_new_privs();

	if (err == 0)
		err = sys_seccomp_filter(&text);
	if (err > 0)
		return fail_for(REASON_OTHER_FILTER);
	return err == -ENOMEM ? fail_for(REASON_FILTERS_FULL) : not_given(err);
}

static int enforce_for(uint32_t events, const struct filter_range *ranges, size_t count,
		       unsigned scope)
{
	struct sock_filter program[BPF_MAXINSNS];
	struct filter_target target = filter_this_machine();
	int length;

	target.ring_events = events;
	length = filter_build(&target, program, BPF_MAXINSNS, ranges, count, scope);
	if (length < 0)
		return length == -E2BIG ? fail_for(REASON_FILTERS_FULL) : length;
	return install(program, length);
}

/* The most events of a ring of this process; 0 before the rules for the process are in force. */
static _Atomic uint32_t ring_events;

static int enforce(const struct filter_range *ranges, size_t count, unsigned scope)
{
	uint32_t events = atomic_load(&ring_events);

	return enforce_for(events > 0 ? events : RINGS_EVENTS_MAX, ranges, count, scope);
}

/*
 * From these rules on, nobody here makes a ring for more events than the limit allows now, also if root raises the
 * limit. A ring that is older is among those that the kernel counts afterwards. Two threads that do this at the same
 * time do it twice, which does no harm.
 */
static int enforce_in_process(void)
{
	uint32_t events, older;
	int err;

	if (atomic_load(&ring_events) > 0)
		return 0;
	events = rings_events();
	err = enforce_for(events, NULL, 0, FILTER_PROCESS);
	if (err < 0)
		return err;
	older = rings_events();
	atomic_store(&ring_events, older > events ? older : events);
	return 0;
}

/* Two threads that add it at the same time add it twice, which does no harm. */
static int enforce_in_window(size_t window)
{
	static atomic_bool done[PLACEMENT_WINDOWS];
	int err;

	if (atomic_load(&done[window]))
		return 0;
	err = enforce(&placement_windows[window].range, 1, FILTER_RARE);
	if (err == 0)
		atomic_store(&done[window], true);
	return err;
}

static bool all_within(const struct filter_range *ranges, size_t count,
		       const struct filter_range *window)
{
	for (size_t i = 0; i < count; i++)
		if (ranges[i].start < window->start || ranges[i].end > window->end)
			return false;
	return true;
}

/* The window that all of it lies in, or none. */
static size_t window_of(const struct filter_range *ranges, size_t count)
{
	unsigned bits = atomic_load(&address_bits);

	for (size_t i = 0; i < PLACEMENT_WINDOWS; i++)
		if (placement_windows[i].bits == bits &&
		    all_within(ranges, count, &placement_windows[i].range))
			return i;
	return PLACEMENT_WINDOWS;
}

/*
 * Where the heap starts. PR_SET_MM_MAP moves it without any privilege, even below a region; once rules for the
 * process are in force, nothing does. Where /proc does not tell, 0: then more memory counts as part of the heap.
 */
static uint64_t heap_start(void)
{
	static _Atomic uint64_t known;
	uint64_t start = atomic_load(&known);

	if (start == 0 && maps_heap_start(&start) == 0)
		atomic_store(&known, start);
	return start;
}

/*
 * brk(2) unmaps whatever lies between its argument and the end of the heap, wherever that heap was declared to be.
 * It gets a program of its own, because for ranges above the heap it would say that the heap may not grow. (The
 * kernel does not let the heap grow over them.)
 */
static int enforce_in_heap(const struct filter_range *ranges, size_t count)
{
	struct filter_range heap = { heap_start(), sys_heap_end() };
	struct filter_range last = { 0, 0 };

	for (size_t i = 0; i < count; i++)
		if (ranges[i].end > heap.start && ranges[i].start < heap.end &&
		    ranges[i].end > last.end)
			last = ranges[i];
	return last.end > 0 ? enforce(&last, 1, FILTER_HEAP) : 0;
}

static int enforce_anywhere(const struct filter_range *ranges, size_t count)
{
	int err = enforce(ranges, count, FILTER_PLAIN | FILTER_RARE);

	if (err == 0)
		occupy_below(ranges, count, rings_size(atomic_load(&ring_events)));
	return err;
}

static int enforce_seal(const struct filter_range *ranges, size_t count)
{
	size_t window = window_of(ranges, count);
	int err = enforce_in_process();

	if (err == 0)
		err = enforce_in_heap(ranges, count);
	if (err < 0)
		return err;
	if (window == PLACEMENT_WINDOWS)
		return enforce_anywhere(ranges, count);
	err = enforce_in_window(window);
	return err < 0 ? err : enforce(ranges, count, FILTER_PLAIN);
}

/* The windows whose lower half is sealed. */
static atomic_bool closed[PLACEMENT_WINDOWS];

/*
 * The heap does not grow over what is mapped here later: the kernel refuses that. Two threads that do this at the same time
 * do it twice, which does no harm.
 */
static int close_window(size_t window)
{
	const struct filter_range part = placement_final(&placement_windows[window]);
	int err;

	if (atomic_load(&closed[window]))
		return 0;
	err = enforce_seal(&part, 1);
	if (err == 0)
		atomic_store(&closed[window], true);
	return err;
}

static uint64_t closed_until(uint64_t at)
{
	for (size_t i = 0; i < PLACEMENT_WINDOWS; i++) {
		const struct filter_range part = placement_final(&placement_windows[i]);

		if (atomic_load(&closed[i]) && at >= part.start && at < part.end)
			return part.end;
	}
	return at;
}

/* The end of the sealed range that `at` lies in, or `at`. */
static uint64_t sealed_until(uint64_t at)
{
	for (const struct sealed *s = atomic_load(&all_sealed); s != NULL; s = s->next)
		for (size_t i = 0; i < s->count; i++)
			if (at >= s->ranges[i].start && at < s->ranges[i].end)
				return s->ranges[i].end;
	return closed_until(at);
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
	struct sealed *sealed = calloc(1, sizeof(*sealed) + count * sizeof(sealed->ranges[0]));
	int err;

	if (sealed == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		if (!is_sealed(range_of(&extents[i])))
			sealed->ranges[sealed->count++] = range_of(&extents[i]);
	if (sealed->count == 0)
		return 0;
	err = enforce_seal(sealed->ranges, sealed->count);
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
		return fail_for(REASON_NO_EMULATION);
	return enforce(&range, 1, FILTER_AVAILABILITY);
}

/* Nothing shows a seal but refused advice: advice that does not exist, which the kernel would otherwise answer with
 * EINVAL. */
static bool is_refused(uint64_t addr, size_t size)
{
	return sys_madvise((void *)(uintptr_t)addr, size, INT_MAX) == -EPERM;
}

/* A program that executed this one may have left a seal there. */
static int reserve_unsealed(void **ret, uint64_t addr, size_t size, int fd)
{
	void *at;
	int err = mapping_reserve_free(&at, (void *)(uintptr_t)addr, size);

	(void)fd;
	if (err < 0)
		return err;
	if (is_refused(addr, size)) {
		(void)sys_munmap(at, size);
		return -EEXIST;
	}
	*ret = at;
	return 0;
}

/* A sandbox may say that a filter is in force which is not. So both ends are tried before anything is there. */
static int map_sealed(void **ret, uint64_t addr, size_t size, int fd)
{
	if (!is_refused(addr, page_size()) || !is_refused(addr + size - page_size(), page_size()))
		return -EOPNOTSUPP;
	return mapping_new_free(ret, (void *)(uintptr_t)addr, size, PROT_READ, MAP_SHARED, fd);
}

typedef int map_function(void **ret, uint64_t addr, size_t size, int fd);

/* At random, because an attacker who knows an address is half-way to the memory there. Other
 * mappings may be there already, and in the end there is no room. */
static int map_in(void **ret, struct filter_range range, size_t size, map_function *map, int fd)
{
	int err = -EEXIST;

	for (int tries = 0; tries < 32 && err == -EEXIST; tries++) {
		uint64_t random, addr;

		if (sys_random(&random) < 0 ||
		    placement_pick(&range, size, page_size(), random, &addr) < 0)
			return -EEXIST;
		err = map(ret, addr, size, fd);
	}
	return err;
}

/*
 * Whether this processor has the window, and programs know of it. The stack lies at the top of the
 * addresses that programs get. It lies beyond the bits of the window if there was memory only for a
 * larger window. It lies below the window where x86-64 has five levels of page tables, and maps higher
 * addresses only on request.
 */
static bool can_be_mapped(const struct placement_window *window)
{
	const uint64_t stack = getauxval(AT_RANDOM), start = placement_in_place(window).start;
	void *page;
	int err;

	if (stack >> window->bits != 0 || stack < start)
		return false;
	err = mapping_reserve_free(&page, (void *)(uintptr_t)start, page_size());
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

/* Without room in a window, or without random numbers, the address is anywhere, and the seal costs
 * more there. */
int emulation_reserve(void **ret, size_t size)
{
	unsigned bits = find_address_bits();

	for (size_t i = 0; i < PLACEMENT_WINDOWS; i++)
		if (placement_windows[i].bits == bits &&
		    map_in(ret, placement_in_place(&placement_windows[i]), size, reserve_unsealed,
			   -1) == 0)
			return 0;
	return mapping_new_reserve(ret, size);
}

/* In the first window that is large enough: the closing of another one would cost every call more. */
int emulation_map_final(void **ret, size_t size, int fd)
{
	unsigned bits = find_address_bits();

	for (size_t i = 0; i < PLACEMENT_WINDOWS; i++) {
		const struct filter_range part = placement_final(&placement_windows[i]);

		if (placement_windows[i].bits == bits && part.end - part.start >= size) {
			int err = close_window(i);

			if (err < 0)
				return err;
			return map_in(ret, part, size, map_sealed, fd) < 0 ? 1 : 0;
		}
	}
	return 1;
}
