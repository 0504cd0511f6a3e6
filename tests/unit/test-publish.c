/* SPDX-License-Identifier: MIT */

/* The writing end: what each client is sent, what none of them can do to the others, and what a shortage does. Clients are
 * played by hand. */

#include "tests/support/channel.h"
#include "tests/support/published.h"
#include "tests/support/sandbox.h"
#include "tests/support/support.h"

#include "lib/publish-internal.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

/* A publisher that the test itself serves. */
struct desk {
	struct place place;
	struct sealmem_publisher *publisher;
};

static struct desk new_desk(void)
{
	struct desk desk = { .place = new_place() };

	ck_assert_int_eq(sealmem_publisher_new(&desk.publisher, desk.place.listening), 0);
	return desk;
}

static void free_desk(struct desk *desk)
{
	desk->publisher = sealmem_publisher_free(desk->publisher);
	free_place(&desk->place);
}

#define SCOPED_DESK CLEANUP(free_desk) struct desk

/* A client that is connected, and known to the publisher. */
static int client_of(const struct desk *desk)
{
	int fd = connect_to(&desk->place);

	ck_assert_int_ge(fd, 0);
	settle(desk->publisher);
	return fd;
}

static void ask(const struct desk *desk, int client, uint64_t generation, const char *name)
{
	ck_assert_int_eq(say(client, SAYS_SUBSCRIBE, generation, name), 0);
	settle(desk->publisher);
}

static void answer(const struct desk *desk, int client, uint64_t generation, const char *name)
{
	ck_assert_int_eq(say(client, SAYS_TAKEN, generation, name), 0);
	settle(desk->publisher);
}

/* Fails the test unless the publisher refuses with this status, and the next thing is the end if `ends`. */
static void assert_refused(int client, uint32_t status, bool ends)
{
	ck_assert_uint_eq(hear_of(client, SAYS_REFUSED).status, status);
	if (ends)
		ck_assert_int_eq(hear(client).size, 0);
}

/* That the publisher still serves those who keep to the rules. */
static void assert_serves(const struct desk *desk)
{
	int client = client_of(desk);

	publish_bytes(desk->publisher, "witness", 'w', 10);
	ask(desk, client, 0, "witness");
	ck_assert_uint_eq(hear_of(client, SAYS_GENERATION).length, 10);
	(void)close(client);
	settle(desk->publisher);
}

