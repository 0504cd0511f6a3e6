/* SPDX-License-Identifier: MIT */

/*
 * Input that makes no sense, and machines that give less than was asked for. Whatever is wrong, the answer is
 * the documented errno, what `ret` pointed to is untouched, memory that existed is what it was, and the
 * count of descriptors and mappings is the same.
 */

#include "tests/support/sandbox.h"
#include "tests/support/support.h"

#include <stdlib.h>
#include <string.h>

/* No more than a page of any size is read of it, and a byte. */
static char buffer_of_bytes[(1 << 16) + 1];

/* What `ret` is while nothing has been written to it. */
static struct sealmem_region *untouched(void)
{
	return (struct sealmem_region *)(void *)buffer_of_bytes;
}

static void assert_not_new(const char *name, size_t size, unsigned guarantees, int error)
{
	struct sealmem_region *region = untouched();
	struct census before = take_census();

	ck_assert_int_eq(sealmem_region_new(&region, name, size, guarantees), error);
	ck_assert_ptr_eq(region, untouched());
	assert_same_census(before);
}

static void assert_not_new_from(const char *name, size_t size, unsigned guarantees, int error)
{
	struct sealmem_region *region = untouched();
	struct census before = take_census();

	ck_assert_int_eq(sealmem_region_new_from(&region, name, buffer_of_bytes, size, guarantees),
			 error);
	ck_assert_ptr_eq(region, untouched());
	assert_same_census(before);
}

static void assert_not_made(const char *name, size_t size, unsigned guarantees, int error)
{
	assert_not_new(name, size, guarantees, error);
	assert_not_new_from(name, size, guarantees, error);
}

/* A region that is made from no bytes is empty. */
START_TEST(a_capacity_of_zero_is_einval)
{
	assert_not_new("test", 0, SEALMEM_CONTENT, -EINVAL);
}
END_TEST

/* More than an address space has, by several powers of two. With 32 bits there is room for one power only, and s390x
 * has addresses of 64 bits. */
static size_t endless(unsigned bit)
{
#if defined(__s390x__)
	const bool all = true;
#else
	const bool all = sizeof(size_t) < sizeof(uint64_t);
#endif

	return all ? SIZE_MAX - (63 - bit) * 16 * page_size() : (size_t)(UINT64_C(1) << bit);
}

START_TEST(a_size_that_no_address_space_has_is_enomem)
{
	require_no_valgrind("valgrind has less address space, and another errno for it");
	assert_not_made("test", SIZE_MAX, SEALMEM_CONTENT, -ENOMEM);
	assert_not_made("test", endless(63), SEALMEM_CONTENT, -ENOMEM);
	assert_not_made("test", endless(62), SEALMEM_CONTENT, -ENOMEM);
	assert_not_new("test", endless(61), SEALMEM_CONTENT, -ENOMEM);
	assert_not_new("test", endless(61), SEALMEM_CONTENT | SEALMEM_GUARDS, -ENOMEM);
}
END_TEST

START_TEST(no_guarantees_are_einval)
{
	assert_not_made("test", 1, 0, -EINVAL);
}
END_TEST

START_TEST(guarantees_without_content_or_secrecy_are_einval)
{
	assert_not_made("test", 1, SEALMEM_ADDRESS, -EINVAL);
	assert_not_made("test", 1, SEALMEM_GUARANTEES & ~SEALMEM_CONTENT & ~SEALMEM_SECRECY,
			-EINVAL);
}
END_TEST

START_TEST(unknown_guarantees_are_einval)
{
	for (unsigned bit = SEALMEM_GUARANTEES + 1; bit != 0; bit <<= 1)
		assert_not_made("test", 1, SEALMEM_CONTENT | bit, -EINVAL);
}
END_TEST

START_TEST(no_name_is_einval)
{
	assert_not_made(NULL, 1, SEALMEM_CONTENT, -EINVAL);
}
END_TEST

START_TEST(nowhere_to_return_a_region_is_einval)
{
	struct census before = take_census();

	ck_assert_int_eq(sealmem_region_new(NULL, "test", 1, SEALMEM_CONTENT), -EINVAL);
	ck_assert_int_eq(sealmem_region_new_from(NULL, "test", "x", 1, SEALMEM_CONTENT), -EINVAL);
	assert_same_census(before);
}
END_TEST

START_TEST(no_bytes_are_einval)
{
	struct sealmem_region *region = untouched();
	const void *volatile none = NULL; /* the compiler warns of a plain NULL */

	ck_assert_int_eq(sealmem_region_new_from(&region, "test", none, 1, SEALMEM_CONTENT),
			 -EINVAL);
	ck_assert_ptr_eq(region, untouched());
}
END_TEST

START_TEST(a_name_of_the_documented_length_is_accepted)
{
	char name[SEALMEM_NAME_MAX + 1] = { 0 };
	SCOPED_REGION *region = NULL;

	memset(name, 'n', SEALMEM_NAME_MAX);
	region = sealed_region(name, 1, SEALMEM_CONTENT);
	assert_sealed(sealmem_region_data(region), 1);
}
END_TEST

