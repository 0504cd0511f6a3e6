/* SPDX-License-Identifier: MIT */

/*
 * A sender that does not hold still: it writes, truncates, punches holes, seals in steps or dies while the
 * receiver looks at the same file. Each round has one of two ends: the descriptor is refused, or the
 * region is final, which is to say that the bytes read at once are the bytes read later. A signal would
 * end the test. A hundred thousand rounds; SEALMEM_TEST_SCALE is the percentage of them to run.
 */

#include "tests/support/channel.h"
#include "tests/support/ring.h"
#include "tests/support/scale.h"
#include "tests/support/support.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define MAX_PAGES 4

/* What the two processes share. */
struct shared {
	atomic_ulong taken;
	atomic_ulong sealing; /* which attempt to seal is under way, 0 if none */
};

static struct shared *share(void)
{
	void *at = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(at, MAP_FAILED);
	return at;
}

/* Not the C library's, whose lock a child might inherit; the same sequence each time. */
static unsigned random_below(uint64_t *state, unsigned limit)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(*state >> 33) % limit;
}

static off_t random_size(uint64_t *state)
{
	return (off_t)(random_below(state, MAX_PAGES * 8 + 1) * (page_size() / 8));
}

/* Acts of the sender. That they fail once the seal is there is what they are for. */

static void write_bytes(int fd, uint64_t *state)
{
	static char bytes[1 << 13];

	memset(bytes, (int)(1 + random_below(state, 255)), sizeof(bytes));
	(void)!pwrite(fd, bytes, sizeof(bytes), random_size(state));
}

static void store_bytes(int fd, uint64_t *state)
{
	struct stat status;
	char *at = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		return;
	if (fstat(fd, &status) == 0 && status.st_size >= (off_t)page_size())
		memset(at, (int)(1 + random_below(state, 255)), page_size());
	(void)munmap(at, page_size());
}

static void truncate_file(int fd, uint64_t *state)
{
	(void)!ftruncate(fd, random_size(state));
}

static void punch_holes(int fd, uint64_t *state)
{
	off_t start = random_size(state);

	(void)fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, start, (off_t)page_size());
	(void)fallocate(fd, 0, start, (off_t)page_size());
}

static void do_anything(int fd, uint64_t *state)
{
	static void (*const acts[])(int fd, uint64_t *state) = { write_bytes, store_bytes,
								 truncate_file, punch_holes };

	acts[random_below(state, 4)](fd, state);
}

static void act_a_while(int fd, uint64_t *state, void (*act)(int fd, uint64_t *state))
{
	for (unsigned times = random_below(state, 16); times > 0; times--)
		act(fd, state);
}

static void seal_at_once(int fd)
{
	(void)fcntl(fd, F_ADD_SEALS, FINAL_SEALS);
}

/* With each step the file looks more like a sealed one. */
static void seal_in_steps(int fd, uint64_t *state, void (*act)(int fd, uint64_t *state))
{
	static const int steps[] = { F_SEAL_WRITE, F_SEAL_SHRINK, F_SEAL_GROW };
	unsigned first = random_below(state, 3);

	for (unsigned i = 0; i < 3; i++) {
		(void)fcntl(fd, F_ADD_SEALS, steps[(first + i) % 3]);
		act(fd, state);
	}
}

struct race {
	struct shared *shared;
	struct channel channel;
	unsigned long rounds;
	void (*act)(int fd, uint64_t *state);
};

/* One file for each round. The sender lets the receiver catch up, or the receiver would see only files that nobody
 * changes any more. */
static int play_sender(const struct race *race)
{
	const struct message message = honest_message("race");
	uint64_t state = 1;

	for (unsigned long round = 1; round <= race->rounds; round++) {
		int fd = memfd_create("sealmem:race", MFD_CLOEXEC | MFD_ALLOW_SEALING);

		while (atomic_load(&race->shared->taken) + 2 < round)
			(void)sched_yield();
		if (fd < 0 || ftruncate(fd, random_size(&state)) < 0 ||
		    post(race->channel.sender, &message, sizeof(message), &fd, 1) < 0)
			return EXIT_FAILURE;
		act_a_while(fd, &state, race->act);
		if (random_below(&state, 2) == 0)
			seal_at_once(fd);
		else
			seal_in_steps(fd, &state, race->act);
		act_a_while(fd, &state, race->act);
		close(fd);
	}
	return EXIT_SUCCESS;
}