START_TEST(a_client_is_sent_the_newest_generation)
{
	SCOPED_DESK desk = new_desk();
	int client = client_of(&desk);
	struct heard heard;

	publish_bytes(desk.publisher, "rules", 'a', 10);
	publish_bytes(desk.publisher, "rules", 'b', 20);
	ask(&desk, client, 0, "rules");
	heard = hear(client);
	ck_assert_uint_eq(heard.kind, SAYS_GENERATION);
	ck_assert_str_eq(heard.name, "rules");
	ck_assert_uint_eq(heard.length, 20);
	ck_assert_uint_eq(heard.generation, sealmem_publisher_generation(desk.publisher, "rules"));
	ck_assert_int_eq(fcntl(heard.fd, F_GET_SEALS) & FINAL_SEALS, FINAL_SEALS);
	ck_assert_int_eq(fcntl(heard.fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	(void)close(heard.fd);
	(void)close(client);
}
END_TEST

START_TEST(a_client_that_does_not_answer_is_sent_nothing_more)
{
	SCOPED_DESK desk = new_desk();
	int client = client_of(&desk);
	uint64_t first, last;

	publish_bytes(desk.publisher, "rules", 'a', 1);
	ask(&desk, client, 0, "rules");
	for (int i = 0; i < 1000; i++)
		publish_bytes(desk.publisher, "rules", 'b', 2);
	first = hear_of(client, SAYS_GENERATION).generation;
	ck_assert(!is_ready_now(client));
	answer(&desk, client, first, "rules");
	last = hear_of(client, SAYS_GENERATION).generation;
	ck_assert_uint_eq(last, sealmem_publisher_generation(desk.publisher, "rules"));
	answer(&desk, client, last, "rules");
	ck_assert(!is_ready_now(client));
	(void)close(client);
}
END_TEST

START_TEST(numbers_grow_from_one_publisher_to_the_next)
{
	uint64_t last = 0;

	for (int i = 0; i < 3; i++) {
		SCOPED_DESK desk = new_desk();

		for (int j = 0; j < 3; j++) {
			publish_bytes(desk.publisher, "rules", 'a', 1);
			ck_assert_uint_gt(sealmem_publisher_generation(desk.publisher, NULL), last);
			last = sealmem_publisher_generation(desk.publisher, "rules");
		}
	}
}
END_TEST

START_TEST(numbers_go_on_from_those_that_were_kept)
{
	SCOPED_DESK desk = new_desk();
	const uint64_t kept = UINT64_MAX - 1;
	struct sealmem_region *region = sealed_region("rules", 1, SEALMEM_CONTENT);

	ck_assert_int_eq(sealmem_publisher_continue(desk.publisher, kept), 0);
	ck_assert_int_eq(sealmem_publisher_continue(desk.publisher, 1), 0);
	ck_assert_int_eq(sealmem_publish(desk.publisher, region), 0);
	ck_assert_uint_eq(sealmem_publisher_generation(desk.publisher, "rules"), kept + 1);
	ck_assert_int_eq(sealmem_publish(desk.publisher, region), -ERANGE);
	ck_assert_uint_eq(sealmem_publisher_generation(desk.publisher, "rules"), kept + 1);
	(void)sealmem_region_free(region);
}
END_TEST

START_TEST(a_number_can_be_known_before_it_is_published)
{
	SCOPED_DESK desk = new_desk();
	uint64_t number = 0, again = 0, next = 0;

	publish_bytes(desk.publisher, "rules", 'a', 1);
	ck_assert_int_eq(sealmem_publisher_reserve(desk.publisher, &number), 0);
	ck_assert_uint_gt(number, sealmem_publisher_generation(desk.publisher, NULL));
	ck_assert_int_eq(sealmem_publisher_reserve(desk.publisher, &again), 0);
	ck_assert_uint_eq(again, number);
	publish_bytes(desk.publisher, "other", 'a', 1);
	ck_assert_uint_eq(sealmem_publisher_generation(desk.publisher, "other"), number);
	publish_bytes(desk.publisher, "rules", 'b', 1);
	ck_assert_uint_gt(sealmem_publisher_generation(desk.publisher, "rules"), number);
	ck_assert_int_eq(sealmem_publisher_reserve(desk.publisher, &next), 0);
	ck_assert_uint_gt(next, sealmem_publisher_generation(desk.publisher, "rules"));
}
END_TEST

START_TEST(a_reserved_number_gives_way_to_those_that_were_kept)
{
	SCOPED_DESK desk = new_desk();
	uint64_t number = 0;

	ck_assert_int_eq(sealmem_publisher_reserve(desk.publisher, &number), 0);
	ck_assert_int_eq(sealmem_publisher_continue(desk.publisher, UINT64_MAX - 1), 0);
	ck_assert_int_eq(sealmem_publisher_reserve(desk.publisher, &number), 0);
	ck_assert_uint_eq(number, UINT64_MAX);
	publish_bytes(desk.publisher, "rules", 'a', 1);
	number = 5;
	ck_assert_int_eq(sealmem_publisher_reserve(desk.publisher, &number), -ERANGE);
	ck_assert_uint_eq(number, 5);
}
END_TEST

START_TEST(a_client_with_newer_data_is_told)
{
	SCOPED_DESK desk = new_desk();
	int client = client_of(&desk);

	publish_bytes(desk.publisher, "rules", 'a', 1);
	ask(&desk, client, UINT64_MAX, "rules");
	assert_refused(client, WHY_OLDER, false);
	/* It is not subscribed, and may be so again. */
	ask(&desk, client, 0, "rules");
	(void)hear_of(client, SAYS_GENERATION);
	(void)close(client);
}
END_TEST

START_TEST(an_announced_name_is_waited_for)
{
	SCOPED_DESK desk = new_desk();
	int client = client_of(&desk);

	ask(&desk, client, 0, "rules");
	assert_refused(client, WHY_NO_NAME, false);
	ck_assert_int_eq(sealmem_publisher_announce(desk.publisher, "rules"), 0);
	ask(&desk, client, 0, "rules");
	ck_assert(!is_ready_now(client));
	publish_bytes(desk.publisher, "rules", 'a', 1);
	(void)hear_of(client, SAYS_GENERATION);
	(void)close(client);
}
END_TEST

START_TEST(only_sealed_regions_are_published)
{
	SCOPED_DESK desk = new_desk();
	SCOPED_REGION *region = open_region("rules", 100, SEALMEM_CONTENT);

	ck_assert_int_eq(sealmem_publish(desk.publisher, region), -EPERM);
	ck_assert_uint_eq(sealmem_publisher_generation(desk.publisher, "rules"), 0);
	ck_assert_int_eq(sealmem_region_seal(region), 0);
	ck_assert_int_eq(sealmem_publish(desk.publisher, region), 0);
}
END_TEST

static int admit_rules(const struct sealmem_peer *peer, const char *name, void *data)
{
	ck_assert_int_eq(peer->pid, getpid());
	ck_assert_uint_eq(peer->uid, getuid());
	ck_assert_uint_eq(peer->gid, getgid());
	ck_assert_int_eq(sealmem_publisher_dispatch(data), -EBUSY);
	return name != NULL && strcmp(name, "rules") == 0 ? 0 : 1;
}

START_TEST(a_function_of_the_caller_admits_and_refuses)
{
	SCOPED_DESK desk = new_desk();
	int client = client_of(&desk);

	publish_bytes(desk.publisher, "rules", 'a', 1);
	publish_bytes(desk.publisher, "other", 'a', 1);
	ck_assert_int_eq(
		sealmem_publisher_set_admission(desk.publisher, admit_rules, desk.publisher), 0);
	ask(&desk, client, 0, "other");
	assert_refused(client, WHY_NOT_ADMITTED, false);
	ask(&desk, client, 0, "nonesuch");
	assert_refused(client, WHY_NOT_ADMITTED, false);
	ck_assert_int_eq(say(client, SAYS_LIST, 0, ""), 0);
	settle(desk.publisher);
	assert_refused(client, WHY_NOT_ADMITTED, false);
	ask(&desk, client, 0, "rules");
	(void)hear_of(client, SAYS_GENERATION);
	(void)close(client);
}
END_TEST

START_TEST(the_list_says_who_holds_what)
{
	SCOPED_DESK desk = new_desk();
	SCOPED_REGION *region = sealed_region("rules", 77, SEALMEM_CONTENT);
	int client = client_of(&desk), other = client_of(&desk);
	struct heard heard;

	ck_assert_int_eq(sealmem_publish_labelled(desk.publisher, region, "sha256=0"), 0);
	ck_assert_int_eq(sealmem_publisher_announce(desk.publisher, "later"), 0);
	ask(&desk, client, 0, "rules");
	ask(&desk, other, 0, "rules");
	heard = hear_of(client, SAYS_GENERATION);
	ck_assert_str_eq(heard.label, "sha256=0");
	answer(&desk, client, heard.generation, "rules");
	ck_assert_int_eq(say(client, SAYS_LIST, 0, ""), 0);
	settle(desk.publisher);
	heard = hear_of(client, SAYS_ENTRY);
	ck_assert_str_eq(heard.name, "rules");
	ck_assert_str_eq(heard.label, "sha256=0");
	ck_assert_uint_eq(heard.length, 77);
	ck_assert_uint_eq(heard.subscribers, 2);
	ck_assert_uint_eq(heard.holders, 1);
	heard = hear_of(client, SAYS_ENTRY);
	ck_assert_str_eq(heard.name, "later");
	ck_assert_uint_eq(heard.generation, 0);
	(void)hear_of(client, SAYS_END);
	(void)close(client);
	(void)close(other);
}
END_TEST

START_TEST(a_long_list_is_sent_as_the_client_reads_it)
{
	enum { NAMES = 1000 };
	SCOPED_DESK desk = new_desk();
	int client = client_of(&desk);
	char name[16];

	for (int i = 0; i < NAMES; i++) {
		(void)snprintf(name, sizeof(name), "%d", i);
		ck_assert_int_eq(sealmem_publisher_announce(desk.publisher, name), 0);
	}
	ck_assert_int_eq(say(client, SAYS_LIST, 0, ""), 0);
	for (int i = 0; i < NAMES; i++) {
		settle(desk.publisher);
		(void)snprintf(name, sizeof(name), "%d", i);
		ck_assert_str_eq(hear_of(client, SAYS_ENTRY).name, name);
	}
	settle(desk.publisher);
	(void)hear_of(client, SAYS_END);
	(void)close(client);
}
END_TEST

START_TEST(limits_hold)
{
	const struct sealmem_publisher_limits limits = { 2, 2, 1 }, none = { 0, 1, 1 };
	SCOPED_DESK desk = new_desk();
	int first = client_of(&desk), second, third;

	ck_assert_int_eq(sealmem_publisher_set_limits(desk.publisher, &none), -EINVAL);
	ck_assert_int_eq(sealmem_publisher_set_limits(desk.publisher, NULL), -EINVAL);
	ck_assert_int_eq(sealmem_publisher_set_limits(desk.publisher, &limits), 0);
	publish_bytes(desk.publisher, "rules", 'a', 1);
	publish_bytes(desk.publisher, "other", 'a', 1);
	second = client_of(&desk);
	third = client_of(&desk);
	assert_refused(third, WHY_IS_FULL, true);
	ask(&desk, first, 0, "rules");
	(void)hear_of(first, SAYS_GENERATION);
	ask(&desk, first, 0, "other");
	assert_refused(first, WHY_IS_FULL, false);
	(void)close(third);
	(void)close(second);
	settle(desk.publisher);
	third = client_of(&desk);
	ask(&desk, third, 0, "rules");
	(void)hear_of(third, SAYS_GENERATION);
	(void)close(third);
	(void)close(first);
}
END_TEST

START_TEST(the_clients_of_one_user_have_a_limit)
{
	const struct sealmem_publisher_limits limits = { 10, 1, 1 };
	SCOPED_DESK desk = new_desk();
	int first, second;

	ck_assert_int_eq(sealmem_publisher_set_limits(desk.publisher, &limits), 0);
	first = client_of(&desk);
	second = client_of(&desk);
	assert_refused(second, WHY_IS_FULL, true);
	(void)close(second);
	(void)close(first);
}
END_TEST

/* What no client may say. */
static void say_wrong_magic(int client)
{
	unsigned char bytes[MESSAGE_SIZE];

	write_message(bytes, SAYS_SUBSCRIBE, 0, 0, "rules");
	bytes[7] = 2;
	ck_assert_int_eq(send(client, bytes, sizeof(bytes), 0), sizeof(bytes));
}

static void say_half(int client)
{
	unsigned char bytes[MESSAGE_SIZE];

	write_message(bytes, SAYS_SUBSCRIBE, 0, 0, "rules");
	ck_assert_int_eq(send(client, bytes, sizeof(bytes) / 2, 0), sizeof(bytes) / 2);
}

static void say_too_much(int client)
{
	unsigned char bytes[MESSAGE_SIZE + 1] = { 0 };

	write_message(bytes, SAYS_SUBSCRIBE, 0, 0, "rules");
	ck_assert_int_eq(send(client, bytes, sizeof(bytes), 0), sizeof(bytes));
}

static void say_endless_name(int client)
{
	unsigned char bytes[MESSAGE_SIZE];

	write_message(bytes, SAYS_SUBSCRIBE, 0, 0, "");
	memset(bytes + 40, 'n', 248);
	ck_assert_int_eq(send(client, bytes, sizeof(bytes), 0), sizeof(bytes));
}

static void say_unknown(int client)
{
	ck_assert_int_eq(say(client, 99, 0, "rules"), 0);
}

static void say_taken(int client)
{
	ck_assert_int_eq(say(client, SAYS_TAKEN, 1, "rules"), 0);
}

START_TEST(whoever_breaks_the_rules_is_told_and_goes)
{
	static void (*const ways[])(int client) = { say_wrong_magic,  say_half,	   say_too_much,
						    say_endless_name, say_unknown, say_taken };
	SCOPED_DESK desk = new_desk();

	publish_bytes(desk.publisher, "rules", 'a', 1);
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		int client = client_of(&desk);

		ways[i](client);
		settle(desk.publisher);
		assert_refused(client, WHY_MISUSED, true);
		(void)close(client);
	}
	assert_serves(&desk);
}
END_TEST

START_TEST(descriptors_of_clients_are_closed)
{
	SCOPED_DESK desk = new_desk();
	struct census before = take_census();
	int ends[2], client;

	for (int i = 0; i < 20; i++) {
		client = client_of(&desk);
		ck_assert_int_eq(pipe(ends), 0);
		(void)say_with(client, SAYS_LIST, 0, 0, "", ends[1]);
		(void)close(ends[1]);
		settle(desk.publisher);
		(void)close(client);
		settle(desk.publisher);
		/* Nobody else has the other end of the pipe. */
		ck_assert_int_eq(read(ends[0], &client, 1), 0);
		(void)close(ends[0]);
	}
	assert_same_census(before);
}
END_TEST

START_TEST(a_flood_of_requests_takes_no_memory)
{
	SCOPED_DESK desk = new_desk();
	int client = client_of(&desk), flags = fcntl(client, F_GETFL);
	int said = 0;

	ck_assert_int_eq(fcntl(client, F_SETFL, flags | O_NONBLOCK), 0);
	/* The client reads no answer, so that the publisher stops reading it. */
	for (int i = 0; i < 100000; i++) {
		said += say(client, SAYS_SUBSCRIBE, 0, "nonesuch") == 0;
		if (i % 100 == 0)
			settle(desk.publisher);
	}
	ck_assert_int_lt(said, 1000);
	assert_serves(&desk);
	(void)close(client);
}
END_TEST

START_TEST(a_client_that_answers_unread_generations_has_few_of_them)
{
	SCOPED_DESK desk = new_desk();
	int client = client_of(&desk), count = 0;
	struct heard heard;

	publish_bytes(desk.publisher, "rules", 'a', 1);
	ask(&desk, client, 0, "rules");
	for (int i = 0; i < 100; i++) {
		(void)say(client, SAYS_TAKEN, 0, "rules");
		settle(desk.publisher);
		publish_bytes(desk.publisher, "rules", 'b', 1);
	}
	for (heard = hear(client); heard.fd >= 0; heard = hear(client)) {
		(void)close(heard.fd);
		settle(desk.publisher);
		count++;
	}
	/* It has answered what it was not sent. */
	ck_assert_uint_eq(heard.status, WHY_MISUSED);
	ck_assert_int_le(count, 8);
	assert_serves(&desk);
	(void)close(client);
}
END_TEST

START_TEST(stopped_clients_do_not_keep_the_others_from_anything)
{
	enum { STOPPED = 100 };
	SCOPED_DESK desk = new_desk();
	int stopped[STOPPED], client;

	publish_bytes(desk.publisher, "rules", 'a', 1);
	for (int i = 0; i < STOPPED; i++) {
		stopped[i] = client_of(&desk);
		ask(&desk, stopped[i], 0, "rules");
	}
	client = client_of(&desk);
	ask(&desk, client, 0, "rules");
	for (int i = 0; i < 100; i++) {
		uint64_t number = hear_of(client, SAYS_GENERATION).generation;

		ck_assert_uint_eq(number, sealmem_publisher_generation(desk.publisher, "rules"));
		answer(&desk, client, number, "rules");
		publish_bytes(desk.publisher, "rules", 'b', 1);
	}
	for (int i = 0; i < STOPPED; i++)
		(void)close(stopped[i]);
	(void)close(client);
}
END_TEST

/* Processor time of this thread in seconds. */
static double time_spent(void)
{
	struct timespec spent;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
	return (double)spent.tv_sec + (double)spent.tv_nsec / 1e9;
}

static void dispatch_for(struct sealmem_publisher *publisher, double seconds)
{
	double end = seconds_now() + seconds;
	struct pollfd one = { .fd = sealmem_publisher_fd(publisher), .events = POLLIN };

	while (seconds_now() < end)
		if (poll(&one, 1, 50) == 1)
			ck_assert_int_eq(sealmem_publisher_dispatch(publisher), 0);
}

/* Nobody could listen again later, so nobody stops to listen. */
START_TEST(a_lack_of_descriptors_without_a_timer_does_not_make_it_deaf)
{
	SCOPED_DESK desk = new_desk();
	CLEANUP(close_fd_at) int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int client = connect_to(&desk.place), lowest;
	struct limit limit;

	publish_bytes(desk.publisher, "rules", 'a', 1);
	ck_assert_int_ge(dup2(null, desk.publisher->timer), 0);
	lowest = dup(0);
	(void)close(lowest);
	limit = set_limit(RLIMIT_NOFILE, (rlim_t)lowest);
	ck_assert_int_eq(say(client, SAYS_SUBSCRIBE, 0, "rules"), 0);
	ck_assert_int_eq(sealmem_publisher_dispatch(desk.publisher), 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit.before), 0);
	settle(desk.publisher);
	(void)hear_of(client, SAYS_GENERATION);
	(void)close(client);
}
END_TEST

