/* SPDX-License-Identifier: MIT */

/*
 * Every message has one size and one layout, so that a client in any language needs one line to take it apart. Numbers
 * are little-endian on every machine.
 */

#include "lib/protocol.h"

#include "lib/memfd.h"
#include "lib/reason.h"
#include "lib/util.h"

#include "include/sealmem.h"

#include <string.h>

/* The last byte is the version of the protocol. */
static const unsigned char magic[8] = { 's', 'e', 'a', 'l', 'g', 'e', 'n', 1 };

/* Where each field starts. */
enum {
	AT_KIND = 8,
	AT_STATUS = 12,
	AT_GENERATION = 16,
	AT_SIZE = 24,
	AT_SUBSCRIBERS = 32,
	AT_HOLDERS = 36,
	AT_NAME = 40,
	AT_LABEL = AT_NAME + PROTOCOL_NAME,
};

_Static_assert(AT_LABEL + PROTOCOL_LABEL == PROTOCOL_SIZE, "the label is the last field");
_Static_assert(PROTOCOL_NAME > SEALMEM_NAME_MAX, "room for a name and its end");
_Static_assert(PROTOCOL_LABEL == SEALMEM_LABEL_MAX + 1, "room for a label and its end");

void protocol_put_text(char *to, size_t size, const char *text)
{
	(void)strncpy(to, text, size - 1);
	to[size - 1] = '\0';
}

int protocol_check_label(const char *label)
{
	if (label == NULL || strnlen(label, PROTOCOL_LABEL) == PROTOCOL_LABEL)
		return fail_for(REASON_LABEL);
	return memfd_check_name(label) < 0 ? fail_for(REASON_LABEL) : 0;
}

static void put_number(unsigned char *to, size_t size, uint64_t value)
{
	for (size_t i = 0; i < size; i++)
		to[i] = (unsigned char)(value >> 8 * i);
}

static uint64_t get_number(const unsigned char *from, size_t size)
{
	uint64_t value = 0;

	for (size_t i = 0; i < size; i++)
		value |= (uint64_t)from[i] << 8 * i;
	return value;
}

void protocol_encode(struct protocol_packet *ret, const struct protocol_message *message)
{
	unsigned char *to = ret->bytes;

	memcpy(to, magic, sizeof(magic));
	put_number(to + AT_KIND, 4, message->kind);
	put_number(to + AT_STATUS, 4, message->status);
	put_number(to + AT_GENERATION, 8, message->generation);
	put_number(to + AT_SIZE, 8, message->size);
	put_number(to + AT_SUBSCRIBERS, 4, message->subscribers);
	put_number(to + AT_HOLDERS, 4, message->holders);
	memcpy(to + AT_NAME, message->name, PROTOCOL_NAME);
	memcpy(to + AT_LABEL, message->label, PROTOCOL_LABEL);
}

static void take_apart(struct protocol_message *ret, const unsigned char *from)
{
	ret->kind = (uint32_t)get_number(from + AT_KIND, 4);
	ret->status = (uint32_t)get_number(from + AT_STATUS, 4);
	ret->generation = get_number(from + AT_GENERATION, 8);
	ret->size = get_number(from + AT_SIZE, 8);
	ret->subscribers = (uint32_t)get_number(from + AT_SUBSCRIBERS, 4);
	ret->holders = (uint32_t)get_number(from + AT_HOLDERS, 4);
	memcpy(ret->name, from + AT_NAME, PROTOCOL_NAME);
	memcpy(ret->label, from + AT_LABEL, PROTOCOL_LABEL);
}

/* The check of a name looks no further than the longest name, so a name that passes ends within the message. */
int protocol_decode(struct protocol_message *ret, const struct protocol_packet *packet,
		    ssize_t size)
{
	if (size != PROTOCOL_SIZE || memcmp(packet->bytes, magic, sizeof(magic)) != 0)
		return fail_for(REASON_PROTOCOL);
	take_apart(ret, packet->bytes);
	if (memfd_check_name(ret->name) < 0 || protocol_check_label(ret->label) < 0)
		return fail_for(REASON_PROTOCOL);
	return 0;
}

int protocol_error(uint32_t status)
{
	static const enum reason reasons[] = {
		[PROTOCOL_NO_NAME] = REASON_NOT_SERVED,
		[PROTOCOL_NOT_ADMITTED] = REASON_NOT_ADMITTED,
		[PROTOCOL_FULL] = REASON_FULL,
		[PROTOCOL_OLDER] = REASON_OLDER,
		[PROTOCOL_MISUSED] = REASON_PROTOCOL,
	};
	bool known = status > PROTOCOL_OK && status < sizeof(reasons) / sizeof(*reasons);

	return fail_for(known ? reasons[status] : REASON_PROTOCOL);
}
