/* SPDX-License-Identifier: MIT */

/*
 * The reading end of published memory. One thread takes what the publisher sends, others read it: their part is in
 * generations.h, and takes neither a lock nor a system call. The publisher is not trusted. It can send anything at any
 * time, or nothing, and a message is taken whole or not at all.
 *
 * The publisher sends a generation only when the one before has been answered. So each one that arrives is answered,
 * whether it is taken or refused, and no more than one descriptor waits in the socket.
 */

#include "lib/accept.h"
#include "lib/generations.h"
#include "lib/memfd.h"
#include "lib/process.h"
#include "lib/protocol.h"
#include "lib/publication.h"
#include "lib/reason.h"
#include "lib/socket.h"
#include "lib/util.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

struct sealmem_subscription {
	struct generations generations;
	unsigned guarantees;
	int socket;
	int lost;    /* 0, or the negative errno with which the publisher was lost */
	bool missed; /* a generation that is to be asked for again */
	size_t limit;
	struct process owner;
	struct in_use in_use; /* by a function that is not for readers */
	char name[PROTOCOL_NAME];
};

static int check_demand(unsigned guarantees)
{
	int err = accept_check_demand(guarantees & ~SEALMEM_ADDRESS);

	return err == 0 && guarantees & SEALMEM_ADDRESS ? fail_for(REASON_KEPT_ADDRESS) : err;
}

static int send_to_publisher(const struct sealmem_subscription *s, const struct socket_wait *wait,
			     uint32_t kind, uint32_t status, uint64_t generation)
{
	struct protocol_message message = { .kind = kind,
					    .status = status,
					    .generation = generation };

	memcpy(message.name, s->name, sizeof(message.name));
	return publication_send(wait, &message, -1);
}

/* A refusal without a name is about the connection. */
static bool is_for(const struct sealmem_subscription *s, const struct protocol_message *message)
{
	if (message->kind == PROTOCOL_REFUSED && message->name[0] == '\0')
		return true;
	return strcmp(message->name, s->name) == 0;
}

/* What is no answer to what was asked, or is not newer, breaks the rules. */
static int check_message(const struct sealmem_subscription *s,
			 const struct protocol_message *message, const struct delivery *delivery)
{
	size_t expected = message->kind == PROTOCOL_GENERATION;

	if (!is_for(s, message))
		return fail_for(REASON_PROTOCOL);
	if (delivery->flags & MSG_CTRUNC && delivery->count == 0 && expected == 1)
		return fail_for(REASON_LOST);
	if (delivery->flags & MSG_CTRUNC || delivery->count != expected)
		return fail_for(REASON_PROTOCOL);
	if (message->kind == PROTOCOL_REFUSED)
		return protocol_error(message->status);
	if (message->kind != PROTOCOL_GENERATION ||
	    message->generation <= atomic_load(&s->generations.number))
		return fail_for(REASON_PROTOCOL);
	return 0;
}

static int take_region(struct sealmem_subscription *s, const struct protocol_message *message,
		       struct delivery *delivery)
{
	struct sealmem_region *region = NULL;
	int err = generations_reserve(&s->generations);

	if (err == 0)
		err = accept_named(&region, &delivery->fd, s->name, s->limit, s->guarantees);
	if (err == 0)
		generations_replace(&s->generations, region, message->generation);
	return err;
}

/* An answer that finds no room comes from a publisher that reads none. */
static int answer(struct sealmem_subscription *s, const struct protocol_message *message, int taken)
{
	const struct socket_wait at_once = socket_no_wait(s->socket, POLLOUT);
	REASON_KEPT kept = reason_keep();

	return send_to_publisher(s, &at_once, PROTOCOL_TAKEN, taken < 0, message->generation);
}

/* The publisher cannot be used any more. */
static int lose(struct sealmem_subscription *s, int err)
{
	s->lost = err;
	(void)sys_shutdown(s->socket);
	return err;
}

/* What is lacking now may be there later. */
static bool is_passing(int err)
{
	static const int shortages[] = { -EMFILE, -ENFILE, -ENOMEM, -EAGAIN, -EBUSY };

	for (size_t i = 0; i < sizeof(shortages) / sizeof(*shortages); i++)
		if (err == shortages[i])
			return true;
	return false;
}

static int take(struct sealmem_subscription *s, const struct protocol_message *message,
		struct delivery *delivery)
{
	int err = check_message(s, message, delivery), answered;

	if (err < 0 && err != -EMFILE)
		return lose(s, err);
	if (err == 0)
		err = take_region(s, message, delivery);
	s->missed = is_passing(err);
	answered = answer(s, message, err);
	if (answered < 0)
		(void)lose(s, answered);
	return err < 0 ? err : 1;
}

static int receive(struct sealmem_subscription *s, const struct socket_wait *wait)
{
	CLEANUP(delivery_dismiss) struct delivery delivery = { .fd = -1 };
	struct protocol_message message;
	int err = publication_receive(wait, &message, &delivery);

	if (err == -ECONNRESET || err == -EPROTO)
		return lose(s, err);
	return err < 0 ? err : take(s, &message, &delivery);
}

/* Asks for what is newer than what there is. */
static int ask(const struct sealmem_subscription *s, const struct socket_wait *wait)
{
	return send_to_publisher(s, wait, PROTOCOL_SUBSCRIBE, PROTOCOL_OK,
				 atomic_load(&s->generations.number));
}

