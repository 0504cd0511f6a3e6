/* SPDX-License-Identifier: MIT */

/*
 * --from: memory that another process serves. It is sealed already, and the program gets it without a copy, if it is
 * what the library accepts from somebody who is not trusted. Mode and owner are the publisher's.
 */

#include "tools/run/published.h"

#include "tools/common/names.h"
#include "tools/common/socket-path.h"
#include "tools/run/source.h"
#include "include/sealmem.h"
#include "lib/util.h"

#include <stdlib.h>
#include <string.h>

/* How long a publisher may take for its first generation. */
#define SECONDS 30

static enum exit_status complain_of_publisher(const struct secret *secret, int err, size_t most)
{
	if (err == -EFBIG)
		return complain("run", EXIT_OURS,
				"--from: '%s' is larger than %zu bytes: raise --max-size",
				secret->offered, most);
	if (err == -EAGAIN)
		return complain("run", EXIT_OURS,
				"--from: '%s' gave no generation of '%s' within %d seconds",
				secret->socket, secret->offered, SECONDS);
	return complain("run", EXIT_OURS, "--from: cannot get '%s' from '%s': %s", secret->offered,
			secret->socket,
			err == -ENOENT	 ? "it does not serve this name"
			: err == -EACCES ? "this user is not admitted"
					 : sealmem_strerror(err));
}

static void free_subscription(struct sealmem_subscription **s)
{
	*s = sealmem_subscription_free(*s);
}

/* A descriptor of the newest generation, which outlives the subscription. */
static int descriptor_of(struct sealmem_subscription *s)
{
	const struct sealmem_region *region = sealmem_subscription_acquire(s);
	int fd = sealmem_region_fd(region);

	if (fd >= 0)
		fd = sys_fcntl(fd, F_DUPFD_CLOEXEC, 0);
	sealmem_subscription_release(s, region);
	return fd;
}

/* Who is to be told of later generations keeps the subscription. */
static int get(struct secret *secret, int connection, const struct secret_terms *terms)
{
	CLEANUP(free_subscription) struct sealmem_subscription *s = NULL;
	int err = socket_set_wait(connection, SECONDS);

	if (err == 0)
		err = sealmem_subscribe(&s, connection, secret->offered, terms->published_most,
					SEALMEM_CONTENT);
	if (err == 0)
		err = descriptor_of(s);
	if (err >= 0 && terms->follow) {
		secret->subscription = s;
		s = NULL;
	}
	return err;
}

static enum exit_status check_size(const struct secret *secret, int fd,
				   const struct secret_terms *terms)
{
	off_t size = 0;
	int err = sys_file_size(fd, &size);

	if (err < 0)
		return complain_of_publisher(secret, err, terms->published_most);
	if (size > 0 || terms->may_be_empty)
		return EXIT_NOT_YET;
	return complain("run", EXIT_OURS, "--from: '%s' is empty: use --allow-empty to pass it",
			secret->offered);
}

static enum exit_status take(struct secret *secret, const struct secret_terms *terms)
{
	CLEANUP(close_fd_at) int connection = socket_path_connect(secret->socket, 0);
	CLEANUP(close_fd_at) int fd = -1;
	enum exit_status code;

	if (connection < 0)
		return complain("run", EXIT_OURS, "--from: cannot connect to '%s': %s",
				secret->socket, error_text(connection));
	fd = get(secret, connection, terms);
	if (fd < 0)
		return complain_of_publisher(secret, fd, terms->published_most);
	code = check_size(secret, fd, terms);
	if (code == EXIT_NOT_YET)
		secret->fd = take_fd(&fd);
	return code;
}

static const struct source published = { .prefix = "", .take = take };

/* The socket may have colons in its path, the names have none. */
enum exit_status published_parse(struct secret *ret, const char *text)
{
	const char *colon = strrchr(text, ':'), *name, *alias = NULL, *fault;
	size_t length;

	if (colon == NULL || colon == text)
		return complain_of_usage("run", EXIT_OURS,
					 "--from takes SOCKET:NAME[=ALIAS], not '%s'", text);
	name = colon + 1;
	length = strcspn(name, "=");
	if (length > 0 && name[length] == '=')
		alias = name + length + 1;
	*ret = (struct secret){ .fd = -1,
				.source = &published,
				.from = text,
				.socket = need(strndup(text, (size_t)(colon - text))),
				.offered = need(strndup(name, length)),
				.name = need(alias != NULL ? strdup(alias)
							   : strndup(name, length)) };
	fault = *ret->offered == '\0' ? "the name is empty" : name_fault(ret->name);
	if (fault == NULL)
		return EXIT_NOT_YET;
	(void)complain_of_usage("run", EXIT_OURS, "--from '%.300s': %s", text, fault);
	secret_release(ret);
	return EXIT_OURS;
}
