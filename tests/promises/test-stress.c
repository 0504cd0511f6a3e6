/* SPDX-License-Identifier: MIT */

/*
 * What one try does not show. A reader that faults once in a hundred thousand seals, a descriptor lost in
 * every thousandth, a fork that falls between two system calls: each would be met by a program in its
 * first week. So the same few things are done very often, with another thread looking on all the time
 * or with children forked in between, and then counted.
 */

#include "tests/support/holds.h"
#include "tests/support/scale.h"
#include "tests/support/support.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define C      SEALMEM_CONTENT
#define GUARDS SEALMEM_GUARDS
#define HIDDEN (SEALMEM_NODUMP | SEALMEM_NOFORK)

/* Words that follow from the first one, so that those of another region are wrong ones. */
struct text {
	const uint64_t *words;
	size_t count;
	uint64_t first;
};

static void write_text(uint64_t *to, const struct text *text)
{
	for (size_t i = 0; i < text->count; i++)
		to[i] = text->first + i * 0x9e3779b97f4a7c15;
}

static bool is_as_written(const struct text *text)
{
	for (size_t i = 0; i < text->count; i++)
		if (text->words[i] != text->first + i * 0x9e3779b97f4a7c15)
			return false;
	return true;
}

/*
 * A thread that reads what it is shown, over and over. It counts its passes: what was withdrawn may be
 * freed when a pass has ended since.
 */
enum { READS_IN_A_PASS = 8 };

struct reader {
	pthread_t thread;
	_Atomic(const struct text *) shown;
	atomic_ulong passes, reads, wrong;
	atomic_bool stop;
};

static void *read_on(void *argument)
{
	struct reader *reader = argument;

	while (!atomic_load(&reader->stop)) {
		const struct text *text = atomic_load(&reader->shown);

		for (unsigned i = 0; text != NULL && i < READS_IN_A_PASS; i++) {
			atomic_fetch_add(&reader->wrong, !is_as_written(text));
			atomic_fetch_add(&reader->reads, 1);
		}
		atomic_fetch_add(&reader->passes, 1);
		/* There may be one processor only. */
		sched_yield();
	}
	return NULL;
}

static void wait_for_passes(struct reader *reader, unsigned count)
{
	unsigned long end = atomic_load(&reader->passes) + count;

	while (atomic_load(&reader->passes) < end)
		sched_yield();
}

/* Returns when the reader has begun with it: the pass under way may not have seen it. */
static void show(struct reader *reader, const struct text *text)
{
	atomic_store(&reader->shown, text);
	wait_for_passes(reader, 1);
}

static void withdraw(struct reader *reader)
{
	wait_for_passes(reader, 2);
	atomic_store(&reader->shown, NULL);
	wait_for_passes(reader, 1);
}

static void start_reader(struct reader *reader)
{
	ck_assert_int_eq(pthread_create(&reader->thread, NULL, read_on, reader), 0);
	wait_for_passes(reader, 1);
}

static void stop_reader(struct reader *reader)
{
	atomic_store(&reader->stop, true);
	ck_assert_int_eq(pthread_join(reader->thread, NULL), 0);
	ck_assert_uint_gt(atomic_load(&reader->reads), 0);
	ck_assert_uint_eq(atomic_load(&reader->wrong), 0);
}

static void seal_in_place_before(struct reader *reader, struct text *text, unsigned guarantees)
{
	struct sealmem_region *region;
	size_t size = text->count * sizeof(*text->words);

	ck_assert_int_eq(sealmem_region_new(&region, "stress", size, guarantees), 0);
	text->words = sealmem_region_data(region);
	write_text(sealmem_region_data(region), text);
	show(reader, text);
	ck_assert_int_eq(sealmem_region_seal(region), 0);
	ck_assert_uint_eq(sealmem_region_guarantees(region), guarantees);
	withdraw(reader);
	ck_assert(is_as_written(text));
	sealmem_region_free(region);
}

static void seal_bytes_before(struct reader *reader, struct text *text, unsigned guarantees)
{
	struct sealmem_region *region;
	uint64_t words[512];
	size_t size = text->count * sizeof(*words);

	write_text(words, text);
	ck_assert_int_eq(sealmem_region_new_from(&region, "stress", words, size, guarantees), 0);
	text->words = sealmem_region_data(region);
	show(reader, text);
	ck_assert_uint_eq(sealmem_region_guarantees(region), guarantees);
	withdraw(reader);
	ck_assert(is_as_written(text));
	sealmem_region_free(region);
}

