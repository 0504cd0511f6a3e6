/* SPDX-License-Identifier: MIT */

/*
 * What a region promises whatever its guarantees: memory that is handed out, sealed where it is, passed on
 * by a descriptor and given back.
 */

#include "tests/support/sandbox.h"
#include "lib/memfd.h"
#include "tests/support/support.h"

#include <signal.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

START_TEST(a_new_region_is_zeroed)
{
	SCOPED_REGION *region = empty_region(3 * page_size(), SEALMEM_CONTENT);

	assert_zeroed(sealmem_region_data(region), 3 * page_size());
}
END_TEST

START_TEST(a_new_region_begins_at_a_page)
{
	SCOPED_REGION *region = empty_region(1, SEALMEM_CONTENT);

	ck_assert_uint_eq((uintptr_t)sealmem_region_data(region) % page_size(), 0);
}
END_TEST

START_TEST(a_region_has_its_name)
{
	SCOPED_REGION *region = empty_region(1, SEALMEM_CONTENT);
	struct maps_entry entry;

	ck_assert(find_mapping(sealmem_region_data(region), &entry));
	ck_assert_str_eq(entry.name, "/memfd:sealmem:test (deleted)");
	ck_assert_str_eq(sealmem_region_name(region), "test");
}
END_TEST

START_TEST(sealing_keeps_bytes_and_address)
{
	SCOPED_REGION *region = open_region("test", 3 * page_size(), SEALMEM_CONTENT);
	char *data = sealmem_region_data(region);

	ck_assert_int_eq(sealmem_region_seal(region), 0);
	ck_assert_ptr_eq(sealmem_region_data(region), data);
	assert_sealed(data, 3 * page_size());
}
END_TEST

struct node {
	struct node *next;
	int value;
};

START_TEST(pointers_inside_a_region_stay_valid)
{
	SCOPED_REGION *region = empty_region(4 * page_size(), SEALMEM_CONTENT);
	const struct node *first;
	struct node *list = NULL;
	int expected = 200;

	while (expected > 0) {
		struct node *node = sealmem_region_alloc(region, sizeof(*node), 0);

		ck_assert_ptr_nonnull(node);
		*node = (struct node){ .next = list, .value = expected-- };
		list = node;
	}
	first = list;
	ck_assert_int_eq(sealmem_region_seal(region), 0);
	for (const struct node *n = first; n != NULL; n = n->next)
		ck_assert_int_eq(n->value, ++expected);
	ck_assert_int_eq(expected, 200);
}
END_TEST

START_TEST(alloc_aligns_as_asked)
{
	for (size_t align = 1; align <= 16 * page_size(); align *= 2) {
		SCOPED_REGION *region = empty_region(64 * page_size(), SEALMEM_CONTENT);

		ck_assert_ptr_nonnull(sealmem_region_alloc(region, 1, 1));
		ck_assert_uint_eq((uintptr_t)sealmem_region_alloc(region, 1, align) % align, 0);
	}
}
END_TEST

START_TEST(alloc_without_alignment_suits_every_type)
{
	SCOPED_REGION *region = empty_region(page_size(), SEALMEM_CONTENT);

	ck_assert_ptr_nonnull(sealmem_region_alloc(region, 1, 1));
	ck_assert_uint_eq((uintptr_t)sealmem_region_alloc(region, 1, 0) % alignof(max_align_t), 0);
}
END_TEST

START_TEST(alloc_hands_out_each_byte_once)
{
	SCOPED_REGION *region = empty_region(300, SEALMEM_CONTENT);
	char *data = sealmem_region_data(region);

	for (size_t i = 0; i < 300; i++)
		ck_assert_ptr_eq(sealmem_region_alloc(region, 1, 1), data + i);
}
END_TEST

START_TEST(alloc_hands_out_zeroed_memory)
{
	SCOPED_REGION *region = empty_region(page_size(), SEALMEM_CONTENT);
	const char *memory = sealmem_region_alloc(region, page_size(), 1);

	ck_assert_ptr_nonnull(memory);
	assert_zeroed(memory, page_size());
}
END_TEST

START_TEST(alloc_gives_the_whole_capacity)
{
	size_t capacity = 5 * page_size() + 7;
	SCOPED_REGION *region = empty_region(capacity, SEALMEM_CONTENT);
	char *memory = sealmem_region_alloc(region, capacity, 1);

	ck_assert_ptr_nonnull(memory);
	fill(memory, capacity);
	assert_filled(memory, capacity);
}
END_TEST

static void assert_no_alloc(struct sealmem_region *region, size_t size, size_t align, int error)
{
	size_t before = sealmem_region_size(region);

	errno = 0;
	ck_assert_ptr_null(sealmem_region_alloc(region, size, align));
	ck_assert_int_eq(errno, error);
	ck_assert_uint_eq(sealmem_region_size(region), before);
}

START_TEST(alloc_beyond_the_capacity_is_enomem)
{
	SCOPED_REGION *region = empty_region(100, SEALMEM_CONTENT);

	assert_no_alloc(region, 101, 1, ENOMEM);
	ck_assert_ptr_nonnull(sealmem_region_alloc(region, 60, 1));
	assert_no_alloc(region, 41, 1, ENOMEM);
	ck_assert_ptr_nonnull(sealmem_region_alloc(region, 40, 1));
	assert_no_alloc(region, 1, 1, ENOMEM);
}
END_TEST

