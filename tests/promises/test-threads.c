/* SPDX-License-Identifier: MIT */

/*
 * What other threads see of a seal. A program does not stop for it: threads that read go on reading the same
 * bytes, through the seal and through its refusal, and a thread that stores either gets its store into
 * what is sealed or a fault. These tests are run under ThreadSanitizer as well.
 */

#include "tests/support/sandbox.h"
#include "tests/support/scale.h"
#include "tests/support/support.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <string.h>

enum { ROUNDS = 50 };

/* A thread that reads without a pause, and would die of a fault. */
struct reader {
	const char *data;
	size_t size;
	atomic_bool stop, wrong;
	atomic_uint passes;
	pthread_t thread;
};

static void *read_on(void *argument)
{
	struct reader *reader = argument;

	while (!atomic_load(&reader->stop)) {
		if (!is_filled(reader->data, reader->size))
			atomic_store(&reader->wrong, true);
		atomic_fetch_add(&reader->passes, 1);
	}
	return NULL;
}

/* Two passes from now, one of them began and ended after now. */
static void wait_for_reader(struct reader *reader)
{
	unsigned now = atomic_load(&reader->passes);

	while (atomic_load(&reader->passes) < now + 2)
		sched_yield();
}

static void start_reader(struct reader *reader, const char *data, size_t size)
{
	*reader = (struct reader){ .data = data, .size = size };
	ck_assert_int_eq(pthread_create(&reader->thread, NULL, read_on, reader), 0);
	wait_for_reader(reader);
}

static void end_reader(struct reader *reader)
{
	wait_for_reader(reader);
	atomic_store(&reader->stop, true);
	ck_assert_int_eq(pthread_join(reader->thread, NULL), 0);
	ck_assert(!atomic_load(&reader->wrong));
}

static void seal_under_a_reader(unsigned guarantees)
{
	size_t size = 3 * page_size();

	for (unsigned round = 0; round < scaled(ROUNDS); round++) {
		SCOPED_REGION *region = open_region("test", size, SEALMEM_CONTENT | guarantees);
		struct reader reader;

		start_reader(&reader, sealmem_region_data(region), size);
		ck_assert_int_eq(sealmem_region_seal(region), 0);
		end_reader(&reader);
	}
}

START_TEST(a_reader_does_not_notice_that_a_region_is_sealed)
{
	seal_under_a_reader(0);
}
END_TEST

START_TEST(a_reader_does_not_notice_that_a_region_is_sealed_with_more_guarantees)
{
	seal_under_a_reader(SEALMEM_NOSWAP | SEALMEM_NODUMP | SEALMEM_NOFORK | SEALMEM_GUARDS);
}
END_TEST

START_TEST(a_reader_does_not_notice_that_an_address_is_sealed)
{
	require_mseal();
	seal_under_a_reader(SEALMEM_ADDRESS);
}
END_TEST

START_TEST(a_reader_does_not_notice_that_a_seal_is_refused)
{
	size_t size = 3 * page_size();
	SCOPED_REGION *region = open_region("test", size, SEALMEM_CONTENT);
	CLEANUP(close_fd_at) int fd = open_file_of("test", O_RDWR);
	void *writable = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	struct reader reader;

	ck_assert_ptr_ne(writable, MAP_FAILED);
	start_reader(&reader, sealmem_region_data(region), size);
	for (unsigned round = 0; round < scaled(ROUNDS); round++)
		ck_assert_int_eq(sealmem_region_seal(region), -EBUSY);
	end_reader(&reader);
}
END_TEST

START_TEST(a_reader_does_not_notice_that_a_region_moves_to_another_file)
{
	size_t size = 3 * page_size();
	SCOPED_REGION *region = NULL;
	struct reader reader;

	require_mseal();
	region = open_region("test", size, SEALMEM_CONTENT | SEALMEM_ADDRESS);
	forbid(__NR_mseal, ENOSYS);
	start_reader(&reader, sealmem_region_data(region), size);
	for (unsigned round = 0; round < scaled(ROUNDS); round++)
		ck_assert_int_eq(sealmem_region_seal(region), -EOPNOTSUPP);
	end_reader(&reader);
}
END_TEST

