/* SPDX-License-Identifier: MIT */

/*
 * What the emulation of mseal(2) adds to its contract (test-address.c is built again for that): the
 * permission it needs, how many seals there is room for, what it refuses besides, and what goes on as
 * before.
 */

#include "tests/support/aio.h"
#include "tests/support/sandbox.h"
#include "tests/support/support.h"

#include "lib/filter.h"
#include "lib/number.h"
#include "lib/placement.h"
#include "lib/rings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/wait.h>

#define KEPT (SEALMEM_CONTENT | SEALMEM_ADDRESS)

static struct sealmem_region *emulated_region(unsigned guarantees)
{
	emulate_mseal();
	return sealed_region("emulated", 2 * page_size(), guarantees);
}

static void assert_kept(char *data)
{
	ck_assert_int_eq(munmap(data, page_size()), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(mprotect(data, page_size(), PROT_READ), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_ptr_eq(
		mmap(data, page_size(), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
		MAP_FAILED);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_ptr_eq(mremap(data, page_size(), 3 * page_size(), MREMAP_MAYMOVE), MAP_FAILED);
	ck_assert_int_eq(errno, EPERM);
}

static int free_in_child(void *region)
{
	return sealmem_region_free(region) != NULL;
}

START_TEST(a_child_that_frees_an_open_region_leaves_it_to_its_parent)
{
	SCOPED_REGION *region = NULL;

	emulate_mseal();
	region = open_region("emulated", 2 * page_size(), KEPT | SEALMEM_GUARDS);
	assert_child_succeeds(free_in_child, region);
	ck_assert_int_eq(sealmem_region_seal(region), 0);
	assert_kept(sealmem_region_data(region));
	assert_sealed(sealmem_region_data(region), 2 * page_size());
}
END_TEST

static int free_inherited(void *region)
{
	char *data = sealmem_region_data(region);

	if (!is_filled(data, 2 * page_size()) || munmap(data, page_size()) == 0)
		return 2;
	(void)sealmem_region_free(region);
	return !is_filled(data, 2 * page_size()) || munmap(data, page_size()) == 0;
}

START_TEST(a_child_that_frees_a_sealed_region_keeps_it)
{
	SCOPED_REGION *region = emulated_region(KEPT);

	assert_child_succeeds(free_inherited, region);
	assert_kept(sealmem_region_data(region));
	assert_sealed(sealmem_region_data(region), 2 * page_size());
}
END_TEST

START_TEST(without_permission_an_address_is_not_sealed)
{
	char *at = map_private(page_size());

	if (sys_mseal(NULL, 0, 0) == 0)
		forbid(__NR_mseal, ENOSYS);
	ck_assert_int_eq(sealmem_mseal(at, page_size(), 0), -EOPNOTSUPP);
	ck_assert_int_eq(munmap(at, page_size()), 0);
}
END_TEST

START_TEST(permission_sets_no_new_privs)
{
	require_filter();
	ck_assert_int_eq(sealmem_allow_emulation(), 0);
	ck_assert_int_eq(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
}
END_TEST

START_TEST(without_seccomp_permission_is_eopnotsupp)
{
	forbid(SYS_seccomp, ENOSYS);
	ck_assert_int_eq(sealmem_allow_emulation(), -EOPNOTSUPP);
}
END_TEST

START_TEST(a_region_keeps_its_address)
{
	struct sealmem_region *region = emulated_region(KEPT);

	ck_assert_uint_eq(sealmem_region_guarantees(region), KEPT);
	assert_kept(sealmem_region_data(region));
	assert_sealed(sealmem_region_data(region), 2 * page_size());
}
END_TEST

START_TEST(guard_pages_keep_their_address)
{
	struct sealmem_region *region = emulated_region(KEPT | SEALMEM_GUARDS);
	char *data = sealmem_region_data(region);

	assert_kept(data - page_size());
	assert_kept(data + 2 * page_size());
}
END_TEST

START_TEST(memory_that_is_not_sealed_works_as_before)
{
	struct sealmem_region *open = NULL;
	char *at;

	emulated_region(KEPT);
	at = map_private(3 * page_size());
	ck_assert_int_eq(madvise(at, 2 * page_size(), MADV_DONTNEED), 0);
	at = mremap(at, 3 * page_size(), 6 * page_size(), MREMAP_MAYMOVE);
	ck_assert_ptr_ne(at, MAP_FAILED);
	ck_assert_int_eq(mprotect(at, page_size(), PROT_READ), 0);
	ck_assert_int_eq(munmap(at, 6 * page_size()), 0);
	open = open_region("open", page_size(), KEPT);
	ck_assert_ptr_null(sealmem_region_free(open));
}
END_TEST

static bool can_be_mapped(char *at, size_t size)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
	char *mapped = mmap(at, size, PROT_NONE, flags, -1, 0);

	if (mapped != MAP_FAILED)
		ck_assert_int_eq(munmap(mapped, size), 0);
	return mapped == at;
}

/* A page in the middle of a huge page of which nothing else is mapped, nor what is around it. */
static char *lonely_page(size_t huge)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	char *all = mmap(NULL, 3 * huge, PROT_NONE, flags, -1, 0);
	char *at = all + (huge - (uintptr_t)all % huge) + huge / 2;

	ck_assert_ptr_ne(all, MAP_FAILED);
	ck_assert_int_eq(munmap(all, (size_t)(at - all)), 0);
	ck_assert_int_eq(munmap(at + page_size(), (size_t)(all + 3 * huge - at) - page_size()), 0);
	return at;
}

static bool can_show_a_file(char *at)
{
	int fd = memfd_create("shown", MFD_CLOEXEC);
	void *mapped = mmap(at, page_size(), PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);

	close(fd);
	return mapped == at;
}

/*
 * Below a seal, a file that is mapped from there on may have huge pages, as far as a filter sees. Near the seal, all
 * that was free is occupied, because of rings.
 */
START_TEST(nothing_lies_across_a_multiple_of_a_huge_page_below_a_seal_later)
{
	uint64_t sizes[FILTER_HUGE_SIZES];
	const size_t page = page_size();

	emulate_mseal();
	filter_huge_sizes(sizes);
	ck_assert_uint_ne(sizes[0], 0);
	for (size_t i = 0; i < FILTER_HUGE_SIZES && sizes[i] != 0; i++) {
		char *at, *multiple;

		if (sizes[i] > SIZE_MAX / 8)
			continue; /* an address space of 32 bits has no room for three of them */
		at = lonely_page((size_t)sizes[i]);
		multiple = at - sizes[i] / 2;
		ck_assert(can_be_mapped(multiple - page, 3 * page));
		ck_assert_int_eq(sealmem_mseal(at, page, 0), 0);
		ck_assert(!can_be_mapped(multiple, page));
		if (sizes[i] / 2 > rings_size(rings_events())) {
			ck_assert(can_be_mapped(multiple - page, page));
			ck_assert(can_be_mapped(multiple + page, page));
		}
		ck_assert_int_eq(munmap(multiple, page), 0);
		ck_assert(!can_show_a_file(multiple));
		ck_assert(can_show_a_file(multiple + page));
		ck_assert(is_mapped(at));
	}
}
END_TEST

/* Where some kernels put the vdso. */
static char *page_above_stack(void)
{
	const uintptr_t stack = getauxval(AT_RANDOM) & ~(page_size() - 1);
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;

	for (uintptr_t i = 1; i < 1024; i++) {
		void *wanted = (void *)(stack + i * page_size());

		if (mmap(wanted, page_size(), PROT_READ, flags, -1, 0) == wanted)
			return wanted;
	}
	skip_test("no room above the stack");
	return NULL;
}

/* It grows into what is free below it. */
START_TEST(what_is_sealed_above_the_stack_leaves_it_room_to_grow)
{
	const char *at = page_above_stack(), *stack = (const char *)&at;
	uint64_t sizes[FILTER_HUGE_SIZES];

	emulate_mseal();
	filter_huge_sizes(sizes);
	ck_assert_int_eq(sealmem_mseal((void *)(uintptr_t)at, page_size(), 0), 0);
	for (size_t i = 0; i < FILTER_HUGE_SIZES && sizes[i] != 0; i++) {
		const char *multiple = at - (uintptr_t)at % sizes[i];

		if (multiple < stack - 256 * page_size())
			ck_assert(!is_mapped(multiple));
	}
}
END_TEST

/* Without privilege, a process may declare where its heap is. */
static void call_it_the_heap(char *data, size_t size)
{
	const uint64_t start = (uintptr_t)data, end = start + size;
	struct prctl_mm_map map = {
		.start_code = start,
		.end_code = end,
		.start_data = start,
		.end_data = end,
		.start_brk = start,
		.brk = end,
		.start_stack = start,
		.arg_start = start,
		.arg_end = end,
		.env_start = start,
		.env_end = end,
		.exe_fd = (uint32_t)-1,
	};

	require_own_address_space();
	if (prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof(map), 0) < 0)
		skip_test("this kernel does not let a process move its heap");
}

/* The kernel's own: the C library would keep its idea of the heap. */
static void give_heap_back(const char *data)
{
	(void)syscall(SYS_brk, data);
}

START_TEST(memory_that_was_declared_the_heap_is_given_back)
{
	char *at = map_private(2 * page_size());

	call_it_the_heap(at, 2 * page_size());
	give_heap_back(at);
	ck_assert(!is_mapped(at));
}
END_TEST

START_TEST(a_region_that_was_declared_the_heap_stays)
{
	SCOPED_REGION *region = NULL;
	char *data;

	emulate_mseal();
	region = open_region("heap", 2 * page_size(), KEPT);
	data = sealmem_region_data(region);
	call_it_the_heap(data, 2 * page_size());
	ck_assert_int_eq(sealmem_region_seal(region), 0);
	give_heap_back(data);
	assert_kept(data);
	assert_sealed(data, 2 * page_size());
}
END_TEST

START_TEST(a_region_in_the_middle_of_a_declared_heap_stays)
{
	SCOPED_REGION *region = NULL;
	char *data;

	emulate_mseal();
	region = open_region("heap", 2 * page_size(), KEPT);
	data = sealmem_region_data(region);
	call_it_the_heap(data - 5 * page_size(), 9 * page_size());
	ck_assert_int_eq(sealmem_region_seal(region), 0);
	give_heap_back(data + page_size());
	give_heap_back(data - 5 * page_size());
	assert_kept(data);
	assert_sealed(data, 2 * page_size());
}
END_TEST

/* A region needs /proc for its seal, sealmem_mseal() does not. */
START_TEST(without_proc_memory_that_was_declared_the_heap_stays)
{
	char *at;

	emulate_mseal();
	at = map_private(2 * page_size());
	fill(at, 2 * page_size());
	hide_proc();
	call_it_the_heap(at, 2 * page_size());
	ck_assert_int_eq(sealmem_mseal(at, 2 * page_size(), 0), 0);
	give_heap_back(at);
	assert_kept(at);
	assert_filled(at, 2 * page_size());
}
END_TEST

static void assert_heap_moves(void)
{
	const intptr_t size = (intptr_t)(16 * page_size());

	ck_assert_ptr_ne(sbrk(size), (void *)-1);
	ck_assert_ptr_ne(sbrk(-size), (void *)-1);
}

START_TEST(the_heap_moves_beside_a_region)
{
	require_own_address_space();
	assert_heap_moves();
	emulated_region(KEPT);
	assert_heap_moves();
}
END_TEST

START_TEST(sealing_again_needs_no_more_room)
{
	char *at = map_private(4 * page_size());

	emulate_mseal();
	for (int i = 0; i < 2000; i++)
		ck_assert_int_eq(sealmem_mseal(at, (size_t)(1 + i % 4) * page_size(), 0), 0);
	assert_kept(at + 3 * page_size());
}
END_TEST

/* Below the last seal outside the place for regions, which is where the kernel maps next. */
START_TEST(rings_made_after_a_seal_are_used_and_destroyed)
{
	const uint32_t sizes[] = { 1, 100, 1000, 10000 };
	char *sealed = map_private(page_size());

	emulate_mseal();
	ck_assert_int_eq(sealmem_mseal(sealed, page_size(), 0), 0);
	for (size_t i = 0; i < 40; i++) {
		aio_context_t ring = aio_new(sizes[i % 4]);

		aio_read_something(ring);
		ck_assert_int_eq(aio_destroy(ring), 0);
		ck_assert(!is_mapped((void *)ring));
	}
	assert_kept(sealed);
}
END_TEST

/* Each hole that is as large as a ring would be taken by one, also right below a seal. */
START_TEST(no_ring_is_made_right_below_a_seal)
{
	aio_context_t probe = aio_new(1), rings[64];
	struct maps_entry ring;
	size_t size, count = 0;
	char *hole;

	emulate_mseal();
	ck_assert(find_mapping((void *)probe, &ring));
	size = ring.end - ring.start;
	hole = map_private(2 * size + page_size());
	ck_assert_int_eq(munmap(hole + size, size), 0);
	ck_assert_int_eq(sealmem_mseal(hole + 2 * size, page_size(), 0), 0);
	for (; count < 64; count++) {
		rings[count] = aio_new(1);
		ck_assert_uint_ne(rings[count], (uintptr_t)hole + size);
	}
	while (count > 0)
		ck_assert_int_eq(aio_destroy(rings[--count]), 0);
}
END_TEST

/* For so many, this machine makes one more ring. */
static uint32_t events_left(void)
{
	uint64_t counted, limit;

	ck_assert_int_eq(number_read("/proc/sys/fs/aio-nr", 1, &counted), 0);
	ck_assert_int_eq(number_read("/proc/sys/fs/aio-max-nr", 1, &limit), 0);
	if (counted >= limit)
		skip_test("no room for another ring on this machine");
	limit -= counted;
	return limit < RINGS_EVENTS_MAX ? (uint32_t)limit : RINGS_EVENTS_MAX;
}

/* Other memory takes the place of the ring's last page, and the kernel does not notice. */
static aio_context_t ring_with_other_memory(uint32_t events, char **last)
{
	aio_context_t context = aio_new(events);
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
	struct maps_entry ring;

	ck_assert(find_mapping((void *)context, &ring));
	*last = (char *)ring.end - page_size();
	ck_assert_ptr_eq(mmap(*last, page_size(), PROT_READ | PROT_WRITE, flags, -1, 0), *last);
	fill(*last, page_size());
	return context;
}

START_TEST(a_ring_takes_away_what_lies_in_its_place)
{
	/* Of two pages at least, because the first has what the kernel looks at. */
	uint32_t events = (uint32_t)(page_size() / 32) + 1000;
	char *last;
	aio_context_t ring = ring_with_other_memory(events, &last);

	ck_assert_int_eq(aio_destroy(ring), 0);
	ck_assert(!is_mapped(last));
}
END_TEST

/* As large as there is room for, so that a seal at its end is as far away as can be. */
START_TEST(a_ring_that_reaches_a_seal_is_not_destroyed)
{
	char *last;
	aio_context_t ring = ring_with_other_memory(events_left(), &last);

	emulate_mseal();
	ck_assert_int_eq(sealmem_mseal(last, page_size(), 0), 0);
	ck_assert_int_eq(aio_destroy(ring), -EPERM);
	ck_assert(is_mapped(last));
	assert_filled(last, page_size());
}
END_TEST

/* The limit that is in force when the first seal is made stays. */
START_TEST(no_ring_is_made_for_more_events_than_the_limit_was)
{
	const uint32_t limit = 20000;
	aio_context_t ring = 0;

	ck_assert_int_eq(aio_destroy(aio_new(limit + 1)), 0);
	pretend_file("/proc/sys/fs/aio-nr", "0\n");
	pretend_file("/proc/sys/fs/aio-max-nr", "20000\n");
	emulate_mseal();
	ck_assert_int_eq(sealmem_mseal(map_private(page_size()), page_size(), 0), 0);
	ck_assert_int_eq(result(syscall(SYS_io_setup, limit + 1, &ring)), -EAGAIN);
	ck_assert_int_eq(aio_destroy(aio_new(limit)), 0);
}
END_TEST

/* Then a ring reaches 256 MiB, and no hole could be seen that one would be mapped in. */
START_TEST(without_proc_no_ring_is_destroyed_below_a_seal)
{
	char *last;
	aio_context_t ring = ring_with_other_memory(1000, &last);

	emulate_mseal();
	hide_proc();
	ck_assert_int_eq(sealmem_mseal(last, page_size(), 0), 0);
	ck_assert_int_eq(aio_destroy(ring), -EPERM);
	assert_filled(last, page_size());
}
END_TEST

static char *attached_segment(size_t pages)
{
	int id = shmget(IPC_PRIVATE, pages * page_size(), IPC_CREAT | 0600);
	char *at;

	if (id < 0)
		skip_test("no shared memory segments here");
	at = shmat(id, NULL, 0);
	ck_assert_int_eq(shmctl(id, IPC_RMID, NULL), 0);
	ck_assert_ptr_ne(at, (void *)-1);
	return at;
}

START_TEST(a_segment_sealed_from_its_first_page_on_stays)
{
	char *at = attached_segment(2);

	emulate_mseal();
	ck_assert_int_eq(sealmem_mseal(at, page_size(), 0), 0);
	ck_assert_int_eq(result(shmdt(at)), -EPERM);
	ck_assert(is_mapped(at));
}
END_TEST

/* Left open: a filter cannot see how far the segment at an address reaches. */
START_TEST(a_segment_sealed_after_its_first_page_can_be_detached)
{
	char *at = attached_segment(2);

	emulate_mseal();
	ck_assert_int_eq(sealmem_mseal(at + page_size(), page_size(), 0), 0);
	ck_assert_int_eq(result(shmdt(at)), 0);
	ck_assert(!is_mapped(at + page_size()));
}
END_TEST

/* Seals regions until there is no room; answers how many. The last one is left open. */
static int seal_until_full(struct sealmem_region **last)
{
	int err = 0, count = -1;

	for (; err == 0; count++) {
		*last = open_region("one of many", page_size(), KEPT);
		err = sealmem_region_seal(*last);
	}
	ck_assert_int_eq(err, -ENOSPC);
	return count;
}

/* Where a program can make calls of two word sizes and all of them reach its regions, each seal takes more room. */
static int most_regions(void)
{
	return filter_this_machine().abi == FILTER_I386 ? 450 : 500;
}

START_TEST(five_hundred_regions_are_sealed_one_by_one)
{
	struct sealmem_region *last = NULL;
	int count;

	emulate_mseal();
	count = seal_until_full(&last);
	printf("%d regions sealed one by one before ENOSPC\n", count);
	ck_assert_int_ge(count, most_regions());
	assert_still_open(last, sealmem_region_data(last), page_size());
}
END_TEST

/* Where addresses are scarce, it is sealed in place, too. */
START_TEST(without_room_for_filters_only_what_is_final_is_sealed)
{
	struct sealmem_region *region, *last = NULL;
	bool final = !addresses_are_scarce();

	emulate_mseal();
	(void)region_from("abc", 4, KEPT);
	(void)seal_until_full(&last);
	ck_assert_int_eq(sealmem_region_new_from(&region, "final", "abc", 4, KEPT),
			 final ? 0 : -ENOSPC);
	if (final)
		assert_kept(sealmem_region_data(region));
}
END_TEST

START_TEST(without_room_for_filters_the_first_region_from_a_buffer_is_enospc)
{
	struct sealmem_region *region = NULL, *last = NULL;
	struct census before;

	emulate_mseal();
	(void)seal_until_full(&last);
	before = take_census();
	ck_assert_int_eq(sealmem_region_new_from(&region, "first", "abc", 4, KEPT), -ENOSPC);
	assert_same_census(before);
	ck_assert_ptr_null(region);
}
END_TEST

/* Seals `count` pages at a time, with as many between them that stay open; answers how many in all. */
static int seal_other_memory_until_full(size_t count)
{
	int sealed = 0, err = 0;

	for (;;) {
		struct sealmem_extent extents[SEALMEM_EXTENTS_MAX];
		char *at = map_private(2 * count * page_size());

		for (size_t i = 0; i < count; i++)
			extents[i] =
				(struct sealmem_extent){ at + 2 * i * page_size(), page_size() };
		err = sealmem_mseal_many(extents, count);
		if (err < 0) {
			ck_assert_int_eq(err, -ENOSPC);
			ck_assert_int_eq(munmap(at, 2 * count * page_size()), 0);
			return sealed;
		}
		sealed += (int)count;
	}
}

/*
 * A seal of memory that lies anywhere takes a program with all the calls in it, three or four times as long as
 * that of a region: what regions share is said of the window they lie in, and would be wrong of other memory.
 */
START_TEST(other_memory_takes_more_room)
{
	int count;

	emulate_mseal();
	count = seal_other_memory_until_full(1);
	printf("%d pages of other memory sealed one by one before ENOSPC\n", count);
	ck_assert_int_ge(count, 100);
}
END_TEST

START_TEST(other_memory_takes_little_room_if_much_is_sealed_at_once)
{
	int count;

	emulate_mseal();
	count = seal_other_memory_until_full(SEALMEM_EXTENTS_MAX);
	printf("%d pages of other memory sealed %d at a time before ENOSPC\n", count,
	       SEALMEM_EXTENTS_MAX);
	ck_assert_int_ge(count, 500);
}
END_TEST

/* The kernel turns a number above 2^31 into one instruction more. So room may be left for an address that has none. */
static void seal_every_other_page_until_full(char *at, size_t pages)
{
	int err = 0;

	for (size_t i = 0; i < pages && err == 0; i += 2)
		err = sealmem_mseal(at + i * page_size(), page_size(), 0);
	ck_assert_int_eq(err, -ENOSPC);
}

START_TEST(a_range_for_which_there_is_no_room_is_as_it_was)
{
	const size_t around = 64;
	char *at = map_private((2 + around) * page_size());

	fill(at, 2 * page_size());
	emulate_mseal();
	(void)seal_other_memory_until_full(1);
	seal_every_other_page_until_full(at + 3 * page_size(), around - 1);
	ck_assert_int_eq(sealmem_seal_range(at, 2 * page_size(), KEPT), -ENOSPC);
	assert_filled(at, 2 * page_size());
	ck_assert_int_eq(sealmem_try_write(at, "x", 1), 0);
	ck_assert_int_eq(*at, 'x');
	ck_assert_int_eq(munmap(at, 2 * page_size()), 0);
}
END_TEST

START_TEST(many_extents_take_the_room_of_one)
{
	struct sealmem_extent extents[SEALMEM_EXTENTS_MAX];

	emulate_mseal();
	for (size_t i = 0; i < SEALMEM_EXTENTS_MAX; i++)
		extents[i] = (struct sealmem_extent){ map_private(3 * page_size()) + page_size(),
						      page_size() };
	ck_assert_int_eq(sealmem_mseal_many(extents, SEALMEM_EXTENTS_MAX), 0);
	for (size_t i = 0; i < SEALMEM_EXTENTS_MAX; i++) {
		assert_kept(extents[i].addr);
		ck_assert_int_eq(munmap((char *)extents[i].addr + page_size(), page_size()), 0);
	}
}
END_TEST

START_TEST(many_extents_with_a_hole_seal_nothing)
{
	char *at = map_private(3 * page_size());
	struct sealmem_extent extents[] = { { at, page_size() },
					    { at + page_size(), page_size() } };

	emulate_mseal();
	munmap(at + page_size(), page_size());
	ck_assert_int_eq(sealmem_mseal_many(extents, 2), -ENOMEM);
	ck_assert_int_eq(munmap(at, page_size()), 0);
}
END_TEST

START_TEST(too_many_extents_are_einval)
{
	static struct sealmem_extent extents[SEALMEM_EXTENTS_MAX + 1];
	struct sealmem_extent *volatile none = NULL; /* the compiler warns of a plain NULL */

	ck_assert_int_eq(sealmem_mseal_many(extents, SEALMEM_EXTENTS_MAX + 1), -EINVAL);
	ck_assert_int_eq(sealmem_mseal_many(none, 1), -EINVAL);
	ck_assert_int_eq(sealmem_mseal_many(NULL, 0), sealmem_mseal(NULL, 0, 0));
}
END_TEST

static int attack_inherited(void *at)
{
	return munmap(at, page_size()) == -1 && errno == EPERM ? 0 : 1;
}

START_TEST(a_child_inherits_the_seal)
{
	struct sealmem_region *region = emulated_region(KEPT);

	assert_child_succeeds(attack_inherited, sealmem_region_data(region));
}
END_TEST

static bool is_within(struct filter_range range, const void *data)
{
	return (uintptr_t)data >= range.start && (uintptr_t)data < range.end;
}

/* The half of a window that it lies in; empty if it lies in none. */
static struct filter_range half_of(const void *data)
{
	for (size_t i = 0; i < PLACEMENT_WINDOWS; i++) {
		if (is_within(placement_final(&placement_windows[i]), data))
			return placement_final(&placement_windows[i]);
		if (is_within(placement_in_place(&placement_windows[i]), data))
			return placement_in_place(&placement_windows[i]);
	}
	return (struct filter_range){ 0, 0 };
}

static struct sealmem_region *region_in_place(void)
{
	return open_region("in place", 1, KEPT);
}

static struct sealmem_region *region_from_buffer(void)
{
	return region_from("abc", 4, KEPT);
}

static int compare_addresses(const void *a, const void *b)
{
	uintptr_t left = *(const uintptr_t *)a, right = *(const uintptr_t *)b;

	return left < right ? -1 : left > right;
}

/* Each in a child, as if it were the first region of a program: none tells where the next one is. */
static void places_of_first_regions(uintptr_t *places, size_t count,
				    struct sealmem_region *make(void))
{
	int results[2];

	ck_assert_int_eq(pipe(results), 0);
	for (size_t i = 0; i < count; i++) {
		pid_t child = fork();
		int status;

		if (child == 0) {
			uintptr_t at = (uintptr_t)sealmem_region_data(make());

			_exit(write(results[1], &at, sizeof(at)) != sizeof(at));
		}
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		ck_assert_int_eq(status, 0);
		ck_assert_int_eq(read(results[0], &places[i], sizeof(*places)), sizeof(*places));
	}
	qsort(places, count, sizeof(*places), compare_addresses);
}

static void assert_not_guessed(struct sealmem_region *make(void))
{
	uintptr_t places[32];
	struct filter_range half;
	unsigned distinct = 1;

	emulate_mseal();
	places_of_first_regions(places, 32, make);
	half = half_of((void *)places[0]);
	ck_assert_uint_lt(half.start, half.end);
	ck_assert_uint_lt(places[31], half.end);
	for (size_t i = 1; i < 32; i++)
		distinct += places[i] != places[i - 1];
	/* Of chance alone, these fail once in 10^8 times. */
	ck_assert_uint_gt(places[31] - places[0], (half.end - half.start) / 2);
	ck_assert_uint_ge(distinct, 24);
}

START_TEST(the_address_of_a_region_cannot_be_guessed)
{
	assert_not_guessed(region_in_place);
}
END_TEST

START_TEST(the_address_of_a_region_from_a_buffer_cannot_be_guessed)
{
	assert_not_guessed(region_from_buffer);
}
END_TEST

/* Whoever can declare a heap can declare it over all addresses that a final region may get. */
START_TEST(a_final_region_in_a_declared_heap_stays)
{
	struct sealmem_region *region;
	struct filter_range half;
	uintptr_t place;

	emulate_mseal();
	places_of_first_regions(&place, 1, region_from_buffer);
	half = half_of((void *)place);
	call_it_the_heap((char *)(uintptr_t)half.start, (size_t)(half.end - half.start));
	region = region_from_buffer();
	ck_assert_uint_eq(half_of(sealmem_region_data(region)).start, half.start);
	give_heap_back((char *)(uintptr_t)half.start);
	give_heap_back(sealmem_region_data(region));
	ck_assert(is_mapped(sealmem_region_data(region)));
	assert_kept(sealmem_region_data(region));
	ck_assert_str_eq(sealmem_region_data(region), "abc");
}
END_TEST

START_TEST(regions_do_not_lie_at_regular_distances)
{
	uintptr_t at[4];

	emulate_mseal();
	for (size_t i = 0; i < 4; i++)
		at[i] = (uintptr_t)sealmem_region_data(open_region("one of some", 1, KEPT));
	ck_assert(at[1] - at[0] != at[2] - at[1] || at[2] - at[1] != at[3] - at[2]);
}
END_TEST

START_TEST(a_region_is_not_above_all_that_programs_are_given)
{
	char in_stack;

	emulate_mseal();
	ck_assert_uint_lt((uintptr_t)sealmem_region_data(open_region("low", 1, KEPT)),
			  (uintptr_t)&in_stack);
}
END_TEST

static size_t size_of_largest_window(void)
{
	uint64_t most = 0;

	for (size_t i = 0; i < PLACEMENT_WINDOWS; i++) {
		const struct filter_range *window = &placement_windows[i].range;

		if (window->end - window->start > most)
			most = window->end - window->start;
	}
	return (size_t)most;
}

START_TEST(a_region_that_no_window_holds_is_sealed_elsewhere)
{
	SCOPED_REGION *region = NULL;

	emulate_mseal();
	if (sealmem_region_new(&region, "large", size_of_largest_window(), KEPT) < 0)
		skip_test("no address space for a large region");
	ck_assert_uint_eq(half_of(sealmem_region_data(region)).end, 0);
	ck_assert_ptr_nonnull(sealmem_region_alloc(region, 1, 1));
	ck_assert_int_eq(sealmem_region_seal(region), 0);
	assert_kept(sealmem_region_data(region));
}
END_TEST

static int execute_self(void *path)
{
	execl(path, path, "--executed", (char *)NULL);
	return 1;
}

START_TEST(an_executed_program_runs_under_the_filter)
{
	static char self[] = "/proc/self/exe";

	emulated_region(KEPT);
	assert_child_succeeds(execute_self, self);
}
END_TEST

static int execute_self_to_seal(void *path)
{
	execl(path, path, "--seal", (char *)NULL);
	return 1;
}

/*
 * Most of one half of the window is sealed when the program starts, and the other half whole. It cannot see that, for
 * nothing is mapped there.
 */
START_TEST(an_executed_program_seals_regions_under_the_filter)
{
	static char self[] = "/proc/self/exe";
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
	struct sealmem_region *region;
	struct filter_range half;
	uint64_t size;
	void *most;

	emulate_mseal();
	region = region_in_place();
	half = half_of(sealmem_region_data(region));
	region = sealmem_region_free(region);
	size = (half.end - half.start) / 8 * 7;
	most = (void *)(uintptr_t)(half.end - size);
	ck_assert_ptr_eq(mmap(most, (size_t)size, PROT_NONE, flags, -1, 0), most);
	ck_assert_int_eq(sealmem_mseal(most, (size_t)size, 0), 0);
	/* Where addresses are few there is only one half, and this is in the way if it comes first. */
	(void)region_from_buffer();
	assert_child_succeeds(execute_self_to_seal, self);
}
END_TEST

START_TEST(a_secret_is_kept_by_the_emulation)
{
	SCOPED_REGION *region = NULL;

	emulate_mseal();
	if (!(sealmem_supported() & SEALMEM_SECRECY))
		skip_test("this kernel gives no memfd_secret(2)");
	region = sealed_region("secret", page_size(), KEPT | SEALMEM_SECRECY);
	assert_kept(sealmem_region_data(region));
	assert_sealed(sealmem_region_data(region), page_size());
}
END_TEST

START_TEST(calls_that_hide_memory_are_refused_on_request)
{
	struct sealmem_region *region;
	char *data;

	require_own_address_space();
	require_filter();
	require_mseal();
	region = sealed_region("available", page_size(), KEPT);
	data = sealmem_region_data(region);
	ck_assert_int_eq(madvise(data, page_size(), MADV_DONTFORK), 0);
	ck_assert_int_eq(madvise(data, page_size(), MADV_DOFORK), 0);
	ck_assert_int_eq(sealmem_keep_available(data, page_size()), -EOPNOTSUPP);
	ck_assert_int_eq(sealmem_allow_emulation(), 0);
	ck_assert_int_eq(sealmem_keep_available(data, page_size()), 0);
	ck_assert_int_eq(madvise(data, page_size(), MADV_DONTFORK), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(madvise(data, page_size(), 102 /* MADV_GUARD_INSTALL */), -1);
	ck_assert_int_eq(errno, EPERM);
	assert_filled(data, page_size());
}
END_TEST

/* A program like any other, executed by the test of that name: it maps, starts a thread's worth of stack,
 * and gives it back. */
static int executed(void)
{
	size_t size = (size_t)8 << 20;
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at != MAP_FAILED && mprotect(at, page_size(), PROT_NONE) == 0 &&
			       munmap(at, size) == 0
		       ? EXIT_SUCCESS
		       : EXIT_FAILURE;
}

static int make_from_buffer(struct sealmem_region **ret)
{
	return sealmem_region_new_from(ret, "executed", "abc", 4, KEPT);
}

static int seal_in_place(struct sealmem_region **ret)
{
	int err = sealmem_region_new(ret, "executed", page_size(), KEPT);

	if (err == 0)
		memcpy(sealmem_region_data(*ret), "abc", 4);
	return err < 0 ? err : sealmem_region_seal(*ret);
}

static int seal_one(int make(struct sealmem_region **ret))
{
	struct sealmem_region *region;

	if (make(&region) < 0 || strcmp(sealmem_region_data(region), "abc") != 0)
		return 3;
	return munmap(sealmem_region_data(region), page_size()) == 0 ? 4 : EXIT_SUCCESS;
}

static int seal_regions(void)
{
	int status = sealmem_allow_emulation() < 0 ? 2 : EXIT_SUCCESS;

	for (int i = 0; i < 32 && status == EXIT_SUCCESS; i++)
		status = seal_one(i % 2 == 0 ? make_from_buffer : seal_in_place);
	return status;
}

int main(int argc, char **argv)
{
	const TTest *tests[] = {
		without_permission_an_address_is_not_sealed,
		permission_sets_no_new_privs,
		without_seccomp_permission_is_eopnotsupp,
		a_region_keeps_its_address,
		memory_that_was_declared_the_heap_is_given_back,
		a_region_that_was_declared_the_heap_stays,
		a_region_in_the_middle_of_a_declared_heap_stays,
		without_proc_memory_that_was_declared_the_heap_stays,
		the_heap_moves_beside_a_region,
		guard_pages_keep_their_address,
		a_child_that_frees_an_open_region_leaves_it_to_its_parent,
		a_child_that_frees_a_sealed_region_keeps_it,
		the_address_of_a_region_cannot_be_guessed,
		the_address_of_a_region_from_a_buffer_cannot_be_guessed,
		a_final_region_in_a_declared_heap_stays,
		regions_do_not_lie_at_regular_distances,
		a_region_is_not_above_all_that_programs_are_given,
		a_region_that_no_window_holds_is_sealed_elsewhere,
		memory_that_is_not_sealed_works_as_before,
		nothing_lies_across_a_multiple_of_a_huge_page_below_a_seal_later,
		what_is_sealed_above_the_stack_leaves_it_room_to_grow,
		sealing_again_needs_no_more_room,
		rings_made_after_a_seal_are_used_and_destroyed,
		no_ring_is_made_right_below_a_seal,
		a_ring_takes_away_what_lies_in_its_place,
		a_ring_that_reaches_a_seal_is_not_destroyed,
		no_ring_is_made_for_more_events_than_the_limit_was,
		without_proc_no_ring_is_destroyed_below_a_seal,
		a_segment_sealed_from_its_first_page_on_stays,
		a_segment_sealed_after_its_first_page_can_be_detached,
		five_hundred_regions_are_sealed_one_by_one,
		without_room_for_filters_only_what_is_final_is_sealed,
		without_room_for_filters_the_first_region_from_a_buffer_is_enospc,
		other_memory_takes_more_room,
		other_memory_takes_little_room_if_much_is_sealed_at_once,
		a_range_for_which_there_is_no_room_is_as_it_was,
		many_extents_take_the_room_of_one,
		many_extents_with_a_hole_seal_nothing,
		too_many_extents_are_einval,
		a_child_inherits_the_seal,
		an_executed_program_runs_under_the_filter,
		an_executed_program_seals_regions_under_the_filter,
		a_secret_is_kept_by_the_emulation,
		calls_that_hide_memory_are_refused_on_request,
	};

	if (argc > 1 && strcmp(argv[1], "--executed") == 0)
		return executed();
	if (argc > 1 && strcmp(argv[1], "--seal") == 0)
		return seal_regions();
	return RUN_TESTS("emulation", tests);
}