START_TEST(alloc_beyond_the_capacity_by_alignment_is_enomem)
{
	SCOPED_REGION *region = empty_region(page_size() + 8, SEALMEM_CONTENT);

	ck_assert_ptr_nonnull(sealmem_region_alloc(region, 1, 1));
	assert_no_alloc(region, 9, page_size(), ENOMEM);
	ck_assert_ptr_nonnull(sealmem_region_alloc(region, 8, page_size()));
}
END_TEST

START_TEST(alloc_of_absurd_sizes_is_enomem)
{
	SCOPED_REGION *region = empty_region(page_size(), SEALMEM_CONTENT);

	ck_assert_ptr_nonnull(sealmem_region_alloc(region, 1, 1));
	assert_no_alloc(region, SIZE_MAX, 1, ENOMEM);
	assert_no_alloc(region, SIZE_MAX, 0, ENOMEM);
	assert_no_alloc(region, SIZE_MAX / 2 + 1, 1, ENOMEM);
	assert_no_alloc(region, 1, SIZE_MAX / 2 + 1, ENOMEM);
}
END_TEST

START_TEST(alloc_of_nothing_is_einval)
{
	SCOPED_REGION *region = empty_region(page_size(), SEALMEM_CONTENT);

	assert_no_alloc(region, 0, 1, EINVAL);
}
END_TEST

START_TEST(alloc_at_no_power_of_two_is_einval)
{
	SCOPED_REGION *region = empty_region(page_size(), SEALMEM_CONTENT);

	assert_no_alloc(region, 1, 3, EINVAL);
	assert_no_alloc(region, 1, SIZE_MAX, EINVAL);
}
END_TEST

START_TEST(alloc_in_no_region_is_einval)
{
	assert_no_alloc(NULL, 1, 1, EINVAL);
}
END_TEST

START_TEST(alloc_after_the_seal_is_eperm)
{
	SCOPED_REGION *region = empty_region(page_size(), SEALMEM_CONTENT);
	SCOPED_REGION *other = region_from("x", 1, SEALMEM_CONTENT);

	ck_assert_ptr_nonnull(sealmem_region_alloc(region, 1, 1));
	ck_assert_int_eq(sealmem_region_seal(region), 0);
	assert_no_alloc(region, 1, 1, EPERM);
	assert_no_alloc(other, 1, 1, EPERM);
}
END_TEST

START_TEST(alloc_sets_memory_aside_before_it_is_touched)
{
	SCOPED_REGION *region = empty_region(1000 * page_size(), SEALMEM_CONTENT);

	ck_assert_int_eq(status_of("test").st_blocks, 0);
	ck_assert_ptr_nonnull(sealmem_region_alloc(region, 100 * page_size(), 1));
	ck_assert_int_ge(status_of("test").st_blocks * 512, (blkcnt_t)(100 * page_size()));
}
END_TEST

START_TEST(the_seal_gives_back_memory_that_was_not_handed_out)
{
	SCOPED_REGION *region = empty_region(1000 * page_size(), SEALMEM_CONTENT);

	ck_assert_ptr_nonnull(sealmem_region_alloc(region, page_size() + 1, 1));
	ck_assert_int_eq(sealmem_region_seal(region), 0);
	ck_assert_int_eq(status_of("test").st_blocks * 512, (blkcnt_t)(2 * page_size()));
}
END_TEST

static size_t resident(void)
{
	CLEANUP(close_fd_at) int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	char text[128] = "", *rest;

	ck_assert_int_gt((int)read(fd, text, sizeof(text) - 1), 0);
	(void)strtoul(text, &rest, 10);
	return strtoul(rest, NULL, 10) * page_size();
}

/* 64 GiB, or 64 MiB where an address has 32 bits. */
#define LARGE ((size_t)64 << (sizeof(size_t) == 8 ? 30 : 20))

START_TEST(a_large_capacity_costs_nothing_until_it_is_touched)
{
	size_t before = resident();
	SCOPED_REGION *region = NULL;

	require_no_valgrind("valgrind has less address space");
	region = empty_region(LARGE, SEALMEM_CONTENT);
	ck_assert_ptr_nonnull(sealmem_region_data(region));
	ck_assert_uint_lt(resident(), before + (1 << 20));
	ck_assert_int_eq(status_of("test").st_blocks, 0);
}
END_TEST

START_TEST(a_large_capacity_can_be_sealed_after_little_use)
{
	SCOPED_REGION *region = NULL;
	char *memory;

	require_no_valgrind("valgrind has less address space");
	region = empty_region(LARGE, SEALMEM_CONTENT | SEALMEM_GUARDS);
	memory = sealmem_region_alloc(region, page_size(), 0);
	fill(memory, page_size());
	ck_assert_int_eq(sealmem_region_seal(region), 0);
	assert_sealed(memory, page_size());
}
END_TEST

START_TEST(the_size_without_alloc_is_the_capacity)
{
	SCOPED_REGION *region = empty_region(page_size() + 7, SEALMEM_CONTENT);

	ck_assert_uint_eq(sealmem_region_size(region), page_size() + 7);
	ck_assert_int_eq(sealmem_region_seal(region), 0);
	ck_assert_uint_eq(sealmem_region_size(region), page_size() + 7);
}
END_TEST

