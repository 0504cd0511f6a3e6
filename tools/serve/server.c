/* SPDX-License-Identifier: MIT */

/*
 * The server: one thread, one wait, for signals, for the publisher and for files that change. Everything is loaded before
 * anybody can connect, so that a wrong file is an error of the start, and no client waits for the first generation. What
 * was stored at an earlier start is served at once, before a file is read.
 */

#include "tools/common/manager.h"
#include "tools/serve/listener.h"
#include "tools/serve/log.h"
#include "tools/serve/order.h"
#include "tools/serve/store.h"
#include "tools/serve/verification.h"
#include "tools/serve/watch.h"
#include "tools/common/clock.h"
#include "tools/common/stream.h"
#include "tools/common/text.h"
#include "include/sealmem.h"
#include "lib/util.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>

/* The least that a publisher allows a client by itself: no client has to choose among our names. */
#define NAMES_OF_CLIENT 64

struct server {
	struct serve_order *order;
	struct manager manager;
	struct listener listener;
	struct sealmem_publisher *publisher;
	struct watch watch;
	int signals;
	int stop;	    /* the signal that ends it, or 0 */
	bool reload;	    /* the files are to be read again */
	rlim_t descriptors; /* the soft limit that it was started with */
	time_t told;	    /* when the log last named somebody who was not admitted */
};

static void close_server(struct server *server)
{
	server->publisher = sealmem_publisher_free(server->publisher);
	listener_close(&server->listener);
	watch_end(&server->watch);
	manager_release(&server->manager);
	close_fd(server->signals);
}

static void tell(const struct server *server, const struct fact *fact)
{
	fact_print(fact, server->order->json);
}

/* Signals come through a descriptor. A log that nobody reads any more is no reason to exit. */
static enum exit_status take_signals(struct server *server)
{
	sigset_t set;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGCHLD, SIG_DFL);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	server->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (server->signals >= 0)
		return EXIT_NOT_YET;
	return complain("serve", EXIT_FAILED, "cannot wait for signals: %s", error_text(-errno));
}

/* Each client takes a descriptor, and nothing here is limited to small ones. */
static void raise_descriptors(struct server *server)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		server->descriptors = limit.rlim_cur;
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* A client that asks again and again does not fill the log. */
static int admit(const struct sealmem_peer *peer, const char *name, void *data)
{
	struct server *server = data;
	char text[128];
	time_t now = time(NULL);

	if (admission_admits(&server->order->admission, peer))
		return 0;
	if (now != server->told) {
		(void)snprintf(text, sizeof(text), "process %d of user %u is not admitted",
			       peer->pid, peer->uid);
		/* The name is theirs, and says nothing about what is served. */
		tell(server, &(struct fact){ .event = "refused", .text = text });
	}
	server->told = now;
	(void)name;
	return -EACCES;
}

static int set_limits(struct server *server)
{
	const struct serve_order *order = server->order;
	struct rlimit descriptors = { 0 };
	struct sealmem_publisher_limits limits = {
		.names_of_client =
			order->count > NAMES_OF_CLIENT ? (unsigned)order->count : NAMES_OF_CLIENT,
	};

	(void)getrlimit(RLIMIT_NOFILE, &descriptors);
	limits.clients = order->clients != 0 ? order->clients
			 : descriptors.rlim_cur < UINT32_MAX
				 ? (unsigned)(descriptors.rlim_cur / 4 * 3)
				 : UINT32_MAX;
	limits.clients_of_user =
		order->clients_of_user != 0 ? order->clients_of_user : limits.clients;
	return sealmem_publisher_set_limits(server->publisher, &limits);
}

static enum exit_status open_publisher(struct server *server)
{
	int err = sealmem_publisher_new(&server->publisher, server->listener.fd);

	if (err == 0)
		err = set_limits(server);
	if (err == 0)
		err = sealmem_publisher_set_admission(server->publisher, admit, server);
	if (err == 0)
		return EXIT_NOT_YET;
	return complain("serve", err == -EOPNOTSUPP ? EXIT_LACKING : EXIT_FAILED,
			"cannot serve: %s", sealmem_strerror(err));
}

