/* SPDX-License-Identifier: MIT */

/* Sockets below the protocols: test-transfer.c and test-publish.c show what is built on them. */

#include "lib/socket.h"

#include "tests/support/channel.h"
#include "tests/support/support.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/time.h>

START_TEST(only_unix_sockets_have_a_type)
{
	SCOPED_CHANNEL channel = open_channel(SOCK_SEQPACKET);
	int internet = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(socket_type(channel.sender), SOCK_SEQPACKET);
	ck_assert_int_eq(socket_type(internet), -EAFNOSUPPORT);
	ck_assert_int_eq(socket_type(-1), -EBADF);
	(void)close(internet);
}
END_TEST

START_TEST(a_wait_that_ends_at_once_does_not_wait)
{
	SCOPED_CHANNEL channel = open_channel(SOCK_SEQPACKET);
	const struct socket_wait at_once = socket_no_wait(channel.receiver, POLLIN);
	struct delivery delivery = { .fd = -1 };
	char byte;

	ck_assert_int_eq(socket_receive(&at_once, &byte, 1, &delivery), -EAGAIN);
}
END_TEST

START_TEST(a_wait_has_the_limit_of_its_socket)
{
	const struct timeval limit = { .tv_usec = 30000 };
	SCOPED_CHANNEL channel = open_channel(SOCK_SEQPACKET);
	struct delivery delivery = { .fd = -1 };
	struct socket_wait wait;
	double begin = seconds_now();
	char byte;

	ck_assert_int_eq(
		setsockopt(channel.receiver, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
	ck_assert_int_eq(socket_begin_wait(&wait, channel.receiver, POLLIN), 0);
	ck_assert_int_eq(socket_receive(&wait, &byte, 1, &delivery), -EAGAIN);
	ck_assert(seconds_now() - begin >= 0.025);
}
END_TEST

START_TEST(a_descriptor_comes_with_its_message)
{
	SCOPED_CHANNEL channel = open_channel(SOCK_SEQPACKET);
	const struct socket_wait out = socket_no_wait(channel.sender, POLLOUT),
				 in = socket_no_wait(channel.receiver, POLLIN);
	struct delivery delivery = { .fd = -1 };
	struct census before = take_census();
	char byte = 'x';

	ck_assert_int_eq(socket_send(&out, &byte, 1, channel.sender), 1);
	ck_assert_int_eq(socket_receive(&in, &byte, 1, &delivery), 1);
	ck_assert_uint_eq(delivery.count, 1);
	ck_assert_int_ge(delivery.fd, 0);
	delivery_dismiss(&delivery);
	assert_same_census(before);
	ck_assert_int_eq(socket_send(&out, &byte, 1, -1), 1);
	delivery = (struct delivery){ .fd = -1 };
	ck_assert_int_eq(socket_receive(&in, &byte, 1, &delivery), 1);
	ck_assert_uint_eq(delivery.count, 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		only_unix_sockets_have_a_type,
		a_wait_that_ends_at_once_does_not_wait,
		a_wait_has_the_limit_of_its_socket,
		a_descriptor_comes_with_its_message,
	};

	return RUN_TESTS("socket", tests);
}
