/* SPDX-License-Identifier: MIT */

/*
 * The heap: what its objects are, that it gives what was demanded, and that it finds what a broken program does to it.
 * Each mistake is made in a child, which has to write the line and die of abort(3); the same steps without the
 * mistake end well.
 */

#include "tests/support/holds.h"
#include "tests/support/sandbox.h"
#include "tests/support/scale.h"
#include "tests/support/support.h"

#include "lib/guard.h"
#include "lib/heap-class.h"
#include "lib/heap-internal.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>

#define LARGE (3 * page_size() + 48)
#define ROOM  ((size_t)8 << 20)

static void free_heap(struct sealmem_heap **h)
{
	(void)sealmem_heap_free(*h);
}

#define SCOPED_HEAP CLEANUP(free_heap) struct sealmem_heap

/* Before Linux 5.16 a plain user may lock 64 KiB: that is one small heap, and nothing else. */
#define LEAST_LIMIT ((size_t)4 << 20)

static void require_lockable(size_t size)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_MEMLOCK, &limit), 0);
	if (geteuid() != 0 && limit.rlim_cur < size)
		skip_test("RLIMIT_MEMLOCK is below what this needs");
}

static struct sealmem_heap *heap_of(size_t limit, unsigned guarantees)
{
	struct sealmem_heap *h = NULL;
	int err;

	if (guarantees & (SEALMEM_NOSWAP | SEALMEM_SECRECY))
		require_lockable(LEAST_LIMIT);
	err = sealmem_heap_new(&h, "keys", limit, guarantees);
	if (err == -EOPNOTSUPP)
		skip_test("this kernel does not give a guarantee");
	ck_assert_int_eq(err, 0);
	return h;
}

/* The compiler does not know where it comes from: what follows may be a mistake on purpose. */
static char *object_of(struct sealmem_heap *h, size_t size)
{
	char *p = sealmem_heap_alloc(h, size);

	ck_assert_ptr_nonnull(p);
	__asm__("" : "+r"(p));
	return p;
}

/* The sets that heaps are made with, those with ADDRESS last. */
static const unsigned demands[] = {
	0,
	SEALMEM_NODUMP | SEALMEM_NOFORK,
	SEALMEM_NOSWAP,
	SEALMEM_NOSWAP | SEALMEM_NODUMP | SEALMEM_NOFORK | SEALMEM_GUARDS,
	SEALMEM_SECRECY,
	SEALMEM_ADDRESS | SEALMEM_NODUMP,
	SEALMEM_ADDRESS | SEALMEM_SECRECY,
};

#define DEMANDS ((int)(sizeof(demands) / sizeof(*demands)))

/* Objects */

START_TEST(an_object_is_zeroed_and_has_the_size_that_was_asked_for)
{
	SCOPED_HEAP *h = heap_of(ROOM, demands[_i]);

	for (size_t size = 0; size < 3 * HEAP_SLOT_MAX; size += size < 70 ? 1 : 61) {
		char *p = object_of(h, size);

		assert_zeroed(p, size);
		fill(p, size);
		ck_assert_uint_eq(sealmem_heap_usable_size(h, p), size);
		ck_assert_int_eq(sealmem_heap_check(h), 0);
		sealmem_heap_dealloc(h, p);
	}
}
END_TEST

START_TEST(objects_are_aligned)
{
	SCOPED_HEAP *h = heap_of(ROOM, 0);

	for (size_t size = 0; size <= HEAP_SMALL_MAX; size++)
		ck_assert_uint_eq((uintptr_t)object_of(h, size) % 16, 0);
	ck_assert_uint_eq((uintptr_t)object_of(h, 4096 + 16) % 16, 0);
	ck_assert_uint_eq((uintptr_t)object_of(h, 4096 + 4) % 4, 0);
}
END_TEST

START_TEST(a_class_has_room_for_its_object_and_its_canary)
{
	for (size_t size = 0; size <= HEAP_SMALL_MAX; size++) {
		size_t slot = heap_class_slot(heap_class_of(size));

		ck_assert_uint_eq(slot % HEAP_ALIGNMENT, 0);
		ck_assert_uint_ge(slot, size + HEAP_CANARY);
		ck_assert_uint_le(slot - size - HEAP_CANARY, HEAP_SLACK_MAX);
		ck_assert(slot == HEAP_SLOT_MIN ||
			  heap_class_slot(heap_class_of(size) - 1) < size + HEAP_CANARY);
	}
	ck_assert_uint_eq(heap_class_of(HEAP_SMALL_MAX), HEAP_CLASSES - 1);
}
END_TEST

/* An assertion for each byte would take longer than all the rest. */
static bool is_full_of(const char *bytes, size_t size, unsigned char byte)
{
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)bytes[i] != byte)
			return false;
	return true;
}

START_TEST(objects_do_not_overlap)
{
	enum { MANY = 5000 };
	static char *objects[MANY];
	SCOPED_HEAP *h = heap_of(ROOM, 0);

	for (size_t i = 0; i < MANY; i++) {
		objects[i] = object_of(h, i % 500);
		memset(objects[i], (int)(i % 251) + 1, i % 500);
	}
	for (size_t i = 0; i < MANY; i++)
		ck_assert(is_full_of(objects[i], i % 500, (unsigned char)(i % 251 + 1)));
	ck_assert_int_eq(sealmem_heap_check(h), 0);
	for (size_t i = 0; i < MANY; i++)
		sealmem_heap_dealloc(h, objects[i]);
	ck_assert_int_eq(sealmem_heap_check(h), 0);
}
END_TEST

START_TEST(realloc_keeps_bytes_and_wipes_what_it_leaves)
{
	static const size_t sizes[] = { 10, 11, 24, 17, 500, 100, 2040, 2041, 30000, 5000, 0, 64 };
	SCOPED_HEAP *h = heap_of(ROOM, demands[_i]);
	size_t before = 0, kept = 0;
	char *p = NULL;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		p = sealmem_heap_realloc(h, p, sizes[i]);
		ck_assert_ptr_nonnull(p);
		kept = before < sizes[i] ? before : sizes[i];
		assert_filled(p, kept);
		assert_zeroed(p + kept, sizes[i] - kept);
		fill(p, sizes[i]);
		before = sizes[i];
		ck_assert_int_eq(sealmem_heap_check(h), 0);
		ck_assert_uint_eq(sealmem_heap_usable_size(h, p), before);
	}
}
END_TEST

START_TEST(the_slot_that_realloc_leaves_is_zeroed)
{
	SCOPED_HEAP *h = heap_of(ROOM, 0);
	char *p = object_of(h, 32), *moved;

	fill(p, 32);
	moved = sealmem_heap_realloc(h, p, 100);
	ck_assert_ptr_ne(moved, p);
	assert_zeroed(p, 48);
	assert_filled(moved, 32);
	ck_assert_ptr_eq(sealmem_heap_realloc(h, moved, 90), moved);
	fill(moved, 90);
	ck_assert_ptr_eq(sealmem_heap_realloc(h, moved, 100), moved);
	assert_zeroed(moved + 90, 10);
}
END_TEST

START_TEST(a_realloc_that_fails_leaves_the_object)
{
	SCOPED_HEAP *h = heap_of(ROOM, 0);
	char *p = object_of(h, 100);

	fill(p, 100);
	ck_assert_ptr_null(sealmem_heap_realloc(h, p, 2 * ROOM));
	ck_assert_int_eq(errno, ENOMEM);
	assert_filled(p, 100);
	ck_assert_uint_eq(sealmem_heap_usable_size(h, p), 100);
}
END_TEST

START_TEST(an_object_is_wiped_when_it_is_freed)
{
	SCOPED_HEAP *h = heap_of(ROOM, demands[_i]);
	char *p = object_of(h, 100);

	fill(p, 100);
	sealmem_heap_dealloc(h, p);
	assert_zeroed(p, 112);
}
END_TEST

