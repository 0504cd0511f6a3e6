/* SPDX-License-Identifier: MIT */

/*
 * Publishers and subscriptions under faults. A publisher that meets a fault with one client goes on with the others, so
 * after each operation another client must get what there is. A subscription that meets one keeps what it has, and
 * gets what is newer by another connection.
 */

#include "tests/faults/published.h"

#include "tests/support/published.h"
#include "tests/support/support.h"

#include <string.h>

#define C SEALMEM_CONTENT

static int untouched;
#define NO_PUBLISHER	((struct sealmem_publisher *)(void *)&untouched)
#define NO_SUBSCRIPTION ((struct sealmem_subscription *)(void *)&untouched)

static const char dropped[] = "a client that cannot be served is dropped, and may come again";
static const char lost[] = "what is lost with the connection comes with another one";
static const char freeing[] = "freeing has no way to fail";

static struct sealmem_region *region_with(int byte, unsigned guarantees)
{
	struct sealmem_region *region = NULL;
	char bytes[100];

	memset(bytes, byte, sizeof(bytes));
	EXPECT(sealmem_region_new_from(&region, "faults", bytes, sizeof(bytes), guarantees) == 0);
	/* The library may have to open it again for that. */
	EXPECT(sealmem_region_fd(region) >= 0);
	return region;
}

/* Everything that is ready, and what the faults of an operation have put off for a while. */
static void dispatch_all(struct subject *s)
{
	for (int pause = 0; pause < 2; pause++) {
		while (is_ready_now(sealmem_publisher_fd(s->publisher)))
			EXPECT(sealmem_publisher_dispatch(s->publisher) == 0);
		if (pause == 0 && s->faults > 0)
			(void)usleep(120000);
	}
}

static int connected(const struct subject *s)
{
	int fd = connect_to(&s->place);

	EXPECT(fd >= 0);
	return fd;
}

/* A client, played by hand, that has subscribed and waits. */
static int subscribed_client(struct subject *s)
{
	int fd = connected(s);

	EXPECT(say(fd, SAYS_SUBSCRIBE, 0, "faults") == 0);
	return fd;
}

static void expect_generation(struct subject *s, int client)
{
	struct heard heard;

	dispatch_all(s);
	heard = hear(client);
	EXPECT(heard.size == MESSAGE_SIZE && heard.kind == SAYS_GENERATION && heard.fd >= 0);
	EXPECT(heard.generation == sealmem_publisher_generation(s->publisher, "faults"));
	EXPECT(close(heard.fd) == 0);
	EXPECT(close(client) == 0);
	dispatch_all(s);
}

static void expect_served(struct subject *s)
{
	expect_generation(s, subscribed_client(s));
}

static void end_publisher(struct subject *s)
{
	EXPECT(sealmem_publisher_free(s->publisher) == NULL);
	free_place(&s->place);
}

/* sealmem_publisher_new() */

static void prepare_place(struct subject *s)
{
	s->place = new_place();
	s->publisher = NO_PUBLISHER;
}

static int make_publisher(struct subject *s)
{
	return sealmem_publisher_new(&s->publisher, s->place.listening);
}

static void unchanged_place(struct subject *s)
{
	EXPECT(s->publisher == NO_PUBLISHER);
}

static void publish_now(struct subject *s, int byte)
{
	struct sealmem_region *region = region_with(byte, C);

	EXPECT(sealmem_publish(s->publisher, region) == 0);
	EXPECT(sealmem_region_free(region) == NULL);
}

static void done_publisher(struct subject *s)
{
	s->faults = 0;
	publish_now(s, 'a');
	expect_served(s);
	end_publisher(s);
}

/* sealmem_publish(): one client has what there is, and another one has not answered. */

static void prepare_publisher(struct subject *s)
{
	struct heard heard;

	prepare_place(s);
	EXPECT(make_publisher(s) == 0);
	publish_now(s, 'a');
	s->sockets[0] = subscribed_client(s);
	s->sockets[1] = subscribed_client(s);
	dispatch_all(s);
	heard = hear(s->sockets[0]);
	EXPECT(heard.fd >= 0 && close(heard.fd) == 0);
	EXPECT(say(s->sockets[0], SAYS_TAKEN, heard.generation, "faults") == 0);
	dispatch_all(s);
	s->region = region_with('b', C);
	s->generation = sealmem_publisher_generation(s->publisher, "faults");
}

