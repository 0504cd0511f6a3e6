/* SPDX-License-Identifier: MIT */

/* What both ends have in common, and the list: the other end is played by hand. */

#include "lib/publication.h"

#include "tests/support/channel.h"
#include "tests/support/published.h"
#include "tests/support/support.h"

#include <poll.h>
#include <string.h>

static struct channel pair(void)
{
	return open_channel(SOCK_SEQPACKET);
}

/* A message that is received without a wait: 0 or a negative errno. */
static int receive_now(int socket, struct protocol_message *ret)
{
	const struct socket_wait at_once = socket_no_wait(socket, POLLIN);
	CLEANUP(delivery_dismiss) struct delivery delivery = { .fd = -1 };

	return publication_receive(&at_once, ret, &delivery);
}

START_TEST(what_was_sent_before_the_end_is_received)
{
	SCOPED_CHANNEL channel = pair();
	struct protocol_message message;

	ck_assert_int_eq(say(channel.sender, SAYS_END, 0, "last"), 0);
	/* The other end closes with something unread, so that the kernel first says so. */
	ck_assert_int_eq(send(channel.receiver, "x", 1, 0), 1);
	(void)close(channel.sender);
	channel.sender = -1;
	ck_assert_int_eq(receive_now(channel.receiver, &message), 0);
	ck_assert_str_eq(message.name, "last");
	ck_assert_int_eq(receive_now(channel.receiver, &message), -ECONNRESET);
	ck_assert_int_eq(receive_now(channel.receiver, &message), -ECONNRESET);
}
END_TEST

START_TEST(half_a_message_is_none)
{
	SCOPED_CHANNEL channel = pair();
	struct protocol_message message;
	unsigned char bytes[MESSAGE_SIZE + 1] = { 0 };

	write_message(bytes, SAYS_END, 0, 0, "");
	post_all(channel.sender, bytes, MESSAGE_SIZE / 2, NULL, 0);
	post_all(channel.sender, bytes, MESSAGE_SIZE + 1, NULL, 0);
	post_all(channel.sender, bytes, MESSAGE_SIZE, NULL, 0);
	ck_assert_int_eq(receive_now(channel.receiver, &message), -EPROTO);
	ck_assert_int_eq(receive_now(channel.receiver, &message), -EPROTO);
	ck_assert_int_eq(receive_now(channel.receiver, &message), 0);
	ck_assert_int_eq(receive_now(channel.receiver, &message), -EAGAIN);
}
END_TEST

START_TEST(one_call_at_a_time_uses_an_object)
{
	const struct process owner = process_this(), other = { owner.memory + 1, owner.id + 1 };
	struct in_use in_use = { false };

	ck_assert_int_eq(in_use_begin(&in_use, &other), -ESTALE);
	ck_assert_int_eq(in_use_begin(&in_use, &owner), 0);
	ck_assert_int_eq(in_use_begin(&in_use, &owner), -EBUSY);
	in_use_end(&in_use);
	ck_assert_int_eq(in_use_begin(&in_use, &owner), 0);
}
END_TEST

struct told {
	unsigned count;
	int answer;
	struct sealmem_published last;
	char name[16];
};

static int note(const struct sealmem_published *published, void *data)
{
	struct told *told = data;

	told->count++;
	told->last = *published;
	ck_assert_uint_lt(strlen(published->name), sizeof(told->name));
	strcpy(told->name, published->name);
	return told->answer;
}

START_TEST(a_list_is_told_entry_by_entry)
{
	SCOPED_CHANNEL channel = pair();
	struct told told = { 0 };

	ck_assert_int_eq(say(channel.sender, SAYS_ENTRY, 1, "first"), 0);
	ck_assert_int_eq(say(channel.sender, SAYS_ENTRY, 7, "second"), 0);
	ck_assert_int_eq(say(channel.sender, SAYS_END, 0, ""), 0);
	ck_assert_int_eq(sealmem_list_published(channel.receiver, note, &told), 0);
	ck_assert_uint_eq(told.count, 2);
	ck_assert_str_eq(told.name, "second");
	ck_assert_uint_eq(told.last.generation, 7);
	(void)hear_of(channel.sender, SAYS_LIST);
}
END_TEST