static void note_signals(struct server *server)
{
	struct signalfd_siginfo got;

	while (sys_read(server->signals, (void *)&got, sizeof(got)) == (ssize_t)sizeof(got)) {
		if (got.ssi_signo == SIGHUP)
			server->reload = true;
		else
			server->stop = (int)got.ssi_signo;
	}
}

/* Waits until something happens, or `also` is readable, or the time is over, and does what is to be done for signals,
 * clients and changes. */
static enum exit_status turn(struct server *server, int also, int milliseconds)
{
	struct pollfd waited[] = {
		{ .fd = server->signals, .events = POLLIN },
		{ .fd = sealmem_publisher_fd(server->publisher), .events = POLLIN },
		{ .fd = server->watch.fd, .events = POLLIN },
		{ .fd = also, .events = POLLIN },
	};
	int err = 0;

	if (poll(waited, sizeof(waited) / sizeof(*waited), milliseconds) < 0 && errno != EINTR)
		return complain("serve", EXIT_FAILED, "cannot wait: %s", strerror(errno));
	if (waited[0].revents != 0)
		note_signals(server);
	if (waited[2].revents != 0)
		watch_note(&server->watch);
	if (waited[1].revents != 0 && server->publisher != NULL)
		err = sealmem_publisher_dispatch(server->publisher);
	if (err < 0)
		return complain("serve", EXIT_FAILED, "cannot serve: %s", sealmem_strerror(err));
	return EXIT_NOT_YET;
}

static bool is_readable(int fd)
{
	struct pollfd waited = { .fd = fd, .events = POLLIN };

	return poll(&waited, 1, 0) > 0;
}

/* Clients are served meanwhile. */
static enum exit_status await(struct server *server, const struct verification *verification,
			      struct refusal *why)
{
	int64_t end = clock_milliseconds() + (int64_t)server->order->verify_seconds * 1000;
	enum exit_status code = EXIT_NOT_YET;

	while (code == EXIT_NOT_YET && !is_readable(verification->ended)) {
		int64_t left = end - clock_milliseconds();

		if (server->stop != 0)
			return refuse(why, EXIT_FAILED, "a signal ended its verification");
		if (left <= 0)
			return refuse(why, EXIT_NO, "its verification took longer than %u seconds",
				      server->order->verify_seconds);
		code = turn(server, verification->ended, (int)left);
		if (code != EXIT_NOT_YET)
			return refuse(why, code, "its verification was not awaited");
	}
	return code;
}

static enum exit_status verify(struct server *server, const struct offer *offer,
			       const struct version *version, struct refusal *why)
{
	CLEANUP(verification_end) struct verification verification = VERIFICATION_NONE;
	enum exit_status code;
	int err;

	if (server->order->verify == NULL)
		return EXIT_NOT_YET;
	err = verification_start(&verification, server->order->verify, offer,
				 sealmem_region_fd(version->region),
				 (unsigned long)server->descriptors);
	if (err < 0)
		return refuse(why, EXIT_FAILED, "cannot verify it: %s", error_text(err));
	code = await(server, &verification, why);
	return code == EXIT_NOT_YET ? verification_judge(&verification, why) : code;
}

static int serve_meanwhile(void *data)
{
	struct server *server = data;

	return turn(server, -1, 0) != EXIT_NOT_YET || server->stop != 0;
}

static enum exit_status load(struct server *server, struct version *ret, const struct offer *offer,
			     struct refusal *why)
{
	const struct loading loading = { server->order->most, serve_meanwhile, server };

	return version_load(ret, offer, &loading, why);
}

static void keep(const struct server *server, const struct offer *offer, const char *event,
		 const char *why)
{
	tell(server, &(struct fact){ .event = event,
				     .name = offer->name,
				     .generation = offer->generation,
				     .text = why });
}

