/* SPDX-License-Identifier: MIT */

/*
 * A region over a Unix socket, between two that mean well, under what the world does to sockets: every
 * type, full and empty ones, closed ones, options that add to a message, signals, limits, sandboxes.
 * Senders and receivers that mean harm are in test-hostile.c.
 */

#include "tests/support/channel.h"
#include "tests/support/kernel.h"
#include "tests/support/sandbox.h"
#include "tests/support/scale.h"
#include "tests/support/support.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>

static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };

#define TYPES (sizeof(types) / sizeof(*types))

static struct sealmem_region *received(int socket)
{
	struct sealmem_region *region = NULL;

	ck_assert_int_eq(sealmem_receive(socket, &region, SEALMEM_CONTENT), 0);
	ck_assert_ptr_nonnull(region);
	return region;
}

static struct sealmem_region *small_region(const char *name)
{
	return sealed_region(name, page_size(), SEALMEM_CONTENT);
}

/* Fails the test unless the answer is this, nothing is returned, and nothing kept. */
static void assert_not_received(int socket, int expected)
{
	struct sealmem_region *const untouched = (void *)&socket, *region = untouched;
	struct census before = take_census();

	ck_assert_int_eq(sealmem_receive(socket, &region, SEALMEM_CONTENT), expected);
	ck_assert_ptr_eq(region, untouched);
	assert_same_census(before);
}

START_TEST(a_region_arrives_over_every_type_of_socket)
{
	for (size_t i = 0; i < TYPES; i++) {
		SCOPED_CHANNEL channel = open_channel(types[i]);
		SCOPED_REGION *sent = small_region("policy"), *got = NULL;

		ck_assert_int_eq(sealmem_send(channel.sender, sent), 0);
		got = received(channel.receiver);
		ck_assert_str_eq(sealmem_region_name(got), "policy");
		ck_assert_uint_eq(sealmem_region_size(got), page_size());
		assert_sealed(sealmem_region_data(got), page_size());
	}
}
END_TEST

START_TEST(send_writes_the_documented_message)
{
	SCOPED_CHANNEL channel = open_channel(SOCK_SEQPACKET);
	SCOPED_REGION *sent = small_region("policy");
	struct message expected = honest_message("policy"), got;

	ck_assert_int_eq(sealmem_send(channel.sender, sent), 0);
	ck_assert_int_eq(recv(channel.receiver, &got, sizeof(got), MSG_TRUNC), sizeof(got));
	ck_assert_mem_eq(&got, &expected, sizeof(got));
}
END_TEST

START_TEST(the_pages_are_the_same_and_no_copy)
{
	SCOPED_CHANNEL channel = open_channel(SOCK_STREAM);
	SCOPED_REGION *sent = small_region("policy"), *got = NULL;
	struct stat here, there;

	ck_assert_int_eq(sealmem_send(channel.sender, sent), 0);
	got = received(channel.receiver);
	ck_assert_int_eq(fstat(sealmem_region_fd(sent), &here), 0);
	ck_assert_int_eq(fstat(sealmem_region_fd(got), &there), 0);
	ck_assert_uint_eq(here.st_ino, there.st_ino);
}
END_TEST

START_TEST(a_region_from_a_buffer_can_be_sent)
{
	SCOPED_CHANNEL channel = open_channel(SOCK_STREAM);
	SCOPED_REGION *sent = region_from("buffer", 7, SEALMEM_CONTENT), *got = NULL;

	ck_assert_int_eq(sealmem_send(channel.sender, sent), 0);
	got = received(channel.receiver);
	ck_assert_str_eq(sealmem_region_data(got), "buffer");
}
END_TEST

START_TEST(a_received_region_outlives_the_one_that_was_sent)
{
	SCOPED_CHANNEL channel = open_channel(SOCK_STREAM);
	struct sealmem_region *sent = small_region("policy");
	SCOPED_REGION *got = NULL;

	ck_assert_int_eq(sealmem_send(channel.sender, sent), 0);
	(void)sealmem_region_free(sent);
	close(channel.sender);
	channel.sender = -1;
	got = received(channel.receiver);
	assert_sealed(sealmem_region_data(got), page_size());
}
END_TEST

START_TEST(a_received_region_can_be_sent_on)
{
	SCOPED_CHANNEL first = open_channel(SOCK_STREAM), second = open_channel(SOCK_SEQPACKET);
	SCOPED_REGION *sent = small_region("relayed"), *between = NULL, *got = NULL;

	ck_assert_int_eq(sealmem_send(first.sender, sent), 0);
	between = received(first.receiver);
	ck_assert_int_eq(sealmem_send(second.sender, between), 0);
	got = received(second.receiver);
	ck_assert_str_eq(sealmem_region_name(got), "relayed");
	assert_sealed(sealmem_region_data(got), page_size());
}
END_TEST

