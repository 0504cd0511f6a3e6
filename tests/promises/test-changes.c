/* SPDX-License-Identifier: MIT */

/*
 * Generations that follow each other fast, under readers in several processes who check each one that they get: none is a
 * mixture, none is older than the one before, nothing grows. Then the processes on either side are killed at any moment.
 * The first argument is how many generations there are; 1000000 takes some minutes.
 */

#include "tests/support/channel.h"
#include "tests/support/published.h"
#include "tests/support/sandbox.h"
#include "tests/support/scale.h"
#include "tests/support/support.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>

enum { PROCESSES = 8, THREADS = 2, WORDS = 1000 };

static unsigned changes;

/* A generation: its number, words that follow from it, and a digest of them. */
struct content {
	uint64_t number;
	uint64_t words[WORDS];
	uint64_t digest;
};

static uint64_t mix(uint64_t digest, uint64_t word)
{
	digest = (digest ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return digest ^ digest >> 29;
}

static uint64_t digest_of(const struct content *content)
{
	uint64_t digest = mix(1, content->number);

	for (size_t i = 0; i < WORDS; i++)
		digest = mix(digest, content->words[i]);
	return digest;
}

static void publish_number(struct sealmem_publisher *publisher, uint64_t number)
{
	SCOPED_REGION *region = NULL;
	struct content content = { .number = number };

	for (size_t i = 0; i < WORDS; i++)
		content.words[i] = number * (i + 1);
	content.digest = digest_of(&content);
	ck_assert_int_eq(sealmem_region_new_from(&region, "changes", &content, sizeof(content),
						 SEALMEM_CONTENT),
			 0);
	ck_assert_int_eq(sealmem_publish(publisher, region), 0);
}

/* The number of the generation that there is; 0 if it is not whole. */
static uint64_t read_number(struct sealmem_subscription *s)
{
	const struct sealmem_region *region = sealmem_subscription_acquire(s);
	const struct content *content = sealmem_region_data(region);
	bool whole = sealmem_region_size(region) == sizeof(*content) &&
		     content->digest == digest_of(content);
	uint64_t number = whole ? content->number : 0;

	sealmem_subscription_release(s, region);
	return number;
}

struct reader {
	struct sealmem_subscription *s;
	pthread_t thread;
	atomic_bool stop;
	bool wrong;
};

static void *read_on(void *argument)
{
	struct reader *reader = argument;
	uint64_t last = 1;

	while (!atomic_load(&reader->stop) && !reader->wrong) {
		uint64_t now = read_number(reader->s);

		reader->wrong = now < last;
		last = now;
	}
	return NULL;
}

/* Takes what comes, until the publisher has gone: the number of generations, or -1. */
static long take_all(struct sealmem_subscription *s)
{
	struct pollfd one = { .fd = sealmem_subscription_fd(s), .events = POLLIN };
	long count = 0;
	int err = 0;

	while (err >= 0) {
		if (poll(&one, 1, 10000) != 1)
			return -1;
		err = sealmem_subscription_update(s);
		count += err == 1;
	}
	return err == -ECONNRESET || err == -EPIPE ? count : -1;
}

/* How many files and mappings the process has; it looks without the C library's buffers. */
static bool is_flat(struct census before)
{
	struct census now = take_census();

	return now.descriptors <= before.descriptors && now.mappings <= before.mappings + 3;
}

/* 0 if each generation was whole and newer than the one before, and nothing was left over. It writes to `begun` when it
 * has its first one. */
static int subscriber(const struct place *place, int begun)
{
	struct sealmem_subscription *s = NULL;
	struct reader readers[THREADS];
	struct census before;
	int fd = connect_to(place), wrong;

	if (fd < 0 || sealmem_subscribe(&s, fd, "changes", 1 << 20, SEALMEM_CONTENT) < 0)
		return 2;
	(void)close(fd);
	if (begun >= 0 && write(begun, "", 1) != 1)
		return 4;
	for (int i = 0; i < THREADS; i++) {
		readers[i] = (struct reader){ .s = s };
		if (pthread_create(&readers[i].thread, NULL, read_on, &readers[i]) != 0)
			return 3;
	}
	before = take_census();
	wrong = take_all(s) < 0;
	for (int i = 0; i < THREADS; i++) {
		atomic_store(&readers[i].stop, true);
		(void)pthread_join(readers[i].thread, NULL);
		wrong |= readers[i].wrong;
	}
	wrong |= !is_flat(before);
	(void)sealmem_subscription_free(s);
	return wrong;
}

static pid_t start_subscriber(const struct place *place, int begun)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(subscriber(place, begun));
	return pid;
}

static long resident_pages(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (file != NULL && fscanf(file, "%*d %ld", &pages) != 1)
		pages = 0;
	if (file != NULL)
		(void)fclose(file);
	return pages;
}

static struct sealmem_publisher *publisher_at(const struct place *place)
{
	struct sealmem_publisher *publisher = NULL;

