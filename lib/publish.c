/* SPDX-License-Identifier: MIT */

/*
 * The writing end of published memory: one object, one thread, no wait. The caller polls one descriptor, an epoll(7) that
 * has the listening socket, the clients and a timer, and calls sealmem_publisher_dispatch() when it is ready.
 *
 * No client is trusted, and none is waited for. Whatever a client does, it costs its descriptor, a structure, a wish for
 * each name, one descriptor on its way, and the time of one message in turn with the others.
 */

#include "lib/publish-internal.h"

#include "lib/memfd.h"
#include "lib/reason.h"
#include "lib/util.h"

#include <stdlib.h>
#include <sys/resource.h>

/* So many are served, or accepted, before others have their turn. */
#define TURN 64

/* How long a shortage of descriptors or memory is given to pass. */
#define PAUSE INT64_C(100000000)

#define NAMES_OF_CLIENT 64

static int check_listening(int socket)
{
	int listens = 0, flags, err = publication_check_socket(socket);

	if (err == 0)
		err = not_given(sys_socket_option(socket, SO_ACCEPTCONN, &listens));
	if (err < 0)
		return err;
	if (!listens)
		return fail_for(REASON_NOT_LISTENING);
	flags = sys_fcntl(socket, F_GETFL, 0);
	if (flags < 0 || flags & O_NONBLOCK)
		return not_given(flags < 0 ? flags : 0);
	return not_given(sys_fcntl(socket, F_SETFL, flags | O_NONBLOCK));
}

/* Most of the descriptors of the process, so that no number of clients takes them all. */
static struct sealmem_publisher_limits default_limits(void)
{
	uint64_t descriptors = 0;
	unsigned clients = 1024 / 4 * 3;

	if (sys_limit(RLIMIT_NOFILE, &descriptors) == 0 && descriptors >= 4)
		clients = descriptors / 4 < UINT32_MAX / 4 ? (unsigned)(descriptors / 4 * 3)
							   : UINT32_MAX;
	return (struct sealmem_publisher_limits){ clients, clients, NAMES_OF_CLIENT };
}

static struct sealmem_publisher *allocate(int socket)
{
	struct sealmem_publisher *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->epoll = -1;
	p->timer = -1;
	p->listening = socket;
	p->owner = process_this();
	p->limits = default_limits();
	return p;
}

static int watch(struct sealmem_publisher *p)
{
	int err;

	p->epoll = sys_epoll_new();
	if (p->epoll < 0)
		return not_given(p->epoll);
	p->timer = sys_timer_new();
	err = p->timer;
	if (err >= 0)
		err = sys_epoll_set(p->epoll, EPOLL_CTL_ADD, p->timer, EPOLLIN, &p->timer);
	if (err >= 0)
		err = sys_epoll_set(p->epoll, EPOLL_CTL_ADD, p->listening, EPOLLIN, p);
	return not_given(err < 0 ? err : 0);
}

static void free_at(struct sealmem_publisher **p)
{
	(void)sealmem_publisher_free(*p);
}

EXPORT int sealmem_publisher_new(struct sealmem_publisher **ret, int listening_socket)
{
	CLEANUP(free_at) struct sealmem_publisher *p = NULL;
	int err;

	reason_forget();
	err = ret != NULL ? check_listening(listening_socket) : fail_for(REASON_NO_RESULT);
	if (err < 0)
		return err;
	p = allocate(listening_socket);
	if (p == NULL)
		return -ENOMEM;
	err = watch(p);
	if (err < 0)
		return err;
	/* Where the kernel can, it keeps the descriptors away that clients send; others are closed as they come. */
	(void)sys_refuse_descriptors(listening_socket);
	*ret = p;
	p = NULL;
	return 0;
}

static int begin(struct sealmem_publisher *p)
{
	reason_forget();
	if (p == NULL)
		return fail_for(REASON_NO_PUBLISHER);
	return in_use_begin(&p->in_use, &p->owner);
}

/* Later than any that came before, of this publisher and, as far as the clock goes on, of those before it. */
static int choose_number(const struct sealmem_publisher *p, uint64_t *ret)
{
	int64_t now = 0;
	int err = 0;

	*ret = p->reserved;
	if (p->reserved > p->last)
		return 0;
	err = sys_time_of_day(&now);
	if (err < 0)
		return not_given(err);
	if (p->last == UINT64_MAX)
		return fail_for(REASON_NUMBERS_USED_UP);
	*ret = now > 0 && (uint64_t)now > p->last ? (uint64_t)now : p->last + 1;
	return 0;
}