START_TEST(null_is_an_argument)
{
	SCOPED_HEAP *h = heap_of(ROOM, 0);
	struct sealmem_heap *none = NULL;

	errno = 7;
	sealmem_heap_dealloc(h, NULL);
	sealmem_heap_dealloc(none, &none);
	ck_assert_ptr_null(sealmem_heap_free(none));
	ck_assert_int_eq(errno, 7);
	ck_assert_uint_eq(sealmem_heap_usable_size(h, NULL), 0);
	ck_assert_uint_eq(sealmem_heap_usable_size(none, &none), 0);
	ck_assert_uint_eq(sealmem_heap_guarantees(none), 0);
	ck_assert_int_eq(sealmem_heap_check(none), -EINVAL);
	ck_assert_int_eq(sealmem_heap_close(none), -EINVAL);
	ck_assert_int_eq(sealmem_heap_open(none), -EINVAL);
	ck_assert_ptr_null(sealmem_heap_alloc(none, 1));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_ptr_null(sealmem_heap_realloc(none, NULL, 1));
	ck_assert_int_eq(errno, EINVAL);
}
END_TEST

/* Demands */

START_TEST(a_wrong_demand_is_refused)
{
	struct sealmem_heap *h = NULL;
	char long_name[SEALMEM_NAME_MAX + 2] = { 0 };

	memset(long_name, 'x', SEALMEM_NAME_MAX + 1);
	ck_assert_int_eq(sealmem_heap_new(NULL, "keys", ROOM, 0), -EINVAL);
	ck_assert_int_eq(sealmem_heap_new(&h, NULL, ROOM, 0), -EINVAL);
	ck_assert_int_eq(sealmem_heap_new(&h, "a\nb", ROOM, 0), -EINVAL);
	ck_assert_int_eq(sealmem_heap_new(&h, long_name, ROOM, 0), -ENAMETOOLONG);
	ck_assert_int_eq(sealmem_heap_new(&h, "keys", 0, 0), -EINVAL);
	ck_assert_int_eq(sealmem_heap_new(&h, "keys", 1, 0), -ENOMEM);
	ck_assert_int_eq(sealmem_heap_new(&h, "keys", ROOM, SEALMEM_CONTENT), -EINVAL);
	ck_assert_int_eq(sealmem_heap_new(&h, "keys", ROOM, SEALMEM_GUARANTEES + 1), -EINVAL);
	ck_assert_ptr_null(h);
}
END_TEST

/* Small and large objects have what was demanded, as the kernel shows it. */
static void assert_given(struct sealmem_heap *h, char *p, unsigned guarantees)
{
	unsigned carried = guarantees & (SEALMEM_NOSWAP | SEALMEM_NODUMP | SEALMEM_NOFORK);
	char *page = (char *)((uintptr_t)p & ~(page_size() - 1));

	ck_assert_uint_eq(sealmem_heap_guarantees(h) & guarantees, guarantees);
	ck_assert_uint_eq(guarantees_missing(page, page_size(), guarantees & ~SEALMEM_GUARDS), 0);
	ck_assert_uint_eq(guarantees_carried(page) & carried, carried);
}

START_TEST(a_heap_has_what_was_demanded)
{
	SCOPED_HEAP *h = heap_of(ROOM, demands[_i]);
	unsigned guarantees = demands[_i];

	if (guarantees & SEALMEM_SECRECY)
		guarantees |= SEALMEM_NOSWAP | SEALMEM_NODUMP | SEALMEM_NOFORK;
	ck_assert_uint_eq(sealmem_heap_guarantees(h), guarantees | SEALMEM_GUARDS);
	assert_given(h, object_of(h, 32), guarantees);
	assert_given(h, object_of(h, LARGE), guarantees);
}
END_TEST

START_TEST(nothing_is_left_of_a_heap_that_is_freed)
{
	struct sealmem_heap *h = heap_of(ROOM, 0);
	struct census before;

	sealmem_heap_free(h);
	before = take_own_census();
	h = heap_of(ROOM, demands[_i] & ~SEALMEM_ADDRESS);
	/* A plain user may lock a few MiB. */
	for (size_t i = 0; i < 150; i++)
		fill(object_of(h, i * 33), i * 33);
	ck_assert_ptr_null(sealmem_heap_free(h));
	assert_own_census(before);
}
END_TEST

START_TEST(what_stays_of_a_heap_with_sealed_addresses_is_zero)
{
	struct sealmem_heap *h = heap_of(ROOM, SEALMEM_ADDRESS | SEALMEM_NOSWAP);
	char *small = object_of(h, 100), *large = object_of(h, LARGE);

	fill(small, 100);
	fill(large, LARGE);
	ck_assert_int_eq(munmap((void *)((uintptr_t)small & ~(page_size() - 1)), page_size()), -1);
	ck_assert_int_eq(errno, EPERM);
	sealmem_heap_free(h);
	assert_zeroed(small, 100);
	assert_zeroed(large, LARGE);
}
END_TEST

START_TEST(the_guards_of_sealed_memory_are_sealed)
{
	SCOPED_HEAP *h = heap_of(ROOM, SEALMEM_ADDRESS);
	char *large = object_of(h, 4 * page_size());

	ck_assert_int_eq(munmap(large - page_size(), page_size()), -1);
	ck_assert_int_eq(munmap(large + 4 * page_size(), page_size()), -1);
	ck_assert_int_eq(madvise(large - page_size(), page_size(), MADV_GUARD_REMOVE) == 0 &&
				 sealmem_try_write(large - 1, "x", 1) == 0,
			 0);
	ck_assert_int_eq(sealmem_try_write(large + 4 * page_size(), "x", 1), -EFAULT);
}
END_TEST

START_TEST(pages_with_sealed_addresses_are_used_again)
{
	SCOPED_HEAP *h = heap_of(ROOM, SEALMEM_ADDRESS);
	char *first = object_of(h, 4 * page_size());

	for (int i = 0; i < 1000; i++) {
		sealmem_heap_dealloc(h, first);
		ck_assert_ptr_eq(object_of(h, 4 * page_size()), first);
	}
}
END_TEST

/* Limits */

static size_t allocate_all(struct sealmem_heap *h, size_t size)
{
	size_t count = 0;

	while (sealmem_heap_alloc(h, size) != NULL)
		count++;
	return count;
}

START_TEST(a_heap_ends_at_its_limit)
{
	SCOPED_HEAP *h = heap_of(1 << 20, demands[_i]);
	size_t count = allocate_all(h, 32);

	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_uint_le(count * 48, 1 << 20);
	ck_assert_uint_ge(count * 48, (1 << 20) - (1 << 20) / 10);
	ck_assert_ptr_null(sealmem_heap_alloc(h, LARGE));
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_int_eq(sealmem_heap_check(h), 0);
}
END_TEST

/* One of a hundred, so that no slab is free as a whole. */
START_TEST(room_in_full_slabs_is_used_again)
{
	enum { MOST = 40000, APART = 100 };
	static char *objects[MOST];
	SCOPED_HEAP *h = heap_of((size_t)1 << 20, 0);
	size_t made = 0;

	while (made < MOST && (objects[made] = sealmem_heap_alloc(h, 64)) != NULL)
		made++;
	ck_assert_uint_gt(made, 1000);
	ck_assert_uint_lt(made, MOST);
	for (size_t i = 0; i < made; i += APART)
		sealmem_heap_dealloc(h, objects[i]);
	for (size_t i = 0; i < made; i += APART)
		ck_assert_ptr_nonnull(sealmem_heap_alloc(h, 64));
	ck_assert_ptr_null(sealmem_heap_alloc(h, 64));
}
END_TEST

START_TEST(memory_of_one_class_serves_another_when_it_is_free)
{
	static char *objects[1 << 15];
	SCOPED_HEAP *h = heap_of(1 << 20, 0);
	size_t count[2] = { 0 };

	for (int round = 0; round < 6; round++) {
		size_t size = round % 2 == 0 ? 32 : 1000, made = 0;

		while ((objects[made] = sealmem_heap_alloc(h, size)) != NULL)
			made++;
		if (round > 1)
			ck_assert_uint_ge(made, count[round % 2] - count[round % 2] / 10);
		count[round % 2] = made;
		while (made-- > 0)
			sealmem_heap_dealloc(h, objects[made]);
	}
}
END_TEST

START_TEST(large_objects_give_their_memory_back)
{
	SCOPED_HEAP *h = heap_of(1 << 20, demands[_i]);

	for (int i = 0; i < 20; i++) {
		char *p = object_of(h, 1 << 19);

		fill(p, 1 << 19);
		sealmem_heap_dealloc(h, p);
	}
}
END_TEST