struct tally {
	unsigned long accepted, refused, wrong, unexpected;
};

/* What a region held when it was accepted. */
struct witness {
	struct sealmem_region *region;
	size_t size;
	char bytes[];
};

static size_t most_bytes(void)
{
	return (MAX_PAGES + 1) * page_size() + (1 << 13);
}

/* Mapped, so that a count of mappings afterwards is not one of what malloc() keeps. */
static struct witness *new_witness(void)
{
	return (void *)map_private(sizeof(struct witness) + most_bytes());
}

static void free_witness(struct witness *witness)
{
	(void)munmap(witness, sizeof(*witness) + most_bytes());
}

static void testify(struct witness *witness, struct sealmem_region *region)
{
	witness->region = region;
	witness->size = sealmem_region_size(region);
	ck_assert_uint_le(witness->size, most_bytes());
	memcpy(witness->bytes, sealmem_region_data(region), witness->size);
}

static void compare(struct witness *witness, struct tally *tally)
{
	struct stat status;
	int fd = sealmem_region_fd(witness->region);

	if (witness->region == NULL)
		return;
	tally->wrong +=
		memcmp(witness->bytes, sealmem_region_data(witness->region), witness->size) != 0;
	tally->wrong += fstat(fd, &status) != 0 || (size_t)status.st_size != witness->size;
	witness->region = sealmem_region_free(witness->region);
}

/* Looks again and again, as long as the sender may still be at it. */
static int accept_patiently(int fd, struct sealmem_region **region)
{
	int err = -EPERM;

	for (int tries = 0; tries < 50 && err == -EPERM; tries++) {
		err = sealmem_region_accept(region, fd, SEALMEM_CONTENT);
		/* Where there is one processor for both. */
		if (tries >= 48)
			(void)usleep(100);
	}
	return err;
}

static int receive_once(const struct race *race, unsigned long round,
			struct sealmem_region **region)
{
	CLEANUP(close_fd_at) int fd = -1;
	int err = 0;

	if (round % 2 == 0)
		err = sealmem_receive(race->channel.receiver, region, SEALMEM_CONTENT);
	else
		fd = take_descriptor(race->channel.receiver);
	atomic_fetch_add(&race->shared->taken, 1);
	return fd < 0 ? err : accept_patiently(fd, region);
}

/* Compared a few rounds later, when the sender has done what it could. */
static struct tally play_receiver(const struct race *race)
{
	enum { KEPT = 4 };
	struct witness *kept[KEPT];
	struct tally tally = { 0 };

	for (size_t i = 0; i < KEPT; i++)
		kept[i] = new_witness();
	for (unsigned long round = 0; round < race->rounds; round++) {
		struct sealmem_region *region = NULL;
		int err = receive_once(race, round, &region);

		compare(kept[round % KEPT], &tally);
		if (err == 0)
			testify(kept[round % KEPT], region);
		tally.accepted += err == 0;
		tally.refused += err == -EPERM || err == -ENODATA;
		tally.unexpected += err != 0 && err != -EPERM && err != -ENODATA;
	}
	for (size_t i = 0; i < KEPT; i++) {
		compare(kept[i], &tally);
		free_witness(kept[i]);
	}
	return tally;
}