START_TEST(the_size_is_what_alloc_has_handed_out_with_gaps)
{
	SCOPED_REGION *region = empty_region(4 * page_size(), SEALMEM_CONTENT);

	ck_assert_ptr_nonnull(sealmem_region_alloc(region, 3, 1));
	ck_assert_uint_eq(sealmem_region_size(region), 3);
	ck_assert_ptr_nonnull(sealmem_region_alloc(region, 5, 64));
	ck_assert_uint_eq(sealmem_region_size(region), 64 + 5);
	ck_assert_int_eq(sealmem_region_seal(region), 0);
	ck_assert_uint_eq(sealmem_region_size(region), 64 + 5);
}
END_TEST

static void assert_file_size(struct sealmem_region *region)
{
	struct stat status;

	ck_assert_int_eq(sealmem_region_seal(region), 0);
	ck_assert_int_eq(fstat(sealmem_region_fd(region), &status), 0);
	ck_assert_uint_eq((size_t)status.st_size, sealmem_region_size(region));
}

START_TEST(the_file_is_as_long_as_the_region)
{
	SCOPED_REGION *whole = empty_region(page_size() + 7, SEALMEM_CONTENT);
	SCOPED_REGION *part = empty_region(9 * page_size(), SEALMEM_CONTENT);
	SCOPED_REGION *bytes = region_from("bytes", 5, SEALMEM_CONTENT);

	ck_assert_ptr_nonnull(sealmem_region_alloc(part, page_size() + 3, 1));
	assert_file_size(whole);
	assert_file_size(part);
	assert_file_size(bytes);
}
END_TEST

START_TEST(an_open_region_gives_no_descriptor)
{
	SCOPED_REGION *region = empty_region(1, SEALMEM_CONTENT);

	ck_assert_int_eq(sealmem_region_fd(region), -EPERM);
}
END_TEST

START_TEST(the_descriptor_of_a_sealed_region_is_read_only)
{
	SCOPED_REGION *region = sealed_region("test", 1, SEALMEM_CONTENT);
	SCOPED_REGION *other = region_from("x", 1, SEALMEM_CONTENT);

	ck_assert_int_eq(fcntl(sealmem_region_fd(region), F_GETFL) & O_ACCMODE, O_RDONLY);
	ck_assert_int_eq(fcntl(sealmem_region_fd(other), F_GETFL) & O_ACCMODE, O_RDONLY);
}
END_TEST

