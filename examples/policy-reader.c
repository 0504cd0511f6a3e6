/* SPDX-License-Identifier: MIT */

/*
 * One of the thousands of readers of policyd.c: it decides by the rules of the newest generation, where they are, without
 * a copy, a lock or a question to the daemon. A decision that has begun ends with the rules with which it began.
 *
 *     policy-reader SOCKET
 *
 * It reads a name from each line of its standard input, and prints "allow NAME" if the rules have that line, otherwise
 * "deny NAME". Each generation is told on standard error. Exit status: 0, the end of the input; 2, an error. It goes
 * on when the daemon has gone. Build: cc policy-reader.c $(pkg-config --cflags --libs sealmem)
 */

#include <sealmem.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CLEANUP(how) __attribute__((cleanup(how)))

#define MOST_BYTES ((size_t)64 << 20)

enum { STATUS_FAILED = 2 };

static void free_subscription(struct sealmem_subscription **subscription)
{
	*subscription = sealmem_subscription_free(*subscription);
}

static void free_line(char **line)
{
	free(*line);
}

static void close_fd(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

static int complain(const char *about, int err)
{
	warnx("%s: %s", about, sealmem_strerror(err));
	return STATUS_FAILED;
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	CLEANUP(close_fd) int fd = -1;
	int connected;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	connected = fd;
	fd = -1;
	return connected;
}

static bool allows(const char *line, size_t length, const char *name)
{
	const size_t verb = strlen("allow ");

	return length == verb + strlen(name) && memcmp(line, "allow ", verb) == 0 &&
	       memcmp(line + verb, name, length - verb) == 0;
}

/* The rules end at their size, not at a zero. */
static bool is_allowed(const char *rules, size_t size, const char *name)
{
	const char *end = rules + size;

	while (rules < end) {
		const char *stop = memchr(rules, '\n', (size_t)(end - rules));

		if (stop == NULL)
			stop = end;
		if (allows(rules, (size_t)(stop - rules), name))
			return true;
		rules = stop + (stop < end);
	}
	return false;
}

static void decide(struct sealmem_subscription *subscription, const char *name)
{
	const struct sealmem_region *rules = sealmem_subscription_acquire(subscription);
	bool allowed;

	allowed = is_allowed(sealmem_region_data(rules), sealmem_region_size(rules), name);

	sealmem_subscription_release(subscription, rules);
	(void)printf("%s %s\n", allowed ? "allow" : "deny", name);
	(void)fflush(stdout);
}

static void tell(struct sealmem_subscription *subscription)
{
	const struct sealmem_region *rules = sealmem_subscription_acquire(subscription);

	(void)fprintf(stderr, "rules of %zu bytes\n", sealmem_region_size(rules));
	sealmem_subscription_release(subscription, rules);
}

/* The error of a publisher that is lost comes again: so nobody waits for it any more. */
static void update(struct sealmem_subscription *subscription, struct pollfd *waiting)
{
	int newer = sealmem_subscription_update(subscription);

	if (newer > 0)
		tell(subscription);
	if (newer >= 0)
		return;
	(void)complain("the publisher", newer);
	if (newer == -ECONNRESET || newer == -EPROTO || newer == -EPIPE)
		waiting->fd = -1;
}

/* Returns false at the end of the input. */
static bool answer(struct sealmem_subscription *subscription)
{
	CLEANUP(free_line) char *name = NULL;
	size_t room = 0;

	if (getline(&name, &room, stdin) < 0)
		return false;
	name[strcspn(name, "\n")] = '\0';
	decide(subscription, name);
	return true;
}

static int read_rules(struct sealmem_subscription *subscription)
{
	struct pollfd waiting[] = {
		{ STDIN_FILENO, POLLIN, 0 },
		{ sealmem_subscription_fd(subscription), POLLIN, 0 },
	};
	bool more = true;

	/* poll(2) does not see what waits in a buffer. */
	(void)setvbuf(stdin, NULL, _IONBF, 0);
	while (more) {
		if (poll(waiting, 2, -1) < 0)
			return complain("poll", -errno);
		if (waiting[1].revents != 0)
			update(subscription, &waiting[1]);
		if (waiting[0].revents != 0)
			more = answer(subscription);
	}
	return 0;
}

int main(int argc, char *argv[])
{
	CLEANUP(free_subscription) struct sealmem_subscription *subscription = NULL;
	CLEANUP(close_fd) int fd = -1;
	int err;

	if (argc != 2)
		errx(STATUS_FAILED, "usage: policy-reader SOCKET");
	fd = connect_to(argv[1]);
	if (fd < 0)
		return complain(argv[1], fd);
	err = sealmem_subscribe(&subscription, fd, "rules", MOST_BYTES, SEALMEM_CONTENT);
	if (err < 0)
		return complain(argv[1], err);
	tell(subscription);
	return read_rules(subscription);
}
