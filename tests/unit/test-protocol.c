/* SPDX-License-Identifier: MIT */

/* The bytes of the protocol, as docs/PROTOCOL.md has them, and what is no message. */

#include "lib/protocol.h"

#include "include/sealmem.h"
#include "tests/support/support.h"

#include <string.h>

/* The example of the document. */
static const unsigned char generation[48] = {
	0x73, 0x65, 0x61, 0x6c, 0x67, 0x65, 0x6e, 0x01, 0x10, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x9a, 0x00, 0x7c, 0xac, 0xec, 0x18,
	0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x72, 0x75, 0x6c, 0x65, 0x73, 0x00, 0x00, 0x00,
};

static struct protocol_packet documented_packet(void)
{
	struct protocol_packet packet = { 0 };

	memcpy(packet.bytes, generation, sizeof(generation));
	return packet;
}

START_TEST(a_message_has_the_documented_bytes)
{
	struct protocol_message message = { .kind = PROTOCOL_GENERATION,
					    .generation = 1796000000000000000,
					    .size = 20,
					    .name = "rules" };
	struct protocol_packet expected = documented_packet(), packet;

	protocol_encode(&packet, &message);
	ck_assert_mem_eq(packet.bytes, expected.bytes, sizeof(packet.bytes));
	ck_assert_uint_eq(sizeof(packet.bytes), 384);
}
END_TEST

START_TEST(the_documented_bytes_are_a_message)
{
	struct protocol_packet packet = documented_packet();
	struct protocol_message message;

	memcpy(packet.bytes + 32, "\1\0\0\0\2\0\0\0", 8);
	memcpy(packet.bytes + 288, "label", 5);
	ck_assert_int_eq(protocol_decode(&message, &packet, 384), 0);
	ck_assert_uint_eq(message.kind, PROTOCOL_GENERATION);
	ck_assert_uint_eq(message.generation, 1796000000000000000);
	ck_assert_uint_eq(message.size, 20);
	ck_assert_uint_eq(message.subscribers, 1);
	ck_assert_uint_eq(message.holders, 2);
	ck_assert_str_eq(message.name, "rules");
	ck_assert_str_eq(message.label, "label");
}
END_TEST

static void assert_no_message(const struct protocol_packet *packet, ssize_t size)
{
	struct protocol_message message;

	ck_assert_int_eq(protocol_decode(&message, packet, size), -EPROTO);
}

START_TEST(other_bytes_are_no_message)
{
	struct protocol_packet packet = documented_packet();

	assert_no_message(&packet, 383);
	assert_no_message(&packet, 1);
	packet.bytes[7] = 2;
	assert_no_message(&packet, 384);
	packet = documented_packet();
	packet.bytes[42] = '\n';
	assert_no_message(&packet, 384);
	packet = documented_packet();
	memset(packet.bytes + 40, 'n', 241);
	assert_no_message(&packet, 384);
	packet.bytes[40 + 240] = '\0';
	ck_assert_int_eq(protocol_decode(&(struct protocol_message){ 0 }, &packet, 384), 0);
	memset(packet.bytes + 288, 'l', 96);
	assert_no_message(&packet, 384);
	packet.bytes[383] = '\0';
	ck_assert_int_eq(protocol_decode(&(struct protocol_message){ 0 }, &packet, 384), 0);
}
END_TEST

START_TEST(each_status_has_an_errno)
{
	ck_assert_int_eq(protocol_error(PROTOCOL_NO_NAME), -ENOENT);
	ck_assert_int_eq(protocol_error(PROTOCOL_NOT_ADMITTED), -EACCES);
	ck_assert_int_eq(protocol_error(PROTOCOL_FULL), -EUSERS);
	ck_assert_int_eq(protocol_error(PROTOCOL_OLDER), -ERANGE);
	ck_assert_int_eq(protocol_error(PROTOCOL_MISUSED), -EPROTO);
	ck_assert_int_eq(protocol_error(PROTOCOL_OK), -EPROTO);
	ck_assert_int_eq(protocol_error(UINT32_MAX), -EPROTO);
}
END_TEST

START_TEST(a_text_that_is_put_leaves_nothing_of_the_one_before)
{
	char text[8] = "longer!";

	protocol_put_text(text, sizeof(text), "a");
	ck_assert_mem_eq(text, "a\0\0\0\0\0\0\0", sizeof(text));
	protocol_put_text(text, sizeof(text), "much too long");
	ck_assert_str_eq(text, "much to");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_message_has_the_documented_bytes,
		the_documented_bytes_are_a_message,
		other_bytes_are_no_message,
		each_status_has_an_errno,
		a_text_that_is_put_leaves_nothing_of_the_one_before,
	};

	return RUN_TESTS("protocol", tests);
}
