/* SPDX-License-Identifier: MIT */

/*
 * The guarantees that a mapping carries by itself: what the kernel shows once they are applied, what it shows once they
 * are undone, and which errno a refusal gives. Also reserved addresses.
 */

#include "lib/mapping.h"

#include "tests/support/sandbox.h"
#include "tests/support/support.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#define CARRIED (SEALMEM_NOSWAP | SEALMEM_NODUMP | SEALMEM_NOFORK)

/* The letters by which /proc/self/smaps shows a guarantee. */
static const struct {
	unsigned guarantee;
	const char *letters;
} flags[] = {
	{ SEALMEM_NOSWAP, "lo" },
	{ SEALMEM_NODUMP, "dd" },
	{ SEALMEM_NOFORK, "dc" },
};

static unsigned shown(const void *at)
{
	unsigned guarantees = 0;

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		if (has_flag(at, flags[i].letters))
			guarantees |= flags[i].guarantee;
	return guarantees;
}

/* A private mapping between two pages of nothing, which no neighbour can be merged with. */
static char *map_apart(size_t size)
{
	char *at =
		mmap(NULL, size + 2 * page_size(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(at, MAP_FAILED);
	ck_assert_int_eq(mprotect(at + page_size(), size, PROT_READ | PROT_WRITE), 0);
	return at + page_size();
}

static int filled_memfd(size_t size)
{
	int fd = memfd_create("filled", MFD_CLOEXEC);
	char *at;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(at, MAP_FAILED);
	fill(at, size);
	ck_assert_int_eq(munmap(at, size), 0);
	return fd;
}

START_TEST(a_mapping_gets_what_is_asked_for_and_no_more)
{
	require_no_valgrind("valgrind merges mappings");
	for (unsigned guarantees = 0; guarantees <= CARRIED; guarantees++) {
		char *at = map_apart(page_size());

		ck_assert_int_eq(mapping_apply(at, page_size(), guarantees), 0);
		ck_assert_uint_eq(shown(at), guarantees & CARRIED);
		/* Old kernels let a plain user lock a few pages only. */
		ck_assert_int_eq(munmap(at, page_size()), 0);
	}
}
END_TEST

START_TEST(undo_takes_off_what_it_is_asked_to)
{
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		char *at = map_apart(page_size());

		ck_assert_int_eq(mapping_apply(at, page_size(), CARRIED), 0);
		mapping_undo(at, page_size(), flags[i].guarantee);
		ck_assert_uint_eq(shown(at), CARRIED & ~flags[i].guarantee);
	}
}
END_TEST

START_TEST(the_guarantees_end_with_the_range)
{
	char *at = map_apart(2 * page_size());

	ck_assert_int_eq(mapping_apply(at, page_size(), CARRIED), 0);
	ck_assert_uint_eq(shown(at), CARRIED);
	ck_assert_uint_eq(shown(at + page_size()), 0);
}
END_TEST

START_TEST(noswap_brings_every_page_into_memory)
{
	size_t size = 4 * page_size();
	char *at = map_apart(size);

	require_no_valgrind("valgrind locks no memory");
	ck_assert_int_eq(mapping_apply(at, size, SEALMEM_NOSWAP), 0);
	ck_assert_int_eq(smaps_kib(at, "Rss"), (long)(size / 1024));
}
END_TEST

START_TEST(noswap_of_memory_to_be_filled_waits_for_the_first_touch)
{
	char *at = map_apart(4 * page_size());

	require_own_address_space();
	ck_assert_int_eq(mapping_apply_open(at, 4 * page_size(), SEALMEM_NOSWAP), 0);
	ck_assert(has_flag(at, "lo"));
	ck_assert_int_eq(smaps_kib(at, "Rss"), 0);
	at[0] = 1;
	ck_assert_int_ge(smaps_kib(at, "Locked"), (long)(page_size() / 1024));
}
END_TEST

START_TEST(without_mlock2_memory_to_be_filled_is_locked_at_once)
{
	size_t size = 4 * page_size();
	char *at = map_apart(size);

	forbid(SYS_mlock2, ENOSYS);
	ck_assert_int_eq(mapping_apply_open(at, size, SEALMEM_NOSWAP), 0);
	ck_assert_int_eq(smaps_kib(at, "Rss"), (long)(size / 1024));
}
END_TEST

START_TEST(a_limit_that_forbids_a_lock_is_eagain)
{
	char *at = map_apart(2 * page_size());

	become_plain_user();
	set_limit(RLIMIT_MEMLOCK, page_size());
	ck_assert_int_eq(mapping_apply(at, 2 * page_size(), SEALMEM_NOSWAP), -EAGAIN);
	ck_assert_int_eq(mapping_apply_open(at, 2 * page_size(), SEALMEM_NOSWAP), -EAGAIN);
	set_limit(RLIMIT_MEMLOCK, 0);
	ck_assert_int_eq(mapping_apply(at, page_size(), SEALMEM_NOSWAP), -EAGAIN);
	ck_assert_int_eq(mapping_apply_open(at, page_size(), SEALMEM_NOSWAP), -EAGAIN);
}
END_TEST

START_TEST(a_sandbox_that_forbids_a_lock_is_eopnotsupp)
{
	char *at = map_apart(page_size());

	set_limit(RLIMIT_MEMLOCK, page_size());
	forbid(SYS_mlock, EPERM);
	ck_assert_int_eq(mapping_apply(at, page_size(), SEALMEM_NOSWAP), -EOPNOTSUPP);
}
END_TEST

START_TEST(a_lock_that_fails_leaves_the_mapping_as_it_was)
{
	char *at = map_apart(page_size());

	forbid(SYS_mlock, ENOSYS);
	ck_assert_int_eq(mapping_apply(at, page_size(), CARRIED), -EOPNOTSUPP);
	ck_assert_uint_eq(shown(at), 0);
}
END_TEST

START_TEST(populate_maps_the_pages_that_are_in_memory)
{
	size_t size = 64 * page_size();
	int fd = filled_memfd(size);
	char *at = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);

	if (result(madvise(at, size, MADV_POPULATE_READ)) < 0)
		skip_test("this kernel maps a page only when it is touched");
	ck_assert_int_eq(munmap(at, size), 0);
	at = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	mapping_populate(at, size);
	ck_assert_int_eq(smaps_kib(at, "Rss"), (long)(size / 1024));
	close(fd);
}
END_TEST