static int publish_it(struct subject *s)
{
	return sealmem_publish(s->publisher, s->region);
}

static void unchanged_publisher(struct subject *s)
{
	EXPECT(sealmem_publisher_generation(s->publisher, "faults") == s->generation);
	EXPECT(!is_ready_now(s->sockets[0]));
	expect_served(s);
}

static void end_clients(struct subject *s)
{
	EXPECT(close(s->sockets[0]) == 0);
	EXPECT(close(s->sockets[1]) == 0);
	dispatch_all(s);
	EXPECT(sealmem_region_free(s->region) == NULL);
	end_publisher(s);
}

static void done_publishing(struct subject *s)
{
	EXPECT(sealmem_publisher_generation(s->publisher, "faults") > s->generation);
	if (s->faults == 0)
		EXPECT(hear_of(s->sockets[0], SAYS_GENERATION).generation > s->generation);
	expect_served(s);
	end_clients(s);
}

/* sealmem_publisher_dispatch(): a client connects, asks for a name, or asks for the list. */

static void prepare_connection(struct subject *s)
{
	prepare_publisher(s);
	s->waiting = subscribed_client(s);
}

static void prepare_client(struct subject *s)
{
	prepare_publisher(s);
	s->waiting = connected(s);
	dispatch_all(s);
	EXPECT(say(s->waiting, SAYS_SUBSCRIBE, 0, "faults") == 0);
}

static int dispatch_once(struct subject *s)
{
	return sealmem_publisher_dispatch(s->publisher);
}

static void unchanged_clients(struct subject *s)
{
	EXPECT(sealmem_publisher_generation(s->publisher, "faults") == s->generation);
	EXPECT(!is_ready_now(s->waiting));
}

static void done_serving(struct subject *s)
{
	if (s->faults == 0)
		expect_generation(s, s->waiting);
	else
		EXPECT(close(s->waiting) == 0);
	expect_served(s);
	end_clients(s);
}

static void prepare_lister(struct subject *s)
{
	prepare_publisher(s);
	s->waiting = connected(s);
	dispatch_all(s);
	EXPECT(say(s->waiting, SAYS_LIST, 0, "") == 0);
}

static void done_listing(struct subject *s)
{
	dispatch_all(s);
	if (s->faults == 0) {
		EXPECT(hear_of(s->waiting, SAYS_ENTRY).subscribers == 2);
		(void)hear_of(s->waiting, SAYS_END);
	}
	EXPECT(close(s->waiting) == 0);
	expect_served(s);
	end_clients(s);
}

/* Subscriptions; the publisher is played by hand. */

static void open_pair(struct subject *s)
{
	EXPECT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s->sockets) == 0);
}

static void send_next(struct subject *s)
{
	s->generation++;
	EXPECT(say_with(s->sockets[0], SAYS_GENERATION, 0, s->generation, "faults",
			sealmem_region_fd(s->region)) == 0);
}

static void close_pair(const struct subject *s)
{
	EXPECT(close(s->sockets[0]) == 0);
	EXPECT(close(s->sockets[1]) == 0);
}

static void prepare_pair(struct subject *s)
{
	open_pair(s);
	s->region = region_with('a', C);
	s->subscription = NO_SUBSCRIPTION;
	send_next(s);
}

static int subscribe_it(struct subject *s)
{
	return sealmem_subscribe(&s->subscription, s->sockets[1], "faults", 100,
				 s->operation->guarantees);
}

static void unchanged_pair(struct subject *s)
{
	EXPECT(s->subscription == NO_SUBSCRIPTION);
}

static void expect_reads(struct subject *s, int byte)
{
	const struct sealmem_region *region = sealmem_subscription_acquire(s->subscription);
	const char *data = sealmem_region_data(region);

	EXPECT(sealmem_region_size(region) == 100 && data[0] == byte && data[99] == byte);
	EXPECT((sealmem_region_guarantees(region) & s->operation->guarantees) ==
	       s->operation->guarantees);
	sealmem_subscription_release(s->subscription, region);
}