static int hand_out(struct server *server, struct offer *offer, const struct version *version,
		    uint64_t number)
{
	char label[sizeof(DIGEST_PREFIX) + DIGEST_TEXT_SIZE] = DIGEST_PREFIX;
	int err;

	digest_format(label + strlen(label), &version->digest);
	err = sealmem_publish_named(server->publisher, version->region, offer->name, label);
	if (err < 0)
		return err;
	offer->generation = number;
	offer->size = sealmem_region_size(version->region);
	offer->digest = version->digest;
	return 0;
}

/* The event says where the bytes come from. */
static int publish(struct server *server, struct offer *offer, const struct version *version,
		   const char *event)
{
	const struct manager *manager = &server->manager;
	uint64_t number = 0;
	int stored, err = sealmem_publisher_reserve(server->publisher, &number);

	if (err < 0)
		return err;
	stored = store_add(manager, offer, number, sealmem_region_fd(version->region));
	err = hand_out(server, offer, version, number);
	if (err < 0) {
		store_undo(manager, offer, number);
		return err;
	}
	tell(server, &(struct fact){ .event = event,
				     .name = offer->name,
				     .generation = offer->generation,
				     .size = offer->size,
				     .digest = &offer->digest });
	if (stored == 0)
		stored = store_settle(manager, offer, number);
	if (stored < 0)
		keep(server, offer, "unstored", error_text(stored));
	return 0;
}

/* The generation that others have stays, unless there is a better one. */
static void reload(struct server *server, struct offer *offer)
{
	CLEANUP(version_release) struct version version = { 0 };
	struct refusal why;
	enum exit_status code = load(server, &version, offer, &why);
	int err = 0;

	if (code == EXIT_NOT_YET && digest_equal(&version.digest, &offer->digest)) {
		keep(server, offer, "unchanged", NULL);
		return;
	}
	if (code == EXIT_NOT_YET)
		code = verify(server, offer, &version, &why);
	if (code == EXIT_NOT_YET)
		err = publish(server, offer, &version, "published");
	if (code != EXIT_NOT_YET || err < 0)
		keep(server, offer, "kept", err < 0 ? sealmem_strerror(err) : why.text);
}

/* The paths may lead elsewhere now. Before the files are read: what changes afterwards is then noticed. */
static int watch_again(struct server *server)
{
	const struct serve_order *order = server->order;

	return order->watch ? watch_begin(&server->watch, order->offers, order->count) : 0;
}

static void watch_on(struct server *server)
{
	int err = watch_again(server);

	if (err < 0)
		tell(server, &(struct fact){ .event = "unwatched", .text = error_text(err) });
}

static void tell_ready(const struct server *server)
{
	manager_tell(&server->manager, "READY=1\nSTATUS=Serving %zu names", server->order->count);
}

static void reload_all(struct server *server)
{
	server->reload = false;
	manager_tell_reloading(&server->manager);
	tell(server, &(struct fact){ .event = "reloading" });
	watch_on(server);
	for (size_t i = 0; i < server->order->count && server->stop == 0; i++)
		reload(server, &server->order->offers[i]);
	tell_ready(server);
}

static void free_flags(bool **flags)
{
	free(*flags);
}

static void reload_changed(struct server *server)
{
	size_t count = server->order->count;
	CLEANUP(free_flags) bool *changed = need(calloc(count, sizeof(*changed)));

	memcpy(changed, server->watch.changed, count * sizeof(*changed));
	memset(server->watch.changed, 0, count * sizeof(*changed));
	server->watch.due = 0;
	watch_on(server);
	for (size_t i = 0; i < count && server->stop == 0; i++)
		if (changed[i])
			reload(server, &server->order->offers[i]);
}

static void release_versions(struct version **versions)
{
	free(*versions);
}

static enum exit_status load_all(struct server *server, struct version *versions)
{
	const struct serve_order *order = server->order;