static char *filled_range(size_t size)
{
	char *at = map_private(size);

	fill(at, size);
	return at;
}

START_TEST(a_reader_does_not_notice_that_a_range_is_sealed)
{
	size_t size = 3 * page_size();

	for (unsigned round = 0; round < scaled(ROUNDS); round++) {
		char *at = filled_range(size);
		struct reader reader;

		start_reader(&reader, at, size);
		ck_assert_int_eq(sealmem_seal_range(at, size, SEALMEM_CONTENT), 0);
		end_reader(&reader);
	}
}
END_TEST

START_TEST(a_reader_does_not_notice_that_a_range_is_refused)
{
	size_t size = 3 * page_size();
	char *at = filled_range(size);
	struct reader reader;

	forbid(SYS_madvise, EPERM);
	start_reader(&reader, at, size);
	for (unsigned round = 0; round < scaled(ROUNDS); round++)
		ck_assert_int_eq(sealmem_seal_range(at, size, SEALMEM_CONTENT | SEALMEM_NODUMP),
				 -EOPNOTSUPP);
	end_reader(&reader);
}
END_TEST

/* A thread that counts up in memory until a store of it faults. */
struct writer {
	unsigned *at;
	unsigned stored; /* the last one that got through */
	atomic_uint seen;
	pthread_t thread;
};

static _Thread_local sigjmp_buf escape;

static void leave(int signal)
{
	(void)signal;
	siglongjmp(escape, 1);
}

static void *count_up(void *argument)
{
	struct writer *writer = argument;

	if (sigsetjmp(escape, 1) != 0)
		return NULL;
	for (;;) {
		__atomic_store_n(writer->at, writer->stored + 1, __ATOMIC_RELAXED);
		writer->stored++;
		atomic_store(&writer->seen, writer->stored);
	}
}

static void start_writer(struct writer *writer, char *at)
{
	*writer = (struct writer){ .at = (unsigned *)(void *)at };
	ck_assert_int_eq(pthread_create(&writer->thread, NULL, count_up, writer), 0);
	while (atomic_load(&writer->seen) < 10)
		sched_yield();
}

START_TEST(no_store_is_lost_when_a_range_is_sealed)
{
	signal(SIGSEGV, leave);
	for (unsigned round = 0; round < scaled(ROUNDS); round++) {
		char *at = map_private(3 * page_size());
		struct writer writer;

		start_writer(&writer, at + page_size());
		ck_assert_int_eq(sealmem_seal_range(at, 3 * page_size(), SEALMEM_CONTENT), 0);
		ck_assert_int_eq(pthread_join(writer.thread, NULL), 0);
		ck_assert_uint_eq(*writer.at, writer.stored);
	}
}
END_TEST

struct asker {
	const struct sealmem_region *region;
	pthread_barrier_t *barrier;
	int fd;
	pthread_t thread;
};

static void *ask_for_descriptor(void *argument)
{
	struct asker *asker = argument;

	pthread_barrier_wait(asker->barrier);
	asker->fd = sealmem_region_fd(asker->region);
	return NULL;
}

START_TEST(threads_that_ask_for_the_descriptor_at_once_get_the_same)
{
	struct census before = take_census();

	for (unsigned round = 0; round < scaled(ROUNDS); round++) {
		SCOPED_REGION *region = region_from("x", 1, SEALMEM_CONTENT);
		struct asker askers[3];
		pthread_barrier_t barrier;

		pthread_barrier_init(&barrier, NULL, 3);
		for (size_t i = 0; i < 3; i++) {
			askers[i] = (struct asker){ .region = region, .barrier = &barrier };
			ck_assert_int_eq(pthread_create(&askers[i].thread, NULL, ask_for_descriptor,
							&askers[i]),
					 0);
		}
		for (size_t i = 0; i < 3; i++)
			ck_assert_int_eq(pthread_join(askers[i].thread, NULL), 0);
		pthread_barrier_destroy(&barrier);
		ck_assert_int_ge(askers[0].fd, 0);
		ck_assert_int_eq(askers[1].fd, askers[0].fd);
		ck_assert_int_eq(askers[2].fd, askers[0].fd);
	}
	ck_assert_int_eq(take_census().descriptors, before.descriptors);
}
END_TEST

