/* SPDX-License-Identifier: MIT */

/* The reading end: what a subscription takes from its publisher, and that its readers notice nothing of it. The publisher
 * is the library's where it means well, and played by hand where it does not. */

#include "tests/support/channel.h"
#include "tests/support/published.h"
#include "tests/support/support.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>

#define CONTENT SEALMEM_CONTENT

/* A pair of sockets: the subscription's, and that of a publisher who is played by hand. */
static struct channel pair(void)
{
	return open_channel(SOCK_SEQPACKET);
}

static int sealed_memfd(int byte)
{
	char bytes[100];
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	memset(bytes, byte, sizeof(bytes));
	ck_assert_int_eq(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
	return with_seals(fd, FINAL_SEALS);
}

static void send_generation(int socket, uint64_t number, const char *name, int fd)
{
	ck_assert_int_eq(say_with(socket, SAYS_GENERATION, 0, number, name, fd), 0);
	(void)close(fd);
}

/* The publisher has sent this generation before it was asked. */
static struct sealmem_subscription *subscription_of(const struct channel *channel, uint64_t number)
{
	struct sealmem_subscription *s = NULL;

	send_generation(channel->sender, number, "rules", sealed_memfd('a'));
	ck_assert_int_eq(sealmem_subscribe(&s, channel->receiver, "rules", 1000, CONTENT), 0);
	ck_assert_uint_eq(hear_of(channel->sender, SAYS_SUBSCRIBE).generation, 0);
	ck_assert_uint_eq(hear_of(channel->sender, SAYS_TAKEN).generation, number);
	return s;
}

START_TEST(a_subscriber_gets_each_generation)
{
	SCOPED_SERVER server = { 0 };
	SCOPED_SUBSCRIPTION *s = NULL;
	uint64_t first;

	start_server(&server);
	serve_bytes(&server, "rules", 'a', 100);
	s = subscribed(&server, "rules");
	ck_assert_int_eq(byte_of(s), 'a');
	first = sealmem_subscription_generation(s);
	ck_assert_int_eq(sealmem_subscription_update(s), 0);
	serve_bytes(&server, "rules", 'b', 5000);
	take_next(s);
	ck_assert_int_eq(byte_of(s), 'b');
	ck_assert_uint_gt(sealmem_subscription_generation(s), first);
}
END_TEST

START_TEST(an_acquired_generation_stays_until_its_last_reader_leaves)
{
	SCOPED_SERVER server = { 0 };
	SCOPED_SUBSCRIPTION *s = NULL;
	const struct sealmem_region *old, *again;
	const char *data;

	start_server(&server);
	serve_bytes(&server, "rules", 'a', 100);
	s = subscribed(&server, "rules");
	old = sealmem_subscription_acquire(s);
	again = sealmem_subscription_acquire(s);
	ck_assert_ptr_eq(old, again);
	data = sealmem_region_data(old);
	for (int byte = 'b'; byte < 'f'; byte++) {
		serve_bytes(&server, "rules", byte, 100);
		take_next(s);
	}
	ck_assert_int_eq(data[99], 'a');
	sealmem_subscription_release(s, again);
	ck_assert(is_mapped(data));
	ck_assert_int_eq(data[99], 'a');
	sealmem_subscription_release(s, old);
	ck_assert(!is_mapped(data));
	ck_assert_int_eq(byte_of(s), 'e');
}
END_TEST

START_TEST(a_generation_that_nobody_reads_goes_when_it_is_replaced)
{
	SCOPED_SERVER server = { 0 };
	SCOPED_SUBSCRIPTION *s = NULL;
	struct census before;

	start_server(&server);
	serve_bytes(&server, "rules", 'a', 100);
	s = subscribed(&server, "rules");
	serve_bytes(&server, "rules", 'b', 100);
	take_next(s);
	before = take_census();
	for (int i = 0; i < 50; i++) {
		serve_bytes(&server, "rules", 'c', 100);
		take_next(s);
	}
	assert_same_census(before);
}
END_TEST

START_TEST(readers_go_on_when_the_publisher_is_gone)
{
	SCOPED_SERVER server = { 0 };
	SCOPED_SUBSCRIPTION *s = NULL;

	start_server(&server);
	serve_bytes(&server, "rules", 'a', 100);
	s = subscribed(&server, "rules");
	stop_server(&server);
	ck_assert(is_ready(sealmem_subscription_fd(s)));
	ck_assert_int_eq(sealmem_subscription_update(s), -ECONNRESET);
	ck_assert_str_eq(sealmem_strerror(-ECONNRESET), "The other end of the socket is closed.");
	ck_assert_int_eq(sealmem_subscription_update(s), -ECONNRESET);
	ck_assert_int_eq(byte_of(s), 'a');
}
END_TEST

START_TEST(a_subscription_goes_on_with_the_next_publisher)
{
	SCOPED_SERVER server = { 0 }, next = { 0 };
	SCOPED_SUBSCRIPTION *s = NULL;
	int fd;

	start_server(&server);
	serve_bytes(&server, "rules", 'a', 100);
	s = subscribed(&server, "rules");
	stop_server(&server);
	start_server(&next);
	serve_bytes(&next, "rules", 'b', 100);
	fd = connect_to(&next.place);
	ck_assert_int_eq(sealmem_subscription_reconnect(s, fd), 0);
	(void)close(fd);
	take_next(s);
	ck_assert_int_eq(byte_of(s), 'b');
}
END_TEST

START_TEST(a_generation_that_is_not_newer_is_not_taken)
{
	for (uint64_t number = 6; number <= 7; number++) {
		SCOPED_CHANNEL channel = pair();
		SCOPED_SUBSCRIPTION *s = subscription_of(&channel, 7);

		send_generation(channel.sender, number, "rules", sealed_memfd('b'));
		ck_assert_int_eq(sealmem_subscription_update(s), -EPROTO);
		ck_assert_int_eq(byte_of(s), 'a');
		ck_assert_uint_eq(sealmem_subscription_generation(s), 7);
	}
}
END_TEST

START_TEST(what_can_still_change_is_not_taken)
{
	SCOPED_CHANNEL channel = pair();
	SCOPED_SUBSCRIPTION *s = subscription_of(&channel, 1);

	send_generation(channel.sender, 2, "rules", filled_memfd(100));
	ck_assert_int_eq(sealmem_subscription_update(s), -EPERM);
	ck_assert_uint_eq(hear_of(channel.sender, SAYS_TAKEN).status, 1);
	ck_assert_int_eq(byte_of(s), 'a');
	/* The same that is sealed. */
	send_generation(channel.sender, 3, "rules", sealed_memfd('c'));
	ck_assert_int_eq(sealmem_subscription_update(s), 1);
	ck_assert_uint_eq(hear_of(channel.sender, SAYS_TAKEN).status, 0);
	ck_assert_int_eq(byte_of(s), 'c');
}
END_TEST

START_TEST(a_generation_above_the_limit_is_refused)
{
	SCOPED_SERVER server = { 0 };
	SCOPED_SUBSCRIPTION *s = NULL;
	int fd;

	start_server(&server);
	serve_bytes(&server, "rules", 'a', 101);
	fd = connect_to(&server.place);
	ck_assert_int_eq(sealmem_subscribe(&s, fd, "rules", 100, CONTENT), -EFBIG);
	ck_assert_ptr_null(s);
	(void)close(fd);
	fd = connect_to(&server.place);
	ck_assert_int_eq(sealmem_subscribe(&s, fd, "rules", 101, CONTENT), 0);
	(void)close(fd);
}
END_TEST

static void assert_refused_name(const struct server *server)
{
	struct sealmem_subscription *s = NULL;
	int fd = connect_to(&server->place);

	ck_assert_int_eq(sealmem_subscribe(&s, fd, "rule", SIZE_MAX, CONTENT), -ENOENT);
	(void)close(fd);
	ck_assert_ptr_null(s);
}

START_TEST(a_name_that_is_not_served_is_refused)
{
	SCOPED_SERVER server = { 0 };
	struct census before;

	start_server(&server);
	serve_bytes(&server, "rules", 'a', 100);
	before = take_census();
	/* The C library gives the thread of the server memory of its own at its first client. */
	assert_refused_name(&server);
	while (take_census().descriptors != before.descriptors)
		(void)usleep(1000);
	before = take_census();
	assert_refused_name(&server);
	while (take_census().descriptors != before.descriptors)
		(void)usleep(1000);
	assert_same_census(before);
}
END_TEST

START_TEST(a_publisher_that_is_full_says_so)
{
	const struct sealmem_publisher_limits limits = { 1, 1, 1 };
	SCOPED_SERVER server = { 0 };
	SCOPED_SUBSCRIPTION *first = NULL;
	struct sealmem_subscription *second = NULL;

	start_server(&server);
	(void)pthread_mutex_lock(&server.lock);
	ck_assert_int_eq(sealmem_publisher_set_limits(server.publisher, &limits), 0);
	(void)pthread_mutex_unlock(&server.lock);
	serve_bytes(&server, "rules", 'a', 100);
	first = subscribed(&server, "rules");
	/* It is refused before it asks, or after. */
	for (int i = 0; i < 50; i++) {
		int fd = connect_to(&server.place);

		if (i % 2 == 0)
			ck_assert(is_ready(fd));
		ck_assert_int_eq(sealmem_subscribe(&second, fd, "rules", 100, CONTENT), -EUSERS);
		(void)close(fd);
	}
	ck_assert_int_eq(byte_of(first), 'a');
}
END_TEST

START_TEST(the_wait_for_the_first_generation_has_the_limit_of_the_socket)
{
	const struct timeval limit = { .tv_usec = 50000 };
	SCOPED_CHANNEL channel = pair();
	struct sealmem_subscription *s = NULL;
	double begin = seconds_now();

	ck_assert_int_eq(
		setsockopt(channel.receiver, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
	ck_assert_int_eq(sealmem_subscribe(&s, channel.receiver, "rules", 100, CONTENT), -EAGAIN);
	ck_assert(seconds_now() - begin >= 0.04);
	ck_assert_ptr_null(s);
}
END_TEST

START_TEST(no_demand_is_taken_that_cannot_be_given)
{
	SCOPED_CHANNEL channel = pair();
	struct sealmem_subscription *s = NULL;

	ck_assert_int_eq(sealmem_subscribe(NULL, channel.receiver, "r", 1, CONTENT), -EINVAL);
	ck_assert_int_eq(sealmem_subscribe(&s, channel.receiver, NULL, 1, CONTENT), -EINVAL);
	ck_assert_int_eq(sealmem_subscribe(&s, channel.receiver, "r", 1, 0), -EINVAL);
	ck_assert_int_eq(sealmem_subscribe(&s, channel.receiver, "r", 1, CONTENT | SEALMEM_ADDRESS),
			 -EINVAL);
	ck_assert_int_eq(sealmem_subscribe(&s, channel.receiver, "r", 1, CONTENT | SEALMEM_SECRECY),
			 -EOPNOTSUPP);
	ck_assert_int_eq(sealmem_subscribe(&s, -1, "r", 1, CONTENT), -EBADF);
	/* Nothing was sent. */
	ck_assert(!is_ready_now(channel.sender));
}
END_TEST

START_TEST(a_socket_that_does_not_keep_messages_apart_is_refused)
{
	SCOPED_CHANNEL channel = open_channel(SOCK_STREAM);
	struct sealmem_subscription *s = NULL;

	ck_assert_int_eq(sealmem_subscribe(&s, channel.receiver, "r", 1, CONTENT), -EPROTOTYPE);
}
END_TEST

static void *update_forever(void *argument)
{
	struct sealmem_subscription *s = argument;

	while (sealmem_subscription_update(s) >= 0)
		;
	return NULL;
}

START_TEST(a_second_thread_cannot_update_at_the_same_time)
{
	SCOPED_CHANNEL channel = pair();
	SCOPED_SUBSCRIPTION *s = subscription_of(&channel, 1);
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, update_forever, s), 0);
	/* One of them has ended with -EBUSY. The other one ends with the publisher. */
	(void)usleep(100000);
	(void)shutdown(channel.sender, SHUT_RDWR);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	ck_assert_int_eq(byte_of(s), 'a');
}
END_TEST

static int read_in_child(void *argument)
{
	struct sealmem_subscription *s = argument;
	const struct sealmem_region *region = sealmem_subscription_acquire(s);
	int good = region != NULL && *(const char *)sealmem_region_data(region) == 'a' &&
		   sealmem_subscription_update(s) == -ESTALE &&
		   sealmem_subscription_reconnect(s, 0) == -ESTALE;

	sealmem_subscription_release(s, region);
	(void)sealmem_subscription_free(s);
	return !good;
}

START_TEST(a_child_reads_what_its_parent_had_and_gets_no_more)
{
	SCOPED_CHANNEL channel = pair();
	SCOPED_SUBSCRIPTION *s = subscription_of(&channel, 1);

	assert_child_succeeds(read_in_child, s);
	send_generation(channel.sender, 2, "rules", sealed_memfd('b'));
	ck_assert_int_eq(sealmem_subscription_update(s), 1);
	ck_assert_int_eq(byte_of(s), 'b');
}
END_TEST

static int acquire_in_child(void *argument)
{
	return sealmem_subscription_acquire(argument) != NULL;
}

START_TEST(a_child_does_not_get_what_nofork_keeps_from_it)
{
	SCOPED_SERVER server = { 0 };
	SCOPED_SUBSCRIPTION *s = NULL;
	int fd;

	start_server(&server);
	serve_bytes(&server, "rules", 'a', 100);
	fd = connect_to(&server.place);
	ck_assert_int_eq(sealmem_subscribe(&s, fd, "rules", 1000, CONTENT | SEALMEM_NOFORK), 0);
	(void)close(fd);
	assert_child_succeeds(acquire_in_child, s);
	ck_assert_int_eq(byte_of(s), 'a');
}
END_TEST

START_TEST(each_generation_has_the_guarantees_that_are_demanded)
{
	const unsigned demand = CONTENT | SEALMEM_NODUMP | SEALMEM_NOFORK | SEALMEM_GUARDS;
	SCOPED_SERVER server = { 0 };
	SCOPED_SUBSCRIPTION *s = NULL;
	const struct sealmem_region *region;
	int fd;

	start_server(&server);
	serve_bytes(&server, "rules", 'a', 100);
	fd = connect_to(&server.place);
	ck_assert_int_eq(sealmem_subscribe(&s, fd, "rules", 1000, demand), 0);
	(void)close(fd);
	serve_bytes(&server, "rules", 'b', 100);
	take_next(s);
	region = sealmem_subscription_acquire(s);
	ck_assert_uint_eq(sealmem_region_guarantees(region), demand);
	ck_assert_str_eq(sealmem_region_name(region), "rules");
	sealmem_subscription_release(s, region);
}
END_TEST

static struct sealmem_subscription *interrupted;

static void read_in_handler(int number)
{
	const struct sealmem_region *region = sealmem_subscription_acquire(interrupted);

	if (number != SIGALRM || *(const char *)sealmem_region_data(region) < 'a')
		abort();
	sealmem_subscription_release(interrupted, region);
}

START_TEST(a_signal_handler_can_read)
{
	const struct itimerval often = { { 0, 50 }, { 0, 50 } }, never = { 0 };
	SCOPED_CHANNEL channel = pair();
	SCOPED_SUBSCRIPTION *s = subscription_of(&channel, 1);

	interrupted = s;
	ck_assert_ptr_ne(signal(SIGALRM, read_in_handler), SIG_ERR);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
	for (uint64_t number = 2; number < 500; number++) {
		const struct sealmem_region *region = sealmem_subscription_acquire(s);

		send_generation(channel.sender, number, "rules", sealed_memfd('b'));
		ck_assert_int_eq(sealmem_subscription_update(s), 1);
		(void)hear_of(channel.sender, SAYS_TAKEN);
		sealmem_subscription_release(s, region);
	}
	ck_assert_int_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
}
END_TEST

START_TEST(null_is_no_subscription)
{
	ck_assert_int_eq(sealmem_subscription_update(NULL), -EINVAL);
	ck_assert_int_eq(sealmem_subscription_fd(NULL), -EINVAL);
	ck_assert_int_eq(sealmem_subscription_reconnect(NULL, 0), -EINVAL);
	ck_assert_ptr_null(sealmem_subscription_acquire(NULL));
	sealmem_subscription_release(NULL, NULL);
	ck_assert_uint_eq(sealmem_subscription_generation(NULL), 0);
	ck_assert_ptr_null(sealmem_subscription_free(NULL));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_subscriber_gets_each_generation,
		an_acquired_generation_stays_until_its_last_reader_leaves,
		a_generation_that_nobody_reads_goes_when_it_is_replaced,
		readers_go_on_when_the_publisher_is_gone,
		a_subscription_goes_on_with_the_next_publisher,
		a_generation_that_is_not_newer_is_not_taken,
		what_can_still_change_is_not_taken,
		a_generation_above_the_limit_is_refused,
		a_name_that_is_not_served_is_refused,
		a_publisher_that_is_full_says_so,
		the_wait_for_the_first_generation_has_the_limit_of_the_socket,
		no_demand_is_taken_that_cannot_be_given,
		a_socket_that_does_not_keep_messages_apart_is_refused,
		a_second_thread_cannot_update_at_the_same_time,
		a_child_reads_what_its_parent_had_and_gets_no_more,
		a_child_does_not_get_what_nofork_keeps_from_it,
		each_generation_has_the_guarantees_that_are_demanded,
		a_signal_handler_can_read,
		null_is_no_subscription,
	};

	return RUN_TESTS("subscribe", tests);
}