/* Nothing fails any more. */
static void replace(struct served *served, uint64_t number, size_t size, int *fd, const char *label)
{
	struct wish *wish, *next;

	(void)close_fd(served->fd);
	served->fd = take_fd(fd);
	served->generation = number;
	served->size = size;
	served->holders = 0;
	protocol_put_text(served->label, sizeof(served->label), label);
	for (wish = served->wishes; wish != NULL; wish = next) {
		/* A client that has left goes, with its wishes: one for each name. */
		next = wish->next_of_name;
		wish->holds = false;
		client_push(wish->client);
	}
}

static int publish(struct sealmem_publisher *p, const struct sealmem_region *r, const char *name,
		   const char *label)
{
	CLEANUP(close_fd_at) int own = -1;
	struct served *served;
	uint64_t number = 0;
	int fd = sealmem_region_fd(r), err;

	err = fd < 0 ? fd : choose_number(p, &number);
	if (err < 0)
		return err;
	own = not_given(sys_fcntl(fd, F_DUPFD_CLOEXEC, 0));
	if (own < 0)
		return own;
	served = served_add(p, name);
	if (served == NULL)
		return -ENOMEM;
	p->last = number;
	replace(served, number, sealmem_region_size(r), &own, label);
	return 0;
}

EXPORT int sealmem_publish_labelled(struct sealmem_publisher *p, const struct sealmem_region *r,
				    const char *label)
{
	int err = begin(p);

	if (err < 0)
		return err;
	err = protocol_check_label(label);
	if (err == 0)
		err = publish(p, r, sealmem_region_name(r), label);
	in_use_end(&p->in_use);
	return err;
}

EXPORT int sealmem_publish_named(struct sealmem_publisher *p, const struct sealmem_region *r,
				 const char *name, const char *label)
{
	int err = begin(p);

	if (err < 0)
		return err;
	err = memfd_check_name(name);
	if (err == 0)
		err = protocol_check_label(label);
	if (err == 0)
		err = publish(p, r, name, label);
	in_use_end(&p->in_use);
	return err;
}

EXPORT int sealmem_publish(struct sealmem_publisher *p, const struct sealmem_region *r)
{
	return sealmem_publish_labelled(p, r, "");
}

EXPORT int sealmem_publisher_announce(struct sealmem_publisher *p, const char *name)
{
	int err = begin(p);

	if (err < 0)
		return err;
	err = memfd_check_name(name);
	if (err == 0 && served_add(p, name) == NULL)
		err = -ENOMEM;
	in_use_end(&p->in_use);
	return err;
}

EXPORT int sealmem_publisher_continue(struct sealmem_publisher *p, uint64_t generation)
{
	int err = begin(p);

	if (err < 0)
		return err;
	if (generation > p->last)
		p->last = generation;
	in_use_end(&p->in_use);
	return 0;
}

EXPORT int sealmem_publisher_reserve(struct sealmem_publisher *p, uint64_t *ret)
{
	uint64_t number = 0;
	int err = begin(p);

	if (err < 0)
		return err;
	err = ret != NULL ? choose_number(p, &number) : fail_for(REASON_NO_RESULT);
	if (err == 0)
		*ret = p->reserved = number;
	in_use_end(&p->in_use);
	return err;
}

EXPORT int sealmem_publisher_set_admission(struct sealmem_publisher *p,
					   int (*admit)(const struct sealmem_peer *peer,
							const char *name, void *data),
					   void *data)
{
	int err = begin(p);

	if (err < 0)
		return err;
	p->admit = admit;
	p->data = data;
	in_use_end(&p->in_use);
	return 0;
}

EXPORT int sealmem_publisher_set_limits(struct sealmem_publisher *p,
					const struct sealmem_publisher_limits *limits)
{
	int err = begin(p);

	if (err < 0)
		return err;
	if (limits == NULL || limits->clients == 0 || limits->clients_of_user == 0 ||
	    limits->names_of_client == 0)
		err = fail_for(REASON_NO_LIMITS);
	else
		p->limits = *limits;
	in_use_end(&p->in_use);
	return err;
}

EXPORT uint64_t sealmem_publisher_generation(const struct sealmem_publisher *p, const char *name)
{
	const struct served *served;

	if (p == NULL || name == NULL)
		return p != NULL ? p->last : 0;
	served = served_find(p, name);
	return served != NULL ? served->generation : 0;
}