	for (size_t i = 0; i < order->count; i++) {
		struct refusal why;
		enum exit_status code;

		/* There is a good one already. */
		if (order->offers[i].generation != 0) {
			reload(server, &order->offers[i]);
			continue;
		}
		code = load(server, &versions[i], &order->offers[i], &why);
		if (code == EXIT_NOT_YET)
			code = verify(server, &order->offers[i], &versions[i], &why);
		if (code != EXIT_NOT_YET)
			return complain("serve", code, "%s: %s", order->offers[i].name, why.text);
	}
	return EXIT_NOT_YET;
}

static enum exit_status publish_all(struct server *server, const struct version *versions)
{
	for (size_t i = 0; i < server->order->count; i++) {
		struct offer *offer = &server->order->offers[i];
		int err = 0;

		if (versions[i].region != NULL)
			err = publish(server, offer, &versions[i], "published");
		if (err < 0)
			return complain("serve", EXIT_FAILED, "%s: cannot publish it: %s",
					offer->name, sealmem_strerror(err));
	}
	return EXIT_NOT_YET;
}

static enum exit_status bind_listener(struct server *server)
{
	const struct serve_order *order = server->order;
	char *usual = order->socket == NULL ? listener_usual_path() : NULL;
	const char *path = order->socket != NULL ? order->socket : usual;
	enum exit_status code;

	if (server->manager.socket >= 0 && order->socket != NULL)
		return complain("serve", EXIT_FAILED,
				"the manager of services has made a socket: do without --socket");
	if (server->manager.socket >= 0) {
		listener_adopt(&server->listener, server->manager.socket);
		free(usual);
		return EXIT_NOT_YET;
	}
	if (path == NULL)
		return complain_of_usage("serve", EXIT_FAILED,
					 "there is no $XDG_RUNTIME_DIR: use --socket");
	code = listener_bind(&server->listener, path, order->mode);
	free(usual);
	return code;
}

static void drop(const struct server *server, struct stored *stored, const char *why)
{
	/* The title comes from outside. */
	CLEANUP(free_text) char *title = escape_format(stored->title);

	tell(server, &(struct fact){ .event = "dropped", .name = title, .text = why });
	store_drop(stored);
}

/* The number counts as stored, so that the next generation replaces it. */
static void restore(struct server *server, struct offer *offer, struct stored *stored,
		    uint64_t number)
{
	CLEANUP(version_release) struct version version = { 0 };
	struct refusal why;
	enum exit_status code =
		version_accept(&version, offer, stored->fd, server->order->most, &why);
	int err = 0;

	if (code == EXIT_NOT_YET)
		code = verify(server, offer, &version, &why);
	if (code == EXIT_NO) {
		drop(server, stored, why.text);
		return;
	}
	offer->stored = number;
	if (code == EXIT_NOT_YET)
		err = publish(server, offer, &version, "restored");
	if (code != EXIT_NOT_YET || err < 0)
		keep(server, offer, "unrestored", err < 0 ? sealmem_strerror(err) : why.text);
	stored->fd = close_fd(stored->fd);
}

static bool is_offered(const struct serve_order *order, const struct stored *stored)
{
	uint64_t number;

	for (size_t i = 0; i < order->count; i++)
		if (store_is_of(stored, order->offers[i].name, &number))
			return true;
	return false;
}

/* The newest good one of each name, and nothing else. */
static void restore_all(struct server *server)
{
	const struct serve_order *order = server->order;
	struct manager *manager = &server->manager;
	struct stored *stored;
	uint64_t number = 0;

	for (size_t i = 0; i < order->count; i++)
		while (server->stop == 0 && order->offers[i].stored == 0 &&
		       (stored = store_newest(manager, order->offers[i].name, &number)) != NULL)
			restore(server, &order->offers[i], stored, number);
	for (size_t i = 0; i < manager->stored_count && server->stop == 0; i++)
		if (manager->stored[i].fd >= 0)
			drop(server, &manager->stored[i],
			     is_offered(order, &manager->stored[i])
				     ? "a newer one was stored too"
				     : "no name that is served was stored as this");
	store_clear(manager, order->offers, order->count);
}