/* As a plain user, because root may lock all it likes. */
START_TEST(what_RLIMIT_MEMLOCK_refuses_is_EAGAIN)
{
	unsigned guarantees = _i == 0 ? SEALMEM_NOSWAP : SEALMEM_SECRECY;
	struct sealmem_heap *h = heap_of(ROOM, guarantees), *other = NULL;

	sealmem_heap_free(h);
	ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){ 1 << 18, 1 << 18 }), 0);
	become_plain_user();
	ck_assert_int_eq(sealmem_heap_new(&h, "keys", ROOM, guarantees), 0);
	ck_assert_uint_ge(allocate_all(h, 32), (1 << 17) / 48);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_ptr_null(sealmem_heap_alloc(h, 1 << 19));
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_uint_eq(sealmem_heap_guarantees(h) & guarantees, guarantees);
	ck_assert_int_eq(sealmem_heap_new(&other, "keys", ROOM, guarantees), -EAGAIN);
	ck_assert_int_eq(sealmem_heap_check(h), 0);
	sealmem_heap_free(h);
}
END_TEST

/* Memory of somebody else would come to lie there, and the heap would replace it when it grows. */
START_TEST(a_heap_that_may_not_grow_has_no_hole_in_its_addresses)
{
	unsigned guarantees = _i == 0 ? SEALMEM_NOSWAP : SEALMEM_SECRECY;
	struct sealmem_heap *h = heap_of(ROOM, guarantees);

	sealmem_heap_free(h);
	ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){ 1 << 18, 1 << 18 }), 0);
	become_plain_user();
	ck_assert_int_eq(sealmem_heap_new(&h, "keys", ROOM, guarantees), 0);
	(void)allocate_all(h, 32);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_int_eq(sys_mapped(h->base, h->all.size), 0);
	ck_assert_int_eq(sealmem_heap_check(h), 0);
	sealmem_heap_free(h);
}
END_TEST

START_TEST(a_secret_heap_without_descriptors_fails_and_recovers)
{
	SCOPED_HEAP *h = heap_of(ROOM, SEALMEM_SECRECY);
	size_t count;

	{
		SCOPED_SHORTAGE shortage = leave_descriptors(0);
		struct sealmem_heap *other = NULL;

		ck_assert_uint_gt(shortage.count, 0);
		ck_assert_int_eq(sealmem_heap_new(&other, "keys", ROOM, SEALMEM_SECRECY), -EMFILE);
		count = allocate_all(h, 32);
		ck_assert_int_eq(errno, EMFILE);
		ck_assert_uint_gt(count, 0);
	}
	ck_assert_ptr_nonnull(object_of(h, 32));
}
END_TEST

START_TEST(many_large_objects_need_few_mappings)
{
	enum { MANY = 500 };
	SCOPED_HEAP *h = heap_of(1 << 25, _i == 0 ? 0 : SEALMEM_NOSWAP);
	int before = take_census().mappings;

	if (guard_probe() < 0)
		skip_test("this kernel has no MADV_GUARD_INSTALL");
	require_own_address_space();
	if (_i == 1)
		require_lockable(2 * MANY * page_size());
	for (int i = 0; i < MANY; i++)
		(void)object_of(h, page_size());
	ck_assert_int_lt(take_census().mappings - before, _i == 0 ? 50 : MANY + 50);
}
END_TEST

/* Mistakes */

struct mistake {
	size_t size;
	void (*make)(struct sealmem_heap *h, char *p, size_t size);
	const char *line;
};

static void make_none(struct sealmem_heap *h, char *p, size_t size)
{
	fill(p, size);
	sealmem_heap_dealloc(h, p);
}

static void overflow_and_free(struct sealmem_heap *h, char *p, size_t size)
{
	p[size] ^= 1;
	sealmem_heap_dealloc(h, p);
}

static void overflow_by_zero_and_check(struct sealmem_heap *h, char *p, size_t size)
{
	p[size] = 0;
	(void)sealmem_heap_check(h);
}

static void overflow_to_end_and_resize(struct sealmem_heap *h, char *p, size_t size)
{
	size_t slot = heap_class_slot(heap_class_of(size));

	p[slot - 1] ^= 0x40;
	(void)!sealmem_heap_realloc(h, p, size + 1);
}

/* The canary of the object before it: that one has to be there. */
static void underflow_and_check(struct sealmem_heap *h, char *p, size_t size)
{
	char *after = object_of(h, size);

	(void)p;
	after[-1] ^= 1;
	(void)sealmem_heap_check(h);
}

static void underflow_and_free(struct sealmem_heap *h, char *p, size_t size)
{
	(void)size;
	p[-1] ^= 1;
	sealmem_heap_dealloc(h, p);
}

static void underflow_far_and_check(struct sealmem_heap *h, char *p, size_t size)
{
	(void)size;
	*(char *)((uintptr_t)p & ~(page_size() - 1)) = 1;
	(void)sealmem_heap_check(h);
}

static void change_freed_and_allocate(struct sealmem_heap *h, char *p, size_t size)
{
	sealmem_heap_dealloc(h, p);
	p[size - 1] = 1;
	(void)!sealmem_heap_alloc(h, size);
}

static void change_freed_and_check(struct sealmem_heap *h, char *p, size_t size)
{
	sealmem_heap_dealloc(h, p);
	p[size / 2] = 1;
	(void)sealmem_heap_check(h);
}

static void free_twice(struct sealmem_heap *h, char *p, size_t size)
{
	(void)size;
	sealmem_heap_dealloc(h, p);
	sealmem_heap_dealloc(h, p);
}

static void free_inside(struct sealmem_heap *h, char *p, size_t size)
{
	(void)size;
	sealmem_heap_dealloc(h, p + 16);
}

static void free_foreign(struct sealmem_heap *h, char *p, size_t size)
{
	(void)p;
	(void)size;
	sealmem_heap_dealloc(h, &h);
}

static void ask_freed(struct sealmem_heap *h, char *p, size_t size)
{
	(void)size;
	sealmem_heap_dealloc(h, p);
	(void)sealmem_heap_usable_size(h, p);
}

static void resize_freed(struct sealmem_heap *h, char *p, size_t size)
{
	sealmem_heap_dealloc(h, p);
	(void)!sealmem_heap_realloc(h, p, 2 * size);
}

static void free_never_allocated(struct sealmem_heap *h, char *p, size_t size)
{
	sealmem_heap_dealloc(h, p + 3 * heap_class_slot(heap_class_of(size)));
}

static void free_between(struct sealmem_heap *h, char *p, size_t size)
{
	(void)size;
	/* The guard before the first chunk, and addresses that have no memory yet. */
	sealmem_heap_dealloc(h, (char *)((uintptr_t)p & ~(page_size() - 1)) + (ROOM / 2));
}

static const char after[] = "was overwritten: it lies after the end of an object";
static const char before_it[] = "was overwritten: it lies before the start of an object";
static const char in_freed[] = "was overwritten: it lies in an object that was freed";
static const char unknown[] = "is no object of this heap, or was freed before";
static const char not_start[] = "is not where an object starts";

static const struct mistake mistakes[] = {
	{ 32, make_none, NULL },
	{ 1, overflow_and_free, after },
	{ 32, overflow_and_free, after },
	{ 33, overflow_and_free, after },
	{ 2040, overflow_and_free, after },
	{ 0, overflow_and_free, after },
	{ 29, overflow_by_zero_and_check, after },
	{ 32, overflow_by_zero_and_check, after },
	{ 35, overflow_to_end_and_resize, after },
	{ 100, overflow_to_end_and_resize, after },
	{ 32, underflow_and_check, after },
	{ 5000, underflow_and_free, before_it },
	{ 4097, underflow_and_free, before_it },
	{ 5000, underflow_far_and_check, before_it },
	{ 32, change_freed_and_allocate, in_freed },
	{ 32, change_freed_and_check, in_freed },
	{ 700, change_freed_and_check, in_freed },
	{ 32, free_twice, unknown },
	{ 5000, free_twice, unknown },
	{ 32, free_inside, not_start },
	{ 5000, free_inside, unknown },
	{ 32, free_foreign, unknown },
	{ 32, ask_freed, unknown },
	{ 5000, ask_freed, unknown },
	{ 32, resize_freed, unknown },
	{ 32, free_never_allocated, unknown },
	{ 32, free_between, unknown },
};