START_TEST(a_file_is_held_by_a_private_mapping_that_is_locked)
{
	CLEANUP(unmap_scoped) struct scoped_mapping held = { 0 };
	int fd = filled_memfd(2 * page_size());
	struct maps_entry entry;

	ck_assert_int_eq(mapping_hold(&held, fd, 2 * page_size(), CARRIED), 0);
	ck_assert_uint_eq(held.size, 2 * page_size());
	assert_filled(held.addr, held.size);
	ck_assert(find_mapping(held.addr, &entry));
	ck_assert(!entry.shared);
	ck_assert_int_eq(entry.protection, PROT_READ);
	ck_assert_uint_eq(shown(held.addr), CARRIED);
	/* A private mapping does not stand in the way of a seal. */
	close(fd);
}
END_TEST

START_TEST(a_file_is_not_held_without_noswap)
{
	struct scoped_mapping held = { 0 };
	int fd = filled_memfd(page_size());
	struct census before = take_census();

	ck_assert_int_eq(mapping_hold(&held, fd, page_size(), SEALMEM_NODUMP | SEALMEM_NOFORK), 0);
	ck_assert_uint_eq(held.size, 0);
	assert_same_census(before);
	close(fd);
}
END_TEST

START_TEST(a_hold_that_fails_leaves_nothing)
{
	struct scoped_mapping held = { 0 };
	int fd = filled_memfd(page_size());
	struct census before = take_census();

	forbid(SYS_mlock, EPERM);
	ck_assert_int_lt(mapping_hold(&held, fd, page_size(), SEALMEM_NOSWAP), 0);
	ck_assert_uint_eq(held.size, 0);
	assert_same_census(before);
	close(fd);
}
END_TEST

START_TEST(reserved_addresses_are_taken_and_inaccessible)
{
	struct maps_entry entry;
	void *at;

	require_no_valgrind("valgrind complains of what this test does on purpose");
	ck_assert_int_eq(mapping_new_reserve(&at, 3 * page_size()), 0);
	ck_assert(find_mapping(at, &entry));
	ck_assert_int_eq(entry.protection, PROT_NONE);
	ck_assert(!entry.shared);
	ck_assert_int_eq(sys_mapped(at, 3 * page_size()), 0);
	ck_assert_int_eq(sys_readable(at), -EFAULT);
	ck_assert_int_eq(munmap(at, 3 * page_size()), 0);
}
END_TEST

START_TEST(reserving_replaces_the_pages_and_keeps_the_neighbours)
{
	char *at = map_private(3 * page_size());

	require_no_valgrind("valgrind complains of what this test does on purpose");
	fill(at, 3 * page_size());
	ck_assert_int_eq(mapping_reserve(at + page_size(), page_size()), 0);
	ck_assert_int_eq(sys_readable(at + page_size()), -EFAULT);
	ck_assert_int_eq(sys_mapped(at, 3 * page_size()), 0);
	assert_filled(at, page_size());
	ck_assert_int_eq(sys_touch(at + 2 * page_size()), 0);
	/* Access given again shows that the bytes are gone. */
	ck_assert_int_eq(mprotect(at + page_size(), page_size(), PROT_READ), 0);
	assert_zeroed(at + page_size(), page_size());
}
END_TEST

START_TEST(addresses_that_nobody_has_are_enomem)
{
	void *at = NULL;

	require_no_valgrind("valgrind has an errno of its own for this");
	ck_assert_int_eq(
		mapping_new_reserve(&at, (SIZE_MAX - (SIZE_MAX >> 24)) & ~(page_size() - 1)),
		-ENOMEM);
	ck_assert_ptr_null(at);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		a_mapping_gets_what_is_asked_for_and_no_more,
		undo_takes_off_what_it_is_asked_to,
		the_guarantees_end_with_the_range,
		noswap_brings_every_page_into_memory,
		noswap_of_memory_to_be_filled_waits_for_the_first_touch,
		without_mlock2_memory_to_be_filled_is_locked_at_once,
		a_limit_that_forbids_a_lock_is_eagain,
		a_sandbox_that_forbids_a_lock_is_eopnotsupp,
		a_lock_that_fails_leaves_the_mapping_as_it_was,
		populate_maps_the_pages_that_are_in_memory,
		a_file_is_held_by_a_private_mapping_that_is_locked,
		a_file_is_not_held_without_noswap,
		a_hold_that_fails_leaves_nothing,
		reserved_addresses_are_taken_and_inaccessible,
		reserving_replaces_the_pages_and_keeps_the_neighbours,
		addresses_that_nobody_has_are_enomem,
	};

	return RUN_TESTS("mapping", tests);
}