START_TEST(a_longer_name_is_enametoolong)
{
	char name[SEALMEM_NAME_MAX + 2] = { 0 };

	memset(name, 'n', SEALMEM_NAME_MAX + 1);
	assert_not_made(name, 1, SEALMEM_CONTENT, -ENAMETOOLONG);
}
END_TEST

START_TEST(a_name_of_many_lines_is_einval)
{
	char name[301] = { 0 };

	memset(name, 'n', 300);
	for (size_t i = 9; i < 300; i += 10)
		name[i] = '\n';
	assert_not_made(name, 1, SEALMEM_CONTENT, -EINVAL);
}
END_TEST

/* One page of bytes, and one that cannot be read. */
static char *page_before_a_wall(void)
{
	char *at = map_private(2 * page_size());

	ck_assert_int_eq(mprotect(at + page_size(), page_size(), PROT_NONE), 0);
	fill(at, page_size());
	return at;
}

static void assert_unreadable(const char *bytes, size_t size, unsigned guarantees)
{
	struct sealmem_region *region = untouched();
	struct census before = take_census();

	ck_assert_int_eq(sealmem_region_new_from(&region, "test", bytes, size, guarantees),
			 -EFAULT);
	ck_assert_ptr_eq(region, untouched());
	assert_same_census(before);
}

START_TEST(bytes_that_cannot_be_read_are_efault)
{
	const char *bytes = page_before_a_wall();

	require_no_valgrind("valgrind complains of what this test does on purpose");
	assert_unreadable(bytes + page_size(), 1, SEALMEM_CONTENT);
	assert_unreadable(bytes + page_size(), 1, SEALMEM_CONTENT | SEALMEM_NOSWAP);
}
END_TEST

START_TEST(bytes_that_cannot_all_be_read_are_efault)
{
	const char *bytes = page_before_a_wall();

	require_no_valgrind("valgrind complains of what this test does on purpose");
	assert_unreadable(bytes + 1, page_size(), SEALMEM_CONTENT);
	assert_unreadable(bytes, 10 * page_size(), SEALMEM_CONTENT);
	assert_unreadable(bytes, 10 * page_size(), SEALMEM_CONTENT | SEALMEM_NOSWAP);
	assert_unreadable(bytes, (size_t)1 << 5 * sizeof(size_t), SEALMEM_CONTENT);
}
END_TEST

/* A private range that no seal has touched. */
static char *filled_range(size_t size)
{
	char *at = map_private(size);

	fill(at, size);
	return at;
}

static void assert_range_unchanged(char *at, size_t size)
{
	assert_filled(at, size);
	ck_assert_int_eq(sealmem_try_write(at, at, size), 0);
	ck_assert_int_eq(madvise(at, size, MADV_DONTNEED), 0);
	assert_zeroed(at, size);
}

START_TEST(noswap_without_permission_to_lock_is_eagain)
{
	become_plain_user();
	{
		SCOPED_LIMIT limit = set_limit(RLIMIT_MEMLOCK, 0);

		(void)limit;
		assert_not_made("test", 1, SEALMEM_CONTENT | SEALMEM_NOSWAP, -EAGAIN);
	}
}
END_TEST

START_TEST(noswap_above_the_limit_of_locked_memory_is_eagain)
{
	become_plain_user();
	{
		SCOPED_LIMIT limit = set_limit(RLIMIT_MEMLOCK, page_size());

		(void)limit;
		assert_not_made("test", page_size() + 1, SEALMEM_CONTENT | SEALMEM_NOSWAP, -EAGAIN);
	}
}
END_TEST

START_TEST(a_seal_that_may_not_lock_again_is_eagain)
{
	SCOPED_REGION *region = NULL;
	char *data;

	become_plain_user();
	SCOPED_LIMIT limit = set_limit(RLIMIT_MEMLOCK, page_size());
	region = open_region("test", page_size(), SEALMEM_CONTENT | SEALMEM_NOSWAP);
	data = sealmem_region_data(region);
	ck_assert_int_eq(sealmem_region_seal(region), -EAGAIN);
	assert_still_open(region, data, page_size());
	ck_assert(has_flag(data, "lo"));
	(void)limit;
}
END_TEST

START_TEST(a_seal_succeeds_once_it_may_lock_enough)
{
	SCOPED_REGION *region = NULL;

	become_plain_user();
	SCOPED_LIMIT limit = set_limit(RLIMIT_MEMLOCK, page_size());
	region = open_region("test", page_size(), SEALMEM_CONTENT | SEALMEM_NOSWAP);
	ck_assert_int_eq(sealmem_region_seal(region), -EAGAIN);
	set_limit(RLIMIT_MEMLOCK, 2 * page_size());
	ck_assert_int_eq(sealmem_region_seal(region), 0);
	assert_sealed(sealmem_region_data(region), page_size());
	(void)limit;
}
END_TEST

