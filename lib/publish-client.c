/* SPDX-License-Identifier: MIT */

/*
 * One client of a publisher. What it has to be sent follows from its state, so that nothing is stored up for a
 * client who does not read: a refusal, then the rest of a list, then the newest generation of a name that it lacks. While
 * there is a refusal or a list to be sent, nothing more is read from it. While a generation is on its way, no other
 * is sent: a descriptor in a socket keeps the memory of its generation, and counts against the limits of this user.
 */

#include "lib/publish-internal.h"

#include "lib/reason.h"
#include "lib/util.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

/* How many connections the user of this one has already. */
static unsigned count_of_user(const struct sealmem_publisher *p, unsigned user)
{
	unsigned count = 0;

	for (const struct client *c = p->clients; c != NULL; c = c->next)
		count += c->peer.uid == user;
	return count;
}

static bool is_full(const struct sealmem_publisher *p, unsigned user)
{
	if (p->count >= p->limits.clients)
		return true;
	return p->limits.clients_of_user < p->limits.clients &&
	       count_of_user(p, user) >= p->limits.clients_of_user;
}

static void say_full(int connection)
{
	const struct protocol_message message = { .kind = PROTOCOL_REFUSED,
						  .status = PROTOCOL_FULL };
	const struct socket_wait at_once = socket_no_wait(connection, POLLOUT);

	(void)publication_send(&at_once, &message, -1);
}

static void enter(struct sealmem_publisher *p, struct client *c)
{
	c->next = p->clients;
	if (c->next != NULL)
		c->next->place = &c->next;
	c->place = &p->clients;
	p->clients = c;
	p->count++;
}

/* The kernel takes the least that it knows: three or four messages. So no more descriptors are on their way to a client
 * that answers what it has not read. */
#define SEND_BUFFER 1

void client_new(struct sealmem_publisher *p, int connection)
{
	CLEANUP(close_fd_at) int own = connection;
	struct ucred peer = { 0 };
	struct client *c;

	if (sys_socket_peer(own, &peer) < 0 || sys_set_send_buffer(own, SEND_BUFFER) < 0)
		return;
	if (is_full(p, peer.uid)) {
		say_full(own);
		return;
	}
	c = calloc(1, sizeof(*c));
	if (c == NULL || sys_epoll_set(p->epoll, EPOLL_CTL_ADD, own, EPOLLIN, c) < 0) {
		free(c);
		return;
	}
	c->publisher = p;
	c->watched = EPOLLIN;
	c->peer = (struct sealmem_peer){ peer.pid, peer.uid, peer.gid, take_fd(&own) };
	enter(p, c);
}

/* The client forgets it too, or is forgotten itself. */
static void end_wish(struct wish *wish)
{
	*wish->place_of_name = wish->next_of_name;
	if (wish->next_of_name != NULL)
		wish->next_of_name->place_of_name = wish->place_of_name;
	wish->of->subscribers--;
	wish->of->holders -= wish->holds;
	free(wish);
}

static void leave(struct client *c)
{
	*c->place = c->next;
	if (c->next != NULL)
		c->next->place = c->place;
	c->publisher->count--;
}

/* The epoll of a parent is not the child's to change. */
static int unwatch(const struct client *c)
{
	const struct sealmem_publisher *p = c->publisher;

	return process_is(&p->owner)
		       ? sys_epoll_set(p->epoll, EPOLL_CTL_DEL, c->peer.socket, 0, NULL)
		       : 0;
}

/* A child of this process can have the connection too. Then it stays known to epoll(7) when it is closed here. Where a
 * sandbox forbids to take it out, its events may still come, and the structure stays. */
void client_drop(struct client *c)
{
	struct wish *wish = c->wishes, *next;

	for (; wish != NULL; wish = next) {
		next = wish->next_of_client;
		end_wish(wish);
	}
	leave(c);
	c->gone = unwatch(c) < 0;
	(void)close_fd(c->peer.socket);
	if (!c->gone) {
		free(c);
		return;
	}
	c->next = c->publisher->gone;
	c->publisher->gone = c;
}

/* One message that is to be sent, and what is so once it is. */
struct parcel {
	struct protocol_message message;
	int fd;
	struct wish *wish;
};

static bool pack_refusal(const struct client *c, struct parcel *ret)
{
	if (c->refusal == PROTOCOL_OK)
		return false;
	ret->message.kind = PROTOCOL_REFUSED;
	ret->message.status = c->refusal;
	memcpy(ret->message.name, c->refused, sizeof(ret->message.name));
	return true;
}