static void end_subscription(struct subject *s)
{
	EXPECT(sealmem_subscription_free(s->subscription) == NULL);
	close_pair(s);
	EXPECT(sealmem_region_free(s->region) == NULL);
}

static void done_subscribing(struct subject *s)
{
	expect_reads(s, 'a');
	end_subscription(s);
}

static void subscribe_again(struct subject *s)
{
	close_pair(s);
	open_pair(s);
	send_next(s);
	EXPECT(subscribe_it(s) == 0);
	done_subscribing(s);
}

static void prepare_subscription(struct subject *s)
{
	prepare_pair(s);
	s->result = subscribe_it(s);
	if (s->result < 0)
		return;
	EXPECT(hear_of(s->sockets[0], SAYS_SUBSCRIBE).size > 0);
	EXPECT(hear_of(s->sockets[0], SAYS_TAKEN).size > 0);
	EXPECT(sealmem_region_free(s->region) == NULL);
	s->region = region_with('b', C);
}

static void prepare_update(struct subject *s)
{
	prepare_subscription(s);
	if (s->result == 0)
		send_next(s);
}

static int update_it(struct subject *s)
{
	int err = sealmem_subscription_update(s->subscription);

	return err < 0 ? err : 0;
}

static void unchanged_subscription(struct subject *s)
{
	expect_reads(s, 'a');
}

static int reconnect_it(struct subject *s)
{
	return sealmem_subscription_reconnect(s->subscription, s->sockets[1]);
}

/* Over another connection the next generation comes in any case. */
static void update_over_another(struct subject *s)
{
	close_pair(s);
	open_pair(s);
	EXPECT(reconnect_it(s) == 0);
	EXPECT(hear_of(s->sockets[0], SAYS_SUBSCRIBE).generation ==
	       sealmem_subscription_generation(s->subscription));
	send_next(s);
	EXPECT(sealmem_subscription_update(s->subscription) == 1);
	expect_reads(s, 'b');
	end_subscription(s);
}

static void done_updating(struct subject *s)
{
	if (s->faults == 0) {
		expect_reads(s, 'b');
		EXPECT(hear_of(s->sockets[0], SAYS_TAKEN).status == 0);
		EXPECT(sealmem_subscription_update(s->subscription) == 0);
	}
	update_over_another(s);
}

static void done_reconnecting(struct subject *s)
{
	if (s->faults == 0)
		EXPECT(hear_of(s->sockets[0], SAYS_SUBSCRIBE).generation == s->generation);
	update_over_another(s);
}

/* The last reader of an older generation leaves it. */

static void prepare_readers(struct subject *s)
{
	prepare_update(s);
	if (s->result < 0)
		return;
	s->read = sealmem_subscription_acquire(s->subscription);
	EXPECT(update_it(s) == 0);
}

static int release_it(struct subject *s)
{
	sealmem_subscription_release(s->subscription, s->read);
	return 0;
}

static void nothing(struct subject *s)
{
	(void)s;
}

static void done_releasing(struct subject *s)
{
	expect_reads(s, 'b');
	end_subscription(s);
}

/* sealmem_list_published() */

static void prepare_list(struct subject *s)
{
	open_pair(s);
	EXPECT(say(s->sockets[0], SAYS_ENTRY, 1, "faults") == 0);
	EXPECT(say(s->sockets[0], SAYS_END, 0, "") == 0);
}

static int count_entry(const struct sealmem_published *published, void *data)
{
	EXPECT(strcmp(published->name, "faults") == 0);
	++*(unsigned *)data;
	return 0;
}

static int list_it(struct subject *s)
{
	unsigned count = 0;
	int err = sealmem_list_published(s->sockets[1], count_entry, &count);

	EXPECT(err < 0 || count == 1);
	return err;
}

static void list_again(struct subject *s)
{
	close_pair(s);
	prepare_list(s);
	EXPECT(list_it(s) == 0);
	close_pair(s);
}

static void done_list(struct subject *s)
{
	close_pair(s);
}

#define TAKING                                                                                     \
 EINVAL, EOPNOTSUPP, EAGAIN, EFBIG, EMFILE, ENFILE, ENOMEM, EBUSY, EPERM, ENODEV, ENODATA,         \
	 ECONNRESET, EPROTO