/* As programs do that lock what they need at the start and then give up the permission. */
START_TEST(a_seal_after_the_permission_to_lock_was_given_up_is_eagain)
{
	SCOPED_REGION *region = NULL;
	char *data;

	become_plain_user();
	region = open_region("test", page_size(), SEALMEM_CONTENT | SEALMEM_NOSWAP);
	data = sealmem_region_data(region);
	set_limit(RLIMIT_MEMLOCK, 0);
	ck_assert_int_eq(sealmem_region_seal(region), -EAGAIN);
	assert_still_open(region, data, page_size());
	ck_assert(has_flag(data, "lo"));
}
END_TEST

START_TEST(a_range_that_may_not_be_locked_is_eagain)
{
	char *at = filled_range(2 * page_size());
	struct census before = take_census();

	become_plain_user();
	set_limit(RLIMIT_MEMLOCK, page_size());
	ck_assert_int_eq(sealmem_seal_range(at, 2 * page_size(), SEALMEM_CONTENT | SEALMEM_NOSWAP),
			 -EAGAIN);
	assert_same_census(before);
	assert_range_unchanged(at, 2 * page_size());
}
END_TEST

static int new_with_descriptors(int free, struct sealmem_region **region)
{
	SCOPED_SHORTAGE shortage = leave_descriptors(free);

	(void)shortage;
	return sealmem_region_new(region, "test", 1, SEALMEM_CONTENT);
}

START_TEST(a_region_without_two_descriptors_is_emfile)
{
	struct census before = take_census();

	for (int free = 0; free < 2; free++) {
		struct sealmem_region *region = untouched();

		ck_assert_int_eq(new_with_descriptors(free, &region), -EMFILE);
		ck_assert_ptr_eq(region, untouched());
	}
	assert_same_census(before);
}
END_TEST

START_TEST(a_region_needs_no_more_than_two_descriptors)
{
	SCOPED_REGION *region = NULL;

	ck_assert_int_eq(new_with_descriptors(2, &region), 0);
}
END_TEST

static int from_with_descriptors(int free, unsigned guarantees, struct sealmem_region **region)
{
	SCOPED_SHORTAGE shortage = leave_descriptors(free);

	(void)shortage;
	return sealmem_region_new_from(region, "test", "x", 1, SEALMEM_CONTENT | guarantees);
}

START_TEST(a_region_from_bytes_without_a_descriptor_is_emfile)
{
	struct sealmem_region *region = untouched();
	struct census before = take_census();

	ck_assert_int_eq(from_with_descriptors(0, 0, &region), -EMFILE);
	ck_assert_int_eq(from_with_descriptors(0, SEALMEM_NOSWAP, &region), -EMFILE);
	ck_assert_int_eq(from_with_descriptors(1, SEALMEM_NOSWAP, &region), -EMFILE);
	ck_assert_ptr_eq(region, untouched());
	assert_same_census(before);
}
END_TEST

static int seal_with_descriptors(int free, struct sealmem_region *region)
{
	SCOPED_SHORTAGE shortage = leave_descriptors(free);

	(void)shortage;
	return sealmem_region_seal(region);
}

START_TEST(sealing_needs_no_descriptor)
{
	SCOPED_REGION *region = open_region("test", 1, SEALMEM_CONTENT | SEALMEM_NOSWAP);

	ck_assert_int_eq(seal_with_descriptors(0, region), 0);
}
END_TEST

static int fd_with_descriptors(int free, const struct sealmem_region *region)
{
	SCOPED_SHORTAGE shortage = leave_descriptors(free);

	(void)shortage;
	return sealmem_region_fd(region);
}

START_TEST(the_descriptor_of_a_region_from_bytes_needs_another_for_a_moment)
{
	SCOPED_REGION *region = region_from("x", 1, SEALMEM_CONTENT);
	struct census before = take_census();
	int fd;

	require_mapped_writer();
	ck_assert_int_eq(fd_with_descriptors(0, region), -EMFILE);
	fd = fd_with_descriptors(1, region);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fd_with_descriptors(0, region), fd);
	assert_same_census(before);
}
END_TEST

static int range_with_descriptors(int free, char *at, size_t size)
{
	SCOPED_SHORTAGE shortage = leave_descriptors(free);

	(void)shortage;
	return sealmem_seal_range(at, size, SEALMEM_CONTENT);
}

START_TEST(a_range_without_three_descriptors_is_emfile)
{
	size_t size = 2 * page_size();
	char *at = filled_range(size);
	struct census before = take_census();

	ck_assert_int_eq(range_with_descriptors(0, at, size), -EMFILE);
	ck_assert_int_eq(range_with_descriptors(1, at, size), -EMFILE);
	ck_assert_int_eq(range_with_descriptors(2, at, size), -EMFILE);
	assert_same_census(before);
	assert_range_unchanged(at, size);
}
END_TEST