START_TEST(the_descriptor_is_closed_on_exec)
{
	SCOPED_REGION *region = sealed_region("test", 1, SEALMEM_CONTENT);
	SCOPED_REGION *other = region_from("x", 1, SEALMEM_CONTENT);

	ck_assert_int_eq(fcntl(sealmem_region_fd(region), F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(sealmem_region_fd(other), F_GETFD), FD_CLOEXEC);
}
END_TEST

START_TEST(the_descriptor_stays_the_same)
{
	SCOPED_REGION *region = region_from("x", 1, SEALMEM_CONTENT);
	struct census before = take_census();
	int fd = sealmem_region_fd(region);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(sealmem_region_fd(region), fd);
	assert_same_census(before);
}
END_TEST

START_TEST(the_descriptor_reads_the_bytes)
{
	SCOPED_REGION *region = sealed_region("test", 100, SEALMEM_CONTENT);
	char bytes[100];

	ck_assert_int_eq((int)pread(sealmem_region_fd(region), bytes, 100, 0), 100);
	assert_filled(bytes, 100);
}
END_TEST

/* One, where the library knows from an earlier region that it will do. */
static int descriptors_while_open(void)
{
	return memfd_lesson_holds(&memfd_writer_maps_sealed) ? 1 : 2;
}

START_TEST(every_descriptor_of_an_open_region_is_closed_on_exec)
{
	SCOPED_REGION *region = NULL;
	int first = dup(STDERR_FILENO), found = 0;

	close(first);
	region = empty_region(1, SEALMEM_CONTENT);
	for (int fd = first; fcntl(fd, F_GETFD) >= 0; fd++, found++)
		ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(found, descriptors_while_open());
}
END_TEST

START_TEST(a_region_takes_one_descriptor_sealed_and_one_more_open)
{
	struct census before = take_census();
	SCOPED_REGION *region = empty_region(1, SEALMEM_CONTENT);

	ck_assert_int_eq(take_census().descriptors, before.descriptors + descriptors_while_open());
	ck_assert_int_eq(sealmem_region_seal(region), 0);
	ck_assert_int_eq(take_census().descriptors, before.descriptors + 1);
}
END_TEST

START_TEST(after_an_earlier_region_one_descriptor_is_enough)
{
	struct census before;
	SCOPED_REGION *region = NULL;

	require_mapped_writer();
	seal_earlier_region();
	before = take_census();
	region = empty_region(1, SEALMEM_CONTENT);
	ck_assert_int_eq(take_census().descriptors, before.descriptors + 1);
}
END_TEST

/* A private one would be sealed against nobody: its pages can be replaced. */
START_TEST(after_an_earlier_region_a_sealed_one_is_mapped_shared)
{
	SCOPED_REGION *region = NULL;
	struct maps_entry entry;

	seal_earlier_region();
	region = sealed_region("test", 3 * page_size(), SEALMEM_CONTENT);
	ck_assert(find_mapping(sealmem_region_data(region), &entry));
	ck_assert(entry.shared);
	assert_sealed(sealmem_region_data(region), 3 * page_size());
	ck_assert_int_ge(sealmem_region_fd(region), 0);
}
END_TEST

START_TEST(sealing_twice_changes_nothing)
{
	SCOPED_REGION *region = sealed_region("test", page_size(), SEALMEM_CONTENT);
	struct census before = take_census();
	int fd = sealmem_region_fd(region);

	ck_assert_int_eq(sealmem_region_seal(region), 0);
	assert_same_census(before);
	ck_assert_int_eq(sealmem_region_fd(region), fd);
	assert_sealed(sealmem_region_data(region), page_size());
}
END_TEST

START_TEST(sealing_nothing_is_einval)
{
	ck_assert_int_eq(sealmem_region_seal(NULL), -EINVAL);
}
END_TEST

START_TEST(no_region_has_no_data_size_name_guarantees_or_descriptor)
{
	ck_assert_ptr_null(sealmem_region_data(NULL));
	ck_assert_uint_eq(sealmem_region_size(NULL), 0);
	ck_assert_ptr_null(sealmem_region_name(NULL));
	ck_assert_uint_eq(sealmem_region_guarantees(NULL), 0);
	ck_assert_int_eq(sealmem_region_fd(NULL), -EINVAL);
}
END_TEST

START_TEST(freeing_nothing_returns_nothing)
{
	ck_assert_ptr_null(sealmem_region_free(NULL));
}
END_TEST

START_TEST(freeing_an_open_region_gives_everything_back)
{
	struct census before;

	ck_assert_ptr_null(sealmem_region_free(empty_region(page_size(), SEALMEM_CONTENT)));
	before = take_census();
	ck_assert_ptr_null(sealmem_region_free(empty_region(page_size(), SEALMEM_CONTENT)));
	assert_same_census(before);
}
END_TEST

START_TEST(freeing_a_sealed_region_gives_everything_back)
{
	struct sealmem_region *region = sealed_region("test", page_size(), SEALMEM_CONTENT);
	const char *data;
	struct census before;

	ck_assert_ptr_null(sealmem_region_free(region));
	before = take_census();
	region = sealed_region("test", page_size(), SEALMEM_CONTENT);
	data = sealmem_region_data(region);
	ck_assert(is_mapped(data));
	ck_assert_ptr_null(sealmem_region_free(region));
	ck_assert(!is_mapped(data));
	assert_same_census(before);
}
END_TEST

START_TEST(freeing_a_region_that_was_used_in_part_gives_everything_back)
{
	unsigned guarantees = SEALMEM_CONTENT | SEALMEM_GUARDS;
	struct census before;

	for (int round = 0; round < 2; round++) {
		struct sealmem_region *region = empty_region(9 * page_size(), guarantees);

		before = round == 0 ? take_census() : before;
		ck_assert_ptr_nonnull(sealmem_region_alloc(region, 1, 1));
		ck_assert_int_eq(sealmem_region_seal(region), 0);
		if (round == 0)
			before = take_census();
		ck_assert_ptr_null(sealmem_region_free(region));
		if (round == 0)
			before = take_census();
	}
	assert_same_census(before);
}
END_TEST

START_TEST(memory_with_a_sealed_address_survives_the_free)
{
	struct sealmem_region *region = NULL;
	char *data;

	require_mseal();
	region = sealed_region("test", 2 * page_size(), SEALMEM_CONTENT | SEALMEM_ADDRESS);
	data = sealmem_region_data(region);
	ck_assert_ptr_null(sealmem_region_free(region));
	assert_sealed(data, 2 * page_size());
	ck_assert_int_eq(munmap(data, 2 * page_size()), -1);
	ck_assert_int_eq(errno, EPERM);
}
END_TEST

START_TEST(freeing_a_sealed_address_gives_back_descriptors_and_unused_addresses)
{
	struct census before = take_census();
	struct sealmem_region *region;
	const char *data;

	require_mseal();
	region = empty_region(9 * page_size(), SEALMEM_CONTENT | SEALMEM_ADDRESS | SEALMEM_GUARDS);
	data = sealmem_region_alloc(region, page_size(), 1);
	ck_assert_int_eq(sealmem_region_seal(region), 0);
	ck_assert_ptr_null(sealmem_region_free(region));
	ck_assert_int_eq(take_census().descriptors, before.descriptors);
	ck_assert(is_mapped(data - 1));
	ck_assert(is_mapped(data + page_size()));
	ck_assert(!is_mapped(data + 2 * page_size()));
}
END_TEST

START_TEST(an_open_region_with_address_can_be_freed_without_trace)
{
	unsigned guarantees = SEALMEM_CONTENT | SEALMEM_ADDRESS;
	struct census before;

	require_mseal();
	ck_assert_ptr_null(sealmem_region_free(empty_region(1, guarantees)));
	before = take_census();
	ck_assert_ptr_null(sealmem_region_free(empty_region(1, guarantees)));
	assert_same_census(before);
}
END_TEST

START_TEST(from_bytes_takes_a_copy)
{
	char bytes[100];
	SCOPED_REGION *region = NULL;

	fill(bytes, sizeof(bytes));
	region = region_from(bytes, sizeof(bytes), SEALMEM_CONTENT);
	memset(bytes, 0, sizeof(bytes));
	assert_sealed(sealmem_region_data(region), sizeof(bytes));
}
END_TEST

START_TEST(from_bytes_takes_bytes_of_a_sealed_region)
{
	SCOPED_REGION *first = sealed_region("test", page_size(), SEALMEM_CONTENT);
	SCOPED_REGION *second = region_from(sealmem_region_data(first), page_size(),
					    SEALMEM_CONTENT | SEALMEM_NOSWAP);

	assert_sealed(sealmem_region_data(second), page_size());
}
END_TEST

START_TEST(from_bytes_takes_megabytes)
{
	size_t size = 4 << 20;
	char *bytes = map_private(size);
	SCOPED_REGION *region = NULL;

	fill(bytes, size);
	region = region_from(bytes, size, SEALMEM_CONTENT);
	assert_filled(sealmem_region_data(region), size);
}
END_TEST

/* Linux 5.10.223 and early 6.12 refuse to map a write-sealed file through the descriptor that wrote it. */
START_TEST(from_bytes_reopens_where_the_kernel_wants_a_reader)
{
	SCOPED_REGION *region = NULL;
	int next = dup(STDERR_FILENO);
	struct condition conditions[] = { { 2, UINT32_MAX, PROT_READ },
					  { 3, MAP_SHARED, MAP_SHARED },
					  { 4, UINT32_MAX, (uint32_t)next } };

	close(next);
	forbid_where(SYS_OWN_MMAP, EPERM, conditions, 3);
	region = region_from("x", 1, SEALMEM_CONTENT);
	ck_assert_int_ne(sealmem_region_fd(region), next);
	ck_assert_int_eq(*(const char *)sealmem_region_data(region), 'x');
	ck_assert_int_eq(sealmem_try_write(sealmem_region_data(region), "y", 1), -EFAULT);
}
END_TEST

static const unsigned kinds[] = { SEALMEM_CONTENT, SEALMEM_CONTENT | SEALMEM_NOSWAP,
				  SEALMEM_SECRECY };

#define KINDS (sizeof(kinds) / sizeof(*kinds))

/* Skips a kind of region that this kernel does not have, or that a plain user may not lock. */
static struct sealmem_region *region_of_kind(size_t i, size_t capacity)
{
	struct sealmem_region *region = NULL;
	int err;

	if (kinds[i] & ~sealmem_supported())
		return NULL;
	err = sealmem_region_new(&region, "test", capacity, kinds[i]);
	if (err == -EAGAIN && geteuid() != 0)
		return NULL;
	ck_assert_int_eq(err, 0);
	return region;
}

START_TEST(realloc_grows_the_last_piece_where_it_is)
{
	for (size_t i = 0; i < KINDS; i++) {
		SCOPED_REGION *region = region_of_kind(i, 100 * page_size());
		char *piece = region != NULL ? sealmem_region_alloc(region, 10, 1) : NULL;

		if (region == NULL)
			continue;
		fill(piece, 10);
		ck_assert_ptr_eq(sealmem_region_realloc(region, piece, 90 * page_size()), piece);
		assert_filled(piece, 10);
		assert_zeroed(piece + 10, 90 * page_size() - 10);
		ck_assert_uint_eq(sealmem_region_size(region), 90 * page_size());
	}
}
END_TEST

START_TEST(realloc_sets_memory_aside)
{
	SCOPED_REGION *region = empty_region(100 * page_size(), SEALMEM_CONTENT);
	char *piece = sealmem_region_alloc(region, 1, 1);

	ck_assert_ptr_nonnull(sealmem_region_realloc(region, piece, 90 * page_size()));
	ck_assert_int_ge(status_of("test").st_blocks * 512, 90 * (long)page_size());
}
END_TEST

START_TEST(realloc_zeroes_what_the_piece_loses)
{
	SCOPED_REGION *region = empty_region(page_size(), SEALMEM_CONTENT);
	char *piece = sealmem_region_alloc(region, 100, 1), *next;

	fill(piece, 100);
	ck_assert_ptr_eq(sealmem_region_realloc(region, piece, 40), piece);
	ck_assert_uint_eq(sealmem_region_size(region), 40);
	next = sealmem_region_alloc(region, 60, 1);
	ck_assert_ptr_eq(next, piece + 40);
	assert_filled(piece, 40);
	assert_zeroed(next, 60);
}
END_TEST

START_TEST(realloc_of_nothing_is_alloc)
{
	SCOPED_REGION *region = empty_region(page_size(), SEALMEM_CONTENT);

	ck_assert_ptr_eq(sealmem_region_realloc(region, NULL, 8), sealmem_region_data(region));
	ck_assert_uint_eq(sealmem_region_size(region), 8);
}
END_TEST

START_TEST(realloc_beyond_the_capacity_is_enomem)
{
	SCOPED_REGION *region = empty_region(100, SEALMEM_CONTENT);
	char *piece = sealmem_region_alloc(region, 50, 1);

	fill(piece, 50);
	ck_assert_ptr_null(sealmem_region_realloc(region, piece, 101));
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_ptr_null(sealmem_region_realloc(region, piece, SIZE_MAX / 2));
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_uint_eq(sealmem_region_size(region), 50);
	assert_filled(piece, 50);
	ck_assert_ptr_eq(sealmem_region_realloc(region, piece, 100), piece);
}
END_TEST

START_TEST(realloc_of_another_piece_is_einval)
{
	SCOPED_REGION *region = empty_region(100, SEALMEM_CONTENT);
	char *first = sealmem_region_alloc(region, 8, 1);
	char *last = sealmem_region_alloc(region, 8, 1);

	ck_assert_ptr_null(sealmem_region_realloc(region, first, 4));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_ptr_null(sealmem_region_realloc(region, last + 1, 4));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_uint_eq(sealmem_region_size(region), 16);
}
END_TEST

START_TEST(trim_says_how_much_of_the_capacity_is_used)
{
	for (size_t i = 0; i < KINDS; i++) {
		SCOPED_REGION *region = region_of_kind(i, 50 * page_size());
		char *data = sealmem_region_data(region);

		if (region == NULL)
			continue;
		fill(data, 50 * page_size());
		ck_assert_int_eq(sealmem_region_trim(region, page_size() + 7), 0);
		ck_assert_uint_eq(sealmem_region_size(region), page_size() + 7);
		assert_filled(data, page_size() + 7);
		assert_zeroed(data + page_size() + 7, 49 * page_size() - 7);
		ck_assert_int_eq(sealmem_region_seal(region), 0);
		assert_filled(data, page_size() + 7);
		if (kinds[i] & SEALMEM_CONTENT)
			ck_assert_int_eq(status_of("test").st_size, (off_t)page_size() + 7);
	}
}
END_TEST

/* Otherwise a region of many GiB would be filled with zeroes. */
START_TEST(trim_takes_no_memory_for_pages_that_nobody_touched)
{
	SCOPED_REGION *region = empty_region(LARGE, SEALMEM_CONTENT);
	char *data = sealmem_region_data(region);

	fill(data + (LARGE / 2), 1);
	ck_assert_int_eq(sealmem_region_trim(region, 5), 0);
	ck_assert_int_eq(data[LARGE / 2], 0);
	ck_assert_int_le(status_of("test").st_blocks * 512, 4 * (long)page_size());
}
END_TEST

START_TEST(alloc_after_trim_hands_out_zeroes_again)
{
	SCOPED_REGION *region = empty_region(10 * page_size(), SEALMEM_CONTENT);
	char *first = sealmem_region_alloc(region, 100, 1);
	char *second = sealmem_region_alloc(region, 100, 1), *again;

	fill(first, 200);
	ck_assert_int_eq(sealmem_region_trim(region, 100), 0);
	again = sealmem_region_alloc(region, 3 * page_size(), 1);
	ck_assert_ptr_eq(again, second);
	assert_zeroed(again, 3 * page_size());
	assert_filled(first, 100);
}
END_TEST

START_TEST(trim_cuts_the_last_piece_or_takes_it)
{
	SCOPED_REGION *region = empty_region(100, SEALMEM_CONTENT);
	char *first = sealmem_region_alloc(region, 20, 1);
	char *last = sealmem_region_alloc(region, 20, 1);

	ck_assert_int_eq(sealmem_region_trim(region, 30), 0);
	ck_assert_ptr_eq(sealmem_region_realloc(region, last, 40), last);
	ck_assert_int_eq(sealmem_region_trim(region, 20), 0);
	ck_assert_ptr_null(sealmem_region_realloc(region, last, 40));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_ptr_null(sealmem_region_realloc(region, first, 40));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_ptr_eq(sealmem_region_alloc(region, 1, 1), last);
}
END_TEST

START_TEST(a_trim_that_is_refused_leaves_every_byte)
{
	SCOPED_REGION *region = empty_region(40 * page_size(), SEALMEM_CONTENT);
	char *data = sealmem_region_data(region);

	fill(data, 2 * page_size());
	fill(data + 20 * page_size(), 100);
	forbid(SYS_fallocate, EPERM);
	ck_assert_int_eq(sealmem_region_trim(region, 10), -EOPNOTSUPP);
	assert_filled(data, 2 * page_size());
	assert_filled(data + 20 * page_size(), 100);
	ck_assert_uint_eq(sealmem_region_size(region), 40 * page_size());
}
END_TEST

START_TEST(trim_above_the_size_is_einval)
{
	SCOPED_REGION *region = empty_region(100, SEALMEM_CONTENT);

	ck_assert_int_eq(sealmem_region_trim(region, 101), -EINVAL);
	ck_assert_int_eq(sealmem_region_trim(region, 100), 0);
	ck_assert_int_eq(sealmem_region_trim(region, 50), 0);
	ck_assert_int_eq(sealmem_region_trim(region, 51), -EINVAL);
	ck_assert_int_eq(sealmem_region_trim(NULL, 0), -EINVAL);
	ck_assert_uint_eq(sealmem_region_size(region), 50);
}
END_TEST

START_TEST(a_sealed_region_neither_grows_nor_shrinks)
{
	SCOPED_REGION *region = empty_region(page_size(), SEALMEM_CONTENT);
	char *piece = sealmem_region_alloc(region, 100, 1);

	fill(piece, 100);
	ck_assert_int_eq(sealmem_region_seal(region), 0);
	ck_assert_ptr_null(sealmem_region_realloc(region, piece, 50));
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(sealmem_region_trim(region, 50), -EPERM);
	ck_assert_uint_eq(sealmem_region_size(region), 100);
	assert_filled(piece, 100);
}
END_TEST

static int grow_in_child(void *argument)
{
	void *p = sealmem_region_realloc(argument, sealmem_region_data(argument), 20);

	return p == NULL && errno == ESTALE && sealmem_region_trim(argument, 1) == -ESTALE ? 0 : 1;
}

START_TEST(a_child_neither_grows_nor_shrinks_a_region_of_its_parent)
{
	SCOPED_REGION *region = empty_region(page_size(), SEALMEM_CONTENT);

	ck_assert_ptr_nonnull(sealmem_region_alloc(region, 10, 1));
	assert_child_succeeds(grow_in_child, region);
	ck_assert_uint_eq(sealmem_region_size(region), 10);
}
END_TEST

/* What every empty region is: nothing to read or write, and all that was demanded. */
static void assert_empty_and_sealed(struct sealmem_region *region, unsigned guarantees)
{
	char *data = sealmem_region_data(region);

	ck_assert_uint_eq(sealmem_region_size(region), 0);
	ck_assert_ptr_nonnull(data);
	ck_assert_uint_eq(sealmem_region_guarantees(region) & guarantees, guarantees);
	ck_assert_int_eq(sealmem_try_write(data, "x", 1), -EFAULT);
	ck_assert_int_lt(sys_mprotect(data, page_size(), PROT_READ | PROT_WRITE), 0);
	if (guarantees & SEALMEM_ADDRESS)
		ck_assert_int_eq(sys_munmap(data, page_size()), -EPERM);
}

static void assert_empty_file(int fd)
{
	char byte;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_GET_SEALS) & ALL_SEALS, ALL_SEALS);
	ck_assert_int_eq(pread(fd, &byte, 1, 0), 0);
}

