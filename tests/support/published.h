/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TESTS_SUPPORT_PUBLISHED_H
#define SEALMEM_TESTS_SUPPORT_PUBLISHED_H

/*
 * A publisher for tests, with a thread that serves its clients, and the other end of its protocol, played by hand: a
 * message here is written from docs/PROTOCOL.md, and not with the library, so that a format that changed is noticed.
 */

#include "tests/support/support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

/* A socket that listens, under an abstract address that the kernel has chosen. */
struct place {
	int listening;
	struct sockaddr_un address;
	socklen_t size;
};

struct place new_place(void);
void free_place(const struct place *place);
#define SCOPED_PLACE CLEANUP(free_place) struct place

/* A connection to it; a negative errno. */
int connect_to(const struct place *place);

struct server {
	struct place place;
	struct sealmem_publisher *publisher;
	pthread_mutex_t lock; /* around each call for the publisher */
	atomic_bool stop;
	atomic_uint turns; /* how often the publisher was ready */
	atomic_int failed;
	pthread_t thread;
};

void start_server(struct server *server);
void stop_server(struct server *server);
#define SCOPED_SERVER CLEANUP(stop_server) struct server

/* Publishes `size` bytes, each of which is `byte`, under the name. */
void publish_bytes(struct sealmem_publisher *publisher, const char *name, int byte, size_t size);
void serve_bytes(struct server *server, const char *name, int byte, size_t size);

/* Dispatches until there is nothing to do. */
void settle(struct sealmem_publisher *publisher);

/* Whether the descriptor is readable within a while: five seconds, or at once. */
bool is_ready(int fd);
bool is_ready_now(int fd);

/* A subscription over a connection of its own, with CONTENT. */
struct sealmem_subscription *subscribed(const struct server *server, const char *name);
void free_subscription(struct sealmem_subscription **s);
#define SCOPED_SUBSCRIPTION CLEANUP(free_subscription) struct sealmem_subscription

/* Waits for the next generation and takes it. */
void take_next(struct sealmem_subscription *s);

/* The byte of which all bytes of the newest generation are copies; fails the test if they differ. */
int byte_of(struct sealmem_subscription *s);

/* The protocol. */
enum {
	SAYS_SUBSCRIBE = 1,
	SAYS_TAKEN = 2,
	SAYS_LIST = 3,
	SAYS_GENERATION = 16,
	SAYS_REFUSED = 17,
	SAYS_ENTRY = 18,
	SAYS_END = 19
};
enum { WHY_NO_NAME = 1, WHY_NOT_ADMITTED = 2, WHY_IS_FULL = 3, WHY_OLDER = 4, WHY_MISUSED = 5 };
#define MESSAGE_SIZE 384

struct heard {
	ssize_t size; /* of the message, 0 at the end of the connection, or a negative errno */
	uint32_t kind, status, subscribers, holders;
	uint64_t generation, length;
	char name[248], label[96];
	int fd; /* -1 if there is none */
};

/* 384 bytes. */
void write_message(unsigned char *to, uint32_t kind, uint32_t status, uint64_t generation,
		   const char *name);

/* Sends one, with a descriptor if it is not -1; a negative errno if it could not. */
int say_with(int socket, uint32_t kind, uint32_t status, uint64_t generation, const char *name,
	     int fd);
int say(int socket, uint32_t kind, uint64_t generation, const char *name);

/* Receives one, in five seconds at most. */
struct heard hear(int socket);

/* The same, closed again. */
struct heard hear_of(int socket, uint32_t kind);

#endif
