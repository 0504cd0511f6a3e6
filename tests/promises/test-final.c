/* SPDX-License-Identifier: MIT */

/*
 * A region that is final when it is mapped, by the emulation of mseal(2): its addresses were sealed before it was there.
 * It costs no other call anything, there can be any number, and what cannot be made leaves nothing.
 */

#include "tests/support/sandbox.h"
#include "tests/support/support.h"

#include "lib/placement.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEPT (SEALMEM_CONTENT | SEALMEM_ADDRESS)

static struct sealmem_region *from_buffer(size_t size)
{
	char *bytes = map_private(size);
	struct sealmem_region *region;

	fill(bytes, size);
	region = region_from(bytes, size, KEPT);
	ck_assert_int_eq(munmap(bytes, size), 0);
	return region;
}

/* The half of a window where nothing changes; empty if the address lies in none. */
static struct filter_range final_half_of(const void *data)
{
	uint64_t at = (uintptr_t)data;

	for (size_t i = 0; i < PLACEMENT_WINDOWS; i++) {
		struct filter_range half = placement_final(&placement_windows[i]);

		if (at >= half.start && at < half.end)
			return half;
	}
	return (struct filter_range){ 0, 0 };
}

static bool is_final(const struct sealmem_region *region)
{
	return final_half_of(sealmem_region_data(region)).end > 0;
}

static void begin(void)
{
	emulate_mseal();
	if (addresses_are_scarce())
		skip_test("addresses are scarce here: no mapping is made for good");
}