START_TEST(a_lack_of_descriptors_makes_clients_wait_and_does_not_spin)
{
	SCOPED_DESK desk = new_desk();
	struct limit limit;
	int client = connect_to(&desk.place), lowest = dup(0);
	double spent;

	publish_bytes(desk.publisher, "rules", 'a', 1);
	(void)close(lowest);
	lowest = dup(0);
	(void)close(lowest);
	limit = set_limit(RLIMIT_NOFILE, (rlim_t)lowest);
	ck_assert_int_eq(say(client, SAYS_SUBSCRIBE, 0, "rules"), 0);
	spent = time_spent();
	dispatch_for(desk.publisher, 0.5);
	ck_assert(time_spent() - spent < 0.1);
	ck_assert(!is_ready_now(client));
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit.before), 0);
	dispatch_for(desk.publisher, 0.3);
	(void)hear_of(client, SAYS_GENERATION);
	(void)close(client);
}
END_TEST

START_TEST(clients_that_leave_raise_no_signal)
{
	SCOPED_DESK desk = new_desk();
	struct census before = take_census();

	publish_bytes(desk.publisher, "rules", 'a', 1);
	for (int i = 0; i < 50; i++) {
		int client = client_of(&desk);

		ask(&desk, client, 0, "rules");
		(void)close(client);
		publish_bytes(desk.publisher, "rules", 'b', 1);
		settle(desk.publisher);
	}
	assert_serves(&desk);
	/* The two names. */
	before.descriptors += 2;
	assert_same_census(before);
}
END_TEST

