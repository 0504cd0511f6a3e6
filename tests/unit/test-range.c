/* SPDX-License-Identifier: MIT */

/*
 * Sealing memory that exists. The caller did not make it for this, so most of these tests are about what is
 * found at an address: whose pages, of what kind, with which protection, and what happens to all that
 * when the answer is no.
 */

#include "tests/support/support.h"

#include <alloca.h>
#include <string.h>
#include <sys/wait.h>

struct SEALMEM_PAGE_ALIGNED config {
	int port;
	char root[64];
};

static struct config config;
static char neighbour[16] = "neighbour";

START_TEST(a_global_is_sealed)
{
	const int port = 443;

	config = (struct config){ .port = 80, .root = "/srv" };
	ck_assert_int_eq(sealmem_try_write(&config.port, &port, sizeof(port)), 0);
	ck_assert_int_eq(sealmem_seal_object(&config, SEALMEM_CONTENT), 0);
	ck_assert_int_eq(sealmem_try_write(&config.port, "\0\0\0\0", 4), -EFAULT);
	ck_assert_int_eq(config.port, 443);
	ck_assert_str_eq(config.root, "/srv");
}
END_TEST

START_TEST(sealing_a_global_leaves_its_neighbours_writable)
{
	ck_assert_int_eq(sealmem_seal_object(&config, SEALMEM_CONTENT), 0);
	ck_assert_int_eq(sealmem_try_write(neighbour, "N", 1), 0);
	ck_assert_str_eq(neighbour, "Neighbour");
}
END_TEST

static char *filled_range(size_t pages)
{
	char *at = map_private(pages * page_size());

	fill(at, pages * page_size());
	return at;
}

START_TEST(anonymous_memory_is_sealed_at_its_address)
{
	size_t size = 3 * page_size();
	char *at = filled_range(3);
	struct maps_entry entry;

	ck_assert_int_eq(sealmem_seal_range(at, size, SEALMEM_CONTENT), 0);
	assert_sealed(at, size);
	ck_assert(find_mapping(at, &entry));
	ck_assert_uint_eq(entry.start, (uintptr_t)at);
	ck_assert_uint_eq(entry.end, (uintptr_t)at + size);
}
END_TEST

START_TEST(a_sealed_range_is_mapped_shared_never_private)
{
	char *at = filled_range(1);
	struct maps_entry entry;

	ck_assert_int_eq(sealmem_seal_range(at, page_size(), SEALMEM_CONTENT), 0);
	ck_assert(find_mapping(at, &entry));
	ck_assert(entry.shared);
	ck_assert_int_eq(entry.protection, PROT_READ);
	ck_assert_str_eq(entry.name, "/memfd:sealmem:range (deleted)");
}
END_TEST

START_TEST(a_part_of_a_mapping_is_sealed_without_the_rest)
{
	char *at = filled_range(3);

	ck_assert_int_eq(sealmem_seal_range(at + page_size(), page_size(), SEALMEM_CONTENT), 0);
	ck_assert_int_eq(sealmem_try_write(at, at, page_size()), 0);
	ck_assert_int_eq(sealmem_try_write(at + page_size(), "", 1), -EFAULT);
	ck_assert_int_eq(sealmem_try_write(at + 2 * page_size(), "x", 1), 0);
	at[2 * page_size()] = at[2 * page_size() + 251];
	assert_filled(at, 3 * page_size());
}
END_TEST

START_TEST(pages_that_were_never_touched_are_sealed_as_zeroes)
{
	char *at = map_private(2 * page_size());

	ck_assert_int_eq(sealmem_seal_range(at, 2 * page_size(), SEALMEM_CONTENT), 0);
	assert_zeroed(at, 2 * page_size());
	ck_assert_int_eq(sealmem_try_write(at, "x", 1), -EFAULT);
}
END_TEST