#define MISTAKES ((int)(sizeof(mistakes) / sizeof(*mistakes)))

/* What `act` writes to standard error, in a child that then ends; returns its status. */
static int output_of(char *ret, size_t room, void (*act)(void *argument), void *argument)
{
	int pipe[2], status;
	size_t length = 0;
	pid_t child;
	ssize_t got;

	ck_assert_int_eq(pipe2(pipe, O_CLOEXEC), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		die_of_faults();
		(void)signal(SIGABRT, SIG_DFL);
		(void)dup2(pipe[1], STDERR_FILENO);
		act(argument);
		_exit(0);
	}
	close(pipe[1]);
	while ((got = read(pipe[0], ret + length, room - 1 - length)) > 0)
		length += (size_t)got;
	ck_assert_int_eq(got, 0);
	ret[length] = '\0';
	close(pipe[0]);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return status;
}

static void make_mistake(void *argument)
{
	const struct mistake *mistake = argument;
	struct sealmem_heap *h = NULL;

	if (sealmem_heap_new(&h, "ke\"ys", ROOM, 0) == 0)
		mistake->make(h, sealmem_heap_alloc(h, mistake->size), mistake->size);
}

START_TEST(a_mistake_is_found_and_ends_the_process_with_one_line)
{
	const struct mistake *mistake = &mistakes[_i];
	char text[600], *end;
	int status = output_of(text, sizeof(text), make_mistake, (void *)(uintptr_t)mistake);

	if (mistake->line == NULL) {
		ck_assert_int_eq(status, 0);
		ck_assert_str_eq(text, "");
		return;
	}
	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "%d: %s", status, text);
	end = strchr(text, '\n');
	ck_assert(end != NULL && end[1] == '\0');
	ck_assert_msg(strncmp(text, "sealmem: heap \"ke\\\"ys\" is corrupted: 0x", 39) == 0, "%s",
		      text);
	ck_assert_msg(strstr(text, mistake->line) != NULL, "%s", text);
}
END_TEST

static const size_t wrapping[] = { SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 7, SIZE_MAX - 4095,
				   (size_t)PTRDIFF_MAX + 1 };

START_TEST(a_size_that_no_memory_has_is_refused)
{
	SCOPED_HEAP *h = NULL;
	char *p;

	require_own_address_space();
	h = heap_of(SIZE_MAX, 0);
	p = object_of(h, 100);
	fill(p, 100);
	for (size_t i = 0; i < sizeof(wrapping) / sizeof(*wrapping); i++) {
		ck_assert_ptr_null(sealmem_heap_alloc(h, wrapping[i]));
		ck_assert_int_eq(errno, ENOMEM);
		ck_assert_ptr_null(sealmem_heap_realloc(h, p, wrapping[i]));
		ck_assert_int_eq(errno, ENOMEM);
	}
	assert_filled(p, 100);
	ck_assert_uint_eq(sealmem_heap_usable_size(h, p), 100);
	ck_assert_int_eq(sealmem_heap_check(h), 0);
}
END_TEST

static bool is_zeroed(const volatile char *at, size_t size)
{
	while (size > 0 && at[size - 1] == 0)
		size--;
	return size == 0;
}

static bool is_wiped_in_a_child_that_locks_nothing(struct sealmem_heap *h, char *p, size_t size)
{
	const struct rlimit nothing = { 0, 0 };

	if (setrlimit(RLIMIT_MEMLOCK, &nothing) < 0 || (geteuid() == 0 && setuid(65534) < 0) ||
	    sealmem_heap_usable_size(h, p) != size)
		return false;
	sealmem_heap_dealloc(h, p);
	return is_zeroed(p, size);
}

/* A usual child of a daemon: it gives up its privileges, and then what it does not need. */
START_TEST(a_child_that_may_lock_nothing_wipes_what_it_frees)
{
	SCOPED_HEAP *h = heap_of(ROOM, SEALMEM_NOSWAP);
	char *p = object_of(h, 100);
	pid_t child;
	int status;

	fill(p, 100);
	child = fork();
	if (child == 0)
		_exit(is_wiped_in_a_child_that_locks_nothing(h, p, 100) ? 0 : 1);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	assert_filled(p, 100);
}
END_TEST

static atomic_bool worked;

static void *work_in_closed_heap(void *h)
{
	for (unsigned i = 0; i < scaled(2000); i++)
		sealmem_heap_dealloc(h, sealmem_heap_alloc(h, 64));
	atomic_store(&worked, true);
	return NULL;
}

START_TEST(to_close_a_closed_heap_disturbs_no_function)
{
	struct sealmem_heap *h;
	pthread_t thread;
	int err = 0;

	forbid(__NR_pkey_alloc, ENOSPC);
	h = heap_of(ROOM, 0);
	ck_assert_int_eq(sealmem_heap_close(h), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, work_in_closed_heap, h), 0);
	while (!atomic_load(&worked) && err == 0)
		err = sealmem_heap_close(h);
	ck_assert_int_eq(err, 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(sealmem_heap_check(h), 0);
	ck_assert_ptr_null(sealmem_heap_free(h));
}
END_TEST

/* What a child does that a thread forks: it ends with the answer. */
struct forking {
	struct sealmem_heap *heap;
	char *object;
	int (*act)(const struct forking *of);
	pthread_t thread;
	atomic_bool forked;
};

static void *fork_and_act(void *argument)
{
	struct forking *f = argument;
	pid_t child = fork();
	int status;

	atomic_store(&f->forked, true);
	if (child == 0)
		_exit(f->act(f));
	return waitpid(child, &status, 0) == child && status == 0 ? f : NULL;
}

/* It cannot yet. */
static void start_to_fork(struct forking *f)
{
	ck_assert_int_eq(pthread_create(&f->thread, NULL, fork_and_act, f), 0);
	for (unsigned times = 0; times < 50; times++)
		usleep(1000);
	ck_assert(!atomic_load(&f->forked));
}

static void assert_child_did(struct forking *f)
{
	void *result;

	ck_assert_int_eq(pthread_join(f->thread, &result), 0);
	ck_assert(atomic_load(&f->forked));
	ck_assert_ptr_nonnull(result);
}

static int free_and_check(const struct forking *f)
{
	sealmem_heap_dealloc(f->heap, f->object);
	return sealmem_heap_check(f->heap);
}

static void lock_while_another_thread_forks(struct forking *f)
{
	HEAP_LOCKED(f->heap);

	start_to_fork(f);
}

/* What the lock guards would be half changed in the child. */
START_TEST(a_fork_waits_for_who_has_the_lock)
{
	SCOPED_HEAP *h = heap_of(ROOM, 0);
	struct forking f = { .heap = h, .object = object_of(h, LARGE), .act = free_and_check };

	lock_while_another_thread_forks(&f);
	assert_child_did(&f);
}
END_TEST

/* The kernel reads the object of the child by itself. */
static int fail_to_read(const struct forking *f)
{
	int ends[2];

	if (sys_pipe(ends) < 0)
		return 2;
	return sys_write(ends[1], f->object, 1) == -EFAULT ? 0 : 1;
}

static void visit_while_another_thread_forks(struct forking *f)
{
	HEAP_VISIT visit = { 0 };

	ck_assert_int_eq(heap_visit(&visit, f->heap), 0);
	ck_assert_int_eq(*f->object, 0);
	start_to_fork(f);
}

/* The child would have it open, and nobody who closes it. */
START_TEST(a_child_that_is_forked_beside_a_function_has_the_heap_closed)
{
	SCOPED_HEAP *h = heap_of(ROOM, 0);
	struct forking f = { .heap = h, .object = object_of(h, 32), .act = fail_to_read };

	forbid(__NR_pkey_alloc, ENOSPC);
	ck_assert_int_eq(sealmem_heap_close(h), 0);
	visit_while_another_thread_forks(&f);
	assert_child_did(&f);
	ck_assert_int_eq(sealmem_heap_open(h), 0);
}
END_TEST

static struct sealmem_heap *of_handler;
static char *kept_for_handler;

static void wipe_in_handler(int signal)
{
	(void)signal;
	(void)!write(STDERR_FILENO, "handled\n", 8);
	sealmem_heap_dealloc(of_handler, kept_for_handler);
}