static const unsigned demands[] = {
	SEALMEM_CONTENT,
	SEALMEM_CONTENT | SEALMEM_ADDRESS,
	SEALMEM_CONTENT | SEALMEM_NOSWAP | SEALMEM_NODUMP | SEALMEM_NOFORK,
	SEALMEM_CONTENT | SEALMEM_GUARDS,
	SEALMEM_GUARANTEES & ~SEALMEM_SECRECY,
	SEALMEM_GUARANTEES,
};

START_TEST(from_no_bytes_makes_an_empty_region)
{
	const void *volatile nothing = NULL;

	for (size_t i = 0; i < sizeof(demands) / sizeof(*demands); i++) {
		SCOPED_REGION *region = NULL;

		if (demands[i] & ~sealmem_supported())
			continue;
		ck_assert_int_eq(sealmem_region_new_from(&region, "empty", nothing, 0, demands[i]),
				 0);
		assert_empty_and_sealed(region, demands[i]);
		ck_assert_int_eq(sealmem_region_seal(region), 0);
		if (!(demands[i] & SEALMEM_SECRECY))
			assert_empty_file(sealmem_region_fd(region));
	}
}
END_TEST

static int load_first_byte(void *argument)
{
	return *(volatile char *)sealmem_region_data(argument);
}