START_TEST(every_name_that_a_region_can_have_arrives)
{
	char longest[SEALMEM_NAME_MAX + 1];
	const char *const names[] = { "", "a name with spaces", "caf\xc3\xa9", "\xff\xfe",
				      longest };

	memset(longest, 'n', SEALMEM_NAME_MAX);
	longest[SEALMEM_NAME_MAX] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		SCOPED_CHANNEL channel = open_channel(SOCK_STREAM);
		SCOPED_REGION *sent = small_region(names[i]), *got = NULL;

		ck_assert_int_eq(sealmem_send(channel.sender, sent), 0);
		got = received(channel.receiver);
		ck_assert_str_eq(sealmem_region_name(got), names[i]);
	}
}
END_TEST

START_TEST(messages_on_one_socket_arrive_in_order)
{
	for (size_t i = 0; i < TYPES; i++) {
		SCOPED_CHANNEL channel = open_channel(types[i]);

		for (size_t count = 1; count <= 8; count++) {
			SCOPED_REGION *sent = sealed_region("n", count * 100, SEALMEM_CONTENT);

			ck_assert_int_eq(sealmem_send(channel.sender, sent), 0);
		}
		for (size_t count = 1; count <= 8; count++) {
			SCOPED_REGION *got = received(channel.receiver);

			ck_assert_uint_eq(sealmem_region_size(got), count * 100);
		}
	}
}
END_TEST

START_TEST(a_received_region_can_have_every_guarantee)
{
	SCOPED_CHANNEL channel = open_channel(SOCK_STREAM);
	SCOPED_REGION *sent = small_region("policy"), *got = NULL;
	unsigned most = sealmem_supported() & ~SEALMEM_SECRECY;

	ck_assert_int_eq(sealmem_send(channel.sender, sent), 0);
	ck_assert_int_eq(sealmem_receive(channel.receiver, &got, most), 0);
	ck_assert_uint_eq(sealmem_region_guarantees(got), most);
	assert_sealed(sealmem_region_data(got), page_size());
}
END_TEST

START_TEST(a_demand_that_cannot_be_met_leaves_the_message_where_it_is)
{
	SCOPED_CHANNEL channel = open_channel(SOCK_STREAM);
	SCOPED_REGION *sent = small_region("policy"), *got = NULL;
	const unsigned secret = SEALMEM_CONTENT | SEALMEM_SECRECY;

	ck_assert_int_eq(sealmem_send(channel.sender, sent), 0);
	ck_assert_int_eq(sealmem_receive(channel.receiver, &got, secret), -EOPNOTSUPP);
	ck_assert_int_eq(sealmem_receive(channel.receiver, &got, 0), -EINVAL);
	ck_assert_int_eq(sealmem_receive(channel.receiver, NULL, SEALMEM_CONTENT), -EINVAL);
	ck_assert_ptr_null(got);
	got = received(channel.receiver);
}
END_TEST

START_TEST(a_region_refused_for_its_size_leaves_the_stream_usable)
{
	SCOPED_CHANNEL channel = open_channel(SOCK_STREAM);
	SCOPED_REGION *sent = sealed_region("large", 1001, SEALMEM_CONTENT), *got = NULL;

	ck_assert_int_eq(sealmem_send(channel.sender, sent), 0);
	ck_assert_int_eq(sealmem_send(channel.sender, sent), 0);
	ck_assert_int_eq(sealmem_receive_limited(channel.receiver, &got, 1000, SEALMEM_CONTENT),
			 -EFBIG);
	ck_assert_int_eq(sealmem_receive_limited(channel.receiver, &got, 1001, SEALMEM_CONTENT), 0);
	assert_filled(sealmem_region_data(got), 1001);
}
END_TEST

START_TEST(an_open_region_is_not_sent)
{
	SCOPED_CHANNEL channel = open_channel(SOCK_STREAM | SOCK_NONBLOCK);
	SCOPED_REGION *region = open_region("open", page_size(), SEALMEM_CONTENT);

	ck_assert_int_eq(sealmem_send(channel.sender, region), -EPERM);
	assert_not_received(channel.receiver, -EAGAIN);
	ck_assert_int_eq(sealmem_region_seal(region), 0);
	ck_assert_int_eq(sealmem_send(channel.sender, region), 0);
}
END_TEST

START_TEST(no_region_is_not_sent)
{
	SCOPED_CHANNEL channel = open_channel(SOCK_STREAM);

	ck_assert_int_eq(sealmem_send(channel.sender, NULL), -EINVAL);
}
END_TEST