START_TEST(a_range_needs_no_more_than_three_descriptors)
{
	char *at = filled_range(page_size());

	ck_assert_int_eq(range_with_descriptors(3, at, page_size()), 0);
	assert_sealed(at, page_size());
}
END_TEST

static int write_with_descriptors(int free, char *at)
{
	SCOPED_SHORTAGE shortage = leave_descriptors(free);

	(void)shortage;
	return sealmem_try_write(at, "x", 1);
}

START_TEST(trying_a_write_without_two_descriptors_is_emfile)
{
	char *at = filled_range(page_size());
	struct census before = take_census();

	ck_assert_int_eq(write_with_descriptors(0, at), -EMFILE);
	ck_assert_int_eq(write_with_descriptors(1, at), -EMFILE);
	assert_filled(at, page_size());
	ck_assert_int_eq(write_with_descriptors(2, at), 0);
	assert_same_census(before);
}
END_TEST

/* With NOSWAP the pages are locked before the first byte is there. */
START_TEST(a_buffer_that_cannot_be_read_is_efault_before_any_page_is_locked)
{
	SCOPED_LIMIT lowered = set_limit(RLIMIT_MEMLOCK, 4 * page_size());
	const unsigned locked = SEALMEM_CONTENT | SEALMEM_NOSWAP;
	struct sealmem_region *region = untouched();
	char *bytes = map_private(64 * page_size());
	struct census before;

	(void)lowered;
	become_plain_user();
	ck_assert_int_eq(sealmem_region_new_from(&region, "test", bytes, 64 * page_size(), locked),
			 -EAGAIN);
	munmap(bytes + 63 * page_size(), page_size());
	before = take_census();
	ck_assert_int_eq(sealmem_region_new_from(&region, "test", bytes, 64 * page_size(), locked),
			 -EFAULT);
	ck_assert_ptr_eq(region, untouched());
	assert_same_census(before);
}
END_TEST

/* The limit would hit the framework's own files too: no assertion while it is in force. */
static int new_with_file_limit(rlim_t limit, size_t size, struct sealmem_region **region)
{
	SCOPED_LIMIT lowered = set_limit(RLIMIT_FSIZE, limit);

	(void)lowered;
	return sealmem_region_new(region, "test", size, SEALMEM_CONTENT);
}

static int from_with_file_limit(rlim_t limit, size_t size, unsigned guarantees,
				struct sealmem_region **region)
{
	SCOPED_LIMIT lowered = set_limit(RLIMIT_FSIZE, limit);

	(void)lowered;
	return sealmem_region_new_from(region, "test", buffer_of_bytes, size, guarantees);
}

START_TEST(a_region_beyond_the_file_limit_is_efbig_without_a_signal)
{
	struct sealmem_region *region = untouched();
	struct census before = take_census();

	ck_assert_int_eq(new_with_file_limit(0, 1, &region), -EFBIG);
	ck_assert_int_eq(new_with_file_limit(page_size(), page_size() + 1, &region), -EFBIG);
	ck_assert_int_eq(from_with_file_limit(0, 1, SEALMEM_CONTENT, &region), -EFBIG);
	ck_assert_int_eq(from_with_file_limit(7, 8, SEALMEM_CONTENT | SEALMEM_NOSWAP, &region),
			 -EFBIG);
	ck_assert_ptr_eq(region, untouched());
	assert_same_census(before);
}
END_TEST

START_TEST(a_region_within_the_file_limit_is_given)
{
	SCOPED_REGION *region = NULL, *other = NULL;

	ck_assert_int_eq(new_with_file_limit(page_size() + 1, page_size() + 1, &region), 0);
	ck_assert_int_eq(from_with_file_limit(8, 8, SEALMEM_CONTENT, &other), 0);
}
END_TEST

static void *alloc_with_file_limit(rlim_t limit, struct sealmem_region *region, size_t size)
{
	SCOPED_LIMIT lowered = set_limit(RLIMIT_FSIZE, limit);

	(void)lowered;
	return sealmem_region_alloc(region, size, 1);
}

START_TEST(alloc_beyond_a_file_limit_that_was_lowered_is_given)
{
	SCOPED_REGION *region = empty_region(64 * page_size(), SEALMEM_CONTENT);

	ck_assert_ptr_nonnull(alloc_with_file_limit(page_size(), region, 2 * page_size()));
}
END_TEST

static int seal_with_file_limit(rlim_t limit, struct sealmem_region *region)
{
	SCOPED_LIMIT lowered = set_limit(RLIMIT_FSIZE, limit);

	(void)lowered;
	return sealmem_region_seal(region);
}

START_TEST(sealing_ignores_the_file_limit)
{
	SCOPED_REGION *region = empty_region(4 * page_size(), SEALMEM_CONTENT);

	ck_assert_ptr_nonnull(sealmem_region_alloc(region, page_size(), 1));
	ck_assert_int_eq(seal_with_file_limit(0, region), 0);
}
END_TEST

