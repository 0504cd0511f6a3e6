/* SPDX-License-Identifier: MIT */

/*
 * Protection keys, where the machine has them: closed and open, and that another thread starts with what its maker
 * has. Elsewhere an error.
 */

#include "tests/support/sandbox.h"
#include "tests/support/support.h"

#include "lib/key.h"

#include <pthread.h>

static int some_key(void)
{
	int key = key_new();

	if (key == -EOPNOTSUPP || key == -ENOSPC)
		skip_test("this machine has no protection keys");
	ck_assert_int_ge(key, 1);
	return key;
}

static bool is_open(char *page)
{
	return sealmem_try_write(page, "x", 1) == 0;
}

START_TEST(a_closed_key_refuses_the_kernel_too)
{
	char *page = map_private(page_size());
	int key = some_key();

	ck_assert_int_eq(key_apply(key, page, page_size()), 0);
	ck_assert(key_is_open(key) && is_open(page));
	key_close(key);
	ck_assert(!key_is_open(key) && !is_open(page));
	key_open(key);
	ck_assert(key_is_open(key) && is_open(page));
	key_free(key);
}
END_TEST

static void *try(void *page)
{
	return is_open(page) ? page : NULL;
}

START_TEST(a_thread_starts_with_the_rights_of_its_maker)
{
	char *page = map_private(page_size());
	int key = some_key();
	pthread_t thread;
	void *answer;

	ck_assert_int_eq(key_apply(key, page, page_size()), 0);
	for (int open = 0; open < 2; open++) {
		if (open)
			key_open(key);
		else
			key_close(key);
		ck_assert_int_eq(pthread_create(&thread, NULL, try, page), 0);
		ck_assert_int_eq(pthread_join(thread, &answer), 0);
		ck_assert_int_eq(answer == page, open);
	}
	key_free(key);
}
END_TEST

START_TEST(keys_run_out_and_come_back)
{
	int keys[KEYS_MAX], count = 0, key = some_key();

	for (; key >= 0; key = key_new()) {
		ck_assert_int_lt(count, KEYS_MAX);
		keys[count++] = key;
	}
	ck_assert_int_eq(key, -ENOSPC);
	key_free(keys[0]);
	ck_assert_int_eq(key_new(), keys[0]);
}
END_TEST

START_TEST(a_machine_without_keys_says_so)
{
	forbid(SYS_pkey_alloc, EINVAL);
	ck_assert_int_eq(key_new(), -EOPNOTSUPP);
	key_free(-1);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_closed_key_refuses_the_kernel_too,
		a_thread_starts_with_the_rights_of_its_maker,
		keys_run_out_and_come_back,
		a_machine_without_keys_says_so,
	};

	return RUN_TESTS("key", tests);
}