static void free_twice_with_handler(void *unused)
{
	char *p;

	(void)unused;
	of_handler = heap_of(ROOM, 0);
	kept_for_handler = object_of(of_handler, LARGE);
	p = object_of(of_handler, LARGE);
	(void)signal(SIGABRT, wipe_in_handler);
	sealmem_heap_dealloc(of_handler, p);
	sealmem_heap_dealloc(of_handler, p);
}

START_TEST(a_handler_of_SIGABRT_that_uses_the_heap_runs_and_is_not_in_the_way)
{
	char text[600];
	int status = output_of(text, sizeof(text), free_twice_with_handler, NULL);

	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "%d: %s", status, text);
	ck_assert_ptr_nonnull(strstr(text, "is corrupted"));
	ck_assert_ptr_nonnull(strstr(text, "handled"));
}
END_TEST

static int store_after_large(void *argument)
{
	char *p = argument;

	p[LARGE] = 1;
	return 0;
}

static int store_before_chunk(void *argument)
{
	char *start = (char *)((uintptr_t)argument & ~(page_size() - 1));

	start[-1] = 1;
	return 0;
}

static int use_freed_large(void *argument)
{
	return *(volatile char *)argument;
}

START_TEST(a_store_after_a_large_object_faults)
{
	SCOPED_HEAP *h = heap_of(ROOM, demands[_i]);
	char *large = object_of(h, LARGE);

	large[LARGE - 1] = 1;
	assert_child_dies(SIGSEGV, store_after_large, large);
	assert_child_dies(SIGSEGV, store_before_chunk, object_of(h, 32));
	ck_assert_int_eq(sealmem_heap_check(h), 0);
	sealmem_heap_dealloc(h, large);
	if (!(demands[_i] & SEALMEM_ADDRESS))
		assert_child_dies(SIGSEGV, use_freed_large, large);
}
END_TEST

/* What the heap knows of its objects cannot be reached from them. */
START_TEST(the_book_lies_between_inaccessible_pages)
{
	SCOPED_HEAP *h = heap_of(ROOM, 0);
	const struct scoped_mapping all[] = { h->all_book, h->all_self };

	for (size_t i = 0; i < 2; i++) {
		char *first = all[i].addr, *last = first + all[i].size - page_size();

		ck_assert(is_mapped_as(first, PROT_NONE, false));
		ck_assert(is_mapped_as(last, PROT_NONE, false));
		ck_assert(first >= h->base + h->all.size || last < h->base);
	}
}
END_TEST

/* Memory whose address is sealed stays, with a page on either side. The rest of the addresses goes. */
START_TEST(a_freed_heap_with_sealed_addresses_keeps_one_page_on_either_side)
{
	struct sealmem_heap *h;
	char *start, *chunk;

	require_mseal();
	h = heap_of(ROOM, SEALMEM_ADDRESS | SEALMEM_NODUMP);
	(void)object_of(h, 32);
	start = h->base;
	chunk = heap_slab_start(h, HEAP_FIRST_CHUNK);
	if (chunk - start < 2 * (ssize_t)page_size())
		skip_test("a slab is one page here");
	ck_assert(is_mapped(start));
	ck_assert_ptr_null(sealmem_heap_free(h));
	ck_assert(is_mapped(chunk) && is_mapped(chunk - page_size()));
	ck_assert(!is_mapped(start) && !is_mapped(chunk - 2 * page_size()));
}
END_TEST

/* Fault reports */

static void store_out_of_bounds(void *argument)
{
	(void)sealmem_report_faults();
	((volatile char *)argument)[LARGE] = 1;
}

START_TEST(a_fault_report_names_the_heap)
{
	SCOPED_HEAP *h = heap_of(ROOM, 0);
	char text[600];
	int status = output_of(text, sizeof(text), store_out_of_bounds, object_of(h, LARGE));

	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	ck_assert_msg(strstr(text, "the guard page after heap \"keys\" at offset") != NULL, "%s",
		      text);
}
END_TEST

/* Secrets that were freed */

#define SECRET 32

/* A secret that lies nowhere but in an object: here it is other bytes. */
static unsigned char masked[SECRET];

static unsigned char secret_byte(size_t i)
{
	return masked[i] ^ 0x55;
}

static void store_secret(char *p)
{
	for (size_t i = 0; i < SECRET; i++) {
		masked[i] = (unsigned char)(rand() % 256);
		((volatile unsigned char *)p)[i] = masked[i] ^ 0x55;
	}
}

__attribute__((no_sanitize("address"))) static unsigned count_secrets(const unsigned char *at,
								      const unsigned char *end)
{
	unsigned found = 0;

	for (; at + SECRET <= end; at++) {
		size_t i = 0;

		while (i < SECRET && at[i] == secret_byte(i))
			i++;
		found += i == SECRET;
	}
	return found;
}

/* All that this process can read. */
static unsigned scan_process(void)
{
	unsigned found = 0;
	struct maps maps;
	struct maps_entry entry;

	ck_assert_int_eq(maps_open(&maps), 0);
	while (maps_next(&maps, &entry) > 0)
		if (entry.protection & PROT_READ && strncmp(entry.name, "[v", 2) != 0)
			for (uintptr_t at = entry.start; at < entry.end; at += page_size())
				if (sys_readable((const void *)at) == 0)
					found += count_secrets((const unsigned char *)at,
							       (const unsigned char *)at +
								       page_size());
	maps_close(&maps);
	return found;
}

START_TEST(a_secret_that_was_freed_is_nowhere_in_the_process)
{
	SCOPED_HEAP *h = heap_of(ROOM, demands[_i]);
	char *p = object_of(h, SECRET);

	require_own_address_space();
	srand((unsigned)getpid());
	store_secret(p);
	ck_assert_uint_eq(scan_process(), 1);
	p = sealmem_heap_realloc(h, p, 20 * SECRET);
	ck_assert_uint_eq(scan_process(), 1);
	p = sealmem_heap_realloc(h, p, LARGE);
	ck_assert_uint_eq(scan_process(), 1);
	sealmem_heap_dealloc(h, p);
	ck_assert_uint_eq(scan_process(), 0);
}
END_TEST

START_TEST(the_secrets_of_a_heap_that_is_freed_are_nowhere)
{
	struct sealmem_heap *h = heap_of(ROOM, demands[_i]);

	require_own_address_space();
	srand((unsigned)getpid());
	store_secret(object_of(h, SECRET));
	ck_assert_uint_eq(scan_process(), 1);
	sealmem_heap_free(h);
	ck_assert_uint_eq(scan_process(), 0);
}
END_TEST

/* Closed and open */

static bool is_accessible(char *p)
{
	char byte = 0;

	return sealmem_try_write(p, &byte, 1) == 0;
}

/* EFAULT for the kernel, a signal for the program. */
static void assert_closed(char *p)
{
	ck_assert_int_eq(sealmem_try_write(p, "x", 1), -EFAULT);
	assert_child_dies(SIGSEGV, use_freed_large, p);
}

START_TEST(a_heap_that_is_closed_cannot_be_accessed)
{
	SCOPED_HEAP *h = heap_of(ROOM, demands[_i]);
	char *small = object_of(h, 32), *large = object_of(h, LARGE);

	fill(small, 32);
	fill(large, LARGE);
	ck_assert(is_accessible(small + 31));
	ck_assert_int_eq(sealmem_heap_close(h), 0);
	assert_closed(small);
	assert_closed(large);
	ck_assert_int_eq(sealmem_heap_open(h), 0);
	assert_filled(small, 31);
	assert_filled(large, LARGE);
	ck_assert(is_accessible(small));
	ck_assert_int_eq(sealmem_try_write(large + LARGE, "x", 1), -EFAULT);
}
END_TEST