START_TEST(a_list_ends_when_the_caller_likes)
{
	SCOPED_CHANNEL channel = pair();
	struct told told = { .answer = -ECANCELED };

	ck_assert_int_eq(say(channel.sender, SAYS_ENTRY, 1, "first"), 0);
	ck_assert_int_eq(say(channel.sender, SAYS_ENTRY, 7, "second"), 0);
	ck_assert_int_eq(sealmem_list_published(channel.receiver, note, &told), -ECANCELED);
	ck_assert_uint_eq(told.count, 1);
}
END_TEST

START_TEST(what_is_no_list_is_refused)
{
	static const struct {
		uint32_t kind, status;
		int expected;
	} answers[] = {
		{ SAYS_REFUSED, WHY_NOT_ADMITTED, -EACCES },
		{ SAYS_REFUSED, WHY_IS_FULL, -EUSERS },
		{ SAYS_REFUSED, 0, -EPROTO },
		{ SAYS_TAKEN, 0, -EPROTO },
		{ SAYS_GENERATION, 0, -EPROTO },
	};
	struct told told = { 0 };

	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		SCOPED_CHANNEL channel = pair();

		ck_assert_int_eq(
			say_with(channel.sender, answers[i].kind, answers[i].status, 1, "a", -1),
			0);
		ck_assert_int_eq(sealmem_list_published(channel.receiver, note, &told),
				 answers[i].expected);
	}
	ck_assert_uint_eq(told.count, 0);
}
END_TEST

START_TEST(a_closed_end_has_said_why_it_gives_no_list)
{
	SCOPED_CHANNEL channel = pair();
	struct told told = { 0 };

	ck_assert_int_eq(say_with(channel.sender, SAYS_REFUSED, WHY_IS_FULL, 0, "", -1), 0);
	(void)close(channel.sender);
	channel.sender = -1;
	ck_assert_int_eq(sealmem_list_published(channel.receiver, note, &told), -EUSERS);
	ck_assert_int_eq(sealmem_list_published(channel.receiver, note, &told), -ECONNRESET);
	ck_assert_uint_eq(told.count, 0);
}
END_TEST

START_TEST(descriptors_in_a_list_are_closed)
{
	SCOPED_CHANNEL channel = pair();
	struct told told = { 0 };
	struct census before = take_census();

	ck_assert_int_eq(say_with(channel.sender, SAYS_ENTRY, 0, 1, "first", 0), 0);
	ck_assert_int_eq(sealmem_list_published(channel.receiver, note, &told), -EPROTO);
	ck_assert_uint_eq(told.count, 0);
	assert_same_census(before);
}
END_TEST

START_TEST(the_list_of_a_publisher_is_complete)
{
	SCOPED_SERVER server = { 0 };
	struct told told = { 0 };
	int fd;

	start_server(&server);
	serve_bytes(&server, "rules", 'a', 100);
	serve_bytes(&server, "more", 'a', 10);
	fd = connect_to(&server.place);
	ck_assert_int_eq(sealmem_list_published(fd, note, &told), 0);
	(void)close(fd);
	ck_assert_uint_eq(told.count, 2);
	ck_assert_str_eq(told.name, "more");
	ck_assert_uint_eq(told.last.size, 10);
}
END_TEST

START_TEST(a_list_needs_somebody_to_tell)
{
	SCOPED_CHANNEL channel = pair();

	ck_assert_int_eq(sealmem_list_published(channel.receiver, NULL, NULL), -EINVAL);
	ck_assert_int_eq(sealmem_list_published(-1, note, NULL), -EBADF);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		what_was_sent_before_the_end_is_received,   half_a_message_is_none,
		one_call_at_a_time_uses_an_object,	    a_list_is_told_entry_by_entry,
		a_list_ends_when_the_caller_likes,	    what_is_no_list_is_refused,
		a_closed_end_has_said_why_it_gives_no_list, descriptors_in_a_list_are_closed,
		the_list_of_a_publisher_is_complete,	    a_list_needs_somebody_to_tell,
	};

	return RUN_TESTS("publication", tests);
}