START_TEST(trim_to_nothing_makes_an_empty_region)
{
	for (size_t i = 0; i < sizeof(demands) / sizeof(*demands); i++) {
		SCOPED_REGION *region = NULL;

		if (demands[i] & ~sealmem_supported())
			continue;
		region = empty_region(3 * page_size(), demands[i]);
		fill(sealmem_region_data(region), 3 * page_size());
		ck_assert_int_eq(sealmem_region_trim(region, 0), 0);
		ck_assert_int_eq(sealmem_region_seal(region), 0);
		assert_empty_and_sealed(region, demands[i]);
		if (!(demands[i] & SEALMEM_SECRECY))
			assert_empty_file(sealmem_region_fd(region));
	}
}
END_TEST

/* A seal of an empty region that fails leaves it open. */
START_TEST(the_seal_of_an_empty_region_rolls_back)
{
	SCOPED_REGION *region = empty_region(3 * page_size(), SEALMEM_CONTENT | SEALMEM_NOSWAP);
	int fd = open_file_of("test", O_RDWR);
	void *writer = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	ck_assert_ptr_ne(writer, MAP_FAILED);
	ck_assert_int_eq(sealmem_region_trim(region, 0), 0);
	ck_assert_int_eq(sealmem_region_seal(region), -EBUSY);
	ck_assert_ptr_nonnull(sealmem_region_alloc(region, 2 * page_size(), 0));
	fill(sealmem_region_data(region), 2 * page_size());
	ck_assert_int_eq(sys_munmap(writer, page_size()), 0);
	close_fd(fd);
	ck_assert_int_eq(sealmem_region_seal(region), 0);
	assert_sealed(sealmem_region_data(region), 2 * page_size());
}
END_TEST

