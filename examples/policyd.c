/* SPDX-License-Identifier: MIT */

/*
 * A policy for thousands of processes, replaced while they read it. Each process that asks a daemon for every decision
 * waits for it; each process that has a copy of its own takes memory, and some have an old one. Here they all read the
 * same sealed pages. SIGHUP publishes the next generation: readers take it when they like, as a whole.
 *
 *     policyd RULES SOCKET
 *
 * It prints a line for each generation. Rules that cannot be read on SIGHUP leave the ones before in place. On SIGTERM
 * or SIGINT it removes the socket and exits with status 0; readers go on with what they have. Exit status: 2, an error.
 * Build: cc policyd.c $(pkg-config --cflags --libs sealmem)
 */

#include <sealmem.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CLEANUP(how) __attribute__((cleanup(how)))

/* More than any rules have. */
#define MOST_BYTES ((size_t)64 << 20)

enum { STATUS_FAILED = 2 };

static void free_region(struct sealmem_region **region)
{
	*region = sealmem_region_free(*region);
}

static void free_publisher(struct sealmem_publisher **publisher)
{
	*publisher = sealmem_publisher_free(*publisher);
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

/* The region is only needed to publish it. */
static int publish(struct sealmem_publisher *publisher, const char *path)
{
	CLEANUP(free_region) struct sealmem_region *rules = NULL;
	CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	err = sealmem_region_new_from_file(&rules, "rules", fd, MOST_BYTES, SEALMEM_CONTENT);
	if (err == 0)
		err = sealmem_publish(publisher, rules);
	if (err < 0)
		return err;
	(void)printf("published %zu bytes\n", sealmem_region_size(rules));
	return fflush(stdout) == 0 ? 0 : -errno;
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	CLEANUP(close_fd) int fd = -1;
	int listening;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, SOMAXCONN) < 0)
		return -errno;
	listening = fd;
	fd = -1;
	return listening;
}

/* Signals arrive through a descriptor, so that none is lost between a check and a wait. */
static int take_signals(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* Returns 1 if it is time to end. */
static int obey(int signals, struct sealmem_publisher *publisher, const char *path)
{
	struct signalfd_siginfo signal;
	int err;

	if (read(signals, &signal, sizeof(signal)) != (ssize_t)sizeof(signal))
		return -errno;
	if (signal.ssi_signo != SIGHUP)
		return 1;
	err = publish(publisher, path);
	if (err < 0)
		(void)complain(path, err);
	return 0;
}

static int serve(struct sealmem_publisher *publisher, int signals, const char *path)
{
	struct pollfd waiting[] = {
		{ signals, POLLIN, 0 },
		{ sealmem_publisher_fd(publisher), POLLIN, 0 },
	};
	int result = 0;

	while (result == 0) {
		if (poll(waiting, 2, -1) < 0)
			return -errno;
		if (waiting[1].revents != 0)
			result = sealmem_publisher_dispatch(publisher);
		if (result == 0 && waiting[0].revents != 0)
			result = obey(signals, publisher, path);
	}
	return result < 0 ? result : 0;
}

static int run(int listener, int signals, const char *path)
{
	CLEANUP(free_publisher) struct sealmem_publisher *publisher = NULL;
	int err = sealmem_publisher_new(&publisher, listener);

	if (err < 0)
		return complain("the publisher", err);
	err = publish(publisher, path);
	if (err < 0)
		return complain(path, err);
	err = serve(publisher, signals, path);
	return err < 0 ? complain("the publisher", err) : 0;
}

int main(int argc, char *argv[])
{
	CLEANUP(close_fd) int signals = -1;
	CLEANUP(close_fd) int listener = -1;
	int status;

	if (argc != 3)
		errx(STATUS_FAILED, "usage: policyd RULES SOCKET");
	signals = take_signals();
	if (signals < 0)
		err(STATUS_FAILED, "signals");
	listener = listen_at(argv[2]);
	if (listener < 0)
		return complain(argv[2], listener);
	status = run(listener, signals, argv[1]);
	(void)unlink(argv[2]);
	return status;
}
