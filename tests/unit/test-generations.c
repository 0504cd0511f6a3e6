/* SPDX-License-Identifier: MIT */

/* When a generation goes: never while somebody reads it, and at once when nobody does any more. */

#include "lib/generations.h"

#include "tests/support/scale.h"
#include "tests/support/support.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

/* Twice the same number. */
static struct sealmem_region *region_of(int number)
{
	const int both[] = { number, number };

	return region_from(both, sizeof(both), SEALMEM_CONTENT);
}

static void replace(struct generations *g, int number)
{
	ck_assert_int_eq(generations_reserve(g), 0);
	generations_replace(g, region_of(number), atomic_load(&g->number) + 1);
}

static struct generations *new_generations(void)
{
	struct generations *g = calloc(1, sizeof(*g));

	generations_begin(g);
	replace(g, 'a');
	return g;
}

static void free_generations(struct generations **g)
{
	generations_end(*g);
	free(*g);
}

#define SCOPED_GENERATIONS CLEANUP(free_generations) struct generations

static size_t count_slots(const struct generations *g)
{
	size_t count = 0;

	for (struct generations_slot *slot = atomic_load(&g->slots); slot != NULL;
	     slot = slot->next)
		count++;
	return count;
}

START_TEST(a_slot_is_used_again)
{
	SCOPED_GENERATIONS *g = new_generations();

	for (int i = 0; i < 100; i++)
		replace(g, 'b');
	ck_assert_uint_eq(count_slots(g), 2);
}
END_TEST

START_TEST(there_are_as_many_slots_as_generations_that_are_read)
{
	SCOPED_GENERATIONS *g = new_generations();
	const struct sealmem_region *read[10];

	for (int i = 0; i < 10; i++) {
		read[i] = generations_acquire(g);
		replace(g, 'b' + i);
	}
	ck_assert_uint_eq(count_slots(g), 11);
	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(*(const int *)sealmem_region_data(read[i]), 'a' + i);
		generations_release(g, read[i]);
	}
	for (int i = 0; i < 100; i++)
		replace(g, 'z');
	ck_assert_uint_eq(count_slots(g), 11);
}
END_TEST

START_TEST(what_is_no_generation_is_not_released)
{
	SCOPED_GENERATIONS *g = new_generations();
	SCOPED_REGION *other = region_of('o');
	const struct sealmem_region *read = generations_acquire(g);
	const int *data = sealmem_region_data(read);

	generations_release(g, other);
	replace(g, 'b');
	ck_assert_int_eq(*data, 'a');
	generations_release(g, read);
	ck_assert(!is_mapped(data));
}
END_TEST

static void *release_elsewhere(void *argument)
{
	struct generations *g = argument;

	/* What the first thread acquired, and again what this one did. */
	generations_release(g, generations_acquire(g));
	return NULL;
}

struct handed_over {
	struct generations *g;
	const struct sealmem_region *region;
};

static void *release_for_another(void *argument)
{
	const struct handed_over *handed_over = argument;

	(void)release_elsewhere(handed_over->g);
	generations_release(handed_over->g, handed_over->region);
	return NULL;
}

START_TEST(another_thread_can_release)
{
	SCOPED_GENERATIONS *g = new_generations();
	struct handed_over handed_over = { g, generations_acquire(g) };
	const char *data = sealmem_region_data(handed_over.region);
	pthread_t thread;

	replace(g, 'b');
	ck_assert(is_mapped(data));
	ck_assert_int_eq(pthread_create(&thread, NULL, release_for_another, &handed_over), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert(!is_mapped(data));
}
END_TEST

struct reader {
	struct generations *g;
	atomic_bool *stop;
	pthread_t thread;
	uint64_t passes;
};

/* Both numbers are those of one generation, which is none before the last one that was read. */
static void *read_on(void *argument)
{
	struct reader *reader = argument;
	int last = 0;

	while (!atomic_load(reader->stop)) {
		const struct sealmem_region *region = generations_acquire(reader->g);
		const volatile int *data = sealmem_region_data(region);
		int first = data[0], second = data[1];

		if (first != second || first < last)
			abort();
		last = first;
		generations_release(reader->g, region);
		reader->passes++;
	}
	return NULL;
}

START_TEST(readers_see_whole_generations_in_order)
{
	enum { READERS = 4 };
	SCOPED_GENERATIONS *g = new_generations();
	struct reader readers[READERS];
	atomic_bool stop = false;
	struct census before;

	before = take_census();
	for (int i = 0; i < READERS; i++) {
		readers[i] = (struct reader){ .g = g, .stop = &stop };
		ck_assert_int_eq(pthread_create(&readers[i].thread, NULL, read_on, &readers[i]), 0);
	}
	for (unsigned i = 0; i < scaled(3000); i++)
		replace(g, 'b' + (int)i);
	atomic_store(&stop, true);
	for (int i = 0; i < READERS; i++)
		ck_assert_int_eq(pthread_join(readers[i].thread, NULL), 0);
	replace(g, INT_MAX);
	/* The stacks of threads stay mapped for the next ones. */
	ck_assert_int_eq(take_census().descriptors, before.descriptors);
	ck_assert_uint_le(count_slots(g), READERS + 2);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_slot_is_used_again,
		there_are_as_many_slots_as_generations_that_are_read,
		what_is_no_generation_is_not_released,
		another_thread_can_release,
		readers_see_whole_generations_in_order,
	};

	return RUN_TESTS("generations", tests);
}