static void race_against(const char *name, void (*act)(int fd, uint64_t *state))
{
	struct race race = { share(), open_channel(SOCK_SEQPACKET), scaled(20000), act };
	struct census before = take_census();
	struct tally tally;
	int status;
	pid_t pid;

	(void)fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(play_sender(&race));
	tally = play_receiver(&race);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	printf("%s: %lu rounds, %lu accepted, %lu refused, %lu wrong\n", name, race.rounds,
	       tally.accepted, tally.refused, tally.wrong);
	(void)fflush(stdout);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(tally.wrong, 0);
	ck_assert_uint_eq(tally.unexpected, 0);
	ck_assert_uint_gt(tally.accepted, 0);
	if (race.rounds > 1000)
		ck_assert_uint_gt(tally.refused, 0);
	assert_same_census(before);
}

START_TEST(a_sender_that_keeps_writing)
{
	race_against("writing", write_bytes);
}
END_TEST

START_TEST(a_sender_that_keeps_storing_to_a_mapping)
{
	race_against("storing", store_bytes);
}
END_TEST

START_TEST(a_sender_that_keeps_truncating)
{
	race_against("truncating", truncate_file);
}
END_TEST

START_TEST(a_sender_that_keeps_punching_holes)
{
	race_against("punching", punch_holes);
}
END_TEST

START_TEST(a_sender_that_does_everything)
{
	race_against("everything", do_anything);
}
END_TEST

/* What the race is about: the same look at a file that is not sealed sees it change, and truncated it is a
 * signal. */
START_TEST(an_unsealed_file_changes_under_its_reader)
{
	int fd = filled_memfd(page_size());
	const char *at = mmap(NULL, page_size(), PROT_READ, MAP_SHARED, fd, 0);

	ck_assert_ptr_ne(at, MAP_FAILED);
	ck_assert(is_filled(at, page_size()));
	ck_assert_int_eq(pwrite(fd, "", 1, 0), 1);
	ck_assert(!is_filled(at, page_size()));
}
END_TEST

static int read_after_truncation(void *argument)
{
	int fd = filled_memfd(page_size());
	const volatile char *at = mmap(NULL, page_size(), PROT_READ, MAP_SHARED, fd, 0);

	(void)argument;
	if (at == MAP_FAILED || ftruncate(fd, 0) < 0)
		return EXIT_FAILURE;
	return *at;
}

START_TEST(an_unsealed_file_that_is_truncated_raises_a_signal)
{
	assert_child_dies(SIGBUS, read_after_truncation, NULL);
}
END_TEST

/* The bytes of a region, twice with a copy between. */
static void compare_at_once(struct sealmem_region *region, struct tally *tally)
{
	struct witness *witness = new_witness();

	testify(witness, region);
	compare(witness, tally);
	free_witness(witness);
}

/* Sends for ever. */
static void send_until_killed(const struct race *race)
{
	struct race endless = *race;

	endless.rounds = ULONG_MAX;
	_exit(play_sender(&endless));
}

/* The receiver takes what there is until the connection ends. */
static void drain(const struct race *race, struct tally *tally)
{
	for (;;) {
		struct sealmem_region *region = NULL;
		int err = sealmem_receive(race->channel.receiver, &region, SEALMEM_CONTENT);

		atomic_fetch_add(&race->shared->taken, 1);
		if (err == -ECONNRESET)
			return;
		tally->accepted += err == 0;
		tally->refused += err == -EPERM || err == -ENODATA;
		tally->unexpected += err != 0 && err != -EPERM && err != -ENODATA;
		if (err == 0)
			compare_at_once(region, tally);
	}
}

START_TEST(a_sender_that_dies_at_any_moment)
{
	struct shared *shared = share();
	unsigned long rounds = scaled(500);
	uint64_t state = 1;
	struct census before = take_census();
	struct tally tally = { 0 };

	for (unsigned long round = 0; round < rounds; round++) {
		struct race race = { shared, open_channel(SOCK_SEQPACKET), 0, do_anything };
		pid_t pid;

		atomic_store(&shared->taken, 0);
		pid = fork();
		if (pid == 0)
			send_until_killed(&race);
		close(race.channel.sender);
		(void)usleep(random_below(&state, 1000));
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
		drain(&race, &tally);
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
		close(race.channel.receiver);
	}
	printf("dying: %lu senders, %lu accepted, %lu refused, %lu wrong\n", rounds, tally.accepted,
	       tally.refused, tally.wrong);
	(void)fflush(stdout);
	ck_assert_uint_eq(tally.wrong, 0);
	ck_assert_uint_eq(tally.unexpected, 0);
	assert_same_census(before);
}
END_TEST

