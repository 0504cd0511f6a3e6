/* SPDX-License-Identifier: MIT */

/*
 * A subscriber that is killed immediately before each of its system calls, and immediately after, until it lives through
 * all that it does. The publisher and another subscriber go on after each death, and have as many descriptors, mappings
 * and pieces of memory as before.
 */

#include "tests/faults/death.h"
#include "tests/support/holds.h"
#include "tests/support/published.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define NAME "killed"

/* Whoever says nothing for so long hangs. */
#define PATIENCE 20000

#define SIZE (2 * page_size())

struct scene {
	struct place place;
	struct sealmem_publisher *publisher;
	struct sealmem_subscription *survivor;
	int byte; /* of the newest generation */
};

static struct scene scene;

/* What the library has allocated and not freed: the linker puts these in front of the C library's. */
static void *pieces[256];

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void __wrap_free(void *memory);

/* Puts `now` where `before` is. */
static void *note(const void *before, void *now)
{
	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++)
		if (pieces[i] == before) {
			pieces[i] = now;
			break;
		}
	return now;
}

static unsigned count_pieces(void)
{
	unsigned count = 0;

	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++)
		count += pieces[i] != NULL;
	return count;
}

void *__wrap_malloc(size_t size)
{
	return note(NULL, __real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
	return note(NULL, __real_calloc(count, size));
}

void __wrap_free(void *memory)
{
	if (memory != NULL)
		(void)note(memory, NULL);
	__real_free(memory);
}

static void publish_next(void)
{
	scene.byte = scene.byte % 255 + 1;
	publish_bytes(scene.publisher, NAME, scene.byte, SIZE);
}

/* For the process of the subscriber too: Check would write to a descriptor of its own, which is closed there. */
static void insist(bool condition)
{
	if (!condition)
		abort();
}

static int connection(void)
{
	int fd = connect_to(&scene.place);

	insist(fd >= 0);
	return fd;
}

static struct sealmem_subscription *subscribe(unsigned guarantees)
{
	struct sealmem_subscription *s = NULL;
	int fd = connection();

	insist(sealmem_subscribe(&s, fd, NAME, SIZE_MAX, guarantees) == 0);
	(void)close(fd);
	return s;
}

static int whole_byte_of(struct sealmem_subscription *s)
{
	const struct sealmem_region *region = sealmem_subscription_acquire(s);
	const unsigned char *data = sealmem_region_data(region);
	int byte = data[0];

	insist(sealmem_region_size(region) == SIZE);
	insist(memcmp(data, data + 1, SIZE - 1) == 0);
	sealmem_subscription_release(s, region);
	return byte;
}

/* The subscriber */

static void take_one_more(struct sealmem_subscription *s, int wishes)
{
	int err = 0;

	insist(write(wishes, "", 1) == 1);
	while (err == 0 && is_ready(sealmem_subscription_fd(s)))
		err = sealmem_subscription_update(s);
	insist(err == 1);
}

static void take_while_reading(struct sealmem_subscription *s, int wishes)
{
	const struct sealmem_region *region = sealmem_subscription_acquire(s);

	take_one_more(s, wishes);
	sealmem_subscription_release(s, region);
	(void)whole_byte_of(s);
}

static void take_over_another_connection(struct sealmem_subscription *s, int wishes)
{
	int fd = connection();

	insist(sealmem_subscription_reconnect(s, fd) == 0);
	(void)close(fd);
	take_one_more(s, wishes);
	(void)whole_byte_of(s);
}

static _Noreturn void be_subscriber(const struct death *death, unsigned guarantees, int wishes)
{
	struct sealmem_subscription *s;

	if (dup2(wishes, STDIN_FILENO) < 0)
		_exit(1);
	(void)syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0);
	if (death != NULL)
		death_arm(death);
	s = subscribe(guarantees);
	(void)whole_byte_of(s);
	take_while_reading(s, STDIN_FILENO);
	take_while_reading(s, STDIN_FILENO);
	take_over_another_connection(s, STDIN_FILENO);
	_exit(sealmem_subscription_free(s) == NULL ? 0 : 1);
}

/* Those who go on */

static void update_survivor(void)
{
	int err = sealmem_subscription_update(scene.survivor);

	ck_assert_int_ge(err, 0);
	if (err == 1)
		(void)whole_byte_of(scene.survivor);
}

static void grant_wish(int wishes)
{
	char wish;

	if (read(wishes, &wish, 1) == 1)
		publish_next();
}