EXPORT int sealmem_publisher_fd(const struct sealmem_publisher *p)
{
	reason_forget();
	return p != NULL ? p->epoll : fail_for(REASON_NO_PUBLISHER);
}

/* One that is running goes on: else those who come again and again would put it off. */
int publisher_pause(struct sealmem_publisher *p)
{
	int err = p->paused ? 0 : sys_timer_set(p->timer, PAUSE);

	p->paused = err == 0;
	return err;
}

static int listen_again(struct sealmem_publisher *p)
{
	int err = p->deaf ? sys_epoll_set(p->epoll, EPOLL_CTL_MOD, p->listening, EPOLLIN, p) : 0;

	p->deaf = err < 0;
	return err;
}

/* Those who wait to connect make the listening socket ready all the time, so nobody looks at it for a while. */
static void stop_listening(struct sealmem_publisher *p)
{
	if (publisher_pause(p) == 0)
		p->deaf = sys_epoll_set(p->epoll, EPOLL_CTL_MOD, p->listening, 0, p) == 0;
}

static bool is_shortage(int err)
{
	return err == -EMFILE || err == -ENFILE || err == -ENOMEM || err == -ENOBUFS;
}

/* 1 if there may be more. What went wrong with one connection says nothing about the next. */
static int accept_one(struct sealmem_publisher *p)
{
	int connection = sys_accept(p->listening);

	if (connection >= 0) {
		client_new(p, connection);
		return 1;
	}
	if (is_shortage(connection))
		stop_listening(p);
	if (is_shortage(connection) || connection == -EAGAIN)
		return 0;
	return connection == -ECONNABORTED || connection == -EINTR ? 1 : not_given(connection);
}

/* What goes wrong after the first one comes again. */
static int accept_some(struct sealmem_publisher *p)
{
	int err = accept_one(p);

	for (int more = err, i = 1; i < TURN && more > 0; i++)
		more = accept_one(p);
	return err < 0 ? err : 0;
}

/* A shortage may have passed. */
static int resume(struct sealmem_publisher *p)
{
	struct client *c, *next;

	(void)sys_timer_set(p->timer, 0);
	p->paused = false;
	for (c = p->clients; c != NULL; c = next) {
		next = c->next;
		if (c->stalled)
			client_push(c);
	}
	return listen_again(p) < 0 ? publisher_pause(p) : 0;
}

static void handle_client(struct client *c, uint32_t events)
{
	if (c->gone)
		return;
	if (events & EPOLLIN)
		client_serve(c);
	else if (events & (EPOLLERR | EPOLLHUP))
		client_drop(c);
	else
		client_push(c);
}

static int handle(struct sealmem_publisher *p, const struct epoll_event *event)
{
	void *of = event->data.ptr;

	if (of == p)
		return accept_some(p);
	handle_client(of, event->events);
	return 0;
}

static int dispatch(struct sealmem_publisher *p)
{
	struct epoll_event events[TURN];
	int count = sys_epoll_ready(p->epoll, events, TURN), err = 0;
	bool due = false;

	if (count == -EINTR)
		return 0;
	if (count < 0)
		return not_given(count);
	/* An event can be the end of its own client. The timer can be that of others, so it comes last. */
	for (int i = 0; i < count && err == 0; i++) {
		due = due || events[i].data.ptr == &p->timer;
		if (events[i].data.ptr != &p->timer)
			err = handle(p, &events[i]);
	}
	return err == 0 && due ? resume(p) : err;
}

EXPORT int sealmem_publisher_dispatch(struct sealmem_publisher *p)
{
	int err = begin(p);

	if (err < 0)
		return err;
	err = dispatch(p);
	in_use_end(&p->in_use);
	return err;
}

static void free_clients(struct sealmem_publisher *p)
{
	struct client *c, *next;

	while (p->clients != NULL)
		client_drop(p->clients);
	for (c = p->gone; c != NULL; c = next) {
		next = c->next;
		free(c);
	}
}

EXPORT struct sealmem_publisher *sealmem_publisher_free(struct sealmem_publisher *p)
{
	/* A process that shares the memory would take it from the other one. */
	if (p == NULL || (process_has_memory_of(&p->owner) && !process_is(&p->owner)))
		return NULL;
	free_clients(p);
	served_free(p);
	(void)close_fd(p->timer);
	(void)close_fd(p->epoll);
	free(p);
	return NULL;
}