static void *map_over(char *at, int flags)
{
	return mmap(at, page_size(), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
}

/* Each way to take a page away, change it or cover it. */
static int unmap(char *at)
{
	return munmap(at, page_size());
}

static int protect(char *at)
{
	return mprotect(at, page_size(), PROT_READ);
}

static int protect_nothing(char *at)
{
	return mprotect(at, page_size(), PROT_NONE);
}

static int cover(char *at)
{
	return map_over(at, MAP_FIXED) == MAP_FAILED ? -1 : 0;
}

static int cover_unless_taken(char *at)
{
	return map_over(at, MAP_FIXED | MAP_FIXED_NOREPLACE) == MAP_FAILED ? -1 : 0;
}

static int move_away(char *at)
{
	return mremap(at, page_size(), 2 * page_size(), MREMAP_MAYMOVE) == MAP_FAILED ? -1 : 0;
}

static int move_onto(char *at)
{
	char *other = map_private(page_size());
	int flags = MREMAP_MAYMOVE | MREMAP_FIXED;

	return mremap(other, page_size(), page_size(), flags, at) == MAP_FAILED ? -1 : 0;
}

static int hide_from_children(char *at)
{
	return madvise(at, page_size(), MADV_DONTFORK);
}

static int drop(char *at)
{
	return madvise(at, page_size(), MADV_DONTNEED);
}

static const struct act {
	const char *name;
	int (*act)(char *at);
} acts[] = {
	{ "munmap", unmap },
	{ "mprotect", protect },
	{ "mprotect to nothing", protect_nothing },
	{ "mmap with MAP_FIXED", cover },
	{ "mremap away", move_away },
	{ "mremap onto it", move_onto },
	{ "MADV_DONTFORK", hide_from_children },
	{ "MADV_DONTNEED", drop },
};

#define ACTS (sizeof(acts) / sizeof(*acts))

static void assert_refused(char *at)
{
	for (size_t i = 0; i < ACTS; i++) {
		errno = 0;
		ck_assert_msg(acts[i].act(at) == -1 && errno == EPERM, "%s: errno %d", acts[i].name,
			      errno);
	}
}

static void assert_final(const struct sealmem_region *region, size_t size)
{
	char *data = sealmem_region_data(region);

	ck_assert(is_final(region));
	ck_assert_uint_eq(sealmem_region_guarantees(region), KEPT);
	assert_refused(data);
	assert_refused(data + size - page_size());
	assert_sealed(data, size);
}

START_TEST(each_act_succeeds_on_a_region_without_an_address)
{
	begin();
	(void)from_buffer(1);
	for (size_t i = 0; i < ACTS; i++) {
		char *bytes = map_private(page_size());
		struct sealmem_region *region = region_from(bytes, page_size(), SEALMEM_CONTENT);

		ck_assert_msg(acts[i].act(sealmem_region_data(region)) == 0, "%s", acts[i].name);
	}
}
END_TEST

START_TEST(a_region_from_a_buffer_is_final)
{
	begin();
	assert_final(from_buffer(3 * page_size()), 3 * page_size());
}
END_TEST

static int file_of(const char *bytes, size_t size)
{
	int file = temporary_file();

	ck_assert_int_eq(write(file, bytes, size), (ssize_t)size);
	ck_assert_int_eq(lseek(file, 0, SEEK_SET), 0);
	return file;
}

START_TEST(a_region_from_a_file_is_final)
{
	struct sealmem_region *region;
	char *bytes;
	int file;

	begin();
	bytes = map_private(page_size());
	fill(bytes, page_size());
	file = file_of(bytes, page_size());
	ck_assert_int_eq(sealmem_region_new_from_file(&region, "file", file, page_size(), KEPT), 0);
	assert_final(region, page_size());
}
END_TEST

START_TEST(an_accepted_region_is_final)
{
	struct sealmem_region *sent = sealed_region("sent", 2 * page_size(), SEALMEM_CONTENT);
	struct sealmem_region *region;

	begin();
	ck_assert_int_eq(sealmem_region_accept(&region, sealmem_region_fd(sent), KEPT), 0);
	assert_final(region, 2 * page_size());
}
END_TEST

START_TEST(an_empty_region_is_final)
{
	struct sealmem_region *region;

	begin();
	region = region_from("", 0, KEPT);
	ck_assert(is_final(region));
	assert_refused(sealmem_region_data(region));
}
END_TEST

/* What a mapping carries it gets when it is there, which may fail. */
START_TEST(a_region_that_carries_more_is_sealed_in_place)
{
	const unsigned more[] = { SEALMEM_GUARDS, SEALMEM_NODUMP, SEALMEM_NOFORK, SEALMEM_NOSWAP };

	begin();
	for (size_t i = 0; i < sizeof(more) / sizeof(*more); i++) {
		struct sealmem_region *region = region_from("abc", 4, KEPT | more[i]);

		ck_assert(!is_final(region));
		ck_assert_uint_eq(sealmem_region_guarantees(region), KEPT | more[i]);
		ck_assert_int_eq(unmap(sealmem_region_data(region)), -1);
		ck_assert_str_eq(sealmem_region_data(region), "abc");
	}
}
END_TEST

static uint64_t count_filters(void)
{
	char line[256];
	uint64_t count = 0;
	FILE *status = fopen("/proc/self/status", "re");

	ck_assert_ptr_nonnull(status);
	while (fgets(line, sizeof(line), status) != NULL)
		if (strncmp(line, "Seccomp_filters:", 16) == 0)
			count = strtoull(line + 16, NULL, 10);
	ck_assert_int_eq(fclose(status), 0);
	if (count == 0)
		skip_test("this kernel does not count filters");
	return count;
}

START_TEST(only_the_first_region_adds_filters)
{
	uint64_t before;

	begin();
	ck_assert(is_final(from_buffer(1)));
	before = count_filters();
	for (int i = 0; i < 20; i++)
		ck_assert(is_final(from_buffer(1)));
	ck_assert_uint_eq(count_filters(), before);
	(void)sealed_region("in place", page_size(), KEPT);
	ck_assert_uint_eq(count_filters(), before + 1);
}
END_TEST

/* To seal it again would add a filter. */
START_TEST(a_final_region_is_known_to_be_sealed)
{
	struct sealmem_region *region;
	uint64_t before;

	begin();
	region = from_buffer(page_size());
	before = count_filters();
	ck_assert_int_eq(sealmem_mseal(sealmem_region_data(region), page_size(), 0), 0);
	ck_assert_uint_eq(count_filters(), before);
}
END_TEST

/* One by one in place there is room for some five hundred. What is freed stays mapped, and has no descriptor. */
START_TEST(two_thousand_regions_are_sealed_one_by_one)
{
	struct sealmem_region *first;

	begin();
	first = from_buffer(page_size());
	for (int i = 1; i < 2000; i++) {
		struct sealmem_region *region = from_buffer(1);
		char *data = sealmem_region_data(region);

		ck_assert(is_final(region));
		ck_assert_ptr_null(sealmem_region_free(region));
		ck_assert_int_eq(unmap(data), -1);
		ck_assert(is_filled(data, 1));
	}
	assert_final(first, page_size());
	(void)sealed_region("in place", page_size(), KEPT);
}
END_TEST

/* The number of mappings is limited, too. */
START_TEST(beside_many_final_regions_memory_works_as_before)
{
	char *at;

	begin();
	for (int i = 0; i < 100; i++)
		(void)from_buffer(1);
	at = map_private(3 * page_size());
	ck_assert_int_eq(madvise(at, page_size(), MADV_DONTNEED), 0);
	at = mremap(at, 3 * page_size(), 6 * page_size(), MREMAP_MAYMOVE);
	ck_assert_ptr_ne(at, MAP_FAILED);
	ck_assert_int_eq(mprotect(at, page_size(), PROT_READ), 0);
	ck_assert_int_eq(munmap(at, 6 * page_size()), 0);
	ck_assert_ptr_null(sealmem_region_free(open_region("open", page_size(), KEPT)));
}
END_TEST

static int refuse(const void *bytes, size_t size, void *data)
{
	(void)bytes;
	(void)size;
	(*(int *)data)++;
	return -EBADMSG;
}

/* Once it is mapped there, nobody could take it away. */
START_TEST(bytes_that_are_refused_leave_nothing)
{
	struct sealmem_region *region = NULL;
	struct census before;
	int file, asked = 0;

	begin();
	(void)from_buffer(1);
	file = file_of("abc", 4);
	before = take_census();
	ck_assert_int_eq(sealmem_region_new_from_file_with(&region, "file", file, page_size(), KEPT,
							   NULL, refuse, &asked),
			 -EBADMSG);
	assert_same_census(before);
	ck_assert_int_eq(asked, 1);
	ck_assert_ptr_null(region);
}
END_TEST

static int accept_bytes(const void *bytes, size_t size, void *data)
{
	(*(int *)data)++;
	return size == 4 && memcmp(bytes, "abc", 4) == 0 ? 0 : -EBADMSG;
}

/* In the address space that is left there is no room for one more mapping. */
START_TEST(a_mapping_that_fails_leaves_nothing)
{
	struct sealmem_region *region = NULL;
	struct census before;

	begin();
	(void)from_buffer(1);
	before = take_census();
	{
		SCOPED_LIMIT limit = set_limit(RLIMIT_AS, 0);

		(void)limit;
		ck_assert_int_eq(sealmem_region_new_from(&region, "no room", "abc", 4, KEPT),
				 -ENOMEM);
	}
	assert_same_census(before);
	ck_assert_ptr_null(region);
	ck_assert(is_final(from_buffer(1)));
}
END_TEST

/* The one that is judged and the one for good are there at the same time. */
START_TEST(without_room_for_two_mappings_a_region_is_sealed_in_place)
{
	const size_t size = (size_t)64 << 20;
	struct sealmem_region *region;
	char *bytes = map_private(size);

	begin();
	(void)from_buffer(1);
	fill(bytes, size);
	{
		SCOPED_LIMIT limit = set_limit(RLIMIT_AS, address_space_in_use() + size + size / 2);

		(void)limit;
		region = region_from(bytes, size, KEPT);
	}
	ck_assert(!is_final(region));
	ck_assert_uint_eq(sealmem_region_guarantees(region), KEPT);
	assert_refused(sealmem_region_data(region));
	assert_filled(sealmem_region_data(region), size);
}
END_TEST

/* Whoever maps something there cannot take it away, and finds the regions as they were. */
START_TEST(who_maps_beside_a_region_changes_nothing)
{
	struct sealmem_region *region;
	char *data, *beside;

	begin();
	region = from_buffer(page_size());
	data = sealmem_region_data(region);
	beside = data + page_size();
	ck_assert_ptr_eq(map_over(data, MAP_FIXED_NOREPLACE), MAP_FAILED);
	ck_assert_int_eq(errno, EEXIST);
	ck_assert_int_eq(cover_unless_taken(beside), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_ptr_eq(map_over(beside, MAP_FIXED_NOREPLACE), beside);
	assert_refused(beside);
	assert_final(region, page_size());
}
END_TEST

/* With memory of their own over all that is free there, somebody can make regions cost what they cost in place. */
START_TEST(where_the_place_is_taken_regions_are_sealed_elsewhere)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
	struct sealmem_region *region;
	struct filter_range half;
	int file, asked = 0;
	char *data;

	begin();
	region = from_buffer(page_size());
	data = sealmem_region_data(region);
	half = final_half_of(data);
	ck_assert_ptr_ne(mmap((void *)(uintptr_t)half.start, (size_t)((uintptr_t)data - half.start),
			      PROT_NONE, flags, -1, 0),
			 MAP_FAILED);
	ck_assert_ptr_ne(mmap(data + page_size(),
			      (size_t)(half.end - (uintptr_t)data) - page_size(), PROT_NONE, flags,
			      -1, 0),
			 MAP_FAILED);
	file = file_of("abc", 4);
	ck_assert_int_eq(sealmem_region_new_from_file_with(&region, "file", file, page_size(), KEPT,
							   NULL, accept_bytes, &asked),
			 0);
	ck_assert_int_eq(asked, 1);
	ck_assert(!is_final(region));
	assert_refused(sealmem_region_data(region));
	ck_assert_str_eq(sealmem_region_data(region), "abc");
}
END_TEST

static int use_inherited(void *region)
{
	struct sealmem_region *own;

	if (unmap(sealmem_region_data(region)) == 0)
		return 2;
	if (sealmem_region_new_from(&own, "of a child", "abc", 4, KEPT) < 0 || !is_final(own))
		return 3;
	if (unmap(sealmem_region_data(own)) == 0)
		return 4;
	(void)sealmem_region_free(region);
	return !is_filled(sealmem_region_data(region), page_size());
}

START_TEST(a_child_keeps_the_region_and_makes_its_own)
{
	struct sealmem_region *region;

	begin();
	region = from_buffer(page_size());
	/* What a child frees is gone, but for the memory. */
	assert_child_succeeds(use_inherited, region);
	assert_final(region, page_size());
}
END_TEST

static void *unmap_in_thread(void *data)
{
	return unmap(data) == 0 ? data : NULL;
}

static int go[2];

/* Gets the address as soon as there is one. */
static void *unmap_when_told(void *unused)
{
	void *data;

	(void)unused;
	return read(go[0], &data, sizeof(data)) == sizeof(data) ? unmap_in_thread(data) : go;
}

static void assert_unmaps_nothing(pthread_t thread)
{
	void *unmapped;

	ck_assert_int_eq(pthread_join(thread, &unmapped), 0);
	ck_assert_ptr_null(unmapped);
}

START_TEST(a_thread_from_before_and_one_from_after_are_refused)
{
	pthread_t before, after;
	char *data;

	begin();
	ck_assert_int_eq(pipe(go), 0);
	ck_assert_int_eq(pthread_create(&before, NULL, unmap_when_told, NULL), 0);
	data = sealmem_region_data(from_buffer(page_size()));
	ck_assert_int_eq(write(go[1], &data, sizeof(data)), sizeof(data));
	assert_unmaps_nothing(before);
	ck_assert_int_eq(pthread_create(&after, NULL, unmap_in_thread, data), 0);
	assert_unmaps_nothing(after);
	assert_sealed(data, page_size());
}
END_TEST

static int ready[2];

static void *filter_itself_and_unmap(void *unused)
{
	forbid(SYS_getppid, ENOSYS);
	ck_assert_int_eq(write(ready[1], "", 1), 1);
	return unmap_when_told(unused);
}

/* The filter that counts is older, and every thread has it. A seal in place has to reach every thread. */
START_TEST(a_thread_with_a_filter_of_its_own_is_no_obstacle)
{
	struct sealmem_region *in_place, *region;
	pthread_t thread;
	char *data;

	begin();
	(void)from_buffer(1);
	in_place = open_region("in place", page_size(), KEPT);
	ck_assert_int_eq(pipe(go), 0);
	ck_assert_int_eq(pipe(ready), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, filter_itself_and_unmap, NULL), 0);
	ck_assert_int_eq(read(ready[0], &data, 1), 1);
	region = from_buffer(page_size());
	ck_assert_int_eq(sealmem_region_seal(in_place), -EBUSY);
	data = sealmem_region_data(region);
	ck_assert_int_eq(write(go[1], &data, sizeof(data)), sizeof(data));
	assert_unmaps_nothing(thread);
	assert_final(region, page_size());
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		each_act_succeeds_on_a_region_without_an_address,
		a_region_from_a_buffer_is_final,
		a_region_from_a_file_is_final,
		an_accepted_region_is_final,
		an_empty_region_is_final,
		a_region_that_carries_more_is_sealed_in_place,
		only_the_first_region_adds_filters,
		a_final_region_is_known_to_be_sealed,
		two_thousand_regions_are_sealed_one_by_one,
		beside_many_final_regions_memory_works_as_before,
		bytes_that_are_refused_leave_nothing,
		a_mapping_that_fails_leaves_nothing,
		without_room_for_two_mappings_a_region_is_sealed_in_place,
		who_maps_beside_a_region_changes_nothing,
		where_the_place_is_taken_regions_are_sealed_elsewhere,
		a_child_keeps_the_region_and_makes_its_own,
		a_thread_from_before_and_one_from_after_are_refused,
		a_thread_with_a_filter_of_its_own_is_no_obstacle,
	};

	return RUN_TESTS("final", tests);
}