static int use_in_child(void *argument)
{
	struct sealmem_publisher *p = argument;
	SCOPED_REGION *region = sealed_region("rules", 1, SEALMEM_CONTENT);
	int good = sealmem_publish(p, region) == -ESTALE &&
		   sealmem_publisher_dispatch(p) == -ESTALE && sealmem_publisher_free(p) == NULL;

	return !good;
}

START_TEST(a_publisher_that_is_freed_keeps_no_descriptor)
{
	SCOPED_PLACE place = new_place();
	struct sealmem_publisher *publisher;
	struct census before = take_census();

	ck_assert_int_eq(sealmem_publisher_new(&publisher, place.listening), 0);
	ck_assert_int_gt(take_census().descriptors, before.descriptors);
	ck_assert_ptr_null(sealmem_publisher_free(publisher));
	assert_same_census(before);
}
END_TEST

START_TEST(a_child_cannot_use_the_publisher_of_its_parent)
{
	SCOPED_DESK desk = new_desk();
	int client = client_of(&desk);

	assert_child_succeeds(use_in_child, desk.publisher);
	publish_bytes(desk.publisher, "rules", 'a', 1);
	ask(&desk, client, 0, "rules");
	(void)hear_of(client, SAYS_GENERATION);
	(void)close(client);
}
END_TEST

