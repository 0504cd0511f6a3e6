/* SPDX-License-Identifier: MIT */

/*
 * The contract of mseal(2), as sealmem_mseal() passes it on: what it refuses to seal, what a sealed
 * address refuses, and that both leave everything as it was. The same acts on memory that is not sealed
 * come first in each test.
 */

#include "tests/support/sandbox.h"
#include "tests/support/support.h"

#include "lib/address.h"

/*
 * Built twice: the emulation is held to the same contract. What a filter cannot tell apart it refuses
 * though mseal(2) would not, and it refuses before anything has changed.
 */
#ifdef EMULATED
# define require_mseal emulate_mseal
static const bool emulated = true;
#else
static const bool emulated = false;
#endif

#include <sys/wait.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Three pages, filled. */
static char *three_pages(void)
{
	char *at = map_private(3 * page_size());

	fill(at, 3 * page_size());
	return at;
}

static char *three_sealed_pages(void)
{
	char *at = three_pages();

	require_mseal();
	ck_assert_int_eq(sealmem_mseal(at, 3 * page_size(), 0), 0);
	return at;
}

static bool can_unmap(char *at, size_t size)
{
	return munmap(at, size) == 0;
}

START_TEST(flags_are_refused)
{
	char *at = three_pages();

	require_mseal();
	ck_assert_int_eq(sealmem_mseal(at, page_size(), 1), -EINVAL);
	ck_assert_int_eq(sealmem_mseal(at, page_size(), ~(ULONG_MAX >> 1)), -EINVAL);
	ck_assert(can_unmap(at, 3 * page_size()));
}
END_TEST

START_TEST(an_address_inside_a_page_is_refused)
{
	char *at = three_pages();

	require_mseal();
	ck_assert_int_eq(sealmem_mseal(at + 1, page_size(), 0), -EINVAL);
	ck_assert(can_unmap(at, 3 * page_size()));
}
END_TEST

START_TEST(a_range_that_wraps_around_is_refused)
{
	char *at = three_pages();

	require_mseal();
	ck_assert_int_eq(sealmem_mseal(at, SIZE_MAX - page_size() + 1, 0), -EINVAL);
	ck_assert(can_unmap(at, 3 * page_size()));
}
END_TEST

START_TEST(a_size_that_overflows_when_rounded_is_refused)
{
	char *at = three_pages();

	require_mseal();
	ck_assert_int_eq(sealmem_mseal(at, SIZE_MAX, 0), -EINVAL);
	ck_assert(can_unmap(at, 3 * page_size()));
}
END_TEST

START_TEST(a_gap_is_refused_with_nothing_sealed)
{
	char *at = three_pages();

	require_mseal();
	ck_assert_int_eq(munmap(at + page_size(), page_size()), 0);
	ck_assert_int_eq(sealmem_mseal(at, 3 * page_size(), 0), -ENOMEM);
	ck_assert(can_unmap(at, page_size()));
	ck_assert(can_unmap(at + 2 * page_size(), page_size()));
}
END_TEST

START_TEST(a_gap_at_the_beginning_is_refused_with_nothing_sealed)
{
	char *at = three_pages();

	require_mseal();
	ck_assert_int_eq(munmap(at, page_size()), 0);
	ck_assert_int_eq(sealmem_mseal(at, 3 * page_size(), 0), -ENOMEM);
	ck_assert(can_unmap(at + page_size(), 2 * page_size()));
}
END_TEST

START_TEST(a_gap_at_the_end_is_refused_with_nothing_sealed)
{
	char *at = three_pages();

	require_mseal();
	ck_assert_int_eq(munmap(at + 2 * page_size(), page_size()), 0);
	ck_assert_int_eq(sealmem_mseal(at, 3 * page_size(), 0), -ENOMEM);
	ck_assert(can_unmap(at, 2 * page_size()));
}
END_TEST

START_TEST(length_zero_seals_nothing)
{
	char *at = three_pages();

	require_mseal();
	ck_assert_int_eq(sealmem_mseal(at, 0, 0), 0);
	ck_assert(can_unmap(at, 3 * page_size()));
}
END_TEST

START_TEST(the_arguments_are_checked_even_if_the_length_is_zero)
{
	char *at = three_pages();

	require_mseal();
	ck_assert_int_eq(sealmem_mseal(at, 0, 1), -EINVAL);
	ck_assert_int_eq(sealmem_mseal(at + 1, 0, 0), -EINVAL);
	ck_assert_int_eq(munmap(at, 3 * page_size()), 0);
	ck_assert_int_eq(sealmem_mseal(at, 0, 0), 0);
}
END_TEST