static void describe(struct protocol_message *ret, const struct served *served)
{
	ret->generation = served->generation;
	ret->size = served->size;
	memcpy(ret->name, served->name, sizeof(ret->name));
	memcpy(ret->label, served->label, sizeof(ret->label));
}

static struct wish *next_wish(const struct client *c, bool (*is)(const struct wish *wish))
{
	struct wish *wish = c->wishes;

	while (wish != NULL && !is(wish))
		wish = wish->next_of_client;
	return wish;
}

/* The client comes from another publisher, whose numbers were greater. */
static bool is_older(const struct wish *wish)
{
	return wish->of->generation != 0 && wish->sent > wish->of->generation;
}

static bool lacks_newest(const struct wish *wish)
{
	return wish->sent < wish->of->generation;
}

static bool pack_older(const struct client *c, struct parcel *ret)
{
	ret->wish = next_wish(c, is_older);
	if (ret->wish == NULL)
		return false;
	ret->message.kind = PROTOCOL_REFUSED;
	ret->message.status = PROTOCOL_OLDER;
	memcpy(ret->message.name, ret->wish->of->name, sizeof(ret->message.name));
	return true;
}

static bool pack_list(const struct client *c, struct parcel *ret)
{
	if (!c->lists)
		return false;
	ret->message.kind = c->to_list != NULL ? PROTOCOL_ENTRY : PROTOCOL_END;
	if (c->to_list == NULL)
		return true;
	describe(&ret->message, c->to_list);
	ret->message.subscribers = c->to_list->subscribers;
	ret->message.holders = c->to_list->holders;
	return true;
}

static bool pack_generation(const struct client *c, struct parcel *ret)
{
	ret->wish = c->awaited == NULL ? next_wish(c, lacks_newest) : NULL;
	if (ret->wish == NULL)
		return false;
	ret->message.kind = PROTOCOL_GENERATION;
	describe(&ret->message, ret->wish->of);
	ret->fd = ret->wish->of->fd;
	return true;
}

static bool pack(const struct client *c, struct parcel *ret)
{
	*ret = (struct parcel){ .fd = -1 };
	return pack_refusal(c, ret) || pack_older(c, ret) || pack_list(c, ret) ||
	       pack_generation(c, ret);
}

static void forget_wish(struct client *c, struct wish *wish)
{
	struct wish **place = &c->wishes;

	while (*place != wish)
		place = &(*place)->next_of_client;
	*place = wish->next_of_client;
	if (c->awaited == wish)
		c->awaited = NULL;
	c->names--;
	end_wish(wish);
}

static void note_sent(struct client *c, const struct parcel *parcel)
{
	switch (parcel->message.kind) {
	case PROTOCOL_REFUSED:
		if (parcel->wish != NULL)
			forget_wish(c, parcel->wish);
		else
			c->refusal = PROTOCOL_OK;
		break;
	case PROTOCOL_ENTRY:
		c->to_list = c->to_list->next;
		break;
	case PROTOCOL_END:
		c->lists = false;
		break;
	default:
		parcel->wish->sent = parcel->message.generation;
		c->awaited = parcel->wish;
	}
}

/* 0 if everything is sent. */
static int send_all(struct client *c)
{
	const struct socket_wait at_once = socket_no_wait(c->peer.socket, POLLOUT);
	struct parcel parcel;
	int err = 0;

	while (err == 0 && pack(c, &parcel)) {
		err = publication_send(&at_once, &parcel.message, parcel.fd);
		if (err == 0)
			note_sent(c, &parcel);
	}
	return err;
}

/* The kernel lacks something for now, but the connection is ready: epoll(7) does not say when to go on. */
static bool is_shortage(int err)
{
	return err == -ETOOMANYREFS || err == -ENOMEM || err == -ENOBUFS;
}

/* What the connection has to become ready for. */
static uint32_t events_after(const struct client *c, int err)
{
	if (c->refusal != PROTOCOL_OK || c->lists)
		return c->stalled ? 0 : EPOLLOUT;
	return err == -EAGAIN ? EPOLLIN | EPOLLOUT : EPOLLIN;
}

static int watch(struct client *c, uint32_t events)
{
	int err = 0;

	if (events != c->watched)
		err = sys_epoll_set(c->publisher->epoll, EPOLL_CTL_MOD, c->peer.socket, events, c);
	c->watched = events;
	return err;
}