/* Clients can connect from now on. They wait for the names that have no generation yet. */
static enum exit_status open_to_clients(struct server *server)
{
	const struct serve_order *order = server->order;
	enum exit_status code = listener_listen(&server->listener);
	int err;

	if (code == EXIT_NOT_YET)
		code = open_publisher(server);
	if (code != EXIT_NOT_YET)
		return code;
	err = sealmem_publisher_continue(server->publisher, store_greatest(&server->manager));
	for (size_t i = 0; i < order->count && err == 0; i++)
		err = sealmem_publisher_announce(server->publisher, order->offers[i].name);
	return err == 0 ? EXIT_NOT_YET
			: complain("serve", EXIT_FAILED, "cannot serve: %s", sealmem_strerror(err));
}

static enum exit_status start_with(struct server *server, struct version *versions)
{
	int err = watch_again(server);
	enum exit_status code = EXIT_NOT_YET;

	if (err < 0)
		return complain("serve", EXIT_FAILED, "cannot watch the files: %s",
				err == -ENOSPC ? "raise the sysctl fs.inotify.max_user_watches"
					       : error_text(err));
	if (server->manager.stored_count > 0)
		code = open_to_clients(server);
	if (code == EXIT_NOT_YET && server->manager.stored_count > 0)
		restore_all(server);
	if (code == EXIT_NOT_YET)
		code = load_all(server, versions);
	if (code == EXIT_NOT_YET && server->publisher == NULL)
		code = open_to_clients(server);
	return code == EXIT_NOT_YET ? publish_all(server, versions) : code;
}

/* A store that is full drops what comes, and does not say so: the generation before would go, and the next one not come. */
static void look_for_room(struct server *server)
{
	struct manager *manager = &server->manager;
	char text[160];

	if (manager->room == 0 || manager->room > server->order->count)
		return;
	(void)snprintf(text, sizeof(text),
		       "the manager stores %u descriptors, and %zu are needed: raise "
		       "FileDescriptorStoreMax=",
		       manager->room, server->order->count + 1);
	tell(server, &(struct fact){ .event = "unstored", .text = text });
	manager->room = 0;
}

static enum exit_status start(struct server *server)
{
	size_t count = server->order->count;
	CLEANUP(release_versions)
	struct version *versions = need(calloc(count, sizeof(*versions)));
	enum exit_status code = take_signals(server);

	if (code == EXIT_NOT_YET)
		code = manager_find(&server->manager, "serve");
	look_for_room(server);
	raise_descriptors(server);
	if (code == EXIT_NOT_YET)
		code = bind_listener(server);
	if (code == EXIT_NOT_YET)
		code = start_with(server, versions);
	for (size_t i = 0; i < count; i++)
		version_release(&versions[i]);
	return code;
}

static enum exit_status go_on(struct server *server)
{
	enum exit_status code = EXIT_NOT_YET;

	while (code == EXIT_NOT_YET && server->stop == 0) {
		code = turn(server, -1, watch_timeout(&server->watch));
		if (code == EXIT_NOT_YET && server->reload)
			reload_all(server);
		if (code == EXIT_NOT_YET && watch_timeout(&server->watch) == 0)
			reload_changed(server);
	}
	return code;
}

enum exit_status serve(struct serve_order *order)
{
	CLEANUP(close_server)
	struct server server = { .order = order,
				 .manager = MANAGER_NONE,
				 .listener = LISTENER_NONE,
				 .watch = WATCH_NONE,
				 .signals = -1 };
	enum exit_status code = start(&server);

	if (code != EXIT_NOT_YET)
		return code;
	tell(&server, &(struct fact){ .event = "ready",
				      .text = server.listener.path != NULL
						      ? server.listener.path
						      : "on the socket of the manager" });
	tell_ready(&server);
	code = go_on(&server);
	if (code != EXIT_NOT_YET)
		return code;
	manager_tell(&server.manager, "STOPPING=1");
	tell(&server, &(struct fact){ .event = "stopping", .text = strsignal(server.stop) });
	return EXIT_YES;
}