/* Keeps the connections of its parent open until it is told to end. */
static int hold_connections(void *argument)
{
	char byte;

	return read(*(const int *)argument, &byte, 1) != 0;
}

START_TEST(a_child_that_keeps_connections_does_no_harm)
{
	SCOPED_DESK desk = new_desk();
	int client = client_of(&desk), ends[2], status;
	pid_t pid;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		(void)close(ends[1]);
		_exit(hold_connections(ends));
	}
	say_too_much(client);
	settle(desk.publisher);
	assert_refused(client, WHY_MISUSED, false);
	/* The connection is open in the child, so that the client can go on. */
	(void)say(client, SAYS_LIST, 0, "");
	settle(desk.publisher);
	assert_serves(&desk);
	(void)close(ends[1]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	(void)close(ends[0]);
	(void)close(client);
}
END_TEST

START_TEST(only_a_socket_that_listens_for_messages_will_do)
{
	SCOPED_CHANNEL stream = open_channel(SOCK_STREAM), packets = open_channel(SOCK_SEQPACKET);
	SCOPED_PLACE place = new_place();
	struct sealmem_publisher *p = NULL;

	ck_assert_int_eq(sealmem_publisher_new(NULL, place.listening), -EINVAL);
	ck_assert_int_eq(sealmem_publisher_new(&p, stream.sender), -EPROTOTYPE);
	ck_assert_int_eq(sealmem_publisher_new(&p, packets.sender), -EINVAL);
	ck_assert_int_eq(sealmem_publisher_new(&p, 0x7fffffff), -EBADF);
	ck_assert_ptr_null(p);
	ck_assert_int_eq(sealmem_publisher_new(&p, place.listening), 0);
	(void)sealmem_publisher_free(p);
}
END_TEST

