/* SPDX-License-Identifier: MIT */

/*
 * The documented protocols of systemd, in a few lines: sd_listen_fds(3) and sd_notify(3) are environment variables and
 * datagrams, and other managers of services speak them too.
 */

#include "tools/serve/manager.h"

#include "lib/util.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#define FIRST_DESCRIPTOR 3

static bool is_number(const char *text, long expected)
{
	char number[3 * sizeof(expected) + 1];

	(void)snprintf(number, sizeof(number), "%ld", expected);
	return text != NULL && strcmp(text, number) == 0;
}

static int option_of(int fd, int option)
{
	int value = 0;
	socklen_t size = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &size) < 0 ? -errno : value;
}

/* One socket, for messages that stay apart, and with a name in the file system or none at all. */
static enum exit_status check_socket(int fd)
{
	int domain = option_of(fd, SO_DOMAIN);

	if (domain < 0)
		return complain("serve", EXIT_FAILED, "LISTEN_FDS: descriptor %d: %s", fd,
				strerror(-domain));
	if (domain != AF_UNIX || option_of(fd, SO_TYPE) != SOCK_SEQPACKET ||
	    option_of(fd, SO_ACCEPTCONN) != 1)
		return complain("serve", EXIT_FAILED,
				"LISTEN_FDS: descriptor %d is no Unix socket that listens for "
				"messages: use ListenSequentialPacket=",
				fd);
	return sys_fcntl(fd, F_SETFD, FD_CLOEXEC) < 0
		       ? complain("serve", EXIT_FAILED, "LISTEN_FDS: %s", strerror(errno))
		       : EXIT_NOT_YET;
}

/* The variables count only if they are meant for this process. */
static enum exit_status find_socket(struct manager *manager)
{
	const char *count = getenv("LISTEN_FDS");
	enum exit_status code;

	if (count == NULL || !is_number(getenv("LISTEN_PID"), getpid()) || is_number(count, 0))
		return EXIT_NOT_YET;
	if (!is_number(count, 1))
		return complain("serve", EXIT_FAILED,
				"LISTEN_FDS is '%s': one socket is served, and no more", count);
	code = check_socket(FIRST_DESCRIPTOR);
	if (code == EXIT_NOT_YET)
		manager->socket = FIRST_DESCRIPTOR;
	return code;
}

enum exit_status manager_find(struct manager *ret)
{
	static const char *const variables[] = { "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES",
						 "LISTEN_PIDFDID", "NOTIFY_SOCKET" };
	const char *address = getenv("NOTIFY_SOCKET");
	enum exit_status code = find_socket(ret);

	if (address != NULL && (*address == '/' || *address == '@'))
		ret->address = need(strdup(address));
	for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++)
		(void)unsetenv(variables[i]);
	return code;
}

static void send_text(const char *path, const char *text)
{
	CLEANUP(close_fd_at) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = strlen(path);

	if (fd < 0 || length >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, length);
	/* An abstract name has no end but its length. */
	if (*path == '@')
		address.sun_path[0] = '\0';
	(void)sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT,
		     (const struct sockaddr *)&address,
		     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
}

void manager_tell(const struct manager *manager, const char *format, ...)
{
	char *text = NULL;
	va_list arguments;
	int length;

	if (manager->address == NULL)
		return;
	va_start(arguments, format);
	length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0)
		return;
	send_text(manager->address, text);
	free(text);
}

/* The time tells this reload from one that was asked for before. */
void manager_tell_reloading(const struct manager *manager)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	manager_tell(manager, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\nSTATUS=Reading the files",
		     (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
}

void manager_release(struct manager *manager)
{
	free(manager->address);
	*manager = MANAGER_NONE;
}
