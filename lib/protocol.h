/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_LIB_PROTOCOL_H
#define SEALMEM_LIB_PROTOCOL_H

/* What a publisher and its subscribers tell each other. docs/PROTOCOL.md describes it for those who write it again. */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROTOCOL_SIZE 384

/* With the zero that ends them. */
#define PROTOCOL_NAME  248
#define PROTOCOL_LABEL 96

enum protocol_kind {
	/* to the publisher */
	PROTOCOL_SUBSCRIBE = 1,
	PROTOCOL_TAKEN = 2,
	PROTOCOL_LIST = 3,
	/* from it */
	PROTOCOL_GENERATION = 16,
	PROTOCOL_REFUSED = 17,
	PROTOCOL_ENTRY = 18,
	PROTOCOL_END = 19,
};

/* Why something is refused. */
enum protocol_status {
	PROTOCOL_OK = 0,
	PROTOCOL_NO_NAME = 1,
	PROTOCOL_NOT_ADMITTED = 2,
	PROTOCOL_FULL = 3,
	PROTOCOL_OLDER = 4,
	PROTOCOL_MISUSED = 5,
};

struct protocol_message {
	uint32_t kind, status;
	uint64_t generation, size;
	uint32_t subscribers, holders;
	char name[PROTOCOL_NAME];
	char label[PROTOCOL_LABEL];
};

struct protocol_packet {
	unsigned char bytes[PROTOCOL_SIZE];
};

/* Copies a text of at most `size` - 1 bytes, and fills the rest with zeroes. */
void protocol_put_text(char *to, size_t size, const char *text);

/* 0 if a generation can have this label; -EINVAL. */
int protocol_check_label(const char *label);

void protocol_encode(struct protocol_packet *ret, const struct protocol_message *message);

/* -EPROTO if `size` bytes that came are no message. A kind that is unknown is one. */
int protocol_decode(struct protocol_message *ret, const struct protocol_packet *packet,
		    ssize_t size);

/* The negative errno of a status that is not PROTOCOL_OK. */
int protocol_error(uint32_t status);

#endif
