/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_LIB_PUBLISH_INTERNAL_H
#define SEALMEM_LIB_PUBLISH_INTERNAL_H

/*
 * What the files publish*.c share. A publisher has names and clients, and for each name that a client has asked for a
 * wish, which both know. There is no queue: a wish says which generation the client was sent last, and so whether
 * it lacks the newest one.
 */

#include "include/sealmem.h"
#include "lib/publication.h"

#include <stdbool.h>
#include <stdint.h>

struct wish {
	struct wish *next_of_client;
	struct wish *next_of_name, **place_of_name;
	struct client *client;
	struct served *of;
	uint64_t sent; /* the generation that the client has, was sent, or refused */
	bool holds;    /* it has taken the newest */
};

/* A name that is served. */
struct served {
	struct served *next;
	struct wish *wishes;
	uint64_t generation; /* 0 if there is none yet */
	uint64_t size;
	int fd;
	unsigned subscribers, holders;
	char name[PROTOCOL_NAME];
	char label[PROTOCOL_LABEL];
};

struct client {
	struct client *next, **place;
	struct sealmem_publisher *publisher;
	struct sealmem_peer peer;
	uint32_t watched; /* the events that epoll(7) waits for */
	struct wish *wishes;
	unsigned names;
	struct wish *awaited; /* was sent a generation, and has not answered yet */
	uint32_t refusal;     /* to be sent, with the name that it is about; or PROTOCOL_OK */
	char refused[PROTOCOL_NAME];
	bool lists;		/* the list is to be sent, */
	struct served *to_list; /* from here on */
	bool stalled;		/* a shortage of this machine keeps it from being sent anything */
	bool leaves;		/* after the refusal */
	bool gone;		/* closed, but its events may come */
};

struct sealmem_publisher {
	int epoll, listening, timer;
	bool paused; /* the timer runs, */
	bool deaf;   /* and the listening socket is not watched */
	struct in_use in_use;
	struct process owner;
	uint64_t last;	   /* the greatest number of a generation */
	uint64_t reserved; /* the number of the next one, if it is greater */
	struct sealmem_publisher_limits limits;
	int (*admit)(const struct sealmem_peer *peer, const char *name, void *data);
	void *data;
	struct served *names;
	struct client *clients, *gone;
	unsigned count;
};

/* The name, or NULL. */
struct served *served_find(const struct sealmem_publisher *p, const char *name);

/* The same, made if it is not there; NULL if there is no memory. */
struct served *served_add(struct sealmem_publisher *p, const char *name);

/* All of them. */
void served_free(struct sealmem_publisher *p);

/* A client from now on; closes the connection if it cannot be one. */
void client_new(struct sealmem_publisher *p, int connection);

/* Closes the connection and forgets it. */
void client_drop(struct client *c);

/* Sends what there is to be sent, and no more than the connection takes now. Drops a client who has left. */
void client_push(struct client *c);

/* Receives one message and does what it says. */
void client_serve(struct client *c);

/* There is a shortage, and the publisher tries again after a while. */
int publisher_pause(struct sealmem_publisher *p);

#endif