static const struct function new_function = { "sealmem_publisher_new",
					      { EINVAL, EAFNOSUPPORT, EPROTOTYPE, ENOTSOCK, EBADF,
						EMFILE, ENFILE, ENOMEM, EOPNOTSUPP } },
			     publish_function = { "sealmem_publish",
						  { EINVAL, EPERM, EOPNOTSUPP, ERANGE, ESTALE,
						    EBUSY, EMFILE, ENFILE, ENOMEM } },
			     dispatch_function = { "sealmem_publisher_dispatch",
						   { EINVAL, ESTALE, EBUSY } },
			     subscribe_function = { "sealmem_subscribe",
						    { TAKING, ENOENT, EACCES, EUSERS, EPIPE } },
			     update_function = { "sealmem_subscription_update",
						 { TAKING, ERANGE, ESTALE, EPIPE } },
			     reconnect_function = { "sealmem_subscription_reconnect",
						    { EINVAL, ESTALE, EBUSY, EAFNOSUPPORT,
						      EPROTOTYPE, ENOTSOCK, EMFILE } },
			     release_function = { "sealmem_subscription_release", { 0 } },
			     list_function = { "sealmem_list_published",
					       { EINVAL, EAFNOSUPPORT, EPROTOTYPE, ENOTSOCK, EBADF,
						 EACCES, EUSERS, ECONNRESET, EPROTO, EAGAIN } };

const struct kind publisher_new = { .name = "publisher_new",
				    .function = &new_function,
				    .prepare = prepare_place,
				    .act = make_publisher,
				    .unchanged = unchanged_place,
				    .done = done_publisher,
				    .other_way = "what clients must not send is closed instead" };
const struct kind publish_region = { .name = "publish_region",
				     .function = &publish_function,
				     .prepare = prepare_publisher,
				     .act = publish_it,
				     .unchanged = unchanged_publisher,
				     .done = done_publishing,
				     .other_way = dropped };
const struct kind accept_client = { .name = "accept_client",
				    .function = &dispatch_function,
				    .prepare = prepare_connection,
				    .act = dispatch_once,
				    .unchanged = unchanged_clients,
				    .done = done_serving,
				    .other_way = dropped };
const struct kind serve_client = { .name = "serve_client",
				   .function = &dispatch_function,
				   .prepare = prepare_client,
				   .act = dispatch_once,
				   .unchanged = unchanged_clients,
				   .done = done_serving,
				   .other_way = dropped };
const struct kind serve_list = { .name = "serve_list",
				 .function = &dispatch_function,
				 .prepare = prepare_lister,
				 .act = dispatch_once,
				 .unchanged = unchanged_clients,
				 .done = done_listing,
				 .other_way = dropped };
const struct kind subscribe = { .name = "subscribe",
				.function = &subscribe_function,
				.prepare = prepare_pair,
				.act = subscribe_it,
				.unchanged = unchanged_pair,
				.done = done_subscribing,
				.after = subscribe_again,
				.other_way = lost,
				.foreign = true };
const struct kind subscription_update = { .name = "subscription_update",
					  .function = &update_function,
					  .prepare = prepare_update,
					  .act = update_it,
					  .unchanged = unchanged_subscription,
					  .done = done_updating,
					  .after = update_over_another,
					  .other_way = lost,
					  .foreign = true };
const struct kind subscription_reconnect = { .name = "subscription_reconnect",
					     .function = &reconnect_function,
					     .prepare = prepare_subscription,
					     .act = reconnect_it,
					     .unchanged = unchanged_subscription,
					     .done = done_reconnecting,
					     .after = update_over_another };
const struct kind subscription_release = { .name = "subscription_release",
					   .function = &release_function,
					   .prepare = prepare_readers,
					   .act = release_it,
					   .unchanged = nothing,
					   .done = done_releasing,
					   .never_fails = freeing };
const struct kind list_published = { .name = "list_published",
				     .function = &list_function,
				     .prepare = prepare_list,
				     .act = list_it,
				     .unchanged = nothing,
				     .done = done_list,
				     .after = list_again };
