/* SPDX-License-Identifier: MIT */

/*
 * The other end of publisher.c: it gets rules from a program that it does not trust, and prints them.
 * Parsing memory that somebody else can still change may give two answers for the same bytes. These bytes
 * cannot change from the first look on, so this program reads them where they are, without a copy.
 *
 *     subscriber SOCKET
 *
 * It prints the name of the rules, their size and their first line. Exit status: 0, received; 1, the
 * message was refused; 2, an error. Build: cc subscriber.c $(pkg-config --cflags --libs sealmem)
 */

#include <sealmem.h>

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define CLEANUP(how) __attribute__((cleanup(how)))

/* More than any rules have. Without a limit, a publisher could send more than this machine has memory for. */
#define MOST_BYTES ((size_t)64 << 20)

/* How long to wait for a publisher that sends nothing. */
#define PATIENCE 10

enum { STATUS_RECEIVED = 0, STATUS_REFUSED = 1, STATUS_FAILED = 2 };

static void free_region(struct sealmem_region **region)
{
	*region = sealmem_region_free(*region);
}

static void close_fd(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

static int complain(int status, const char *about, int err)
{
	errno = -err;
	warn("%s", about);
	return status;
}

static int connect_to(const char *path)
{
	const struct timeval patience = { PATIENCE, 0 };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	CLEANUP(close_fd) int fd = -1;
	int connected;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	connected = fd;
	fd = -1;
	return connected;
}

/* Sealed bytes end at their size, not at a zero. They still come from somebody else, so no control
 * characters reach the terminal. */
static void print_first_line(const char *bytes, size_t size)
{
	const char *end = memchr(bytes, '\n', size);
	size_t length = end != NULL ? (size_t)(end - bytes) : size;

	for (size_t i = 0; i < length; i++)
		(void)putchar(iscntrl((unsigned char)bytes[i]) && bytes[i] != '\t' ? '?'
										   : bytes[i]);
	(void)putchar('\n');
}

/* Errors about the message, not about this machine. */
static bool is_refusal(int err)
{
	static const int refusals[] = { -EBADMSG, -EPERM, -ENODEV, -EBADF, -ENODATA, -EFBIG };

	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++)
		if (refusals[i] == err)
			return true;
	return false;
}

int main(int argc, char *argv[])
{
	CLEANUP(free_region) struct sealmem_region *rules = NULL;
	CLEANUP(close_fd) int fd = -1;
	int err;

	if (argc != 2)
		errx(STATUS_FAILED, "usage: subscriber SOCKET");
	fd = connect_to(argv[1]);
	if (fd < 0)
		return complain(STATUS_FAILED, argv[1], fd);
	err = sealmem_receive_limited(fd, &rules, MOST_BYTES, SEALMEM_CONTENT);
	if (err < 0)
		return complain(is_refusal(err) ? STATUS_REFUSED : STATUS_FAILED, argv[1], err);
	(void)printf("%s, %zu bytes: ", sealmem_region_name(rules), sealmem_region_size(rules));
	print_first_line(sealmem_region_data(rules), sealmem_region_size(rules));
	if (fflush(stdout) != 0)
		return complain(STATUS_FAILED, "standard output", -errno);
	return STATUS_RECEIVED;
}