START_TEST(labels_are_short_texts)
{
	SCOPED_DESK desk = new_desk();
	SCOPED_REGION *region = sealed_region("rules", 1, SEALMEM_CONTENT);
	char label[SEALMEM_LABEL_MAX + 2] = { 0 };

	memset(label, 'l', SEALMEM_LABEL_MAX + 1);
	ck_assert_int_eq(sealmem_publish_labelled(desk.publisher, region, label), -EINVAL);
	ck_assert_int_eq(sealmem_publish_labelled(desk.publisher, region, NULL), -EINVAL);
	ck_assert_int_eq(sealmem_publish_labelled(desk.publisher, region, "a\033[2J"), -EINVAL);
	label[SEALMEM_LABEL_MAX] = '\0';
	ck_assert_int_eq(sealmem_publish_labelled(desk.publisher, region, label), 0);
}
END_TEST

START_TEST(what_was_accepted_is_published_under_the_name_that_the_caller_gives)
{
	SCOPED_DESK desk = new_desk();
	SCOPED_REGION *region = sealed_region("rules", 7, SEALMEM_CONTENT);
	SCOPED_REGION *accepted = NULL;
	char name[SEALMEM_NAME_MAX + 2] = { 0 };
	int client = client_of(&desk);

	ck_assert_int_eq(
		sealmem_region_accept(&accepted, sealmem_region_fd(region), SEALMEM_CONTENT), 0);
	memset(name, 'n', SEALMEM_NAME_MAX + 1);
	ck_assert_int_eq(sealmem_publish_named(desk.publisher, accepted, name, ""), -ENAMETOOLONG);
	ck_assert_int_eq(sealmem_publish_named(desk.publisher, accepted, "a\n", ""), -EINVAL);
	ck_assert_int_eq(sealmem_publish_named(desk.publisher, accepted, NULL, ""), -EINVAL);
	ck_assert_int_eq(sealmem_publish_named(desk.publisher, accepted, "table", "\n"), -EINVAL);
	ck_assert_int_eq(sealmem_publish_named(NULL, accepted, "table", ""), -EINVAL);
	ck_assert_int_eq(sealmem_publish_named(desk.publisher, NULL, "table", ""), -EINVAL);
	ck_assert_uint_eq(sealmem_publisher_generation(desk.publisher, NULL), 0);
	ck_assert_int_eq(sealmem_publish_named(desk.publisher, accepted, "table", "label"), 0);
	ck_assert_str_eq(sealmem_region_name(accepted), "accepted");
	ck_assert_uint_eq(sealmem_publisher_generation(desk.publisher, "accepted"), 0);
	ask(&desk, client, 0, "table");
	ck_assert_uint_eq(hear_of(client, SAYS_GENERATION).length, 7);
	(void)close(client);
}
END_TEST