START_TEST(memory_that_is_not_mapped_is_refused)
{
	char *at = three_pages();

	require_mseal();
	ck_assert_int_eq(munmap(at, 3 * page_size()), 0);
	ck_assert_int_eq(sealmem_mseal(at, 3 * page_size(), 0), -ENOMEM);
	ck_assert_ptr_eq(
		mmap(at, page_size(), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
		at);
}
END_TEST

START_TEST(a_size_is_rounded_up_to_whole_pages)
{
	char *at = three_pages();

	require_mseal();
	ck_assert_int_eq(sealmem_mseal(at, page_size() + 1, 0), 0);
	ck_assert(!can_unmap(at + page_size(), page_size()));
	ck_assert(can_unmap(at + 2 * page_size(), page_size()));
}
END_TEST

START_TEST(sealing_twice_succeeds)
{
	char *at = three_sealed_pages();

	ck_assert_int_eq(sealmem_mseal(at, 3 * page_size(), 0), 0);
	ck_assert(!can_unmap(at, 3 * page_size()));
}
END_TEST

START_TEST(a_seal_can_be_extended)
{
	char *at = three_pages();

	require_mseal();
	ck_assert_int_eq(sealmem_mseal(at, 2 * page_size(), 0), 0);
	ck_assert_int_eq(sealmem_mseal(at + page_size(), 2 * page_size(), 0), 0);
	for (size_t i = 0; i < 3; i++)
		ck_assert(!can_unmap(at + i * page_size(), page_size()));
}
END_TEST

START_TEST(several_mappings_are_sealed_at_once)
{
	char *at = three_pages();

	require_mseal();
	ck_assert_int_eq(mprotect(at + page_size(), page_size(), PROT_READ), 0);
	ck_assert_uint_eq(count_mappings_in(at, 3 * page_size()), 3);
	ck_assert_int_eq(sealmem_mseal(at, 3 * page_size(), 0), 0);
	for (size_t i = 0; i < 3; i++)
		ck_assert(!can_unmap(at + i * page_size(), page_size()));
}
END_TEST

static int unmap_in_child(void *argument)
{
	if (munmap(argument, page_size()) == 0)
		return 1;
	return errno == EPERM ? 0 : 2;
}

START_TEST(a_child_inherits_the_seal)
{
	char *at = three_pages();

	ck_assert_int_eq(WEXITSTATUS(run_child(unmap_in_child, at)), 1);
	assert_child_succeeds(unmap_in_child, three_sealed_pages());
}
END_TEST

typedef int act_function(char *at, size_t size);

/* The act works on pages that are not sealed; on sealed ones it is EPERM and they are what they were. */
static void assert_refused(act_function *act)
{
	size_t size = 3 * page_size();
	struct maps_entry entry;
	char *at;

	require_mseal();
	ck_assert_int_eq(act(three_pages(), size), 0);

	at = three_sealed_pages();
	ck_assert_int_eq(act(at, size), -EPERM);
	ck_assert(find_mapping(at, &entry));
	ck_assert_uint_le(entry.start, (uintptr_t)at);
	ck_assert_uint_ge(entry.end, (uintptr_t)at + size);
	ck_assert_int_eq(entry.protection, PROT_READ | PROT_WRITE);
	assert_filled(at, size);
}

static int act_munmap(char *at, size_t size)
{
	return (int)result(munmap(at, size));
}

START_TEST(munmap_is_refused)
{
	assert_refused(act_munmap);
}
END_TEST

static int act_mmap(char *at, size_t size)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

	return mmap(at, size, PROT_READ, flags, -1, 0) == MAP_FAILED ? -errno : 0;
}

START_TEST(mmap_over_it_is_refused)
{
	assert_refused(act_mmap);
}
END_TEST

static int act_mremap_away(char *at, size_t size)
{
	char *place = map_private(size);

	return mremap(at, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, place) == MAP_FAILED ? -errno
											  : 0;
}

START_TEST(mremap_to_elsewhere_is_refused)
{
	assert_refused(act_mremap_away);
}
END_TEST

static int act_mremap_onto(char *at, size_t size)
{
	char *other = map_private(size);

	return mremap(other, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, at) == MAP_FAILED ? -errno
											  : 0;
}

static int act_mremap_leaving(char *at, size_t size)
{
	int flags = MREMAP_MAYMOVE | MREMAP_DONTUNMAP;

	return mremap(at, size, size, flags, NULL) == MAP_FAILED ? -errno : 0;
}

START_TEST(mremap_that_leaves_it_empty_is_refused)
{
	assert_refused(act_mremap_leaving);
}
END_TEST

START_TEST(mremap_of_other_pages_onto_it_is_refused)
{
	assert_refused(act_mremap_onto);
}
END_TEST

static int act_mremap_shorter(char *at, size_t size)
{
	return mremap(at, size, page_size(), 0) == MAP_FAILED ? -errno : 0;
}

START_TEST(mremap_to_a_smaller_size_is_refused)
{
	assert_refused(act_mremap_shorter);
}
END_TEST