START_TEST(many_regions_are_made_read_and_freed_without_a_trace)
{
	static const unsigned guarantees[] = { C, C | GUARDS, C | HIDDEN };
	unsigned count = scaled(100000);
	struct reader reader = { 0 };
	struct census before;

	start_reader(&reader);
	before = take_own_census();
	for (unsigned i = 0; i < count; i++) {
		struct text text = { .count = 1 + i % 512, .first = (uint64_t)i << 32 };
		unsigned demanded = guarantees[i % 3];

		(i % 2 == 0 ? seal_in_place_before : seal_bytes_before)(&reader, &text, demanded);
	}
	assert_own_census(before);
	stop_reader(&reader);
	printf("%u regions sealed, %lu reads of them meanwhile\n", count, reader.reads);
}
END_TEST

/* Of 16 pages 10 and a half are taken: the rest is cut off by the seal. */
static struct sealmem_region *open_text(struct text *text)
{
	struct sealmem_region *region;
	size_t page = page_size(), size = 10 * page + page / 2;

	ck_assert_int_eq(sealmem_region_new(&region, "stress", 16 * page, C | GUARDS), 0);
	text->words = sealmem_region_alloc(region, size, page);
	ck_assert_ptr_nonnull(text->words);
	text->count = size / sizeof(*text->words);
	write_text(sealmem_region_data(region), text);
	return region;
}

START_TEST(a_reader_sees_the_same_bytes_throughout_every_seal)
{
	unsigned count = scaled(20000);
	struct reader reader = { 0 };
	struct census before;

	start_reader(&reader);
	before = take_own_census();
	for (unsigned i = 0; i < count; i++) {
		struct text text = { .first = i };
		struct sealmem_region *region = open_text(&text);

		show(&reader, &text);
		ck_assert_int_eq(sealmem_region_seal(region), 0);
		withdraw(&reader);
		sealmem_region_free(region);
	}
	assert_own_census(before);
	stop_reader(&reader);
	printf("%u seals under a reader, %lu reads\n", count, reader.reads);
}
END_TEST

/* A mapping that can be written stands in the way of a seal. */
static void seal_in_vain(struct sealmem_region *region, int file)
{
	void *obstacle = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);

	ck_assert_ptr_ne(obstacle, MAP_FAILED);
	ck_assert_int_eq(sealmem_region_seal(region), -EBUSY);
	ck_assert_int_eq(munmap(obstacle, page_size()), 0);
}

START_TEST(a_reader_sees_the_same_bytes_throughout_every_seal_that_fails)
{
	unsigned count = scaled(10000);
	struct reader reader = { 0 };
	struct text text = { .first = 1 };
	struct sealmem_region *region = open_text(&text);
	int file = open_file_of("stress", O_RDWR);
	struct census before;

	ck_assert_int_ge(file, 0);
	start_reader(&reader);
	show(&reader, &text);
	before = take_own_census();
	for (unsigned i = 0; i < count; i++) {
		seal_in_vain(region, file);
		wait_for_passes(&reader, 1);
	}
	assert_own_census(before);
	ck_assert_int_eq(sealmem_region_seal(region), 0);
	withdraw(&reader);
	stop_reader(&reader);
	printf("%u failed seals under a reader, %lu reads\n", count, reader.reads);
	close(file);
	sealmem_region_free(region);
}
END_TEST

struct object {
	const struct object *previous;
	uint64_t number, square;
	char text[8];
};

static const struct object *make_objects(struct sealmem_region *region, unsigned count)
{
	struct object *previous = NULL;

	for (unsigned i = 0; i < count; i++) {
		struct object *object = sealmem_region_alloc(region, sizeof(*object), 0);

		ck_assert_ptr_nonnull(object);
		*object = (struct object){ previous, i, (uint64_t)i * i, "object" };
		previous = object;
	}
	return previous;
}

static void assert_objects(const struct object *object, unsigned count)
{
	for (unsigned i = count; i-- > 0; object = object->previous) {
		ck_assert_ptr_nonnull(object);
		ck_assert(object->number == i && object->square == (uint64_t)i * i);
	}
	ck_assert_ptr_null(object);
}