START_TEST(null_is_no_publisher)
{
	SCOPED_REGION *region = sealed_region("rules", 1, SEALMEM_CONTENT);
	SCOPED_DESK desk = new_desk();
	uint64_t number = 0;

	ck_assert_int_eq(sealmem_publish(NULL, region), -EINVAL);
	ck_assert_int_eq(sealmem_publish(desk.publisher, NULL), -EINVAL);
	ck_assert_int_eq(sealmem_publisher_announce(NULL, "rules"), -EINVAL);
	ck_assert_int_eq(sealmem_publisher_announce(desk.publisher, NULL), -EINVAL);
	ck_assert_int_eq(sealmem_publisher_continue(NULL, 1), -EINVAL);
	ck_assert_int_eq(sealmem_publisher_reserve(NULL, &number), -EINVAL);
	ck_assert_int_eq(sealmem_publisher_reserve(desk.publisher, NULL), -EINVAL);
	ck_assert_int_eq(sealmem_publisher_set_admission(NULL, NULL, NULL), -EINVAL);
	ck_assert_int_eq(sealmem_publisher_fd(NULL), -EINVAL);
	ck_assert_int_eq(sealmem_publisher_dispatch(NULL), -EINVAL);
	ck_assert_uint_eq(sealmem_publisher_generation(NULL, "rules"), 0);
	ck_assert_ptr_null(sealmem_publisher_free(NULL));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_client_is_sent_the_newest_generation,
		a_client_that_does_not_answer_is_sent_nothing_more,
		numbers_grow_from_one_publisher_to_the_next,
		numbers_go_on_from_those_that_were_kept,
		a_number_can_be_known_before_it_is_published,
		a_reserved_number_gives_way_to_those_that_were_kept,
		a_client_with_newer_data_is_told,
		an_announced_name_is_waited_for,
		only_sealed_regions_are_published,
		a_function_of_the_caller_admits_and_refuses,
		the_list_says_who_holds_what,
		a_long_list_is_sent_as_the_client_reads_it,
		limits_hold,
		the_clients_of_one_user_have_a_limit,
		whoever_breaks_the_rules_is_told_and_goes,
		descriptors_of_clients_are_closed,
		a_flood_of_requests_takes_no_memory,
		a_client_that_answers_unread_generations_has_few_of_them,
		stopped_clients_do_not_keep_the_others_from_anything,
		a_lack_of_descriptors_makes_clients_wait_and_does_not_spin,
		a_lack_of_descriptors_without_a_timer_does_not_make_it_deaf,
		clients_that_leave_raise_no_signal,
		a_publisher_that_is_freed_keeps_no_descriptor,
		a_child_cannot_use_the_publisher_of_its_parent,
		a_child_that_keeps_connections_does_no_harm,
		only_a_socket_that_listens_for_messages_will_do,
		labels_are_short_texts,
		what_was_accepted_is_published_under_the_name_that_the_caller_gives,
		null_is_no_publisher,
	};

	return RUN_TESTS("publish", tests);
}
