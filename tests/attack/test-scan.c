/* SPDX-License-Identifier: MIT */

/*
 * A secret that a heap has freed is nowhere in the process. A search that finds nothing shows nothing, so each test
 * finds the secret first, while it lives. The stacks and the registers are not searched.
 */

#include "attack/scan.h"
#include "tests/support/support.h"

#include <errno.h>
#include <string.h>

#define LOW_LIMIT "RLIMIT_MEMLOCK is too low"

static const unsigned demands[] = {
	0,
	SEALMEM_NOSWAP | SEALMEM_NODUMP | SEALMEM_NOFORK,
	SEALMEM_SECRECY,
	SEALMEM_ADDRESS,
	SEALMEM_SECRECY | SEALMEM_ADDRESS,
};
#define DEMANDS ((int)(sizeof(demands) / sizeof(*demands)))

/* The first shares pages with other objects, the second has pages of its own. */
static size_t size_of(int which)
{
	return which == 0 ? SECRET_SIZE : 2 * page_size();
}
#define SIZES 2

static struct sealmem_heap *new_heap(unsigned demand)
{
	struct sealmem_heap *heap = NULL;
	int err;

	if (demand & ~sealmem_supported())
		skip_test("a guarantee is not given here");
	err = sealmem_heap_new(&heap, "scanned", (size_t)1 << 21, demand);
	if (err == -EAGAIN)
		skip_test(LOW_LIMIT);
	ck_assert_int_eq(err, 0);
	return heap;
}

/* An object with the secret in it, which is found there and nowhere else. */
static char *new_secret(struct sealmem_heap *heap, size_t size, struct secret *secret)
{
	char *object = sealmem_heap_alloc(heap, size);

	if (object == NULL && errno == EAGAIN)
		skip_test(LOW_LIMIT);
	ck_assert_ptr_nonnull(object);
	secret_choose(secret);
	ck_assert_ptr_null(scan_process(secret));
	secret_write(secret, object);
	ck_assert_ptr_eq(scan_process(secret), object);
	return object;
}

START_TEST(a_freed_secret_is_nowhere_in_the_process)
{
	struct sealmem_heap *heap = new_heap(demands[_i / SIZES]);
	struct secret secret;
	char *object = new_secret(heap, size_of(_i % SIZES), &secret);

	sealmem_heap_dealloc(heap, object);
	ck_assert_ptr_null(scan_process(&secret));
	sealmem_heap_free(heap);
}
END_TEST

START_TEST(a_secret_that_moved_leaves_nothing_where_it_was)
{
	struct sealmem_heap *heap = new_heap(demands[_i / SIZES]);
	size_t size = size_of(_i % SIZES);
	struct secret secret;
	char *object = new_secret(heap, size, &secret), *moved;

	moved = sealmem_heap_realloc(heap, object, 2 * size);
	if (moved == NULL && errno == EAGAIN)
		skip_test(LOW_LIMIT);
	ck_assert_ptr_nonnull(moved);
	ck_assert_ptr_ne(moved, object);
	ck_assert_ptr_eq(scan_process(&secret), moved);
	sealmem_wipe(moved, SECRET_SIZE);
	ck_assert_ptr_null(scan_process(&secret));
	sealmem_heap_free(heap);
}
END_TEST

START_TEST(a_heap_that_is_freed_leaves_no_secret)
{
	struct sealmem_heap *heap = new_heap(demands[_i / SIZES]);
	struct secret secret;

	(void)new_secret(heap, size_of(_i % SIZES), &secret);
	sealmem_heap_free(heap);
	ck_assert_ptr_null(scan_process(&secret));
}
END_TEST

START_TEST(a_closed_heap_hides_a_secret_from_the_scan)
{
	struct sealmem_heap *heap = new_heap(demands[1]);
	struct secret secret;
	char *object = new_secret(heap, size_of(_i), &secret);

	ck_assert_int_eq(sealmem_heap_close(heap), 0);
	ck_assert_ptr_null(scan_process(&secret));
	ck_assert_int_eq(sealmem_heap_open(heap), 0);
	ck_assert_ptr_eq(scan_process(&secret), object);
	sealmem_heap_free(heap);
}
END_TEST

/* What plain memory leaves: the scan finds it at any address, also past pages that fault. */
START_TEST(a_secret_that_nobody_wiped_is_found)
{
	char *pages = map_private(3 * page_size()), *at = pages + 2 * page_size() + 3;
	char copy[SECRET_SIZE];
	struct secret secret;

	secret_choose(&secret);
	secret_write(&secret, pages);
	memcpy(copy, pages, sizeof(copy));
	memset(pages, 0, sizeof(copy));
	ck_assert_ptr_null(scan_process(&secret));
	memcpy(at, copy, sizeof(copy));
	(void)sys_madvise(pages, page_size(), MADV_GUARD_INSTALL);
	ck_assert_ptr_eq(scan_process(&secret), at);
	at[SECRET_SIZE - 1] ^= 1;
	ck_assert_ptr_null(scan_process(&secret));
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("scan");

	tcase_add_loop_test(tcase, a_freed_secret_is_nowhere_in_the_process, 0, SIZES * DEMANDS);
	tcase_add_loop_test(tcase, a_secret_that_moved_leaves_nothing_where_it_was, 0,
			    SIZES * DEMANDS);
	tcase_add_loop_test(tcase, a_heap_that_is_freed_leaves_no_secret, 0, SIZES * DEMANDS);
	tcase_add_loop_test(tcase, a_closed_heap_hides_a_secret_from_the_scan, 0, SIZES);
	tcase_add_test(tcase, a_secret_that_nobody_wiped_is_found);
	tcase_set_timeout(tcase, 60);
	return run_case("scan", tcase);
}