START_TEST(open_and_close_nest)
{
	SCOPED_HEAP *h = heap_of(ROOM, demands[_i]);
	char *p = object_of(h, 32);

	ck_assert_int_eq(sealmem_heap_open(h), 0);
	ck_assert_int_eq(sealmem_heap_close(h), 0);
	ck_assert(is_accessible(p));
	for (int round = 0; round < 3; round++) {
		ck_assert_int_eq(sealmem_heap_close(h), 0);
		ck_assert(!is_accessible(p));
		ck_assert_int_eq(sealmem_heap_close(h), 0);
		ck_assert_int_eq(sealmem_heap_open(h), 0);
		ck_assert(is_accessible(p));
		ck_assert_int_eq(sealmem_heap_open(h), 0);
		ck_assert_int_eq(sealmem_heap_close(h), 0);
		ck_assert(is_accessible(p));
	}
}
END_TEST

START_TEST(the_functions_work_while_the_heap_is_closed)
{
	SCOPED_HEAP *h = heap_of(ROOM, demands[_i]);
	char *p = object_of(h, 32), *large, *more = NULL;

	fill(p, 32);
	ck_assert_int_eq(sealmem_heap_close(h), 0);
	large = object_of(h, LARGE);
	/* More than the first chunk has. */
	for (size_t i = 0; i < 16 * heap_slab_size(h) / 112; i++)
		more = object_of(h, 100);
	ck_assert(!is_accessible(p) && !is_accessible(large) && !is_accessible(more));
	p = sealmem_heap_realloc(h, p, 1000);
	ck_assert_uint_eq(sealmem_heap_usable_size(h, p), 1000);
	ck_assert_int_eq(sealmem_heap_check(h), 0);
	sealmem_heap_dealloc(h, large);
	sealmem_heap_dealloc(h, more);
	ck_assert(!is_accessible(p));
	ck_assert_int_eq(sealmem_heap_open(h), 0);
	assert_filled(p, 32);
}
END_TEST

START_TEST(a_closed_heap_can_be_freed)
{
	struct sealmem_heap *h = heap_of(ROOM, demands[_i]);

	(void)object_of(h, LARGE);
	ck_assert_int_eq(sealmem_heap_close(h), 0);
	ck_assert_ptr_null(sealmem_heap_free(h));
	h = heap_of(ROOM, demands[_i]);
	fill(object_of(h, 32), 32);
	sealmem_heap_free(h);
}
END_TEST

static void load_closed(void *argument)
{
	(void)sealmem_report_faults();
	(void)*(volatile char *)argument;
}

START_TEST(an_access_to_a_closed_heap_is_reported_by_its_name)
{
	SCOPED_HEAP *h = heap_of(ROOM, demands[_i]);
	char *p = object_of(h, 32), text[600];

	ck_assert_int_eq(sealmem_heap_close(h), 0);
	if (!(sealmem_heap_guarantees(h) & SEALMEM_NOFORK)) {
		ck_assert(WIFSIGNALED(output_of(text, sizeof(text), load_closed, p)));
		ck_assert_msg(strstr(text, "stray load from heap \"keys\" at offset") != NULL ||
				      strstr(text, "stray access to heap \"keys\"") != NULL,
			      "%s", text);
	}
}
END_TEST

START_TEST(sealed_addresses_without_a_key_cannot_be_closed)
{
	SCOPED_HEAP *h = heap_of(ROOM, SEALMEM_ADDRESS);
	char *p = object_of(h, 32);

	if (atomic_load(&h->key) >= 0)
		skip_test("this machine has protection keys");
	ck_assert_int_eq(sealmem_heap_close(h), -EOPNOTSUPP);
	ck_assert(is_accessible(p));
}
END_TEST

START_TEST(sealed_addresses_with_a_key_can_be_closed)
{
	SCOPED_HEAP *h = heap_of(ROOM, SEALMEM_ADDRESS | SEALMEM_SECRECY);
	char *p = object_of(h, 32), *large = object_of(h, LARGE);

	if (atomic_load(&h->key) < 0)
		skip_test("this machine has no protection keys");
	fill(p, 32);
	ck_assert_int_eq(sealmem_heap_close(h), 0);
	ck_assert(!is_accessible(p) && !is_accessible(large));
	ck_assert_int_eq(sealmem_heap_open(h), 0);
	assert_filled(p, 32);
}
END_TEST

/* A sandbox, an old kernel, a machine without keys, and keys that others have: mprotect(2) closes the heap. */
START_TEST(where_no_key_is_given_the_heap_closes_without)
{
	static const int answers[] = { EPERM, ENOSYS, EINVAL, ENOSPC };
	struct sealmem_heap *h;
	char *small, *large;

	forbid(__NR_pkey_alloc, answers[_i]);
	h = heap_of(ROOM, SEALMEM_NOSWAP);
	small = object_of(h, 32);
	large = object_of(h, LARGE);
	fill(small, 32);
	ck_assert_int_eq(sealmem_heap_close(h), 0);
	ck_assert(!is_accessible(small) && !is_accessible(large));
	ck_assert_int_eq(sealmem_heap_open(h), 0);
	assert_filled(small, 32);
	ck_assert_ptr_null(sealmem_heap_free(h));
	if (!(sealmem_supported() & SEALMEM_ADDRESS))
		return;
	h = heap_of(ROOM, SEALMEM_ADDRESS);
	small = object_of(h, 32);
	ck_assert_int_eq(sealmem_heap_close(h), -EOPNOTSUPP);
	ck_assert(is_accessible(small));
}
END_TEST

START_TEST(without_memfd_secret_a_secret_heap_is_EOPNOTSUPP)
{
	struct sealmem_heap *h = NULL;
	struct census before;

	forbid(__NR_memfd_secret, _i == 0 ? EPERM : ENOSYS);
	before = take_census();
	ck_assert_int_eq(sealmem_heap_new(&h, "keys", ROOM, SEALMEM_SECRECY), -EOPNOTSUPP);
	ck_assert_ptr_null(h);
	assert_same_census(before);
	h = heap_of(ROOM, SEALMEM_NOSWAP | SEALMEM_NODUMP);
	ck_assert_ptr_nonnull(object_of(h, 32));
	sealmem_heap_free(h);
}
END_TEST

/* Children */

static int use_inherited(void *argument)
{
	struct sealmem_heap *h = argument;
	char *p = sealmem_heap_alloc(h, 100);

	if (p == NULL || sealmem_heap_alloc(h, LARGE) == NULL || sealmem_heap_check(h) != 0)
		return 1;
	sealmem_heap_dealloc(h, p);
	for (int i = 0; i < 3000; i++)
		if (sealmem_heap_alloc(h, 100) == NULL)
			return 2;
	if (sealmem_heap_guarantees(h) & SEALMEM_NOSWAP &&
	    guarantees_missing((char *)((uintptr_t)p & ~(page_size() - 1)), page_size(),
			       SEALMEM_NOSWAP) != 0)
		return 3;
	return sealmem_heap_free(h) == NULL ? 0 : 4;
}

START_TEST(a_child_has_a_copy_that_works)
{
	SCOPED_HEAP *h = heap_of(ROOM, _i == 0 ? 0 : SEALMEM_NOSWAP);
	char *p = object_of(h, 32);

	fill(p, 32);
	assert_child_succeeds(use_inherited, h);
	assert_filled(p, 32);
	ck_assert_int_eq(sealmem_heap_check(h), 0);
	sealmem_heap_dealloc(h, p);
}
END_TEST

static int open_inherited(void *argument)
{
	return sealmem_heap_open(argument) == 0 ? use_inherited(argument) : 5;
}

START_TEST(a_child_locks_its_copy_of_a_closed_heap)
{
	SCOPED_HEAP *h = heap_of(ROOM, SEALMEM_NOSWAP);
	char *p = object_of(h, 32);

	fill(p, 32);
	ck_assert_int_eq(sealmem_heap_close(h), 0);
	assert_child_succeeds(open_inherited, h);
	ck_assert_int_eq(sealmem_heap_open(h), 0);
	assert_filled(p, 32);
	ck_assert_int_eq(sealmem_heap_check(h), 0);
	sealmem_heap_dealloc(h, p);
}
END_TEST