START_TEST(nothing_can_be_read_from_an_empty_region)
{
	SCOPED_REGION *region = region_from("", 0, SEALMEM_CONTENT);

	require_own_address_space();
	assert_child_dies(SIGBUS, load_first_byte, region);
}
END_TEST

START_TEST(an_empty_region_needs_no_lock)
{
	SCOPED_REGION *region = NULL;

	become_plain_user();
	(void)set_limit(RLIMIT_MEMLOCK, 0);
	ck_assert_int_eq(
		sealmem_region_new_from(&region, "test", "", 0, SEALMEM_CONTENT | SEALMEM_NOSWAP),
		0);
	assert_empty_and_sealed(region, SEALMEM_CONTENT | SEALMEM_NOSWAP);
}
END_TEST

START_TEST(freeing_an_empty_region_gives_everything_back)
{
	const unsigned all = SEALMEM_CONTENT | SEALMEM_NOSWAP | SEALMEM_GUARDS;
	struct census before;

	(void)sealmem_region_free(region_from("", 0, all));
	before = take_census();
	(void)sealmem_region_free(region_from("", 0, all));
	assert_same_census(before);
}
END_TEST

START_TEST(a_new_region_needs_a_capacity)
{
	struct sealmem_region *region = NULL;

	ck_assert_int_eq(sealmem_region_new(&region, "test", 0, SEALMEM_CONTENT), -EINVAL);
	ck_assert_ptr_null(region);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		a_new_region_is_zeroed,
		a_new_region_begins_at_a_page,
		a_region_has_its_name,
		sealing_keeps_bytes_and_address,
		pointers_inside_a_region_stay_valid,
		alloc_aligns_as_asked,
		alloc_without_alignment_suits_every_type,
		alloc_hands_out_each_byte_once,
		alloc_hands_out_zeroed_memory,
		alloc_gives_the_whole_capacity,
		alloc_beyond_the_capacity_is_enomem,
		alloc_beyond_the_capacity_by_alignment_is_enomem,
		alloc_of_absurd_sizes_is_enomem,
		alloc_of_nothing_is_einval,
		alloc_at_no_power_of_two_is_einval,
		alloc_in_no_region_is_einval,
		alloc_after_the_seal_is_eperm,
		alloc_sets_memory_aside_before_it_is_touched,
		the_seal_gives_back_memory_that_was_not_handed_out,
		a_large_capacity_costs_nothing_until_it_is_touched,
		a_large_capacity_can_be_sealed_after_little_use,
		the_size_without_alloc_is_the_capacity,
		the_size_is_what_alloc_has_handed_out_with_gaps,
		the_file_is_as_long_as_the_region,
		an_open_region_gives_no_descriptor,
		the_descriptor_of_a_sealed_region_is_read_only,
		the_descriptor_is_closed_on_exec,
		the_descriptor_stays_the_same,
		the_descriptor_reads_the_bytes,
		every_descriptor_of_an_open_region_is_closed_on_exec,
		a_region_takes_one_descriptor_sealed_and_one_more_open,
		after_an_earlier_region_one_descriptor_is_enough,
		after_an_earlier_region_a_sealed_one_is_mapped_shared,
		sealing_twice_changes_nothing,
		sealing_nothing_is_einval,
		no_region_has_no_data_size_name_guarantees_or_descriptor,
		freeing_nothing_returns_nothing,
		freeing_an_open_region_gives_everything_back,
		freeing_a_sealed_region_gives_everything_back,
		freeing_a_region_that_was_used_in_part_gives_everything_back,
		memory_with_a_sealed_address_survives_the_free,
		freeing_a_sealed_address_gives_back_descriptors_and_unused_addresses,
		an_open_region_with_address_can_be_freed_without_trace,
		realloc_grows_the_last_piece_where_it_is,
		realloc_sets_memory_aside,
		realloc_zeroes_what_the_piece_loses,
		realloc_of_nothing_is_alloc,
		realloc_beyond_the_capacity_is_enomem,
		realloc_of_another_piece_is_einval,
		trim_says_how_much_of_the_capacity_is_used,
		trim_takes_no_memory_for_pages_that_nobody_touched,
		alloc_after_trim_hands_out_zeroes_again,
		trim_cuts_the_last_piece_or_takes_it,
		a_trim_that_is_refused_leaves_every_byte,
		trim_above_the_size_is_einval,
		a_sealed_region_neither_grows_nor_shrinks,
		a_child_neither_grows_nor_shrinks_a_region_of_its_parent,
		trim_to_nothing_makes_an_empty_region,
		the_seal_of_an_empty_region_rolls_back,
		from_no_bytes_makes_an_empty_region,
		nothing_can_be_read_from_an_empty_region,
		an_empty_region_needs_no_lock,
		freeing_an_empty_region_gives_everything_back,
		a_new_region_needs_a_capacity,
		from_bytes_takes_a_copy,
		from_bytes_takes_bytes_of_a_sealed_region,
		from_bytes_takes_megabytes,
		from_bytes_reopens_where_the_kernel_wants_a_reader,
	};

	return RUN_TESTS("region", tests);
}