static int act_mremap_longer(char *at, size_t size)
{
	return mremap(at, size, 2 * size, MREMAP_MAYMOVE) == MAP_FAILED ? -errno : 0;
}

START_TEST(mremap_to_a_larger_size_is_refused)
{
	assert_refused(act_mremap_longer);
}
END_TEST

static int act_mprotect(char *at, size_t size)
{
	return (int)result(mprotect(at, size, PROT_READ));
}

START_TEST(mprotect_is_refused)
{
	assert_refused(act_mprotect);
}
END_TEST

static int act_pkey_mprotect(char *at, size_t size)
{
	int err = (int)result(syscall(SYS_pkey_mprotect, at, size, PROT_READ, -1));

	if (err == -ENOSYS)
		skip_test("this kernel has no pkey_mprotect(2)");
	return err;
}

START_TEST(pkey_mprotect_is_refused)
{
	assert_refused(act_pkey_mprotect);
}
END_TEST

/* Of read-only pages: of writable ones it is no more than a store could do. */
START_TEST(throwing_away_read_only_pages_is_refused)
{
	char *twin = three_pages(), *at = three_pages();
	size_t size = 3 * page_size();

	require_mseal();
	ck_assert_int_eq(mprotect(twin, size, PROT_READ), 0);
	ck_assert_int_eq(madvise(twin, size, MADV_DONTNEED), 0);
	assert_zeroed(twin, size);

	ck_assert_int_eq(mprotect(at, size, PROT_READ), 0);
	ck_assert_int_eq(sealmem_mseal(at, size, 0), 0);
	ck_assert_int_eq(madvise(at, size, MADV_DONTNEED), -1);
	ck_assert_int_eq(errno, EPERM);
	assert_filled(at, size);
}
END_TEST

START_TEST(sealed_writable_pages_can_still_be_stored_to)
{
	char *at = three_sealed_pages();

	ck_assert_int_eq(sealmem_try_write(at, "x", 1), 0);
	ck_assert_int_eq(*at, 'x');
}
END_TEST

START_TEST(an_unmap_that_reaches_beyond_unmaps_nothing)
{
	char *at = three_pages();

	require_mseal();
	ck_assert_int_eq(sealmem_mseal(at + page_size(), page_size(), 0), 0);
	ck_assert(!can_unmap(at, 3 * page_size()));
	assert_filled(at, 3 * page_size());
}
END_TEST

START_TEST(a_map_that_reaches_beyond_maps_nothing)
{
	char *at = three_pages();

	require_mseal();
	ck_assert_int_eq(sealmem_mseal(at + page_size(), page_size(), 0), 0);
	ck_assert_int_eq(act_mmap(at, 3 * page_size()), -EPERM);
	assert_filled(at, 3 * page_size());
	ck_assert_int_eq(act_mmap(at, page_size()), 0);
}
END_TEST

static int protection_of(const char *at)
{
	struct maps_entry entry;

	ck_assert(find_mapping(at, &entry));
	return (int)entry.protection;
}

/* From Linux 6.12 on, mprotect(2) goes from mapping to mapping and stops at the sealed one. */
START_TEST(an_mprotect_that_reaches_beyond_leaves_the_sealed_page)
{
	char *at = three_pages();

	require_mseal();
	ck_assert_int_eq(sealmem_mseal(at + page_size(), page_size(), 0), 0);
	ck_assert_int_eq(act_mprotect(at, 3 * page_size()), -EPERM);
	ck_assert_int_eq(protection_of(at + page_size()), PROT_READ | PROT_WRITE);
	ck_assert_int_eq(protection_of(at + 2 * page_size()), PROT_READ | PROT_WRITE);
	if (emulated)
		ck_assert_int_eq(protection_of(at), PROT_READ | PROT_WRITE);
	assert_filled(at, 3 * page_size());
}
END_TEST

static int act_mprotect_downwards(char *at)
{
	int protection = PROT_READ | PROT_GROWSDOWN;

	return (int)result(mprotect(at + 2 * page_size(), page_size(), protection));
}

static char *three_growing_pages(void)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN;
	char *at = mmap(NULL, 3 * page_size(), PROT_READ | PROT_WRITE, flags, -1, 0);

	ck_assert_ptr_ne(at, MAP_FAILED);
	fill(at, 3 * page_size());
	return at;
}

/* As a stack does. A change of its protection can reach from its address to the mapping's start. */
START_TEST(a_seal_holds_in_a_mapping_that_grows_down)
{
	char *open = three_growing_pages(), *at = three_growing_pages();

	require_mseal();
	ck_assert_int_eq(act_mprotect_downwards(open), 0);
	ck_assert_int_eq(protection_of(open), PROT_READ);

	ck_assert_int_eq(sealmem_mseal(at, page_size(), 0), 0);
	ck_assert_int_eq(act_mprotect_downwards(at), emulated ? -EPERM : 0);
	ck_assert_int_eq(protection_of(at), PROT_READ | PROT_WRITE);
	assert_filled(at, 3 * page_size());
}
END_TEST