	ck_assert_int_eq(sealmem_publisher_new(&publisher, place->listening), 0);
	return publisher;
}

static void start_all(struct sealmem_publisher *publisher, const struct place *place, pid_t *pids)
{
	int begun[2], count = 0;
	char byte;

	ck_assert_int_eq(pipe2(begun, O_CLOEXEC | O_NONBLOCK), 0);
	for (int i = 0; i < PROCESSES; i++)
		pids[i] = start_subscriber(place, begun[1]);
	for (; count < PROCESSES; count += read(begun[0], &byte, 1) == 1)
		settle(publisher);
	ck_assert_int_eq(close(begun[0]), 0);
	ck_assert_int_eq(close(begun[1]), 0);
}

START_TEST(readers_in_many_processes_see_whole_generations_in_order)
{
	SCOPED_PLACE place = new_place();
	struct sealmem_publisher *publisher = publisher_at(&place);
	unsigned total = scaled(changes);
	pid_t pids[PROCESSES];
	struct census before = { 0 };
	long resident = 0;
	int status;

	publish_number(publisher, 1);
	start_all(publisher, &place, pids);
	for (unsigned i = 2; i <= total; i++) {
		settle(publisher);
		publish_number(publisher, i);
		if (i == total / 10 + 2) {
			before = take_census();
			resident = resident_pages();
		}
	}
	settle(publisher);
	/* Where memory is watched, what was freed is kept for a while. */
	ck_assert(sanitized() || under_valgrind() ||
		  resident_pages() * (long)page_size() < resident * (long)page_size() + (4 << 20));
	ck_assert_int_le(take_census().mappings, before.mappings + 2);
	ck_assert_int_le(take_census().descriptors, before.descriptors + PROCESSES);
	(void)sealmem_publisher_free(publisher);
	for (int i = 0; i < PROCESSES; i++) {
		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert_int_eq(status, 0);
	}
}
END_TEST

/* So that a process ends at another place each time. */
static void wait_a_little(unsigned round)
{
	(void)usleep(round * 7919 % 20000);
}

START_TEST(a_subscriber_that_is_killed_disturbs_nobody)
{
	SCOPED_SERVER server = { 0 };
	SCOPED_SUBSCRIPTION *s = NULL;
	struct census before;
	int status;

	start_server(&server);
	serve_bytes(&server, "changes", 'a', 100);
	s = subscribed(&server, "changes");
	before = take_census();
	for (unsigned round = 0; round < scaled(100); round++) {
		pid_t pid = start_subscriber(&server.place, -1);

		wait_a_little(round);
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
		serve_bytes(&server, "changes", 'a' + (int)round % 26, 100);
		take_next(s);
		ck_assert_int_eq(byte_of(s), 'a' + (int)round % 26);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	}
	for (int i = 0; i < 1000 && take_census().descriptors > before.descriptors; i++)
		(void)usleep(1000);
	ck_assert_int_eq(take_census().descriptors, before.descriptors);
}
END_TEST

/* Publishes until it is killed. The connections that wait are the next one's. */
static void publish_on(const struct place *place, uint64_t number)
{
	struct sealmem_publisher *publisher = publisher_at(place);

	for (;; number++) {
		publish_number(publisher, number);
		settle(publisher);
	}
}

static bool reconnect(struct sealmem_subscription *s, const struct place *place)
{
	int fd = connect_to(place), err = sealmem_subscription_reconnect(s, fd);

	(void)close(fd);
	return err == 0;
}

START_TEST(a_publisher_that_is_killed_takes_nothing_back)
{
	const struct timeval limit = { .tv_sec = 20 };
	SCOPED_PLACE place = new_place();
	SCOPED_SUBSCRIPTION *s = NULL;
	uint64_t generation = 0, last = 1;
	int fd = connect_to(&place), status;

	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
	for (unsigned round = 0; round < scaled(100); round++) {
		pid_t pid = fork();
		int err;

		if (pid == 0)
			publish_on(&place, last + 1);
		if (s == NULL)
			ck_assert_int_eq(
				sealmem_subscribe(&s, fd, "changes", 1 << 20, SEALMEM_CONTENT), 0);
		else
			ck_assert(reconnect(s, &place));
		take_next(s);
		wait_a_little(round);
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		do
			err = sealmem_subscription_update(s);
		while (err >= 0);
		ck_assert(err == -ECONNRESET || err == -EPIPE);
		ck_assert_uint_gt(sealmem_subscription_generation(s), generation);
		generation = sealmem_subscription_generation(s);
		ck_assert_uint_gt(read_number(s), last);
		last = read_number(s);
	}
	(void)close(fd);
}
END_TEST

int main(int argc, char *argv[])
{
	const TTest *const tests[] = {
		readers_in_many_processes_see_whole_generations_in_order,
		a_subscriber_that_is_killed_disturbs_nobody,
		a_publisher_that_is_killed_takes_nothing_back,
	};

	changes = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 10000;
	return RUN_TESTS_FOR(3000, "changes", tests);
}