/* Freed at the end only: ThreadSanitizer does not see that an address is used anew. */
struct maker {
	struct sealmem_region *regions[ROUNDS];
	pthread_t thread;
};

static void *make_and_seal(void *argument)
{
	struct maker *maker = argument;

	for (unsigned round = 0; round < scaled(ROUNDS); round++) {
		struct sealmem_region *region = NULL;
		char *memory;

		if (sealmem_region_new(&region, "thread", page_size(), SEALMEM_CONTENT) != 0)
			continue;
		memory = sealmem_region_alloc(region, 100, 0);
		fill(memory, 100);
		if (sealmem_region_seal(region) == 0 && is_filled(memory, 100))
			maker->regions[round] = region;
		else
			(void)sealmem_region_free(region);
	}
	return NULL;
}

START_TEST(threads_make_regions_of_their_own_at_once)
{
	struct census before = take_census();
	struct maker makers[3] = { 0 };

	for (size_t i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&makers[i].thread, NULL, make_and_seal, &makers[i]),
				 0);
	for (size_t i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_join(makers[i].thread, NULL), 0);
	for (size_t i = 0; i < 3; i++) {
		for (unsigned round = 0; round < scaled(ROUNDS); round++) {
			ck_assert_ptr_nonnull(makers[i].regions[round]);
			(void)sealmem_region_free(makers[i].regions[round]);
		}
	}
	ck_assert_int_eq(take_census().descriptors, before.descriptors);
}
END_TEST

struct question {
	pthread_barrier_t *barrier;
	unsigned answer;
	pthread_t thread;
};

static void *ask_what_is_supported(void *argument)
{
	struct question *question = argument;

	pthread_barrier_wait(question->barrier);
	question->answer = sealmem_supported();
	return NULL;
}

/* In a child, because the library keeps the first answer. */
static int ask_at_once(void *argument)
{
	struct question questions[3];
	pthread_barrier_t barrier;
	unsigned same = ~0u, one = 0;

	(void)argument;
	pthread_barrier_init(&barrier, NULL, 3);
	for (size_t i = 0; i < 3; i++) {
		questions[i].barrier = &barrier;
		if (pthread_create(&questions[i].thread, NULL, ask_what_is_supported,
				   &questions[i]) != 0)
			return 2;
	}
	for (size_t i = 0; i < 3; i++) {
		pthread_join(questions[i].thread, NULL);
		same &= questions[i].answer;
		one |= questions[i].answer;
	}
	return same != one || sealmem_supported() != one;
}

START_TEST(threads_that_ask_what_is_supported_at_once_get_the_same)
{
	require_no_valgrind("valgrind runs one thread at a time");
	for (unsigned round = 0; round < scaled(ROUNDS); round++)
		assert_child_succeeds(ask_at_once, NULL);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		a_reader_does_not_notice_that_a_region_is_sealed,
		a_reader_does_not_notice_that_a_region_is_sealed_with_more_guarantees,
		a_reader_does_not_notice_that_an_address_is_sealed,
		a_reader_does_not_notice_that_a_seal_is_refused,
		a_reader_does_not_notice_that_a_region_moves_to_another_file,
		a_reader_does_not_notice_that_a_range_is_sealed,
		a_reader_does_not_notice_that_a_range_is_refused,
		no_store_is_lost_when_a_range_is_sealed,
		threads_that_ask_for_the_descriptor_at_once_get_the_same,
		threads_make_regions_of_their_own_at_once,
		threads_that_ask_what_is_supported_at_once_get_the_same,
	};

	return RUN_TESTS("threads", tests);
}
