/* SPDX-License-Identifier: MIT */

/*
 * Each guarantee of a region as the kernel shows it, in every state of the region and together with every
 * other. A library can say that it gave one; these tests ask /proc, a child, or the page itself.
 */

#include "tests/support/support.h"

#include <string.h>

#define OTHERS (SEALMEM_ADDRESS | SEALMEM_NOSWAP | SEALMEM_NODUMP | SEALMEM_NOFORK | SEALMEM_GUARDS)

START_TEST(content_and_address_come_into_force_with_the_seal)
{
	SCOPED_REGION *region = NULL;
	unsigned all = SEALMEM_GUARANTEES & ~SEALMEM_SECRECY;

	require_mseal();
	region = empty_region(1, all);
	ck_assert_uint_eq(sealmem_region_guarantees(region),
			  all & ~(SEALMEM_CONTENT | SEALMEM_ADDRESS));
	ck_assert_int_eq(sealmem_region_seal(region), 0);
	ck_assert_uint_eq(sealmem_region_guarantees(region), all);
}
END_TEST

START_TEST(an_open_region_is_mapped_shared_and_writable)
{
	SCOPED_REGION *region = empty_region(1, SEALMEM_CONTENT);
	struct maps_entry entry;

	ck_assert(find_mapping(sealmem_region_data(region), &entry));
	ck_assert(entry.shared);
	ck_assert_int_eq(entry.protection, PROT_READ | PROT_WRITE);
}
END_TEST

START_TEST(a_sealed_region_is_mapped_shared_never_private)
{
	SCOPED_REGION *region = sealed_region("test", 1, SEALMEM_CONTENT);
	SCOPED_REGION *other = region_from("x", 1, SEALMEM_CONTENT);
	struct maps_entry entry;

	ck_assert(find_mapping(sealmem_region_data(region), &entry));
	ck_assert(entry.shared);
	ck_assert_int_eq(entry.protection, PROT_READ);
	ck_assert(find_mapping(sealmem_region_data(other), &entry));
	ck_assert(entry.shared);
	ck_assert_int_eq(entry.protection, PROT_READ);
}
END_TEST

/* A load that faults, for a child to die of. */
static int load(void *argument)
{
	return *(volatile const char *)argument == 'x';
}

static void assert_guarded(char *data, size_t size)
{
	char *after = data + page_round_up(size);

	ck_assert_int_eq(sealmem_try_write(data - 1, "", 1), -EFAULT);
	ck_assert_int_eq(sealmem_try_write(after, "", 1), -EFAULT);
	assert_child_dies(SIGSEGV, load, data - 1);
	assert_child_dies(SIGSEGV, load, data - page_size());
	assert_child_dies(SIGSEGV, load, after);
	assert_child_dies(SIGSEGV, load, after + page_size() - 1);
}

START_TEST(an_open_region_has_guard_pages_on_either_side)
{
	SCOPED_REGION *region = empty_region(2 * page_size(), SEALMEM_CONTENT | SEALMEM_GUARDS);

	require_no_valgrind("valgrind complains of what this test does on purpose");
	assert_guarded(sealmem_region_data(region), 2 * page_size());
}
END_TEST

START_TEST(a_sealed_region_has_guard_pages_on_either_side)
{
	SCOPED_REGION *region =
		sealed_region("test", page_size() + 1, SEALMEM_CONTENT | SEALMEM_GUARDS);
	SCOPED_REGION *other = region_from("x", 1, SEALMEM_CONTENT | SEALMEM_GUARDS);

	require_no_valgrind("valgrind complains of what this test does on purpose");
	assert_guarded(sealmem_region_data(region), page_size() + 1);
	assert_guarded(sealmem_region_data(other), 1);
}
END_TEST

START_TEST(the_guard_page_follows_the_last_page_that_was_used)
{
	SCOPED_REGION *region = empty_region(9 * page_size(), SEALMEM_CONTENT | SEALMEM_GUARDS);

	require_no_valgrind("valgrind complains of what this test does on purpose");
	ck_assert_ptr_nonnull(sealmem_region_alloc(region, page_size() + 1, 1));
	ck_assert_int_eq(sealmem_region_seal(region), 0);
	assert_guarded(sealmem_region_data(region), 2 * page_size());
}
END_TEST

