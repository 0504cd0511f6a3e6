/* SPDX-License-Identifier: MIT */

/*
 * Follows what another process serves, while a program runs with it. A generation comes in place of the one before at the
 * same number: dup3(2) replaces a descriptor in one step, so whoever opens its path in /proc gets the old bytes or the new
 * ones. A publisher that has gone leaves what is there, and is looked for until it is back.
 */

#include "tools/run/follow.h"

#include "tools/common/socket-path.h"
#include "include/sealmem.h"
#include "lib/util.h"

#include <string.h>
#include <sys/socket.h>

#define LEAST_PAUSE 100
#define MOST_PAUSE  30000

/* Something was lacking in this process or in the system. */
#define PAUSE_OF_SHORTAGE 1000

/* A publisher that was there for so long and goes is worth a line again. */
#define CALM 60000

struct follower follower_of(struct secret *secret, const struct secret_terms *terms)
{
	return (struct follower){ .secret = secret, .terms = terms, .pause = LEAST_PAUSE };
}

int follower_fd(const struct follower *follower)
{
	return follower->lost ? -1 : sealmem_subscription_fd(follower->secret->subscription);
}

static void tell(struct follower *follower, const char *what)
{
	if (!follower->told)
		(void)complain("run", EXIT_OURS,
			       "--from: '%s' from '%s': %s; the program keeps what it has",
			       follower->secret->offered, follower->secret->socket, what);
	follower->told = true;
}

static void lose(struct follower *follower, int err, int64_t now)
{
	if (!follower->lost && now - follower->since > CALM) {
		follower->told = false;
		follower->pause = LEAST_PAUSE;
	}
	follower->lost = true;
	follower->again = now + follower->pause;
	follower->pause = follower->pause < MOST_PAUSE / 2 ? follower->pause * 2 : MOST_PAUSE;
	tell(follower, err == -ECONNRESET || err == -EPIPE
			       ? "the publisher has gone, and is awaited"
			       : sealmem_strerror(err));
}

/* It does not wait: signals are to be passed on meanwhile. */
static void reconnect(struct follower *follower, int64_t now)
{
	CLEANUP(close_fd_at)
	int connection = socket_path_connect(follower->secret->socket, SOCK_NONBLOCK);
	int err = connection;

	if (connection >= 0)
		err = sealmem_subscription_reconnect(follower->secret->subscription, connection);
	if (err < 0) {
		lose(follower, -ECONNRESET, now);
		return;
	}
	follower->lost = false;
	follower->again = 0;
	follower->since = now;
}

static bool same_bytes(const struct sealmem_region *a, const struct sealmem_region *b)
{
	size_t size = sealmem_region_size(a);

	return size == sealmem_region_size(b) &&
	       (size == 0 || memcmp(sealmem_region_data(a), sealmem_region_data(b), size) == 0);
}

static bool replace(struct follower *follower, const struct sealmem_region *region,
		    const struct sealmem_region *before)
{
	int fd = sealmem_region_fd(region), err;

	if (sealmem_region_size(region) == 0 && !follower->terms->may_be_empty) {
		tell(follower, "the newest generation is empty, and --allow-empty is missing");
		return false;
	}
	err = fd < 0 ? fd : sys_dup_over(fd, follower->secret->fd);
	if (err < 0) {
		tell(follower, error_text(err));
		return false;
	}
	follower->told = false;
	follower->pause = LEAST_PAUSE;
	return !same_bytes(region, before);
}

/* The subscription keeps `before` for its reader, although there is a newer one. */
static bool take(struct follower *follower, const struct sealmem_region *before)
{
	struct sealmem_subscription *s = follower->secret->subscription;
	const struct sealmem_region *region = sealmem_subscription_acquire(s);
	bool changed = replace(follower, region, before);

	sealmem_subscription_release(s, region);
	return changed;
}

/* As sealmem_subscribe(3) divides them. */
static void fail(struct follower *follower, int err, int64_t now)
{
	static const int losses[] = { -ECONNRESET, -EPROTO, -ERANGE, -ENOENT,
				      -EACCES,	   -EUSERS, -EPIPE };
	static const int shortages[] = { -EMFILE, -ENFILE, -ENOMEM, -EAGAIN, -EBUSY };

	for (size_t i = 0; i < sizeof(losses) / sizeof(*losses); i++)
		if (err == losses[i]) {
			lose(follower, err, now);
			return;
		}
	for (size_t i = 0; i < sizeof(shortages) / sizeof(*shortages); i++)
		if (err == shortages[i])
			follower->again = now + PAUSE_OF_SHORTAGE;
	tell(follower, sealmem_strerror(err));
}

static bool update(struct follower *follower, int64_t now)
{
	struct sealmem_subscription *s = follower->secret->subscription;
	const struct sealmem_region *before = sealmem_subscription_acquire(s);
	bool changed = false;
	int err;

	follower->again = 0;
	err = sealmem_subscription_update(s);
	if (err < 0)
		fail(follower, err, now);
	else if (err > 0)
		changed = take(follower, before);
	sealmem_subscription_release(s, before);
	return changed;
}

bool follower_turn(struct follower *follower, bool ready, int64_t now)
{
	bool is_time = follower->again != 0 && now >= follower->again;

	if (follower->lost && is_time)
		reconnect(follower, now);
	else if (!follower->lost && (ready || is_time))
		return update(follower, now);
	return false;
}