/* Everybody is served until the subscriber has ended. */
static int attend(pid_t subscriber, int wishes)
{
	struct pollfd waited[] = {
		{ .fd = (int)syscall(SYS_pidfd_open, subscriber, 0), .events = POLLIN },
		{ .fd = sealmem_publisher_fd(scene.publisher), .events = POLLIN },
		{ .fd = sealmem_subscription_fd(scene.survivor), .events = POLLIN },
		{ .fd = wishes, .events = POLLIN },
	};
	int status = 0;

	while (waited[0].revents == 0) {
		ck_assert_int_gt(poll(waited, 4, PATIENCE), 0);
		if (waited[1].revents != 0)
			ck_assert_int_eq(sealmem_publisher_dispatch(scene.publisher), 0);
		if (waited[2].revents != 0)
			update_survivor();
		if (waited[3].revents & POLLIN)
			grant_wish(wishes);
		else if (waited[3].revents != 0)
			waited[3].fd = -1;
	}
	ck_assert_int_eq(waitpid(subscriber, &status, 0), subscriber);
	(void)close(waited[0].fd);
	return status;
}

static int live(const struct death *death, unsigned guarantees)
{
	int wishes[2], status;
	pid_t child;

	ck_assert_int_eq(pipe2(wishes, O_CLOEXEC), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0)
		be_subscriber(death, guarantees, wishes[1]);
	(void)close(wishes[1]);
	status = attend(child, wishes[0]);
	(void)close(wishes[0]);
	return status;
}

static void expect_one_subscriber(void)
{
	int fd = connection();

	ck_assert_int_eq(say(fd, SAYS_LIST, 0, ""), 0);
	settle(scene.publisher);
	ck_assert_uint_eq(hear_of(fd, SAYS_ENTRY).subscribers, 1);
	(void)hear_of(fd, SAYS_END);
	(void)close(fd);
	settle(scene.publisher);
}

static void expect_others_go_on(void)
{
	publish_next();
	do {
		settle(scene.publisher);
		ck_assert(is_ready(sealmem_subscription_fd(scene.survivor)));
		update_survivor();
	} while (whole_byte_of(scene.survivor) != scene.byte);
	expect_one_subscriber();
}

static bool was_killed(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* How many calls a subscriber lives through. */
static unsigned kill_at_each(enum moment moment, unsigned guarantees)
{
	struct death death = { .moment = moment };
	struct census census;
	unsigned count;
	int status;

	/* What is kept for the next time is there from the first time on. */
	ck_assert_int_eq(live(NULL, guarantees), 0);
	expect_others_go_on();
	census = take_own_census();
	count = count_pieces();
	while (was_killed(status = live(&death, guarantees))) {
		expect_others_go_on();
		assert_own_census(census);
		ck_assert_uint_eq(count_pieces(), count);
		death.at++;
	}
	ck_assert_int_eq(status, 0);
	return death.at;
}

static void *subscribe_survivor(void *argument)
{
	scene.survivor = subscribe(SEALMEM_CONTENT);
	atomic_store((atomic_bool *)argument, true);
	return NULL;
}

/* A subscriber waits for what this thread publishes. */
static void make_scene(void)
{
	atomic_bool subscribed = false;
	pthread_t thread;

	scene.place = new_place();
	ck_assert_int_eq(sealmem_publisher_new(&scene.publisher, scene.place.listening), 0);
	publish_next();
	ck_assert_int_eq(pthread_create(&thread, NULL, subscribe_survivor, &subscribed), 0);
	while (!atomic_load(&subscribed))
		if (is_ready_now(sealmem_publisher_fd(scene.publisher)))
			ck_assert_int_eq(sealmem_publisher_dispatch(scene.publisher), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

static void free_scene(void)
{
	ck_assert_ptr_null(sealmem_subscription_free(scene.survivor));
	ck_assert_ptr_null(sealmem_publisher_free(scene.publisher));
	free_place(&scene.place);
}

static void kill_with(unsigned guarantees)
{
	unsigned before, after;

	make_scene();
	before = kill_at_each(BEFORE_CALL, guarantees);
	after = kill_at_each(AFTER_CALL, guarantees);
	printf("%u subscribers killed, at %u calls before and %u after\n", before + after, before,
	       after);
	free_scene();
}

START_TEST(a_subscriber_that_is_killed_at_any_call_leaves_nothing)
{
	kill_with(SEALMEM_CONTENT);
}
END_TEST

/* Several generations at a time are locked. */
static bool may_lock_pages(void)
{
	uint64_t limit = 0;

	return sys_limit(RLIMIT_MEMLOCK, &limit) == 0 && limit >= 8 * SIZE;
}

START_TEST(so_does_one_that_demands_more)
{
	unsigned more = SEALMEM_CONTENT | SEALMEM_NODUMP | SEALMEM_NOFORK | SEALMEM_GUARDS;

	if (may_lock_pages())
		more |= SEALMEM_NOSWAP;
	kill_with(sealmem_supported() & more);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_subscriber_that_is_killed_at_any_call_leaves_nothing,
		so_does_one_that_demands_more,
	};

	return RUN_TESTS_FOR(600, "killed-subscriber", tests);
}