START_TEST(a_secret_is_not_sent)
{
	SCOPED_CHANNEL channel = open_channel(SOCK_STREAM);
	SCOPED_REGION *region = NULL;

	if (!(sealmem_supported() & SEALMEM_SECRECY))
		skip_test("no memfd_secret(2) for this user on this kernel");
	region = sealed_region("secret", 1, SEALMEM_SECRECY);
	ck_assert_int_eq(sealmem_send(channel.sender, region), -EOPNOTSUPP);
}
END_TEST

/* Both functions, on what is no Unix socket. */
static void assert_wrong_socket(int socket, int expected)
{
	SCOPED_REGION *region = small_region("policy");

	ck_assert_int_eq(sealmem_send(socket, region), expected);
	assert_not_received(socket, expected);
}

START_TEST(a_descriptor_that_is_no_socket_is_reported)
{
	int pipe[2];

	ck_assert_int_eq(pipe2(pipe, O_CLOEXEC), 0);
	assert_wrong_socket(pipe[0], -ENOTSOCK);
	assert_wrong_socket(pipe[1], -ENOTSOCK);
	assert_wrong_socket(filled_memfd(1), -ENOTSOCK);
	assert_wrong_socket(-1, -EBADF);
}
END_TEST

static struct sockaddr_in listen_on_any_port(int socket)
{
	struct sockaddr_in here = { .sin_family = AF_INET };
	socklen_t size = sizeof(here);

	here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (socket < 0 || bind(socket, (struct sockaddr *)&here, sizeof(here)) < 0)
		skip_test("no sockets of the internet here");
	(void)listen(socket, 1);
	ck_assert_int_eq(getsockname(socket, (struct sockaddr *)&here, &size), 0);
	return here;
}

static int internet_socket(int type)
{
	int listener = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	struct sockaddr_in here = listen_on_any_port(listener);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *)&here, sizeof(here)) < 0)
		skip_test("no sockets of the internet here");
	return fd;
}

START_TEST(a_socket_of_the_internet_is_refused)
{
	assert_wrong_socket(internet_socket(SOCK_STREAM), -EAFNOSUPPORT);
	assert_wrong_socket(internet_socket(SOCK_DGRAM), -EAFNOSUPPORT);
}
END_TEST

START_TEST(the_kernel_takes_a_descriptor_for_the_internet_and_drops_it)
{
	struct message message = honest_message("lost");
	int fd = filled_memfd(1);

	ck_assert_int_eq(post(internet_socket(SOCK_STREAM), &message, sizeof(message), &fd, 1),
			 sizeof(message));
}
END_TEST

START_TEST(a_socket_that_is_not_connected_is_reported)
{
	for (size_t i = 0; i < TYPES; i++) {
		CLEANUP(close_fd_at) int fd = socket(AF_UNIX, types[i] | SOCK_CLOEXEC, 0);
		SCOPED_REGION *region = small_region("policy");

		ck_assert_int_eq(sealmem_send(fd, region), -ENOTCONN);
	}
}
END_TEST

/* What SIGPIPE does by default would end the child. */
static int send_to_nobody(void *argument)
{
	int type = *(int *)argument;
	struct channel channel = open_channel(type);
	SCOPED_REGION *region = small_region("policy");

	(void)signal(SIGPIPE, SIG_DFL);
	close(channel.receiver);
	return sealmem_send(channel.sender, region) !=
	       (type == SOCK_DGRAM ? -ECONNREFUSED : -EPIPE);
}

START_TEST(sending_to_a_closed_socket_is_an_error_and_no_signal)
{
	for (size_t i = 0; i < TYPES; i++) {
		int type = types[i];

		assert_child_succeeds(send_to_nobody, &type);
	}
}
END_TEST

static int write_to_nobody(void *argument)
{
	struct channel channel = open_channel(SOCK_STREAM);

	(void)argument;
	(void)signal(SIGPIPE, SIG_DFL);
	close(channel.receiver);
	return (int)write(channel.sender, "", 1);
}

START_TEST(a_plain_write_to_a_closed_socket_is_a_signal)
{
	assert_child_dies(SIGPIPE, write_to_nobody, NULL);
}
END_TEST

START_TEST(receiving_from_a_closed_socket_is_a_reset)
{
	for (size_t i = 0; i < TYPES; i++) {
		SCOPED_CHANNEL channel = open_channel(types[i]);

		if (types[i] == SOCK_DGRAM)
			continue; /* which has no end */
		close(channel.sender);
		channel.sender = -1;
		assert_not_received(channel.receiver, -ECONNRESET);
	}
}
END_TEST