static int use_foreign(void *argument)
{
	struct sealmem_heap *h = argument;
	char *p = h->base + heap_slab_size(h);

	if (is_mapped(p) || sealmem_heap_guarantees(h) != 0)
		return 1;
	if (sealmem_heap_alloc(h, 1) != NULL || errno != ESTALE)
		return 2;
	if (sealmem_heap_realloc(h, p, 1) != NULL || errno != ESTALE)
		return 3;
	sealmem_heap_dealloc(h, p);
	if (sealmem_heap_usable_size(h, p) != 0 || sealmem_heap_check(h) != -ESTALE ||
	    sealmem_heap_close(h) != -ESTALE || sealmem_heap_open(h) != -ESTALE)
		return 4;
	/* What the child has at these addresses is its own. */
	if (mmap(p, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		 -1, 0) != p)
		return 5;
	fill(p, page_size());
	return sealmem_heap_free(h) == NULL && is_filled(p, page_size()) ? 0 : 6;
}

START_TEST(a_child_that_did_not_inherit_the_heap_gets_errors)
{
	SCOPED_HEAP *h = heap_of(ROOM, _i == 0 ? SEALMEM_NOFORK : SEALMEM_SECRECY);
	char *p = object_of(h, 32), *large = object_of(h, LARGE);

	fill(p, 32);
	assert_child_succeeds(use_foreign, h);
	assert_filled(p, 32);
	sealmem_heap_dealloc(h, large);
	ck_assert_int_eq(sealmem_heap_check(h), 0);
}
END_TEST

static int allocate_with_lock_of_parent(void *argument)
{
	return sealmem_heap_alloc(argument, LARGE) == NULL;
}

/* A thread of the parent was inside when the child was made. */
START_TEST(a_lock_of_the_parent_does_not_hold_the_child)
{
	SCOPED_HEAP *h = heap_of(ROOM, 0);

	{
		HEAP_LOCKED(h);
		assert_child_succeeds(allocate_with_lock_of_parent, h);
	}
	ck_assert_ptr_nonnull(object_of(h, LARGE));
}
END_TEST

/* Threads and signals */

enum { THREADS = 4, SHARED = 64 };

struct crowd {
	struct sealmem_heap *h;
	_Atomic(char *) shared[SHARED];
	int rounds;
};

static bool has_mark(const char *p, size_t size)
{
	for (size_t i = 1; i < size; i++)
		if (p[i] != p[0])
			return false;
	return true;
}

/* Objects change hands: what one thread has allocated another one frees. */
static void *exchange_objects(void *argument)
{
	struct crowd *crowd = argument;
	unsigned state = (unsigned)(uintptr_t)&state;

	for (int i = 0; i < crowd->rounds; i++) {
		size_t size;
		char *p;

		state = state * 1664525 + 1013904223;
		size = (state >> 8) % (i % 50 == 0 ? 9000 : 300) + 1;
		p = sealmem_heap_alloc(crowd->h, size);
		if (p == NULL)
			return "no memory";
		memset(p, (int)(state >> 24), size);
		p = atomic_exchange(&crowd->shared[(state >> 16) % SHARED], p);
		if (p == NULL)
			continue;
		if (!has_mark(p, sealmem_heap_usable_size(crowd->h, p)))
			return "bytes of another object";
		if (state & 1)
			p = sealmem_heap_realloc(crowd->h, p, size);
		sealmem_heap_dealloc(crowd->h, p);
		if (i % 1000 == 0 && sealmem_heap_check(crowd->h) != 0)
			return "check";
	}
	return NULL;
}

START_TEST(threads_may_use_one_heap)
{
	static struct crowd crowd;
	pthread_t threads[THREADS];
	void *wrong;

	crowd.h = heap_of((size_t)32 << 20, demands[_i]);
	crowd.rounds = (int)scaled(20000);
	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, exchange_objects, &crowd), 0);
	for (size_t i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_join(threads[i], &wrong), 0);
		ck_assert_msg(wrong == NULL, "%s", (const char *)wrong);
	}
	for (size_t i = 0; i < SHARED; i++)
		sealmem_heap_dealloc(crowd.h, atomic_load(&crowd.shared[i]));
	ck_assert_int_eq(sealmem_heap_check(crowd.h), 0);
	sealmem_heap_free(crowd.h);
}
END_TEST

enum { KEEPERS = 2, KEPT = 1000 };

struct keeper {
	struct sealmem_heap *h;
	pthread_barrier_t *ready;
	char *objects[KEPT];
};

static void *replace_at_random(void *argument)
{
	struct keeper *keeper = argument;
	unsigned state = 1;

	for (size_t i = 0; i < KEPT; i++)
		keeper->objects[i] = sealmem_heap_alloc(keeper->h, 32);
	(void)pthread_barrier_wait(keeper->ready);
	for (size_t i = 0; i < scaled(20000); i++) {
		size_t at;

		state = state * 1664525 + 1013904223;
		at = (state >> 8) % KEPT;
		sealmem_heap_dealloc(keeper->h, keeper->objects[at]);
		keeper->objects[at] = sealmem_heap_alloc(keeper->h, 32);
	}
	return NULL;
}

static void make_and_free_many(struct sealmem_heap *h, size_t count)
{
	char **objects = calloc(count, sizeof(*objects));

	ck_assert_ptr_nonnull(objects);
	for (size_t i = 0; i < count; i++)
		objects[i] = object_of(h, 32);
	for (size_t i = 0; i < count; i++)
		sealmem_heap_dealloc(h, objects[i]);
	free(objects);
}

static void assert_no_slab_in_common(const struct sealmem_heap *h, const struct keeper *keepers)
{
	char *keeper_of = calloc(h->most, 1);

	ck_assert_ptr_nonnull(keeper_of);
	for (size_t k = 0; k < KEEPERS; k++)
		for (size_t i = 0; i < KEPT; i++) {
			uintptr_t p = (uintptr_t)keepers[k].objects[i];
			size_t slab = (p - (uintptr_t)h->base) >> h->shift;

			ck_assert_uint_ne(p, 0);
			ck_assert(keeper_of[slab] == 0 || keeper_of[slab] == (char)(k + 1));
			keeper_of[slab] = (char)(k + 1);
		}
	free(keeper_of);
}