static int range_with_file_limit(rlim_t limit, char *at, size_t size)
{
	SCOPED_LIMIT lowered = set_limit(RLIMIT_FSIZE, limit);

	(void)lowered;
	return sealmem_seal_range(at, size, SEALMEM_CONTENT);
}

START_TEST(a_range_beyond_the_file_limit_is_efbig_without_a_signal)
{
	size_t size = 2 * page_size();
	char *at = filled_range(size);
	struct census before = take_census();

	ck_assert_int_eq(range_with_file_limit(size - 1, at, size), -EFBIG);
	assert_same_census(before);
	assert_range_unchanged(at, size);
}
END_TEST

static int new_without_address_space(size_t size, unsigned guarantees,
				     struct sealmem_region **region)
{
	SCOPED_LIMIT lowered = set_limit(RLIMIT_AS, address_space_in_use() + size / 2);

	(void)lowered;
	return sealmem_region_new(region, "test", size, guarantees);
}

START_TEST(a_region_without_address_space_is_enomem)
{
	struct sealmem_region *region = untouched();
	size_t size = (size_t)16 << 20;
	struct census before;

	require_own_address_space();
	before = take_census();
	ck_assert_int_eq(new_without_address_space(size, SEALMEM_CONTENT, &region), -ENOMEM);
	ck_assert_int_eq(new_without_address_space(size, SEALMEM_CONTENT | SEALMEM_GUARDS, &region),
			 -ENOMEM);
	ck_assert_ptr_eq(region, untouched());
	assert_same_census(before);
}
END_TEST

static int seal_without_address_space(struct sealmem_region *region)
{
	SCOPED_LIMIT lowered = set_limit(RLIMIT_AS, address_space_in_use());

	(void)lowered;
	return sealmem_region_seal(region);
}

START_TEST(sealing_needs_no_address_space)
{
	SCOPED_REGION *region = NULL;

	require_own_address_space();
	region = empty_region(64 * page_size(), SEALMEM_CONTENT | SEALMEM_GUARDS);
	ck_assert_ptr_nonnull(sealmem_region_alloc(region, page_size(), 1));
	ck_assert_int_eq(seal_without_address_space(region), 0);
}
END_TEST

START_TEST(sealing_with_noswap_and_without_address_space_is_enomem)
{
	SCOPED_REGION *region = NULL;
	size_t size = 4 * page_size();
	char *data;

	require_own_address_space();
	region = open_region("test", size, SEALMEM_CONTENT | SEALMEM_NOSWAP);
	data = sealmem_region_data(region);
	ck_assert_int_eq(seal_without_address_space(region), -ENOMEM);
	assert_still_open(region, data, size);
	ck_assert(has_flag(data, "lo"));
	ck_assert_int_eq(sealmem_region_seal(region), 0);
}
END_TEST