START_TEST(throwing_away_writable_pages_changes_no_more_than_a_store_could)
{
	char *at = three_sealed_pages();
	int answer = (int)result(madvise(at, 3 * page_size(), MADV_DONTNEED));

	ck_assert_int_eq(answer, emulated ? -EPERM : 0);
	if (emulated)
		assert_filled(at, 3 * page_size());
	else
		assert_zeroed(at, 3 * page_size());
}
END_TEST

START_TEST(memory_of_any_kind_is_sealed)
{
	int file = temporary_file();
	char *at[] = {
		mmap(NULL, page_size(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
		mmap(NULL, page_size(), PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
		mmap(NULL, page_size(), PROT_READ, MAP_PRIVATE, file, 0),
		mmap(NULL, page_size(), PROT_READ | PROT_EXEC, MAP_SHARED, file, 0),
	};

	require_mseal();
	for (size_t i = 0; i < sizeof(at) / sizeof(*at); i++) {
		ck_assert_ptr_ne(at[i], MAP_FAILED);
		ck_assert_int_eq(sealmem_mseal(at[i], page_size(), 0), 0);
		ck_assert_int_eq(act_munmap(at[i], page_size()), -EPERM);
		ck_assert_int_eq(act_mprotect(at[i], page_size()), -EPERM);
	}
	close(file);
}
END_TEST

START_TEST(the_kernel_shows_the_seal)
{
	char *at = three_pages(), *sealed = three_sealed_pages();

	if (!has_flag(sealed, "sl"))
		skip_test("this kernel does not show sealed mappings");
	ck_assert(!has_flag(at, "sl"));
}
END_TEST

START_TEST(a_kernel_without_mseal_is_eopnotsupp)
{
	char *at = three_pages();

	forbid(__NR_mseal, ENOSYS);
	ck_assert_int_eq(sealmem_mseal(at, page_size(), 0), -EOPNOTSUPP);
}
END_TEST

START_TEST(a_sandbox_that_forbids_mseal_is_eopnotsupp)
{
	char *at = three_pages();

	forbid(__NR_mseal, EPERM);
	ck_assert_int_eq(sealmem_mseal(at, page_size(), 0), -EOPNOTSUPP);
}
END_TEST

START_TEST(a_sandbox_that_only_says_that_it_sealed_is_found_out)
{
	char *at = three_pages();

	require_mseal();
	ck_assert_int_eq(address_seal(at, page_size()), 0);
	forbid(__NR_mseal, 0);
	ck_assert_int_eq(address_seal(at + page_size(), page_size()), -EOPNOTSUPP);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		flags_are_refused,
		an_address_inside_a_page_is_refused,
		a_range_that_wraps_around_is_refused,
		a_size_that_overflows_when_rounded_is_refused,
		a_gap_is_refused_with_nothing_sealed,
		a_gap_at_the_beginning_is_refused_with_nothing_sealed,
		a_gap_at_the_end_is_refused_with_nothing_sealed,
		length_zero_seals_nothing,
		the_arguments_are_checked_even_if_the_length_is_zero,
		memory_that_is_not_mapped_is_refused,
		a_size_is_rounded_up_to_whole_pages,
		sealing_twice_succeeds,
		a_seal_can_be_extended,
		several_mappings_are_sealed_at_once,
		a_child_inherits_the_seal,
		munmap_is_refused,
		mmap_over_it_is_refused,
		mremap_to_elsewhere_is_refused,
		mremap_that_leaves_it_empty_is_refused,
		mremap_of_other_pages_onto_it_is_refused,
		mremap_to_a_smaller_size_is_refused,
		mremap_to_a_larger_size_is_refused,
		mprotect_is_refused,
		pkey_mprotect_is_refused,
		throwing_away_read_only_pages_is_refused,
		sealed_writable_pages_can_still_be_stored_to,
		throwing_away_writable_pages_changes_no_more_than_a_store_could,
		an_unmap_that_reaches_beyond_unmaps_nothing,
		a_map_that_reaches_beyond_maps_nothing,
		an_mprotect_that_reaches_beyond_leaves_the_sealed_page,
		a_seal_holds_in_a_mapping_that_grows_down,
		memory_of_any_kind_is_sealed,
		the_kernel_shows_the_seal,
		a_kernel_without_mseal_is_eopnotsupp,
		a_sandbox_that_forbids_mseal_is_eopnotsupp,
		a_sandbox_that_only_says_that_it_sealed_is_found_out,
	};

	return RUN_TESTS("mseal", tests);
}