START_TEST(read_only_memory_is_sealed)
{
	char *at = filled_range(1);

	ck_assert_int_eq(mprotect(at, page_size(), PROT_READ), 0);
	ck_assert_int_eq(sealmem_seal_range(at, page_size(), SEALMEM_CONTENT), 0);
	assert_sealed(at, page_size());
	ck_assert_int_eq(mprotect(at, page_size(), PROT_READ | PROT_WRITE), -1);
	ck_assert_int_eq(errno, EACCES);
}
END_TEST

START_TEST(sealing_a_range_takes_no_descriptor)
{
	char *at = filled_range(1);
	struct census before = take_census();

	ck_assert_int_eq(sealmem_seal_range(at, page_size(), SEALMEM_CONTENT), 0);
	ck_assert_int_eq(take_census().descriptors, before.descriptors);
}
END_TEST

/* A private mapping of a file of `pages`, of which only the first was written to. */
static char *map_file(int fd, size_t pages)
{
	char *at = mmap(NULL, pages * page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	ck_assert_ptr_ne(at, MAP_FAILED);
	fill(at, page_size());
	return at;
}

START_TEST(written_pages_of_a_file_are_sealed_as_they_are)
{
	int fd = temporary_file();
	char *at;

	ck_assert_int_eq(ftruncate(fd, (off_t)(2 * page_size())), 0);
	at = map_file(fd, 2);
	ck_assert_int_eq(sealmem_seal_range(at, 2 * page_size(), SEALMEM_CONTENT), 0);
	assert_filled(at, page_size());
	assert_zeroed(at + page_size(), page_size());
	ck_assert_int_eq(sealmem_try_write(at + page_size(), "x", 1), -EFAULT);
}
END_TEST

/* As MADV_DONTNEED does to private pages of a file that are only sealed by mseal(2). */
START_TEST(sealed_pages_of_a_file_do_not_fall_back_to_the_file)
{
	int fd = temporary_file();
	char *twin, *at;

	ck_assert_int_eq(ftruncate(fd, (off_t)page_size()), 0);
	twin = map_file(fd, 1);
	ck_assert_int_eq(madvise(twin, page_size(), MADV_DONTNEED), 0);
	assert_zeroed(twin, page_size());

	at = map_file(fd, 1);
	ck_assert_int_eq(sealmem_seal_range(at, page_size(), SEALMEM_CONTENT), 0);
	(void)madvise(at, page_size(), MADV_DONTNEED);
	assert_filled(at, page_size());
}
END_TEST

START_TEST(sealed_pages_of_a_file_do_not_follow_the_file)
{
	int fd = temporary_file();
	char *twin, *at;

	ck_assert_int_eq(ftruncate(fd, (off_t)page_size()), 0);
	twin = mmap(NULL, page_size(), PROT_READ, MAP_PRIVATE, fd, 0);
	at = mmap(NULL, page_size(), PROT_READ, MAP_PRIVATE, fd, 0);
	ck_assert_int_eq(sealmem_seal_range(at, page_size(), SEALMEM_CONTENT), 0);
	ck_assert_int_eq((int)pwrite(fd, "x", 1, 0), 1);
	ck_assert_int_eq(*twin, 'x');
	ck_assert_int_eq(*at, 0);
}
END_TEST

/* A function that returns 42. */
static void put_function(char *at)
{
#if defined(__x86_64__)
	static const unsigned char code[] = { 0xb8, 42, 0, 0, 0, 0xc3 };
#elif defined(__aarch64__)
	static const unsigned code[] = { 0x52800540, 0xd65f03c0 };
#else
	static const char code[1];

	skip_test("no function for this processor");
#endif
	memcpy(at, code, sizeof(code));
	__builtin___clear_cache(at, at + sizeof(code));
}

START_TEST(executable_pages_stay_executable)
{
	char *at = map_private(page_size());
	int (*function)(void);

	put_function(at);
	if (mprotect(at, page_size(), PROT_READ | PROT_EXEC) < 0)
		skip_test("this machine makes no written page executable");
	memcpy(&function, &at, sizeof(function));
	ck_assert_int_eq(function(), 42);
	ck_assert_int_eq(sealmem_seal_range(at, page_size(), SEALMEM_CONTENT), 0);
	ck_assert_int_eq(function(), 42);
	ck_assert_int_eq(sealmem_try_write(at, "", 1), -EFAULT);
}
END_TEST

START_TEST(writable_pages_do_not_become_executable)
{
	char *at = filled_range(1);
	struct maps_entry entry;

	ck_assert_int_eq(sealmem_seal_range(at, page_size(), SEALMEM_CONTENT), 0);
	ck_assert(find_mapping(at, &entry));
	ck_assert_int_eq(entry.protection & PROT_EXEC, 0);
}
END_TEST

START_TEST(several_mappings_are_sealed_as_one)
{
	size_t size = 4 * page_size();
	int fd = temporary_file();
	char *at = filled_range(4);

	ck_assert_int_eq(ftruncate(fd, (off_t)page_size()), 0);
	ck_assert_ptr_eq(mmap(at + page_size(), page_size(), PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_FIXED, fd, 0),
			 at + page_size());
	ck_assert_int_eq(madvise(at + 3 * page_size(), page_size(), MADV_DONTDUMP), 0);
	fill(at, size);
	ck_assert_uint_ge(count_mappings_in(at, size), 3);
	ck_assert_int_eq(sealmem_seal_range(at, size, SEALMEM_CONTENT), 0);
	ck_assert_uint_eq(count_mappings_in(at, size), 1);
	assert_sealed(at, size);
}
END_TEST

/* After a refusal the range is what it was: private, writable, the same bytes, and nothing leaked. */
static void assert_not_sealed(char *at, size_t size, unsigned guarantees, int error)
{
	struct census before = take_census();

	ck_assert_int_eq(sealmem_seal_range(at, size, guarantees), error);
	assert_same_census(before);
}

static void assert_unchanged(char *at, size_t size)
{
	struct maps_entry entry;

	assert_filled(at, size);
	ck_assert_int_eq(sealmem_try_write(at, at, size), 0);
	ck_assert(find_mapping(at, &entry));
	ck_assert(!entry.shared);
}

START_TEST(a_hole_is_enomem)
{
	char *at = filled_range(3);

	ck_assert_int_eq(munmap(at + page_size(), page_size()), 0);
	assert_not_sealed(at, 3 * page_size(), SEALMEM_CONTENT, -ENOMEM);
	assert_unchanged(at, page_size());
	ck_assert_int_eq(sealmem_try_write(at + 2 * page_size(), "x", 1), 0);
}
END_TEST

START_TEST(a_hole_at_either_end_is_enomem)
{
	char *at = filled_range(3);

	ck_assert_int_eq(munmap(at, page_size()), 0);
	ck_assert_int_eq(munmap(at + 2 * page_size(), page_size()), 0);
	assert_not_sealed(at, 2 * page_size(), SEALMEM_CONTENT, -ENOMEM);
	assert_not_sealed(at + page_size(), 2 * page_size(), SEALMEM_CONTENT, -ENOMEM);
	ck_assert_int_eq(sealmem_try_write(at + page_size(), "x", 1), 0);
}
END_TEST

START_TEST(a_hole_is_enomem_for_an_address_too)
{
	char *at = filled_range(3);

	require_mseal();
	ck_assert_int_eq(munmap(at + page_size(), page_size()), 0);
	assert_not_sealed(at, 3 * page_size(), SEALMEM_ADDRESS | SEALMEM_NODUMP, -ENOMEM);
	ck_assert(!has_flag(at, "dd"));
	ck_assert_int_eq(munmap(at, page_size()), 0);
}
END_TEST

START_TEST(nothing_mapped_at_all_is_enomem)
{
	assert_not_sealed(NULL, page_size(), SEALMEM_CONTENT, -ENOMEM);
}
END_TEST

START_TEST(parts_of_pages_are_einval)
{
	char *at = filled_range(2);

	assert_not_sealed(at + 1, page_size(), SEALMEM_CONTENT, -EINVAL);
	assert_not_sealed(at, page_size() + 1, SEALMEM_CONTENT, -EINVAL);
	assert_not_sealed(at, 1, SEALMEM_CONTENT, -EINVAL);
	assert_unchanged(at, 2 * page_size());
}
END_TEST

START_TEST(no_size_is_einval)
{
	char *at = filled_range(1);

	assert_not_sealed(at, 0, SEALMEM_CONTENT, -EINVAL);
	assert_unchanged(at, page_size());
}
END_TEST

START_TEST(a_range_that_wraps_around_is_einval)
{
	char *at = filled_range(1);

	assert_not_sealed(at, SIZE_MAX - page_size() + 1, SEALMEM_CONTENT, -EINVAL);
	assert_not_sealed(at, SIZE_MAX, SEALMEM_CONTENT, -EINVAL);
	assert_unchanged(at, page_size());
}
END_TEST

/* It reaches over the stack. */
START_TEST(a_size_that_no_address_space_has_is_einval)
{
	char *at = filled_range(1);

	assert_not_sealed(at, SIZE_MAX / 2 + 1, SEALMEM_CONTENT, -EINVAL);
	assert_unchanged(at, page_size());
}
END_TEST

START_TEST(neither_content_nor_address_is_einval)
{
	char *at = filled_range(1);

	assert_not_sealed(at, page_size(), 0, -EINVAL);
	assert_not_sealed(at, page_size(), SEALMEM_NODUMP, -EINVAL);
	assert_unchanged(at, page_size());
}
END_TEST

START_TEST(guards_and_unknown_guarantees_are_einval)
{
	char *at = filled_range(1);

	assert_not_sealed(at, page_size(), SEALMEM_CONTENT | SEALMEM_GUARDS, -EINVAL);
	assert_not_sealed(at, page_size(), SEALMEM_CONTENT | (SEALMEM_GUARANTEES + 1), -EINVAL);
	assert_unchanged(at, page_size());
}
END_TEST

START_TEST(secrecy_is_eopnotsupp)
{
	char *at = filled_range(1);

	assert_not_sealed(at, page_size(), SEALMEM_CONTENT | SEALMEM_SECRECY, -EOPNOTSUPP);
	assert_unchanged(at, page_size());
}
END_TEST

START_TEST(shared_memory_is_einval)
{
	char *at =
		mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(at, MAP_FAILED);
	assert_not_sealed(at, page_size(), SEALMEM_CONTENT, -EINVAL);
	ck_assert_int_eq(sealmem_try_write(at, "x", 1), 0);
}
END_TEST

START_TEST(a_range_that_is_shared_in_part_is_einval)
{
	char *at = filled_range(2);

	ck_assert_ptr_ne(mmap(at + page_size(), page_size(), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
			 MAP_FAILED);
	assert_not_sealed(at, 2 * page_size(), SEALMEM_CONTENT, -EINVAL);
	assert_unchanged(at, page_size());
}
END_TEST

START_TEST(a_sealed_range_is_einval)
{
	char *at = filled_range(1);

	ck_assert_int_eq(sealmem_seal_range(at, page_size(), SEALMEM_CONTENT), 0);
	assert_not_sealed(at, page_size(), SEALMEM_CONTENT, -EINVAL);
	assert_sealed(at, page_size());
}
END_TEST

START_TEST(a_sealed_range_can_have_its_address_sealed_later)
{
	char *at = filled_range(1);

	require_mseal();
	ck_assert_int_eq(sealmem_seal_range(at, page_size(), SEALMEM_CONTENT), 0);
	ck_assert_int_eq(sealmem_seal_range(at, page_size(), SEALMEM_ADDRESS), 0);
	ck_assert_int_eq(munmap(at, page_size()), -1);
	assert_sealed(at, page_size());
}
END_TEST

START_TEST(pages_of_different_protection_are_einval)
{
	char *at = filled_range(2);

	ck_assert_int_eq(mprotect(at + page_size(), page_size(), PROT_READ), 0);
	assert_not_sealed(at, 2 * page_size(), SEALMEM_CONTENT, -EINVAL);
	assert_unchanged(at, page_size());
	ck_assert_int_eq(sealmem_try_write(at + page_size(), "x", 1), -EFAULT);
}
END_TEST

START_TEST(inaccessible_pages_are_eacces)
{
	char *at = filled_range(1);

	ck_assert_int_eq(mprotect(at, page_size(), PROT_NONE), 0);
	assert_not_sealed(at, page_size(), SEALMEM_CONTENT, -EACCES);
	ck_assert_int_eq(mprotect(at, page_size(), PROT_READ | PROT_WRITE), 0);
	assert_unchanged(at, page_size());
}
END_TEST

START_TEST(pages_beyond_the_end_of_a_file_are_efault)
{
	int fd = temporary_file();
	char *at;

	ck_assert_int_eq(ftruncate(fd, (off_t)page_size()), 0);
	at = map_file(fd, 2);
	assert_not_sealed(at, 2 * page_size(), SEALMEM_CONTENT, -EFAULT);
	assert_unchanged(at, page_size());
}
END_TEST

START_TEST(a_range_of_which_a_part_is_sealed_by_mseal_is_eperm)
{
	char *at = filled_range(2);

	require_mseal();
	ck_assert_int_eq(sealmem_mseal(at + page_size(), page_size(), 0), 0);
	assert_not_sealed(at, 2 * page_size(), SEALMEM_CONTENT, -EPERM);
	assert_unchanged(at, 2 * page_size());
}
END_TEST

START_TEST(a_range_whose_first_part_is_sealed_by_mseal_is_eperm)
{
	char *at = filled_range(2);

	require_mseal();
	ck_assert_int_eq(sealmem_mseal(at, page_size(), 0), 0);
	assert_not_sealed(at, 2 * page_size(), SEALMEM_CONTENT, -EPERM);
	assert_unchanged(at, 2 * page_size());
}
END_TEST

START_TEST(a_read_only_range_that_is_sealed_by_mseal_is_eperm)
{
	char *at = filled_range(2);

	require_mseal();
	ck_assert_int_eq(mprotect(at, 2 * page_size(), PROT_READ), 0);
	ck_assert_int_eq(sealmem_mseal(at + page_size(), page_size(), 0), 0);
	assert_not_sealed(at, 2 * page_size(), SEALMEM_CONTENT, -EPERM);
	assert_filled(at, 2 * page_size());
	ck_assert_int_eq(mprotect(at, page_size(), PROT_READ | PROT_WRITE), 0);
}
END_TEST

static struct maps_entry stack_mapping(void)
{
	struct maps_entry entry;

	ck_assert(find_mapping(__builtin_frame_address(0), &entry));
	return entry;
}

/* In a child each: a stack that was sealed after all is the end of who runs on it. */
static int seal_whole_stack(void *argument)
{
	struct maps_entry stack = stack_mapping();
	void *start;

	(void)argument;
	memcpy(&start, &stack.start, sizeof(start));
	return sealmem_seal_range(start, stack.end - stack.start, SEALMEM_CONTENT) != -EINVAL;
}

START_TEST(the_own_stack_is_einval)
{
	assert_child_succeeds(seal_whole_stack, NULL);
}
END_TEST

/* The library's own frames lie below, on other pages. */
static int seal_callers_page(void *argument)
{
	uintptr_t frame = (uintptr_t)__builtin_frame_address(0) & ~(page_size() - 1);
	volatile char *room = alloca(4 * page_size());
	void *page;

	(void)argument;
	room[0] = 1;
	memcpy(&page, &frame, sizeof(page));
	return sealmem_seal_range(page, page_size(), SEALMEM_CONTENT) != -EINVAL;
}

START_TEST(a_page_of_the_stack_that_callers_use_is_einval)
{
	require_no_valgrind("valgrind makes a stack that the C library does not know");
	assert_child_succeeds(seal_callers_page, NULL);
}
END_TEST

START_TEST(the_address_alone_is_sealed_and_the_bytes_are_not)
{
	char *at = filled_range(2);

	require_mseal();
	ck_assert_int_eq(sealmem_seal_range(at, 2 * page_size(), SEALMEM_ADDRESS), 0);
	ck_assert_int_eq(munmap(at, 2 * page_size()), -1);
	ck_assert_int_eq(errno, EPERM);
	assert_unchanged(at, 2 * page_size());
}
END_TEST

START_TEST(content_and_address_are_sealed_together)
{
	char *at = filled_range(2);

	require_mseal();
	ck_assert_int_eq(sealmem_seal_range(at, 2 * page_size(), SEALMEM_CONTENT | SEALMEM_ADDRESS),
			 0);
	ck_assert_int_eq(munmap(at, 2 * page_size()), -1);
	ck_assert_int_eq(errno, EPERM);
	assert_sealed(at, 2 * page_size());
}
END_TEST

static void assert_flag(unsigned seal, unsigned guarantee, const char *letters)
{
	char *at = filled_range(2), *without = filled_range(2);

	if (seal & SEALMEM_ADDRESS)
		require_mseal();
	ck_assert_int_eq(sealmem_seal_range(at, 2 * page_size(), seal | guarantee), 0);
	ck_assert_int_eq(sealmem_seal_range(without, 2 * page_size(), seal), 0);
	ck_assert(has_flag(at, letters));
	ck_assert(!has_flag(without, letters));
}

START_TEST(content_is_available_with_each_guarantee)
{
	assert_flag(SEALMEM_CONTENT, SEALMEM_NOSWAP, "lo");
	assert_flag(SEALMEM_CONTENT, SEALMEM_NODUMP, "dd");
	assert_flag(SEALMEM_CONTENT, SEALMEM_NOFORK, "dc");
}
END_TEST

START_TEST(address_is_available_with_each_guarantee)
{
	assert_flag(SEALMEM_ADDRESS, SEALMEM_NOSWAP, "lo");
	assert_flag(SEALMEM_ADDRESS, SEALMEM_NODUMP, "dd");
	assert_flag(SEALMEM_ADDRESS, SEALMEM_NOFORK, "dc");
}
END_TEST

START_TEST(every_guarantee_is_available_at_once)
{
	unsigned all = SEALMEM_CONTENT | SEALMEM_ADDRESS | SEALMEM_NOSWAP | SEALMEM_NODUMP |
		       SEALMEM_NOFORK;
	char *at = filled_range(3);

	require_mseal();
	ck_assert_int_eq(sealmem_seal_range(at, 3 * page_size(), all), 0);
	assert_sealed(at, 3 * page_size());
	ck_assert(has_flag(at, "lo"));
	ck_assert(has_flag(at, "dd"));
	ck_assert(has_flag(at, "dc"));
	ck_assert_int_eq(munmap(at, 3 * page_size()), -1);
	assert_child_succeeds(is_not_mapped, at);
}
END_TEST

static int is_filled_in_child(void *argument)
{
	return !is_filled(argument, page_size()) || sealmem_try_write(argument, "", 1) != -EFAULT;
}

START_TEST(a_child_inherits_a_sealed_range)
{
	char *at = filled_range(1);

	ck_assert_int_eq(sealmem_seal_range(at, page_size(), SEALMEM_CONTENT), 0);
	assert_child_succeeds(is_filled_in_child, at);
}
END_TEST

/* The file of each is its own: a range sealed later does not show in an earlier one. */
START_TEST(ranges_are_sealed_one_by_one)
{
	char *first = filled_range(1), *second = filled_range(1);

	memset(second, 's', page_size());
	ck_assert_int_eq(sealmem_seal_range(first, page_size(), SEALMEM_CONTENT), 0);
	ck_assert_int_eq(sealmem_seal_range(second, page_size(), SEALMEM_CONTENT), 0);
	assert_sealed(first, page_size());
	ck_assert_int_eq(*second, 's');
}
END_TEST

START_TEST(a_range_has_the_name_that_it_is_given)
{
	char *range = map_private(page_size());
	struct maps_entry entry;

	fill(range, page_size());
	ck_assert_int_eq(sealmem_seal_range_named(range, page_size(), "opcodes", SEALMEM_CONTENT),
			 0);
	ck_assert(find_mapping(range, &entry));
	ck_assert_str_eq(entry.name, "/memfd:sealmem:opcodes (deleted)");
	assert_sealed(range, page_size());
}
END_TEST

START_TEST(a_name_that_no_region_can_have_is_refused)
{
	char *range = map_private(page_size()), name[SEALMEM_NAME_MAX + 2] = { 0 };

	fill(range, page_size());
	memset(name, 'n', sizeof(name) - 1);
	ck_assert_int_eq(sealmem_seal_range_named(range, page_size(), name, SEALMEM_CONTENT),
			 -ENAMETOOLONG);
	ck_assert_int_eq(sealmem_seal_range_named(range, page_size(), "\n", SEALMEM_CONTENT),
			 -EINVAL);
	ck_assert_int_eq(sealmem_seal_range_named(range, page_size(), NULL, SEALMEM_CONTENT),
			 -EINVAL);
	assert_filled(range, page_size());
	range[0] = 'w';
	name[SEALMEM_NAME_MAX] = '\0';
	ck_assert_int_eq(sealmem_seal_range_named(range, page_size(), name, SEALMEM_CONTENT), 0);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		a_global_is_sealed,
		sealing_a_global_leaves_its_neighbours_writable,
		anonymous_memory_is_sealed_at_its_address,
		a_sealed_range_is_mapped_shared_never_private,
		a_part_of_a_mapping_is_sealed_without_the_rest,
		pages_that_were_never_touched_are_sealed_as_zeroes,
		read_only_memory_is_sealed,
		sealing_a_range_takes_no_descriptor,
		written_pages_of_a_file_are_sealed_as_they_are,
		sealed_pages_of_a_file_do_not_fall_back_to_the_file,
		sealed_pages_of_a_file_do_not_follow_the_file,
		executable_pages_stay_executable,
		writable_pages_do_not_become_executable,
		several_mappings_are_sealed_as_one,
		a_hole_is_enomem,
		a_hole_at_either_end_is_enomem,
		a_hole_is_enomem_for_an_address_too,
		nothing_mapped_at_all_is_enomem,
		parts_of_pages_are_einval,
		no_size_is_einval,
		a_range_that_wraps_around_is_einval,
		a_size_that_no_address_space_has_is_einval,
		neither_content_nor_address_is_einval,
		guards_and_unknown_guarantees_are_einval,
		secrecy_is_eopnotsupp,
		shared_memory_is_einval,
		a_range_that_is_shared_in_part_is_einval,
		a_sealed_range_is_einval,
		a_sealed_range_can_have_its_address_sealed_later,
		pages_of_different_protection_are_einval,
		inaccessible_pages_are_eacces,
		pages_beyond_the_end_of_a_file_are_efault,
		a_range_of_which_a_part_is_sealed_by_mseal_is_eperm,
		a_range_whose_first_part_is_sealed_by_mseal_is_eperm,
		a_read_only_range_that_is_sealed_by_mseal_is_eperm,
		the_own_stack_is_einval,
		a_page_of_the_stack_that_callers_use_is_einval,
		the_address_alone_is_sealed_and_the_bytes_are_not,
		content_and_address_are_sealed_together,
		content_is_available_with_each_guarantee,
		address_is_available_with_each_guarantee,
		every_guarantee_is_available_at_once,
		a_child_inherits_a_sealed_range,
		ranges_are_sealed_one_by_one,
		a_range_has_the_name_that_it_is_given,
		a_name_that_no_region_can_have_is_refused,
	};

	return RUN_TESTS("range", tests);
}