static int ask_and_wait(const struct sealmem_subscription *s)
{
	struct socket_wait wait;
	int err = socket_begin_wait(&wait, s->socket, POLLOUT);

	return err < 0 ? err : ask(s, &wait);
}

static int wait_for_first(struct sealmem_subscription *s)
{
	struct socket_wait wait;
	int err = publication_begin_answer(&wait, s->socket, ask_and_wait(s));

	if (err == 0)
		err = receive(s, &wait);
	return err < 0 ? err : s->lost;
}

static void free_at(struct sealmem_subscription **s)
{
	(void)sealmem_subscription_free(*s);
}

static struct sealmem_subscription *allocate(const char *name, size_t limit, unsigned guarantees)
{
	struct sealmem_subscription *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	generations_begin(&s->generations);
	s->guarantees = guarantees;
	s->socket = -1;
	s->limit = limit;
	s->owner = process_this();
	protocol_put_text(s->name, sizeof(s->name), name);
	return s;
}

static int check_arguments(const void *ret, int socket, const char *name, unsigned guarantees)
{
	int err = ret != NULL ? check_demand(guarantees) : fail_for(REASON_NO_RESULT);

	if (err == 0)
		err = memfd_check_name(name);
	return err == 0 ? publication_check_socket(socket) : err;
}

EXPORT int sealmem_subscribe(struct sealmem_subscription **ret, int socket, const char *name,
			     size_t limit, unsigned guarantees)
{
	CLEANUP(free_at) struct sealmem_subscription *s = NULL;
	int err;

	reason_forget();
	err = check_arguments(ret, socket, name, guarantees);
	if (err < 0)
		return err;
	s = allocate(name, limit, guarantees);
	if (s == NULL)
		return -ENOMEM;
	s->socket = not_given(sys_fcntl(socket, F_DUPFD_CLOEXEC, 0));
	err = s->socket < 0 ? s->socket : wait_for_first(s);
	if (err < 0)
		return err;
	*ret = s;
	s = NULL;
	return 0;
}

/* The other end of the socket of a parent is the parent's. */
static int begin(struct sealmem_subscription *s)
{
	reason_forget();
	if (s == NULL)
		return fail_for(REASON_NO_SUBSCRIPTION);
	return in_use_begin(&s->in_use, &s->owner);
}

static int connect_again(struct sealmem_subscription *s, int socket)
{
	CLEANUP(close_fd_at) int old = -1;
	int own = not_given(sys_fcntl(socket, F_DUPFD_CLOEXEC, 0)), err;

	if (own < 0)
		return own;
	old = s->socket;
	s->socket = own;
	err = ask_and_wait(s);
	if (err == 0) {
		s->lost = 0;
		s->missed = false;
		return 0;
	}
	s->socket = old;
	old = own;
	return err;
}

EXPORT int sealmem_subscription_reconnect(struct sealmem_subscription *s, int socket)
{
	int err = begin(s);

	if (err < 0)
		return err;
	err = publication_check_socket(socket);
	if (err == 0)
		err = connect_again(s, socket);
	in_use_end(&s->in_use);
	return err;
}

/* A generation that could not be taken for a passing reason is asked for again. */
static int ask_for_missed(struct sealmem_subscription *s)
{
	const struct socket_wait at_once = socket_no_wait(s->socket, POLLOUT);
	int err = s->missed ? ask(s, &at_once) : 0;

	if (err == 0)
		s->missed = false;
	return err;
}

static int update(struct sealmem_subscription *s)
{
	const struct socket_wait at_once = socket_no_wait(s->socket, POLLIN);
	int err = s->lost < 0 ? s->lost : ask_for_missed(s);

	if (err == 0)
		err = receive(s, &at_once);
	return err == -EAGAIN && !s->missed ? 0 : err;
}

EXPORT int sealmem_subscription_update(struct sealmem_subscription *s)
{
	int err = begin(s);

	if (err < 0)
		return err;
	err = update(s);
	in_use_end(&s->in_use);
	return err;
}

EXPORT int sealmem_subscription_fd(const struct sealmem_subscription *s)
{
	reason_forget();
	return s != NULL ? s->socket : fail_for(REASON_NO_SUBSCRIPTION);
}

EXPORT uint64_t sealmem_subscription_generation(const struct sealmem_subscription *s)
{
	return s != NULL ? atomic_load(&s->generations.number) : 0;
}

/* A child has no copy of what NOFORK keeps from it. */
static bool is_inherited(const struct sealmem_subscription *s)
{
	return !(s->guarantees & SEALMEM_NOFORK) || process_has_memory_of(&s->owner);
}

EXPORT const struct sealmem_region *sealmem_subscription_acquire(struct sealmem_subscription *s)
{
	return s != NULL && is_inherited(s) ? generations_acquire(&s->generations) : NULL;
}

EXPORT void sealmem_subscription_release(struct sealmem_subscription *s,
					 const struct sealmem_region *r)
{
	if (s != NULL && r != NULL)
		generations_release(&s->generations, r);
}

EXPORT struct sealmem_subscription *sealmem_subscription_free(struct sealmem_subscription *s)
{
	/* A process that shares the memory would take it from the other one. */
	if (s == NULL || (process_has_memory_of(&s->owner) && !process_is(&s->owner)))
		return NULL;
	generations_end(&s->generations);
	(void)close_fd(s->socket);
	free(s);
	return NULL;
}