/* Two at least, because the receiver may be late for one. */
static unsigned attempts(void)
{
	return 1 + scaled(4);
}

/* Its own seals wait for the page, and are then refused. */
static int keep_sealing(struct shared *shared, int fd)
{
	for (unsigned long attempt = 1; attempt <= attempts(); attempt++) {
		atomic_store(&shared->sealing, attempt);
		if (fcntl(fd, F_ADD_SEALS, ALL_SEALS) == 0 || errno != EBUSY)
			return EXIT_FAILURE;
		atomic_store(&shared->sealing, 0);
		(void)usleep(1000);
	}
	atomic_store(&shared->sealing, ULONG_MAX);
	return EXIT_SUCCESS;
}

/* How often the answer came while the sender was still waiting. */
static unsigned accept_during_seals(struct shared *shared, int fd)
{
	unsigned long last = 0, now;
	unsigned during = 0;

	while ((now = atomic_load(&shared->sealing)) != ULONG_MAX) {
		struct sealmem_region *region = NULL;

		if (now == 0 || now == last) {
			(void)usleep(100);
			continue;
		}
		ck_assert_int_eq(sealmem_region_accept(&region, fd, SEALMEM_CONTENT), -EPERM);
		during += atomic_load(&shared->sealing) == now;
		last = now;
	}
	return during;
}

/* `fd` has a page that something else holds, too. */
static void assert_no_stall(int fd)
{
	struct shared *shared = share();
	unsigned during;
	int status;
	pid_t pid;

	(void)fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(keep_sealing(shared, fd));
	during = accept_during_seals(shared, fd);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	printf("%u of %u seals were waited for by the sender and not by the receiver\n", during,
	       attempts());
	(void)fflush(stdout);
	ck_assert_uint_ge(during, 1);
}

START_TEST(a_page_held_in_a_pipe_stalls_the_sender_alone)
{
	int fd = filled_memfd(page_size()), pipe[2];
	struct sealmem_region *region = NULL;
	loff_t start = 0;

	ck_assert_int_eq(pipe2(pipe, O_CLOEXEC), 0);
	ck_assert_int_eq(splice(fd, &start, pipe[1], NULL, page_size(), 0), (int)page_size());
	assert_no_stall(fd);
	close(pipe[0]);
	close(pipe[1]);
	(void)with_seals(fd, ALL_SEALS);
	ck_assert_int_eq(sealmem_region_accept(&region, fd, SEALMEM_CONTENT), 0);
	assert_filled(sealmem_region_data(region), page_size());
	(void)sealmem_region_free(region);
}
END_TEST

START_TEST(a_page_held_by_an_io_uring_stalls_the_sender_alone)
{
	int fd = filled_memfd(page_size());
	void *at = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	struct ring ring = open_ring();

	ck_assert_ptr_ne(at, MAP_FAILED);
	if (ring_register(&ring, at, page_size()) < 0)
		skip_test("this user may not register buffers");
	ck_assert_int_eq(munmap(at, page_size()), 0);
	assert_no_stall(fd);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_sender_that_keeps_writing,
		a_sender_that_keeps_storing_to_a_mapping,
		a_sender_that_keeps_truncating,
		a_sender_that_keeps_punching_holes,
		a_sender_that_does_everything,
		an_unsealed_file_changes_under_its_reader,
		an_unsealed_file_that_is_truncated_raises_a_signal,
		a_sender_that_dies_at_any_moment,
		a_page_held_in_a_pipe_stalls_the_sender_alone,
		a_page_held_by_an_io_uring_stalls_the_sender_alone,
	};

	return RUN_TESTS("race", tests);
}