START_TEST(a_million_objects_in_one_region_take_little_more_than_their_size)
{
	unsigned count = scaled(1000000);
	size_t payload = count * sizeof(struct object), most = page_round_up(payload / 10 * 11);
	struct sealmem_region *region;
	const struct object *last;
	size_t blocks, resident, share;
	struct stat file;

	ck_assert_int_eq(sealmem_region_new(&region, "objects", (size_t)1 << 4 * sizeof(size_t), C),
			 0);
	last = make_objects(region, count);
	ck_assert_int_eq(sealmem_region_seal(region), 0);
	assert_objects(last, count);
	ck_assert_int_eq(fstat(sealmem_region_fd(region), &file), 0);
	blocks = (size_t)file.st_blocks * 512;
	resident = (size_t)smaps_kib(sealmem_region_data(region), "Rss:") << 10;
	share = (size_t)smaps_kib(sealmem_region_data(region), "Pss:") << 10;
	printf("%u objects of %zu bytes: %zu bytes in the file, %zu of memory, %zu mapped (Rss), "
	       "%zu Pss\n",
	       count, sizeof(*last), (size_t)file.st_size, blocks, resident, share);
	ck_assert_uint_eq((size_t)file.st_size, payload);
	ck_assert_uint_le(blocks, most);
	ck_assert_uint_le(resident, most);
	ck_assert_uint_le(share, most);
	sealmem_region_free(region);
}
END_TEST

/* A thread that opens and seals regions while its process is being forked. */
struct sealer {
	pthread_t thread;
	atomic_bool stop;
	unsigned sealed, busy, failed;
};

/* A child that was forked between two system calls holds a mapping for as long as it lives. */
static int seal_with_patience(struct sealmem_region *region, struct sealer *sealer)
{
	int err = sealmem_region_seal(region);

	for (unsigned tries = 0; err == -EBUSY && tries < 100000; tries++) {
		sealer->busy++;
		usleep(100);
		err = sealmem_region_seal(region);
	}
	return err;
}

static void *seal_on(void *argument)
{
	struct sealer *sealer = argument;

	do {
		struct text text = { .first = sealer->sealed };
		struct sealmem_region *region = open_text(&text);
		bool sealed = seal_with_patience(region, sealer) == 0 && is_as_written(&text);

		sealer->sealed += sealed;
		sealer->failed += !sealed;
		sealmem_region_free(region);
	} while (!atomic_load(&sealer->stop));
	return NULL;
}

static void start_sealer(struct sealer *sealer)
{
	ck_assert_int_eq(pthread_create(&sealer->thread, NULL, seal_on, sealer), 0);
}

static void stop_sealer(struct sealer *sealer)
{
	atomic_store(&sealer->stop, true);
	ck_assert_int_eq(pthread_join(sealer->thread, NULL), 0);
}

/* The C library keeps the stack of a thread that has ended and its heap for the next one. */
static struct census take_census_after_a_thread(void)
{
	struct sealer first = { .stop = true };

	start_sealer(&first);
	stop_sealer(&first);
	return take_own_census();
}

/* In the child nothing may be asserted: the other thread may have held the lock of Check. */
static pid_t fork_child(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		usleep(500);
		_exit(EXIT_SUCCESS);
	}
	ck_assert_int_ge(pid, 0);
	return pid;
}

START_TEST(forks_in_between_delay_a_seal_at_most)
{
	unsigned count = scaled(5000);
	struct sealer sealer = { 0 };
	struct census before = take_census_after_a_thread();
	pid_t children[4] = { 0 };

	start_sealer(&sealer);
	for (unsigned i = 0; i < count + 4; i++) {
		if (i >= 4)
			ck_assert_int_eq(waitpid(children[i % 4], NULL, 0), children[i % 4]);
		if (i < count)
			children[i % 4] = fork_child();
	}
	stop_sealer(&sealer);
	assert_own_census(before);
	printf("%u forks, %u regions sealed meanwhile, %u times busy\n", count, sealer.sealed,
	       sealer.busy);
	ck_assert_uint_eq(sealer.failed, 0);
	ck_assert_uint_gt(sealer.sealed, 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		many_regions_are_made_read_and_freed_without_a_trace,
		a_reader_sees_the_same_bytes_throughout_every_seal,
		a_reader_sees_the_same_bytes_throughout_every_seal_that_fails,
		a_million_objects_in_one_region_take_little_more_than_their_size,
		forks_in_between_delay_a_seal_at_most,
	};

	/* Seconds on a free machine, and more under a sanitizer or on a busy one. */
	(void)setenv("CK_TIMEOUT_MULTIPLIER", "10", 0);
	return RUN_TESTS("stress", tests);
}