/* Mappings until the kernel gives no more: neighbours that differ, so that they cannot be merged. */
static char *take_all_mappings(size_t *ret)
{
	size_t pages = (size_t)1 << 18;
	char *at = mmap(NULL, pages * page_size(), PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t i = 1;

	ck_assert_ptr_ne(at, MAP_FAILED);
	while (i < pages && mprotect(at + i * page_size(), page_size(), PROT_READ) == 0)
		i += 2;
	*ret = pages * page_size();
	return i < pages ? at : NULL;
}

START_TEST(sealing_without_another_mapping_is_enomem)
{
	SCOPED_REGION *region = NULL;
	size_t taken;
	char *data, *all;
	int err;

	require_own_address_space();
	region = empty_region(4 * page_size(), SEALMEM_CONTENT);
	data = sealmem_region_alloc(region, page_size(), 1);
	fill(data, page_size());
	all = take_all_mappings(&taken);
	if (all == NULL)
		skip_test("more mappings than a test can use up");
	err = sealmem_region_seal(region);
	ck_assert_int_eq(munmap(all, taken), 0);
	ck_assert_int_eq(err, -ENOMEM);
	assert_still_open(region, data, page_size());
	ck_assert_int_eq(sealmem_region_seal(region), 0);
}
END_TEST

START_TEST(a_region_without_another_mapping_is_enomem)
{
	struct sealmem_region *region = untouched();
	size_t taken;
	char *all;
	int err;

	require_own_address_space();
	all = take_all_mappings(&taken);
	if (all == NULL)
		skip_test("more mappings than a test can use up");
	err = sealmem_region_new(&region, "test", 4 * page_size(),
				 SEALMEM_CONTENT | SEALMEM_GUARDS);
	ck_assert_int_eq(munmap(all, taken), 0);
	ck_assert_int_eq(err, -ENOMEM);
	ck_assert_ptr_eq(region, untouched());
}
END_TEST

START_TEST(a_range_without_another_mapping_is_enomem)
{
	size_t taken;
	char *at, *all;
	int err;

	require_own_address_space();
	at = filled_range(3 * page_size());
	all = take_all_mappings(&taken);
	if (all == NULL)
		skip_test("more mappings than a test can use up");
	err = sealmem_seal_range(at + page_size(), page_size(), SEALMEM_CONTENT);
	ck_assert_int_eq(munmap(all, taken), 0);
	ck_assert_int_eq(err, -ENOMEM);
	assert_range_unchanged(at, 3 * page_size());
}
END_TEST

/* A sandbox answers as one that forbids, or as a kernel that never had the call; each in a child, because
 * a filter stays. */
static void with_both_answers(int (*act)(void *error))
{
	int errors[] = { EPERM, ENOSYS };

	for (size_t i = 0; i < 2; i++)
		assert_child_succeeds(act, &errors[i]);
}

static void forbid_seals(int error)
{
	forbid_where(SYS_fcntl, error, &(struct condition){ 1, UINT32_MAX, F_ADD_SEALS }, 1);
}

static void assert_range_not_sealed(unsigned guarantees, int error)
{
	size_t size = 2 * page_size();
	char *at = filled_range(size);
	struct census before = take_census();

	ck_assert_int_eq(sealmem_seal_range(at, size, guarantees), error);
	assert_same_census(before);
	assert_range_unchanged(at, size);
}

static int without_memfd(void *error)
{
	forbid(SYS_memfd_create, *(int *)error);
	assert_not_made("test", 1, SEALMEM_CONTENT, -EOPNOTSUPP);
	assert_range_not_sealed(SEALMEM_CONTENT, -EOPNOTSUPP);
	return 0;
}

START_TEST(without_memfd_create_content_is_eopnotsupp)
{
	with_both_answers(without_memfd);
}
END_TEST

static int without_mseal(void *error)
{
	SCOPED_REGION *region = NULL;

	forbid(__NR_mseal, *(int *)error);
	assert_not_made("test", 1, SEALMEM_CONTENT | SEALMEM_ADDRESS, -EOPNOTSUPP);
	assert_range_not_sealed(SEALMEM_CONTENT | SEALMEM_ADDRESS, -EOPNOTSUPP);
	assert_range_not_sealed(SEALMEM_ADDRESS, -EOPNOTSUPP);
	region = sealed_region("test", 1, SEALMEM_CONTENT);
	assert_sealed(sealmem_region_data(region), 1);
	return 0;
}

START_TEST(without_mseal_address_is_eopnotsupp_and_content_is_given)
{
	with_both_answers(without_mseal);
}
END_TEST

static int without_file_seals(void *error)
{
	SCOPED_REGION *region = open_region("test", page_size(), SEALMEM_CONTENT);
	char *data = sealmem_region_data(region);
	struct census before = take_census();

	forbid_seals(*(int *)error);
	ck_assert_int_eq(sealmem_region_seal(region), -EOPNOTSUPP);
	assert_same_census(before);
	assert_still_open(region, data, page_size());
	assert_not_new_from("test", 1, SEALMEM_CONTENT, -EOPNOTSUPP);
	assert_range_not_sealed(SEALMEM_CONTENT, -EOPNOTSUPP);
	return 0;
}

START_TEST(without_file_seals_sealing_is_eopnotsupp)
{
	with_both_answers(without_file_seals);
}
END_TEST

static int without_answers_about_seals(void *error)
{
	SCOPED_REGION *region = open_region("test", page_size(), SEALMEM_CONTENT);
	char *data = sealmem_region_data(region);

	forbid_where(SYS_fcntl, *(int *)error, &(struct condition){ 1, UINT32_MAX, F_GET_SEALS },
		     1);
	ck_assert_int_eq(sealmem_region_seal(region), -EOPNOTSUPP);
	assert_still_open(region, data, page_size());
	assert_not_new_from("test", 1, SEALMEM_CONTENT, -EOPNOTSUPP);
	assert_range_not_sealed(SEALMEM_CONTENT, -EOPNOTSUPP);
	return 0;
}

START_TEST(a_seal_that_cannot_be_checked_is_eopnotsupp)
{
	with_both_answers(without_answers_about_seals);
}
END_TEST

static int without_advice(void *error)
{
	SCOPED_REGION *region = NULL;

	forbid(SYS_madvise, *(int *)error);
	assert_not_made("test", 1, SEALMEM_CONTENT | SEALMEM_NODUMP, -EOPNOTSUPP);
	assert_not_made("test", 1, SEALMEM_CONTENT | SEALMEM_NOFORK, -EOPNOTSUPP);
	assert_not_new("test", 1, SEALMEM_CONTENT, -EOPNOTSUPP);
	region = region_from("x", 1, SEALMEM_CONTENT);
	ck_assert_int_eq(sealmem_try_write(sealmem_region_data(region), "y", 1), -EFAULT);
	return 0;
}

START_TEST(without_madvise_the_guarantees_that_need_it_are_eopnotsupp)
{
	with_both_answers(without_advice);
}
END_TEST

static int range_without_advice(void *error)
{
	size_t size = 2 * page_size();
	char *at = filled_range(size);
	struct census before = take_census();

	forbid(SYS_madvise, *(int *)error);
	ck_assert_int_eq(sealmem_seal_range(at, size, SEALMEM_CONTENT | SEALMEM_NODUMP),
			 -EOPNOTSUPP);
	assert_same_census(before);
	assert_filled(at, size);
	ck_assert_int_eq(sealmem_try_write(at, at, size), 0);
	return 0;
}

START_TEST(without_madvise_a_range_with_nodump_is_eopnotsupp)
{
	with_both_answers(range_without_advice);
}
END_TEST

/* Neither the seal nor the roll-back is available. */
static struct sealmem_region *stuck_region(size_t size)
{
	struct sealmem_region *region = open_region("test", size, SEALMEM_CONTENT | SEALMEM_NODUMP);

	forbid(SYS_madvise, EPERM);
	ck_assert_int_eq(sealmem_region_seal(region), -ENOTRECOVERABLE);
	return region;
}

START_TEST(a_region_that_is_stuck_has_its_address_and_bytes)
{
	SCOPED_REGION *region = stuck_region(page_size());

	assert_filled(sealmem_region_data(region), page_size());
	ck_assert_uint_eq(sealmem_region_guarantees(region), 0);
	ck_assert_int_eq(sealmem_region_fd(region), -EPERM);
}
END_TEST

START_TEST(a_region_that_is_stuck_is_read_only)
{
	SCOPED_REGION *region = stuck_region(page_size());

	ck_assert_int_eq(sealmem_try_write(sealmem_region_data(region), "", 1), -EFAULT);
}
END_TEST

START_TEST(a_region_that_is_stuck_hands_out_nothing)
{
	SCOPED_REGION *region = stuck_region(page_size());

	ck_assert_ptr_null(sealmem_region_alloc(region, 1, 1));
	ck_assert_int_eq(errno, ENOTRECOVERABLE);
}
END_TEST

START_TEST(a_region_that_is_stuck_says_so_when_the_next_seal_fails_too)
{
	SCOPED_REGION *region = stuck_region(page_size());

	forbid(SYS_OWN_MMAP, ENOMEM);
	ck_assert_int_eq(sealmem_region_seal(region), -ENOTRECOVERABLE);
	assert_filled(sealmem_region_data(region), page_size());
}
END_TEST

START_TEST(a_region_that_is_stuck_can_be_freed)
{
	struct census before = take_census();

	ck_assert_ptr_null(sealmem_region_free(stuck_region(page_size())));
	assert_same_census(before);
}
END_TEST

static int without_locks(void *error)
{
	forbid(SYS_mlock, *(int *)error);
	forbid(SYS_mlock2, *(int *)error);
	assert_not_made("test", 1, SEALMEM_CONTENT | SEALMEM_NOSWAP, -EOPNOTSUPP);
	assert_range_not_sealed(SEALMEM_CONTENT | SEALMEM_NOSWAP, -EOPNOTSUPP);
	return 0;
}

START_TEST(without_mlock_noswap_is_eopnotsupp)
{
	with_both_answers(without_locks);
}
END_TEST

static int seal_without_mlock(void *error)
{
	SCOPED_REGION *region = open_region("test", page_size(), SEALMEM_CONTENT | SEALMEM_NOSWAP);
	char *data = sealmem_region_data(region);

	forbid(SYS_mlock, *(int *)error);
	ck_assert_int_eq(sealmem_region_seal(region), -EOPNOTSUPP);
	assert_still_open(region, data, page_size());
	ck_assert(has_flag(data, "lo"));
	return 0;
}

START_TEST(a_seal_that_can_no_longer_lock_is_eopnotsupp)
{
	with_both_answers(seal_without_mlock);
}
END_TEST

START_TEST(without_proc_a_region_is_eopnotsupp)
{
	hide_proc();
	assert_not_new("test", 1, SEALMEM_CONTENT, -EOPNOTSUPP);
	assert_not_made("test", 1, SEALMEM_CONTENT | SEALMEM_NOSWAP, -EOPNOTSUPP);
}
END_TEST

START_TEST(without_proc_a_region_from_bytes_is_given)
{
	SCOPED_REGION *region = NULL;

	require_mapped_writer();
	hide_proc();
	region = region_from("x", 1, SEALMEM_CONTENT | SEALMEM_GUARDS);
	ck_assert_int_eq(sealmem_try_write(sealmem_region_data(region), "y", 1), -EFAULT);
	ck_assert_int_eq(*(const char *)sealmem_region_data(region), 'x');
}
END_TEST

START_TEST(without_proc_the_descriptor_of_a_region_from_bytes_is_eopnotsupp)
{
	SCOPED_REGION *region = region_from("x", 1, SEALMEM_CONTENT);
	struct census before = take_census();

	require_mapped_writer();
	hide_proc();
	ck_assert_int_eq(sealmem_region_fd(region), -EOPNOTSUPP);
	assert_same_census(before);
}
END_TEST

START_TEST(without_proc_a_region_of_before_is_sealed)
{
	SCOPED_REGION *region = open_region("test", page_size(), SEALMEM_CONTENT | SEALMEM_NOSWAP);

	hide_proc();
	ck_assert_int_eq(sealmem_region_seal(region), 0);
	assert_sealed(sealmem_region_data(region), page_size());
	ck_assert_int_ge(sealmem_region_fd(region), 0);
}
END_TEST

START_TEST(without_proc_a_range_with_content_is_eopnotsupp)
{
	hide_proc();
	assert_range_not_sealed(SEALMEM_CONTENT, -EOPNOTSUPP);
}
END_TEST

START_TEST(without_proc_a_range_with_address_is_given)
{
	char *at = filled_range(page_size());

	require_mseal();
	hide_proc();
	ck_assert_int_eq(sealmem_seal_range(at, page_size(), SEALMEM_ADDRESS), 0);
	ck_assert_int_eq(munmap(at, page_size()), -1);
}
END_TEST

START_TEST(without_proc_a_write_can_be_tried)
{
	char *at = filled_range(page_size());

	hide_proc();
	ck_assert_int_eq(sealmem_try_write(at, "x", 1), 0);
	ck_assert_int_eq(mprotect(at, page_size(), PROT_READ), 0);
	ck_assert_int_eq(sealmem_try_write(at, "x", 1), -EFAULT);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		a_capacity_of_zero_is_einval,
		a_size_that_no_address_space_has_is_enomem,
		no_guarantees_are_einval,
		guarantees_without_content_or_secrecy_are_einval,
		unknown_guarantees_are_einval,
		no_name_is_einval,
		nowhere_to_return_a_region_is_einval,
		no_bytes_are_einval,
		a_name_of_the_documented_length_is_accepted,
		a_longer_name_is_enametoolong,
		a_name_of_many_lines_is_einval,
		bytes_that_cannot_be_read_are_efault,
		bytes_that_cannot_all_be_read_are_efault,
		noswap_without_permission_to_lock_is_eagain,
		noswap_above_the_limit_of_locked_memory_is_eagain,
		a_seal_that_may_not_lock_again_is_eagain,
		a_seal_succeeds_once_it_may_lock_enough,
		a_seal_after_the_permission_to_lock_was_given_up_is_eagain,
		a_range_that_may_not_be_locked_is_eagain,
		a_region_without_two_descriptors_is_emfile,
		a_region_needs_no_more_than_two_descriptors,
		a_region_from_bytes_without_a_descriptor_is_emfile,
		sealing_needs_no_descriptor,
		the_descriptor_of_a_region_from_bytes_needs_another_for_a_moment,
		a_range_without_three_descriptors_is_emfile,
		a_range_needs_no_more_than_three_descriptors,
		trying_a_write_without_two_descriptors_is_emfile,
		a_buffer_that_cannot_be_read_is_efault_before_any_page_is_locked,
		a_region_beyond_the_file_limit_is_efbig_without_a_signal,
		a_region_within_the_file_limit_is_given,
		alloc_beyond_a_file_limit_that_was_lowered_is_given,
		sealing_ignores_the_file_limit,
		a_range_beyond_the_file_limit_is_efbig_without_a_signal,
		a_region_without_address_space_is_enomem,
		sealing_needs_no_address_space,
		sealing_with_noswap_and_without_address_space_is_enomem,
		sealing_without_another_mapping_is_enomem,
		a_region_without_another_mapping_is_enomem,
		a_range_without_another_mapping_is_enomem,
		without_memfd_create_content_is_eopnotsupp,
		without_mseal_address_is_eopnotsupp_and_content_is_given,
		without_file_seals_sealing_is_eopnotsupp,
		a_seal_that_cannot_be_checked_is_eopnotsupp,
		without_madvise_the_guarantees_that_need_it_are_eopnotsupp,
		without_madvise_a_range_with_nodump_is_eopnotsupp,
		a_region_that_is_stuck_has_its_address_and_bytes,
		a_region_that_is_stuck_is_read_only,
		a_region_that_is_stuck_hands_out_nothing,
		a_region_that_is_stuck_says_so_when_the_next_seal_fails_too,
		a_region_that_is_stuck_can_be_freed,
		without_mlock_noswap_is_eopnotsupp,
		a_seal_that_can_no_longer_lock_is_eopnotsupp,
		without_proc_a_region_is_eopnotsupp,
		without_proc_a_region_from_bytes_is_given,
		without_proc_the_descriptor_of_a_region_from_bytes_is_eopnotsupp,
		without_proc_a_region_of_before_is_sealed,
		without_proc_a_range_with_content_is_eopnotsupp,
		without_proc_a_range_with_address_is_given,
		without_proc_a_write_can_be_tried,
	};

	return RUN_TESTS("limits", tests);
}