START_TEST(guard_pages_of_a_sealed_address_cannot_be_unmapped)
{
	SCOPED_REGION *region = NULL;
	char *data;

	require_mseal();
	region = sealed_region("test", 1, SEALMEM_CONTENT | SEALMEM_ADDRESS | SEALMEM_GUARDS);
	data = sealmem_region_data(region);
	ck_assert_int_eq(munmap(data - page_size(), page_size()), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(munmap(data + page_size(), page_size()), -1);
	ck_assert_int_eq(errno, EPERM);
	assert_guarded(data, 1);
}
END_TEST

/* The flag is there in every state of a region that demands the guarantee, and in none without. */
static void assert_flag(unsigned guarantee, const char *letters)
{
	SCOPED_REGION *open = empty_region(1, SEALMEM_CONTENT | guarantee);
	SCOPED_REGION *sealed = sealed_region("test", 1, SEALMEM_CONTENT | guarantee);
	SCOPED_REGION *bytes = region_from("x", 1, SEALMEM_CONTENT | guarantee);
	SCOPED_REGION *without = sealed_region("test", 1, SEALMEM_CONTENT);
	SCOPED_REGION *bytes_without = region_from("x", 1, SEALMEM_CONTENT);

	ck_assert(has_flag(sealmem_region_data(open), letters));
	ck_assert(has_flag(sealmem_region_data(sealed), letters));
	ck_assert(has_flag(sealmem_region_data(bytes), letters));
	ck_assert(!has_flag(sealmem_region_data(without), letters));
	ck_assert(!has_flag(sealmem_region_data(bytes_without), letters));
}

START_TEST(nodump_keeps_it_out_of_core_dumps)
{
	assert_flag(SEALMEM_NODUMP, "dd");
}
END_TEST

START_TEST(noswap_locks_it_in_memory)
{
	assert_flag(SEALMEM_NOSWAP, "lo");
}
END_TEST

START_TEST(nofork_keeps_it_from_children)
{
	assert_flag(SEALMEM_NOFORK, "dc");
}
END_TEST

START_TEST(noswap_brings_every_page_of_a_sealed_region_into_memory)
{
	unsigned guarantees = SEALMEM_CONTENT | SEALMEM_NOSWAP;
	SCOPED_REGION *region = empty_region(4 * page_size(), guarantees);
	char *bytes = map_private(4 * page_size());
	SCOPED_REGION *other = region_from(bytes, 4 * page_size(), guarantees);

	ck_assert_int_eq(sealmem_region_seal(region), 0);
	ck_assert(is_resident(sealmem_region_data(region), 4 * page_size()));
	ck_assert(is_resident(sealmem_region_data(other), 4 * page_size()));
}
END_TEST

START_TEST(noswap_locks_an_open_region_page_by_page)
{
	SCOPED_REGION *region = empty_region(4 * page_size(), SEALMEM_CONTENT | SEALMEM_NOSWAP);
	char *data = sealmem_region_data(region);

	if (sys_mlock_on_fault(data, page_size()) == -ENOSYS)
		skip_test("no mlock2(2) here");
	ck_assert_int_eq(smaps_kib(data, "Locked:"), 0);
	fill(data, 3 * page_size());
	ck_assert_int_eq(smaps_kib(data, "Locked:") * 1024, (long)(3 * page_size()));
}
END_TEST

static int can_read_all(void *argument)
{
	return !is_filled(argument, page_size());
}

START_TEST(a_child_does_not_inherit_an_open_region)
{
	SCOPED_REGION *region = open_region("test", page_size(), SEALMEM_CONTENT);

	assert_child_succeeds(is_not_mapped, sealmem_region_data(region));
}
END_TEST

START_TEST(a_child_inherits_a_sealed_region)
{
	SCOPED_REGION *region = sealed_region("test", page_size(), SEALMEM_CONTENT);

	assert_child_succeeds(can_read_all, sealmem_region_data(region));
}
END_TEST

START_TEST(a_child_does_not_inherit_a_sealed_region_with_nofork)
{
	SCOPED_REGION *region =
		sealed_region("test", page_size(), SEALMEM_CONTENT | SEALMEM_NOFORK);
	SCOPED_REGION *other = region_from("x", 1, SEALMEM_CONTENT | SEALMEM_NOFORK);

	assert_child_succeeds(is_not_mapped, sealmem_region_data(region));
	assert_child_succeeds(is_not_mapped, sealmem_region_data(other));
}
END_TEST

static int free_in_child(void *argument)
{
	return sealmem_region_free(argument) != NULL;
}

START_TEST(a_child_that_frees_does_not_take_the_region_from_its_parent)
{
	SCOPED_REGION *region = open_region("test", page_size(), SEALMEM_CONTENT);

	assert_child_succeeds(free_in_child, region);
	ck_assert_int_eq(sealmem_region_seal(region), 0);
	assert_sealed(sealmem_region_data(region), page_size());
}
END_TEST

/* The place of a region that was not inherited is free for others in a child. */
static int map_there_and_free(void *argument)
{
	char *data = sealmem_region_data(argument);
	char *at = mmap(data, page_size(), PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (at != data)
		return 2;
	(void)sealmem_region_free(argument);
	return !is_mapped(at);
}

START_TEST(a_child_that_frees_keeps_what_it_has_at_the_address)
{
	SCOPED_REGION *open = open_region("test", page_size(), SEALMEM_CONTENT);
	SCOPED_REGION *sealed =
		sealed_region("test", page_size(), SEALMEM_CONTENT | SEALMEM_NOFORK);

	assert_child_succeeds(map_there_and_free, open);
	assert_child_succeeds(map_there_and_free, sealed);
}
END_TEST

static int free_what_was_inherited(void *argument)
{
	const char *data = sealmem_region_data(argument);

	(void)sealmem_region_free(argument);
	return is_mapped(data);
}

START_TEST(a_child_that_frees_gives_back_what_it_inherited)
{
	SCOPED_REGION *region = sealed_region("test", page_size(), SEALMEM_CONTENT);

	assert_child_succeeds(free_what_was_inherited, region);
	assert_sealed(sealmem_region_data(region), page_size());
}
END_TEST

/* Each of the others or not: 32 sets. On a kernel without mseal(2), the 16 without ADDRESS. */
static unsigned combination(unsigned i)
{
	unsigned guarantees = SEALMEM_CONTENT, number = 0;

	for (unsigned bit = 1; bit <= SEALMEM_GUARANTEES; bit <<= 1)
		if (bit & OTHERS)
			guarantees |= i & 1u << number++ ? bit : 0;
	return guarantees;
}

static void assert_in_force(struct sealmem_region *region, unsigned guarantees)
{
	char *data = sealmem_region_data(region);

	ck_assert_uint_eq(sealmem_region_guarantees(region), guarantees);
	assert_sealed(data, sealmem_region_size(region));
	ck_assert_int_eq(has_flag(data, "lo"), (guarantees & SEALMEM_NOSWAP) != 0);
	ck_assert_int_eq(has_flag(data, "dd"), (guarantees & SEALMEM_NODUMP) != 0);
	ck_assert_int_eq(has_flag(data, "dc"), (guarantees & SEALMEM_NOFORK) != 0);
	if (guarantees & SEALMEM_GUARDS && !under_valgrind()) {
		ck_assert_int_eq(sealmem_try_write(data - 1, "", 1), -EFAULT);
		ck_assert(is_mapped(data - 1));
	}
	if (guarantees & SEALMEM_ADDRESS)
		ck_assert_int_eq(munmap(data, page_size()), -1);
}

START_TEST(every_combination_of_guarantees_is_available_in_place)
{
	bool mseal = sys_mseal(NULL, 0, 0) == 0;

	for (unsigned i = 0; i < 32; i++) {
		SCOPED_REGION *region = NULL;

		if (!mseal && combination(i) & SEALMEM_ADDRESS)
			continue;
		region = sealed_region("test", page_size() + 1, combination(i));
		assert_in_force(region, combination(i));
	}
}
END_TEST

START_TEST(every_combination_of_guarantees_is_available_from_bytes)
{
	bool mseal = sys_mseal(NULL, 0, 0) == 0;
	char *bytes = map_private(2 * page_size());

	fill(bytes, 2 * page_size());
	for (unsigned i = 0; i < 32; i++) {
		SCOPED_REGION *region = NULL;

		if (!mseal && combination(i) & SEALMEM_ADDRESS)
			continue;
		region = region_from(bytes, page_size() + 1, combination(i));
		assert_in_force(region, combination(i));
	}
}
END_TEST

START_TEST(every_combination_of_guarantees_gives_everything_back)
{
	struct census before = take_census();

	for (unsigned i = 0; i < 32; i++) {
		if (combination(i) & SEALMEM_ADDRESS)
			continue;
		sealmem_region_free(sealed_region("test", page_size() + 1, combination(i)));
		sealmem_region_free(region_from("x", 1, combination(i)));
		if (i == 0)
			before = take_census();
	}
	assert_same_census(before);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		content_and_address_come_into_force_with_the_seal,
		an_open_region_is_mapped_shared_and_writable,
		a_sealed_region_is_mapped_shared_never_private,
		an_open_region_has_guard_pages_on_either_side,
		a_sealed_region_has_guard_pages_on_either_side,
		the_guard_page_follows_the_last_page_that_was_used,
		guard_pages_of_a_sealed_address_cannot_be_unmapped,
		nodump_keeps_it_out_of_core_dumps,
		noswap_locks_it_in_memory,
		nofork_keeps_it_from_children,
		noswap_brings_every_page_of_a_sealed_region_into_memory,
		noswap_locks_an_open_region_page_by_page,
		a_child_does_not_inherit_an_open_region,
		a_child_inherits_a_sealed_region,
		a_child_does_not_inherit_a_sealed_region_with_nofork,
		a_child_that_frees_does_not_take_the_region_from_its_parent,
		a_child_that_frees_keeps_what_it_has_at_the_address,
		a_child_that_frees_gives_back_what_it_inherited,
		every_combination_of_guarantees_is_available_in_place,
		every_combination_of_guarantees_is_available_from_bytes,
		every_combination_of_guarantees_gives_everything_back,
	};

	return RUN_TESTS("guarantees", tests);
}
