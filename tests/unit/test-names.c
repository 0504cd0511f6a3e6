/* SPDX-License-Identifier: MIT */

/*
 * The table that a fault report looks names up in: what belongs to which memory, when the table is full, and
 * threads that use it at the same time. That a report finds what regions and ranges put there is in test-fault.c.
 */

#include "tests/support/scale.h"
#include "tests/support/support.h"

#include "lib/names.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static const struct names_memory some = { .start = 0x10000,
					  .end = 0x12000,
					  .before = 0x1000,
					  .after = 0x3000,
					  .sealed = true,
					  .shared = true,
					  .owner = 7 };

START_TEST(an_address_of_the_memory_finds_it)
{
	static const uintptr_t addresses[] = { 0xf000, 0x10000, 0x11fff, 0x12000, 0x14fff };
	int id = names_add(&some, "policy");

	for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++) {
		struct names_memory found;

		ck_assert_int_eq(names_find(addresses[i], &found), id);
		ck_assert_uint_eq(found.start, some.start);
		ck_assert_uint_eq(found.end, some.end);
		ck_assert(found.sealed && found.shared);
		ck_assert_int_eq(found.owner, some.owner);
	}
	ck_assert_str_eq(names_text(id), "policy");
}
END_TEST

START_TEST(another_address_finds_nothing)
{
	static const uintptr_t addresses[] = { 0, 0xefff, 0x15000, UINTPTR_MAX };
	struct names_memory found;

	(void)names_add(&some, "policy");
	for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++)
		ck_assert_int_eq(names_find(addresses[i], &found), -1);
}
END_TEST

START_TEST(memory_that_changed_is_found_as_it_is_now)
{
	struct names_memory now = some, found;
	int id = names_add(&some, "policy");

	now.end = 0x11000;
	now.after = 0;
	names_change(id, &now);
	ck_assert_int_eq(names_find(0x10fff, &found), id);
	ck_assert_int_eq(names_find(0x11000, &found), -1);
}
END_TEST

START_TEST(memory_that_was_removed_is_not_found)
{
	struct names_memory found;

	names_remove(names_add(&some, "policy"));
	ck_assert_int_eq(names_find(0x10000, &found), -1);
}
END_TEST

START_TEST(a_full_table_takes_no_more_until_an_entry_is_removed)
{
	int ids[NAMES_MAX];

	for (size_t i = 0; i < NAMES_MAX; i++) {
		ids[i] = names_add(&some, "policy");
		ck_assert_int_ge(ids[i], 0);
	}
	ck_assert_int_eq(names_add(&some, "one more"), -1);
	names_change(-1, &some);
	names_remove(-1);
	names_remove(ids[100]);
	ck_assert_int_eq(names_add(&some, "other"), ids[100]);
	ck_assert_str_eq(names_text(ids[100]), "other");
}
END_TEST

START_TEST(a_name_of_the_longest_fits)
{
	char name[SEALMEM_NAME_MAX + 1] = { 0 };

	memset(name, 'n', SEALMEM_NAME_MAX);
	ck_assert_str_eq(names_text(names_add(&some, name)), name);
}
END_TEST

#define THREADS 4

/* Each has memory of its own, and always finds that. */
static void *add_and_remove(void *argument)
{
	uintptr_t start = (uintptr_t)argument;
	const struct names_memory own = { .start = start, .end = start + 0x1000 };
	static atomic_int wrong;

	for (unsigned i = 0; i < scaled(2000); i++) {
		struct names_memory found;
		char name[32];
		int id;

		(void)snprintf(name, sizeof(name), "%lx %u", (unsigned long)start, i);
		id = names_add(&own, name);
		if (names_find(start, &found) != id || strcmp(names_text(id), name) != 0)
			atomic_fetch_add(&wrong, 1);
		names_remove(id);
	}
	return atomic_load(&wrong) != 0 ? &wrong : NULL;
}

START_TEST(threads_do_not_disturb_each_other)
{
	pthread_t threads[THREADS];

	for (uintptr_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, add_and_remove,
						(void *)((i + 1) << 20)), /* NOLINT */
				 0);
	for (size_t i = 0; i < THREADS; i++) {
		void *wrong = NULL;

		ck_assert_int_eq(pthread_join(threads[i], &wrong), 0);
		ck_assert_ptr_null(wrong);
	}
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		an_address_of_the_memory_finds_it,
		another_address_finds_nothing,
		memory_that_changed_is_found_as_it_is_now,
		memory_that_was_removed_is_not_found,
		a_full_table_takes_no_more_until_an_entry_is_removed,
		a_name_of_the_longest_fits,
		threads_do_not_disturb_each_other,
	};

	return RUN_TESTS("names", tests);
}
