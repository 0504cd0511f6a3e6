/* SPDX-License-Identifier: MIT */

/*
 * Rules for many programs, read once. A daemon reads a file of rules, seals it, and gives it to everybody
 * who connects. All subscribers read the same pages. None of them can change the pages for the others, and
 * this program cannot change them either, whatever bug it has. A subscriber does not need to trust it,
 * because a subscriber takes only sealed memory.
 *
 *     publisher RULES SOCKET
 *
 * It prints one line when it is ready. On SIGTERM or SIGINT it removes the socket and exits with status 0;
 * subscribers keep their rules. It does not replace a file that exists at SOCKET. Exit status: 2, an
 * error. Build: cc publisher.c $(pkg-config --cflags --libs sealmem)
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
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CLEANUP(how) __attribute__((cleanup(how)))

enum { STATUS_FAILED = 2 };

static void free_region(struct sealmem_region **region)
{
	*region = sealmem_region_free(*region);
}

static void close_fd(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

static int complain(const char *about, int err)
{
	errno = -err;
	warn("%s", about);
	return STATUS_FAILED;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static int fill(struct sealmem_region *region, int fd)
{
	char *at = sealmem_region_data(region);
	size_t missing = sealmem_region_size(region);

	while (missing > 0) {
		ssize_t got = read(fd, at, missing);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -ESTALE;
		at += got;
		missing -= (size_t)got;
	}
	return 0;
}

/* Reads straight into the region, so that no other copy exists that could change before the seal. */
static int load(struct sealmem_region **ret, const char *path)
{
	CLEANUP(free_region) struct sealmem_region *region = NULL;
	CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	int err;

	if (fd < 0 || fstat(fd, &status) < 0)
		return -errno;
	if (status.st_size == 0)
		return -ENODATA;
	err = sealmem_region_new(&region, last_part(path), (size_t)status.st_size, SEALMEM_CONTENT);
	if (err == 0)
		err = fill(region, fd);
	if (err == 0)
		err = sealmem_region_seal(region);
	if (err < 0)
		return err;
	*ret = region;
	region = NULL;
	return 0;
}

/* Packets, so that nobody has to wait for the rest of a message. */
static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	CLEANUP(close_fd) int fd = -1;
	int listening;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, SOMAXCONN) < 0)
		return -errno;
	listening = fd;
	fd = -1;
	return listening;
}

/* Ignores a subscriber that has left, or that has no room for one message. */
static int serve_one(int listener, const struct sealmem_region *rules)
{
	CLEANUP(close_fd) int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int err;

	if (fd < 0)
		return errno == EAGAIN || errno == ECONNABORTED || errno == EINTR ? 0 : -errno;
	err = sealmem_send(fd, rules);
	return err == -EPIPE || err == -EAGAIN || err == -ECONNRESET ? 0 : err;
}

/* Signals arrive through a descriptor, so that none is lost between a check and a wait. */
static int signals_to_end(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int serve(int listener, int signals, const struct sealmem_region *rules)
{
	struct pollfd waiting[] = { { signals, POLLIN, 0 }, { listener, POLLIN, 0 } };
	int err = 0;

	while (err == 0) {
		if (poll(waiting, 2, -1) < 0 && errno != EINTR)
			return -errno;
		if (waiting[0].revents != 0)
			return 0;
		if (waiting[1].revents != 0)
			err = serve_one(listener, rules);
	}
	return err;
}

static int publish(const struct sealmem_region *rules, const char *path)
{
	CLEANUP(close_fd) int signals = signals_to_end();
	CLEANUP(close_fd) int listener = listen_at(path);
	int err;

	if (listener < 0)
		return complain(path, listener);
	(void)printf("%s, %zu bytes, at %s\n", sealmem_region_name(rules),
		     sealmem_region_size(rules), path);
	err = signals < 0 || fflush(stdout) != 0 ? -errno : serve(listener, signals, rules);
	(void)unlink(path);
	return err < 0 ? complain(path, err) : 0;
}

int main(int argc, char *argv[])
{
	CLEANUP(free_region) struct sealmem_region *rules = NULL;
	int err;

	if (argc != 3)
		errx(STATUS_FAILED, "usage: publisher RULES SOCKET");
	err = load(&rules, argv[1]);
	return err < 0 ? complain(argv[1], err) : publish(rules, argv[2]);
}