START_TEST(a_socket_that_does_not_wait_says_that_there_is_nothing)
{
	for (size_t i = 0; i < TYPES; i++) {
		SCOPED_CHANNEL channel = open_channel(types[i] | SOCK_NONBLOCK);

		assert_not_received(channel.receiver, -EAGAIN);
	}
}
END_TEST

static size_t fill_socket(int socket, const struct sealmem_region *region, int *err)
{
	size_t sent = 0;

	while ((*err = sealmem_send(socket, region)) == 0)
		sent++;
	return sent;
}

START_TEST(a_full_socket_says_so_and_takes_no_half_messages)
{
	for (size_t i = 0; i < TYPES; i++) {
		SCOPED_CHANNEL channel = open_channel(types[i] | SOCK_NONBLOCK);
		SCOPED_REGION *region = small_region("policy");
		size_t sent;
		int err;

		sent = fill_socket(channel.sender, region, &err);
		ck_assert_int_eq(err, -EAGAIN);
		for (; sent > 0; sent--)
			(void)sealmem_region_free(received(channel.receiver));
		assert_not_received(channel.receiver, -EAGAIN);
		ck_assert_int_eq(sealmem_send(channel.sender, region), 0);
	}
}
END_TEST

START_TEST(a_socket_with_a_time_limit_keeps_it)
{
	SCOPED_CHANNEL channel = open_channel(SOCK_STREAM);
	const struct timeval limit = { 0, 10000 };
	int fd = with_seals(filled_memfd(1), ALL_SEALS);

	ck_assert_int_eq(
		setsockopt(channel.receiver, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
	assert_not_received(channel.receiver, -EAGAIN);
	post_all(channel.sender, "s", 1, &fd, 1);
	assert_not_received(channel.receiver, -EBADMSG);
}
END_TEST

static void ignore(int signal)
{
	(void)signal;
}

/* To this process alone, ten thousand times a second, interrupting every call that can be. */
static void rain_signals(void)
{
	const struct sigaction action = { .sa_handler = ignore };
	const struct itimerval often = { { 0, 100 }, { 0, 100 } };

	if (sigaction(SIGALRM, &action, NULL) < 0 || setitimer(ITIMER_REAL, &often, NULL) < 0)
		_exit(EXIT_FAILURE);
}

/* What a child does while the test goes on. It says nothing to Check. */
struct work {
	int (*act)(const struct work *work);
	struct channel channel;
	const struct sealmem_region *region;
	int fd;
};

static pid_t start_child(const struct work *work)
{
	pid_t pid;

	(void)fflush(stdout);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		exit(work->act(work));
	return pid;
}

static void assert_ends_well(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

/* In hundredths of a second. */
static void limit_time(int socket, int option, long hundredths)
{
	const struct timeval limit = { 0, hundredths * 10000 };

	ck_assert_int_eq(setsockopt(socket, SOL_SOCKET, option, &limit, sizeof(limit)), 0);
}

/* The sender gives each piece before the limit, and would take 12 seconds for all. */
static int send_pieces_in_time(const struct work *work)
{
	const struct message message = honest_message("pieces");

	close(work->channel.receiver);
	for (size_t i = 0; i < sizeof(message); i++) {
		if (post(work->channel.sender, (const char *)&message + i, 1, &work->fd, i == 0) !=
		    1)
			return EXIT_SUCCESS;
		(void)usleep(50000);
	}
	return EXIT_FAILURE;
}

START_TEST(the_limit_of_a_receiver_is_that_of_all_pieces)
{
	struct channel channel = open_channel(SOCK_STREAM);
	int fd = with_seals(filled_memfd(1), ALL_SEALS);
	double start = seconds_now();
	pid_t pid = start_child(&(struct work){ send_pieces_in_time, channel, NULL, fd });

	limit_time(channel.receiver, SO_RCVTIMEO, 50);
	assert_not_received(channel.receiver, -EBADMSG);
	ck_assert_double_lt(seconds_now() - start, 5);
	ck_assert_double_gt(seconds_now() - start, 0.4);
	close_channel(&channel);
	assert_ends_well(pid);
}
END_TEST

START_TEST(a_signal_does_not_start_the_limit_of_a_receiver_anew)
{
	SCOPED_CHANNEL channel = open_channel(SOCK_SEQPACKET);
	double start = seconds_now();

	limit_time(channel.receiver, SO_RCVTIMEO, 30);
	rain_signals();
	assert_not_received(channel.receiver, -EAGAIN);
	ck_assert_double_lt(seconds_now() - start, 5);
	ck_assert_double_gt(seconds_now() - start, 0.25);
}
END_TEST

START_TEST(a_signal_does_not_start_the_limit_of_a_sender_anew)
{
	for (size_t i = 0; i < TYPES; i++) {
		SCOPED_CHANNEL channel = open_channel(types[i]);
		SCOPED_REGION *region = small_region("policy");
		double start;
		int err;

		limit_time(channel.sender, SO_SNDTIMEO, 30);
		rain_signals();
		start = seconds_now();
		(void)fill_socket(channel.sender, region, &err);
		ck_assert_int_eq(err, -EAGAIN);
		ck_assert_double_lt(seconds_now() - start, 5);
		ck_assert_double_gt(seconds_now() - start, 0.25);
	}
}
END_TEST

static int receive_one_later(const struct work *work)
{
	(void)usleep(100000);
	return take_descriptor(work->channel.receiver) < 0;
}

/* poll(2) finds no room there, because most of the socket is still full. */
START_TEST(a_sender_with_a_limit_notices_room_for_one_message)
{
	SCOPED_CHANNEL channel = open_channel(SOCK_STREAM);
	SCOPED_REGION *region = small_region("policy");
	const struct timeval minute = { 60, 0 };
	double start;
	pid_t pid;
	int err;

	limit_time(channel.sender, SO_SNDTIMEO, 10);
	(void)fill_socket(channel.sender, region, &err);
	ck_assert_int_eq(
		setsockopt(channel.sender, SOL_SOCKET, SO_SNDTIMEO, &minute, sizeof(minute)), 0);
	start = seconds_now();
	pid = start_child(&(struct work){ receive_one_later, channel, NULL, -1 });
	ck_assert_int_eq(sealmem_send(channel.sender, region), 0);
	ck_assert_double_lt(seconds_now() - start, 10);
	assert_ends_well(pid);
}
END_TEST

START_TEST(a_socket_that_does_not_wait_has_no_use_for_a_limit)
{
	SCOPED_CHANNEL channel = open_channel(SOCK_STREAM | SOCK_NONBLOCK);
	const struct timeval minute = { 60, 0 };
	double start = seconds_now();

	ck_assert_int_eq(
		setsockopt(channel.receiver, SOL_SOCKET, SO_RCVTIMEO, &minute, sizeof(minute)), 0);
	assert_not_received(channel.receiver, -EAGAIN);
	ck_assert_double_lt(seconds_now() - start, 10);
}
END_TEST

START_TEST(the_longest_limit_is_no_short_one)
{
	SCOPED_CHANNEL channel = open_channel(SOCK_STREAM);
	SCOPED_REGION *sent = small_region("policy"), *got = NULL;
	const struct timeval longest = { INT64_MAX / 1000, 0 };
	pid_t pid;

	ck_assert_int_eq(
		setsockopt(channel.receiver, SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof(longest)),
		0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		(void)usleep(100000);
		_exit(sealmem_send(channel.sender, sent) != 0);
	}
	got = received(channel.receiver);
	assert_ends_well(pid);
}
END_TEST

START_TEST(a_write_lease_of_the_sender_does_not_outlast_a_time_limit)
{
	SCOPED_CHANNEL channel = open_channel(SOCK_SEQPACKET);
	const struct timeval limit = { 1, 0 };
	int fd = with_lease(opened_again(with_seals(filled_memfd(1), ALL_SEALS), O_RDONLY));
	double start = seconds_now();

	ck_assert_int_eq(
		setsockopt(channel.receiver, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
	post_honest(channel.sender, fd);
	assert_not_received(channel.receiver, -EBUSY);
	ck_assert_double_lt(seconds_now() - start, 30);
}
END_TEST

/* Options that put more than the descriptor next to a message. */
static const int options[] = { SO_PASSCRED, SO_PASSSEC, SO_TIMESTAMPNS, SO_PASSPIDFD };

/* Those of them that this kernel has. */
static void set_options(int socket)
{
	const int on = 1;

	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		(void)setsockopt(socket, SOL_SOCKET, options[i], &on, sizeof(on));
}

static bool has_option(int socket, int option)
{
	int value = 0;

	return getsockopt(socket, SOL_SOCKET, option, &value, &(socklen_t){ sizeof(value) }) == 0;
}

START_TEST(additions_of_the_kernel_to_a_message_do_no_harm)
{
	for (size_t i = 0; i < TYPES; i++) {
		SCOPED_CHANNEL channel = open_channel(types[i]);
		SCOPED_REGION *sent = small_region("policy");
		struct census before = take_census();
		struct sealmem_region *got;

		set_options(channel.receiver);
		ck_assert_int_eq(sealmem_send(channel.sender, sent), 0);
		got = received(channel.receiver);
		assert_sealed(sealmem_region_data(got), page_size());
		(void)sealmem_region_free(got);
		assert_same_census(before);
	}
}
END_TEST

START_TEST(additions_of_the_kernel_to_too_many_descriptors_do_no_harm)
{
	SCOPED_CHANNEL channel = open_channel(SOCK_SEQPACKET);
	struct message message = honest_message("many");
	int fds[MAX_DESCRIPTORS];

	set_options(channel.receiver);
	for (size_t i = 0; i < MAX_DESCRIPTORS; i++)
		fds[i] = STDERR_FILENO;
	post_all(channel.sender, &message, sizeof(message), fds, MAX_DESCRIPTORS);
	assert_not_received(channel.receiver, -EBADMSG);
}
END_TEST

/* A region takes two for a moment. Of a message whose descriptor had no place the rest was taken, so the
 * next one is whole. */
START_TEST(a_lack_of_descriptors_is_reported_and_the_next_message_arrives)
{
	for (size_t i = 0; i < TYPES; i++)
		for (int left = 0; left <= 1; left++) {
			SCOPED_CHANNEL channel = open_channel(types[i] | SOCK_NONBLOCK);
			SCOPED_REGION *sent = small_region("policy"), *got = NULL;
			struct shortage shortage;
			int err;

			ck_assert_int_eq(sealmem_send(channel.sender, sent), 0);
			ck_assert_int_eq(sealmem_send(channel.sender, sent), 0);
			shortage = leave_descriptors(left);
			err = sealmem_receive(channel.receiver, &got, SEALMEM_CONTENT);
			end_shortage(&shortage);
			ck_assert_int_eq(err, -EMFILE);
			ck_assert_ptr_null(got);
			got = received(channel.receiver);
			assert_sealed(sealmem_region_data(got), page_size());
		}
}
END_TEST

START_TEST(two_descriptors_are_enough)
{
	SCOPED_CHANNEL channel = open_channel(SOCK_STREAM);
	SCOPED_REGION *sent = small_region("policy"), *got = NULL;
	struct shortage shortage;

	set_options(channel.receiver);
	ck_assert_int_eq(sealmem_send(channel.sender, sent), 0);
	shortage = leave_descriptors(has_option(channel.receiver, SO_PASSPIDFD) ? 3 : 2);
	got = received(channel.receiver);
	end_shortage(&shortage);
	assert_sealed(sealmem_region_data(got), page_size());
}
END_TEST

START_TEST(many_descriptors_without_a_place_leave_nothing)
{
	SCOPED_CHANNEL channel = open_channel(SOCK_SEQPACKET);
	struct message message = honest_message("many");
	struct census before;
	int fds[MAX_DESCRIPTORS];
	struct sealmem_region *got;

	require_no_valgrind("valgrind keeps descriptors for itself");
	for (size_t i = 0; i < MAX_DESCRIPTORS; i++)
		fds[i] = STDERR_FILENO;
	before = take_census();
	for (int left = 0; left < 10; left++) {
		SCOPED_SHORTAGE shortage = { 0 };
		int err;

		post_all(channel.sender, &message, sizeof(message), fds, MAX_DESCRIPTORS);
		shortage = leave_descriptors(left);
		err = sealmem_receive(channel.receiver, &got, SEALMEM_CONTENT);
		ck_assert_int_eq(err, left < 2 ? -EMFILE : -EBADMSG);
	}
	assert_same_census(before);
}
END_TEST

START_TEST(more_descriptors_in_flight_than_the_user_may_have_are_reported)
{
	SCOPED_CHANNEL channel = open_channel(SOCK_STREAM | SOCK_NONBLOCK);
	SCOPED_REGION *region = small_region("policy");
	SCOPED_LIMIT limit = { 0 };
	int err;

	require_no_valgrind("valgrind keeps descriptors for itself");
	become_plain_user();
	limit = set_limit(RLIMIT_NOFILE, 32);
	(void)fill_socket(channel.sender, region, &err);
	ck_assert_int_eq(err, -ETOOMANYREFS);
}
END_TEST

static int receive_under_rain(const struct work *work)
{
	rain_signals();
	for (int round = 0; round < 200; round++) {
		struct sealmem_region *got = NULL;

		if (sealmem_receive(work->channel.receiver, &got, SEALMEM_CONTENT) != 0)
			return EXIT_FAILURE;
		(void)sealmem_region_free(got);
	}
	return EXIT_SUCCESS;
}

/* The receiver waits for each message, and is interrupted while it does. */
START_TEST(signals_do_not_disturb_who_receives)
{
	SCOPED_CHANNEL channel = open_channel(SOCK_STREAM);
	SCOPED_REGION *region = small_region("policy");
	pid_t pid = start_child(&(struct work){ receive_under_rain, channel, NULL, -1 });

	for (int round = 0; round < 200; round++) {
		ck_assert_int_eq(sealmem_send(channel.sender, region), 0);
		(void)usleep(round % 10 == 0 ? 1000 : 0);
	}
	assert_ends_well(pid);
}
END_TEST

static int send_under_rain(const struct work *work)
{
	rain_signals();
	for (int round = 0; round < 1000; round++)
		if (sealmem_send(work->channel.sender, work->region) != 0)
			return EXIT_FAILURE;
	return EXIT_SUCCESS;
}

/* More than the socket holds, so that the sender has to wait. */
START_TEST(signals_do_not_disturb_who_sends)
{
	SCOPED_CHANNEL channel = open_channel(SOCK_STREAM);
	SCOPED_REGION *region = small_region("policy");
	pid_t pid = start_child(&(struct work){ send_under_rain, channel, region, -1 });

	(void)usleep(20000);
	for (int round = 0; round < 1000; round++)
		(void)sealmem_region_free(received(channel.receiver));
	assert_ends_well(pid);
}
END_TEST

/* Each byte by itself, with time between them for the receiver to fall asleep. */
static int send_slowly(const struct work *work)
{
	const struct message message = honest_message("slow");

	for (size_t i = 0; i < sizeof(message); i++) {
		if (post(work->channel.sender, (const char *)&message + i, 1, &work->fd, i == 0) !=
		    1)
			return EXIT_FAILURE;
		(void)usleep(100);
	}
	return EXIT_SUCCESS;
}

START_TEST(a_message_that_comes_byte_by_byte_is_waited_for)
{
	SCOPED_CHANNEL channel = open_channel(SOCK_STREAM);
	int fd = with_seals(filled_memfd(page_size()), ALL_SEALS);
	pid_t pid = start_child(&(struct work){ send_slowly, channel, NULL, fd });
	SCOPED_REGION *got = received(channel.receiver);

	ck_assert_str_eq(sealmem_region_name(got), "slow");
	assert_ends_well(pid);
}
END_TEST

enum { THREADS = 4, EACH = 200 };

/* What the threads of both sides share. They say nothing to Check, because they would all talk at once. */
struct traffic {
	struct channel channel;
	const struct sealmem_region *region;
	atomic_uint failures;
};

static void *send_each(void *argument)
{
	struct traffic *traffic = argument;

	for (unsigned round = 0; round < scaled(EACH); round++)
		if (sealmem_send(traffic->channel.sender, traffic->region) != 0)
			atomic_fetch_add(&traffic->failures, 1);
	return NULL;
}

static void *receive_each(void *argument)
{
	struct traffic *traffic = argument;

	for (unsigned round = 0; round < scaled(EACH); round++) {
		struct sealmem_region *got = NULL;
		int err = sealmem_receive(traffic->channel.receiver, &got, SEALMEM_CONTENT);

		if (err != 0 || !is_filled(sealmem_region_data(got), page_size()))
			atomic_fetch_add(&traffic->failures, 1);
		(void)sealmem_region_free(got);
	}
	return NULL;
}

static void direct(struct traffic *traffic)
{
	pthread_t threads[2 * THREADS];

	for (int i = 0; i < 2 * THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL,
						i % 2 == 0 ? send_each : receive_each, traffic),
				 0);
	for (int i = 0; i < 2 * THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
}

START_TEST(threads_that_share_a_socket_lose_nothing)
{
	for (size_t i = 0; i < TYPES; i++) {
		SCOPED_CHANNEL channel = open_channel(types[i]);
		SCOPED_REGION *region = small_region("policy");
		struct traffic traffic = { channel, region, 0 };
		struct census before = take_census();

		direct(&traffic);
		ck_assert_uint_eq(atomic_load(&traffic.failures), 0);
		/* The C library keeps the stacks of threads. */
		ck_assert_int_eq(take_census().descriptors, before.descriptors);
	}
}
END_TEST

START_TEST(a_received_region_takes_none_of_the_standard_numbers)
{
	SCOPED_CHANNEL channel = open_channel(SOCK_STREAM);
	SCOPED_REGION *sent = small_region("policy"), *got = NULL;

	ck_assert_int_eq(sealmem_send(channel.sender, sent), 0);
	close(STDIN_FILENO);
	got = received(channel.receiver);
	ck_assert_int_gt(sealmem_region_fd(got), STDERR_FILENO);
	ck_assert_int_eq(fcntl(STDIN_FILENO, F_GETFD), -1);
}
END_TEST

START_TEST(without_proc_regions_are_received_but_cannot_be_sent_on)
{
	SCOPED_CHANNEL channel = open_channel(SOCK_STREAM);
	SCOPED_REGION *sent = small_region("policy"), *got = NULL;

	hide_proc();
	ck_assert_int_eq(sealmem_send(channel.sender, sent), 0);
	got = received(channel.receiver);
	assert_sealed(sealmem_region_data(got), page_size());
	ck_assert_int_eq(sealmem_send(channel.sender, got), -EOPNOTSUPP);
}
END_TEST

struct prohibition {
	long number;
	int answer;
};

static int is_refused_what_is_forbidden(void *argument)
{
	const struct prohibition *p = argument;
	struct channel channel = open_channel(SOCK_STREAM);
	SCOPED_REGION *sent = small_region("policy"), *got = NULL;
	int err;

	forbid(p->number, p->answer);
	err = sealmem_send(channel.sender, sent);
	if (err == 0)
		err = sealmem_receive(channel.receiver, &got, SEALMEM_CONTENT);
	return err != -EOPNOTSUPP;
}

START_TEST(a_call_that_a_sandbox_forbids_is_eopnotsupp)
{
	static const long calls[] = { SYS_getsockopt, SYS_sendmsg, SYS_recvmsg, SYS_OWN_FSTATFS };
	static const int answers[] = { EPERM, ENOSYS };

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		for (size_t j = 0; j < 2; j++) {
			struct prohibition prohibition = { calls[i], answers[j] };

			assert_child_succeeds(is_refused_what_is_forbidden, &prohibition);
		}
}
END_TEST

START_TEST(an_empty_region_arrives_empty)
{
	SCOPED_CHANNEL channel = open_channel(SOCK_STREAM);
	SCOPED_REGION *sent = region_from("", 0, SEALMEM_CONTENT);
	SCOPED_REGION *received = NULL;

	ck_assert_int_eq(sealmem_send(channel.sender, sent), 0);
	ck_assert_int_eq(sealmem_receive(channel.receiver, &received, SEALMEM_CONTENT), 0);
	ck_assert_uint_eq(sealmem_region_size(received), 0);
	ck_assert_str_eq(sealmem_region_name(received), sealmem_region_name(sent));
	ck_assert_int_eq(sealmem_try_write(sealmem_region_data(received), "x", 1), -EFAULT);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		an_empty_region_arrives_empty,
		a_region_arrives_over_every_type_of_socket,
		send_writes_the_documented_message,
		the_pages_are_the_same_and_no_copy,
		a_region_from_a_buffer_can_be_sent,
		a_received_region_outlives_the_one_that_was_sent,
		a_received_region_can_be_sent_on,
		every_name_that_a_region_can_have_arrives,
		messages_on_one_socket_arrive_in_order,
		a_received_region_can_have_every_guarantee,
		a_demand_that_cannot_be_met_leaves_the_message_where_it_is,
		a_region_refused_for_its_size_leaves_the_stream_usable,
		an_open_region_is_not_sent,
		no_region_is_not_sent,
		a_secret_is_not_sent,
		a_descriptor_that_is_no_socket_is_reported,
		a_socket_of_the_internet_is_refused,
		the_kernel_takes_a_descriptor_for_the_internet_and_drops_it,
		a_socket_that_is_not_connected_is_reported,
		sending_to_a_closed_socket_is_an_error_and_no_signal,
		a_plain_write_to_a_closed_socket_is_a_signal,
		receiving_from_a_closed_socket_is_a_reset,
		a_socket_that_does_not_wait_says_that_there_is_nothing,
		a_full_socket_says_so_and_takes_no_half_messages,
		a_socket_with_a_time_limit_keeps_it,
		the_limit_of_a_receiver_is_that_of_all_pieces,
		a_signal_does_not_start_the_limit_of_a_receiver_anew,
		a_signal_does_not_start_the_limit_of_a_sender_anew,
		a_sender_with_a_limit_notices_room_for_one_message,
		a_socket_that_does_not_wait_has_no_use_for_a_limit,
		the_longest_limit_is_no_short_one,
		a_write_lease_of_the_sender_does_not_outlast_a_time_limit,
		additions_of_the_kernel_to_a_message_do_no_harm,
		additions_of_the_kernel_to_too_many_descriptors_do_no_harm,
		a_lack_of_descriptors_is_reported_and_the_next_message_arrives,
		two_descriptors_are_enough,
		many_descriptors_without_a_place_leave_nothing,
		more_descriptors_in_flight_than_the_user_may_have_are_reported,
		signals_do_not_disturb_who_receives,
		signals_do_not_disturb_who_sends,
		a_message_that_comes_byte_by_byte_is_waited_for,
		threads_that_share_a_socket_lose_nothing,
		a_received_region_takes_none_of_the_standard_numbers,
		without_proc_regions_are_received_but_cannot_be_sent_on,
		a_call_that_a_sandbox_forbids_is_eopnotsupp,
	};

	return RUN_TESTS("send", tests);
}