/* Else they would wait for each other's lines of memory, at each object. */
START_TEST(threads_that_replace_their_own_objects_share_no_slab)
{
	static struct keeper keepers[KEEPERS];
	SCOPED_HEAP *h = heap_of(ROOM, 0);
	pthread_barrier_t ready;
	pthread_t threads[KEEPERS];

	/* A heap that grows makes them lose the slabs that they have begun. */
	make_and_free_many(h, (size_t)2 * KEEPERS * KEPT);
	ck_assert_int_eq(pthread_barrier_init(&ready, NULL, KEEPERS), 0);
	for (size_t i = 0; i < KEEPERS; i++) {
		keepers[i].h = h;
		keepers[i].ready = &ready;
		ck_assert_int_eq(pthread_create(&threads[i], NULL, replace_at_random, &keepers[i]),
				 0);
	}
	for (size_t i = 0; i < KEEPERS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	assert_no_slab_in_common(h, keepers);
	(void)pthread_barrier_destroy(&ready);
}
END_TEST

static void *count_objects(void *argument)
{
	size_t *count = calloc(1, sizeof(*count));

	while (count != NULL && sealmem_heap_alloc(argument, 32) != NULL)
		++*count;
	return count;
}

START_TEST(a_thread_gets_all_that_another_one_has_freed)
{
	SCOPED_HEAP *h = heap_of((size_t)1 << 18, 0);
	char *objects[6000];
	size_t count = 0, *found;
	void *answer;
	pthread_t thread;

	for (; count < 6000; count++) {
		objects[count] = sealmem_heap_alloc(h, 32);
		if (objects[count] == NULL)
			break;
	}
	ck_assert_uint_lt(count, 6000);
	for (size_t i = 0; i < count; i++)
		sealmem_heap_dealloc(h, objects[i]);
	ck_assert_int_eq(pthread_create(&thread, NULL, count_objects, h), 0);
	ck_assert_int_eq(pthread_join(thread, &answer), 0);
	found = answer;
	ck_assert_ptr_nonnull(found);
	ck_assert_uint_eq(*found, count);
	free(found);
}
END_TEST

static sigjmp_buf out;
static volatile sig_atomic_t may_jump;

static void jump_out(int signal)
{
	(void)signal;
	if (may_jump)
		siglongjmp(out, 1);
}

static void start_timer(void)
{
	const struct sigaction action = { .sa_handler = jump_out };
	const struct itimerval often = { { 0, 300 }, { 0, 300 } };

	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
}

static void stop_timer(void)
{
	const struct itimerval never = { 0 };

	ck_assert_int_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
}

/* Whatever a jump leaves behind, the heap is whole and goes on. */
START_TEST(jumps_out_of_the_heap_leave_it_whole)
{
	static volatile int rounds;
	SCOPED_HEAP *h = heap_of((size_t)64 << 20, 0);

	alarm(0);
	start_timer();
	while (rounds < (int)scaled(2000)) {
		if (sigsetjmp(out, 1) == 0) {
			may_jump = 1;
			for (size_t i = 0;; i++) {
				char *p = sealmem_heap_alloc(h, i % 3000);

				p = sealmem_heap_realloc(h, p, i % 700);
				sealmem_heap_dealloc(h, p);
			}
		}
		may_jump = 0;
		rounds++;
	}
	stop_timer();
	ck_assert_int_eq(sealmem_heap_check(h), 0);
	for (size_t size = 0; size < 6000; size += 7)
		sealmem_heap_dealloc(h, object_of(h, size));
	ck_assert_int_eq(sealmem_heap_check(h), 0);
}
END_TEST

/* What a kernel refuses on the way to success is not the caller's. */
START_TEST(success_leaves_errno_alone)
{
	SCOPED_HEAP *h = heap_of(ROOM, _i == 0 ? 0 : SEALMEM_NOSWAP | SEALMEM_NODUMP);

	for (size_t size = 1; size < 3 * page_size(); size += 997) {
		char *p;

		errno = EXDEV;
		p = sealmem_heap_alloc(h, size);
		ck_assert_int_eq(errno, EXDEV);
		p = sealmem_heap_realloc(h, p, 2 * size);
		ck_assert_int_eq(errno, EXDEV);
		sealmem_heap_dealloc(h, p);
		ck_assert_int_eq(errno, EXDEV);
	}
}
END_TEST

static struct sealmem_heap *heap_of_handler;
static _Atomic unsigned handled, failed;

static void use_in_handler(int signal)
{
	char *p = sealmem_heap_alloc(heap_of_handler, 2000 + handled % 100);

	(void)signal;
	atomic_fetch_add(p != NULL ? &handled : &failed, 1);
	sealmem_heap_dealloc(heap_of_handler, p);
}

START_TEST(a_handler_may_use_the_heap_that_it_interrupts)
{
	const struct sigaction action = { .sa_handler = use_in_handler };
	const struct itimerval often = { { 0, 300 }, { 0, 300 } };

	heap_of_handler = heap_of(ROOM, 0);
	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
	while (atomic_load(&handled) < scaled(1000))
		for (size_t i = 0; i < 100; i++)
			sealmem_heap_dealloc(heap_of_handler, object_of(heap_of_handler, 1990 + i));
	stop_timer();
	ck_assert_uint_eq(atomic_load(&failed), 0);
	ck_assert_int_eq(sealmem_heap_check(heap_of_handler), 0);
	sealmem_heap_free(heap_of_handler);
}
END_TEST

/* Many */

START_TEST(a_million_secrets_need_little_more_than_their_bytes)
{
	enum { MANY = 1000000, SLOT = 48 };
	SCOPED_HEAP *h = heap_of((size_t)1 << 30, 0);
	int mappings = take_census().mappings, made = 0;

	while (made < MANY && sealmem_heap_alloc(h, 32) != NULL)
		made++;
	ck_assert_int_eq(made, MANY);
	ck_assert_uint_le((h->taken + h->book_size) * 100, (size_t)MANY * SLOT * 115);
	require_own_address_space();
	ck_assert_int_le(take_census().mappings - mappings, MANY / 1000);
	ck_assert_int_eq(sealmem_heap_check(h), 0);
}
END_TEST

/* Those that can be closed here without ADDRESS; the others have tests of their own. */
#define FREE_ADDRESSES 5

int main(void)
{
	const struct {
		const TTest *test;
		int times;
	} tests[] = {
		{ an_object_is_zeroed_and_has_the_size_that_was_asked_for, DEMANDS },
		{ objects_are_aligned, 1 },
		{ a_class_has_room_for_its_object_and_its_canary, 1 },
		{ objects_do_not_overlap, 1 },
		{ realloc_keeps_bytes_and_wipes_what_it_leaves, DEMANDS },
		{ the_slot_that_realloc_leaves_is_zeroed, 1 },
		{ a_realloc_that_fails_leaves_the_object, 1 },
		{ an_object_is_wiped_when_it_is_freed, DEMANDS },
		{ null_is_an_argument, 1 },
		{ a_wrong_demand_is_refused, 1 },
		{ a_heap_has_what_was_demanded, DEMANDS },
		{ nothing_is_left_of_a_heap_that_is_freed, FREE_ADDRESSES },
		{ what_stays_of_a_heap_with_sealed_addresses_is_zero, 1 },
		{ the_guards_of_sealed_memory_are_sealed, 1 },
		{ pages_with_sealed_addresses_are_used_again, 1 },
		{ a_heap_ends_at_its_limit, DEMANDS },
		{ a_size_that_no_memory_has_is_refused, 1 },
		{ success_leaves_errno_alone, 2 },
		{ a_child_that_may_lock_nothing_wipes_what_it_frees, 1 },
		{ to_close_a_closed_heap_disturbs_no_function, 1 },
		{ a_fork_waits_for_who_has_the_lock, 1 },
		{ a_child_that_is_forked_beside_a_function_has_the_heap_closed, 1 },
		{ a_handler_of_SIGABRT_that_uses_the_heap_runs_and_is_not_in_the_way, 1 },
		{ room_in_full_slabs_is_used_again, 1 },
		{ memory_of_one_class_serves_another_when_it_is_free, 1 },
		{ large_objects_give_their_memory_back, DEMANDS },
		{ what_RLIMIT_MEMLOCK_refuses_is_EAGAIN, 2 },
		{ a_heap_that_may_not_grow_has_no_hole_in_its_addresses, 2 },
		{ a_secret_heap_without_descriptors_fails_and_recovers, 1 },
		{ many_large_objects_need_few_mappings, 2 },
		{ a_mistake_is_found_and_ends_the_process_with_one_line, MISTAKES },
		{ a_store_after_a_large_object_faults, DEMANDS },
		{ the_book_lies_between_inaccessible_pages, 1 },
		{ a_freed_heap_with_sealed_addresses_keeps_one_page_on_either_side, 1 },
		{ a_fault_report_names_the_heap, 1 },
		{ a_secret_that_was_freed_is_nowhere_in_the_process, DEMANDS },
		{ the_secrets_of_a_heap_that_is_freed_are_nowhere, DEMANDS },
		{ a_heap_that_is_closed_cannot_be_accessed, FREE_ADDRESSES },
		{ open_and_close_nest, FREE_ADDRESSES },
		{ the_functions_work_while_the_heap_is_closed, FREE_ADDRESSES },
		{ a_closed_heap_can_be_freed, FREE_ADDRESSES },
		{ an_access_to_a_closed_heap_is_reported_by_its_name, FREE_ADDRESSES },
		{ sealed_addresses_without_a_key_cannot_be_closed, 1 },
		{ sealed_addresses_with_a_key_can_be_closed, 1 },
		{ where_no_key_is_given_the_heap_closes_without, 4 },
		{ without_memfd_secret_a_secret_heap_is_EOPNOTSUPP, 2 },
		{ a_child_has_a_copy_that_works, 2 },
		{ a_child_locks_its_copy_of_a_closed_heap, 1 },
		{ a_child_that_did_not_inherit_the_heap_gets_errors, 2 },
		{ a_lock_of_the_parent_does_not_hold_the_child, 1 },
		{ threads_may_use_one_heap, DEMANDS },
		{ threads_that_replace_their_own_objects_share_no_slab, 1 },
		{ a_thread_gets_all_that_another_one_has_freed, 1 },
		{ jumps_out_of_the_heap_leave_it_whole, 1 },
		{ a_handler_may_use_the_heap_that_it_interrupts, 1 },
		{ a_million_secrets_need_little_more_than_their_bytes, 1 },
	};
	TCase *tcase = tcase_create("heap");

	tcase_set_timeout(tcase, 280);
	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++)
		tcase_add_loop_test(tcase, tests[i].test, 0, tests[i].times);
	return run_case("heap", tcase);
}