void client_push(struct client *c)
{
	int err = send_all(c);
	bool gone = err == 0 ? c->leaves : err != -EAGAIN && !is_shortage(err);

	c->stalled = is_shortage(err);
	if (c->stalled)
		gone = publisher_pause(c->publisher) < 0;
	if (gone || watch(c, events_after(c, err)) < 0)
		client_drop(c);
}

static int refuse(struct client *c, uint32_t status, const char *name)
{
	c->refusal = status;
	protocol_put_text(c->refused, sizeof(c->refused), name);
	return 0;
}

static bool is_admitted(const struct client *c, const char *name)
{
	const struct sealmem_publisher *p = c->publisher;

	return p->admit == NULL || p->admit(&c->peer, name, p->data) == 0;
}

static struct wish *find_wish(const struct client *c, const struct served *of)
{
	struct wish *wish = c->wishes;

	while (wish != NULL && wish->of != of)
		wish = wish->next_of_client;
	return wish;
}

static struct wish *new_wish(struct client *c, struct served *of)
{
	struct wish *wish = calloc(1, sizeof(*wish));

	if (wish == NULL)
		return NULL;
	*wish = (struct wish){ .next_of_client = c->wishes,
			       .next_of_name = of->wishes,
			       .place_of_name = &of->wishes,
			       .client = c,
			       .of = of };
	if (of->wishes != NULL)
		of->wishes->place_of_name = &wish->next_of_name;
	of->wishes = wish;
	of->subscribers++;
	c->wishes = wish;
	c->names++;
	return wish;
}

/* From now on, the newest generation after that one. */
static int wish_for(struct client *c, struct served *of, uint64_t generation)
{
	struct wish *wish = find_wish(c, of);

	if (wish == NULL)
		wish = new_wish(c, of);
	if (wish == NULL)
		return -ENOMEM;
	wish->sent = generation;
	of->holders -= wish->holds;
	wish->holds = generation != 0 && generation == of->generation;
	of->holders += wish->holds;
	return 0;
}

/* Whether a name is served is told to those only who are admitted. */
static int subscribe(struct client *c, const struct protocol_message *message)
{
	struct served *of;

	if (!is_admitted(c, message->name))
		return refuse(c, PROTOCOL_NOT_ADMITTED, message->name);
	of = served_find(c->publisher, message->name);
	if (of == NULL)
		return refuse(c, PROTOCOL_NO_NAME, message->name);
	if (find_wish(c, of) == NULL && c->names >= c->publisher->limits.names_of_client)
		return refuse(c, PROTOCOL_FULL, message->name);
	return wish_for(c, of, message->generation);
}

static int note_taken(struct client *c, const struct protocol_message *message)
{
	struct wish *wish = c->awaited;

	if (wish == NULL || strcmp(message->name, wish->of->name) != 0)
		return -EPROTO;
	c->awaited = NULL;
	if (message->status != PROTOCOL_OK || message->generation != wish->of->generation)
		return 0;
	wish->of->holders += !wish->holds;
	wish->holds = true;
	return 0;
}

static int list(struct client *c, const struct protocol_message *message)
{
	if (!is_admitted(c, NULL))
		return refuse(c, PROTOCOL_NOT_ADMITTED, message->name);
	c->lists = true;
	c->to_list = c->publisher->names;
	return 0;
}

static int obey(struct client *c, const struct protocol_message *message)
{
	switch (message->kind) {
	case PROTOCOL_SUBSCRIBE:
		return subscribe(c, message);
	case PROTOCOL_TAKEN:
		return note_taken(c, message);
	case PROTOCOL_LIST:
		return list(c, message);
	default:
		return -EPROTO;
	}
}

/* A client has no descriptors to send. */
static int receive(struct client *c, struct protocol_message *ret)
{
	CLEANUP(delivery_dismiss) struct delivery delivery = { .fd = -1 };
	const struct socket_wait at_once = socket_no_wait(c->peer.socket, POLLIN);
	int err = publication_receive(&at_once, ret, &delivery);

	if (err == 0 && (delivery.count > 0 || delivery.flags & MSG_CTRUNC))
		return -EPROTO;
	return err;
}

/* Whoever breaks the rules is told so, and is not heard any more. */
void client_serve(struct client *c)
{
	struct protocol_message message = { 0 };
	int err = receive(c, &message);

	if (err == 0)
		err = obey(c, &message);
	if (err == -EPROTO) {
		c->leaves = true;
		(void)refuse(c, PROTOCOL_MISUSED, "");
	}
	if (err < 0 && err != -EPROTO && err != -EAGAIN)
		client_drop(c);
	else
		client_push(c);
}
