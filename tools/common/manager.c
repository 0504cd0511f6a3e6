/* SPDX-License-Identifier: MIT */

/*
 * The documented protocols of systemd, in a few lines: sd_listen_fds(3) and sd_notify(3) are environment variables and
 * datagrams, and other managers of services speak them too.
 */

#include "tools/common/manager.h"

#include "tools/common/size.h"
#include "lib/util.h"

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>

#define FIRST_DESCRIPTOR 3

/* How many seconds a manager that is busy may take for a message that must not be lost. */
#define PATIENCE 2

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
static enum exit_status check_socket(int fd, const char *command)
{
	int domain = option_of(fd, SO_DOMAIN);

	if (domain < 0)
		return complain(command, EXIT_FAILED, "LISTEN_FDS: descriptor %d: %s", fd,
				strerror(-domain));
	if (domain != AF_UNIX || option_of(fd, SO_TYPE) != SOCK_SEQPACKET ||
	    option_of(fd, SO_ACCEPTCONN) != 1)
		return complain(command, EXIT_FAILED,
				"LISTEN_FDS: descriptor %d is no Unix socket that listens for "
				"messages: use ListenSequentialPacket=",
				fd);
	return sys_fcntl(fd, F_SETFD, FD_CLOEXEC) < 0
		       ? complain(command, EXIT_FAILED, "LISTEN_FDS: %s", strerror(errno))
		       : EXIT_NOT_YET;
}

/* What systemd calls a descriptor that was stored without a title. */
#define UNTITLED "stored"

/* A descriptor that is no socket cannot be that of the clients. */
static bool is_stored(int fd, const char *title)
{
	return strchr(title, MANAGER_MARK) != NULL || strcmp(title, UNTITLED) == 0 ||
	       option_of(fd, SO_DOMAIN) == -ENOTSOCK;
}

/* The next of the texts that colons separate: to be freed. */
static char *next_title(const char **titles)
{
	size_t length = strcspn(*titles, ":");
	char *title = need(strndup(*titles, length));

	*titles += length + ((*titles)[length] == ':');
	return title;
}

static void add_stored(struct manager *manager, int fd, char *title)
{
	size_t count = manager->stored_count + 1;

	manager->stored = need(realloc(manager->stored, count * sizeof(*manager->stored)));
	manager->stored[manager->stored_count++] = (struct stored){ title, fd, false };
	(void)sys_fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* False for a second socket. */
static bool sort_out(struct manager *manager, int fd, const char **titles)
{
	char *title = next_title(titles);

	if (is_stored(fd, title)) {
		add_stored(manager, fd, title);
		return true;
	}
	free(title);
	if (manager->socket >= 0)
		return false;
	manager->socket = fd;
	return true;
}

/* The variables count only if they are meant for this process. */
static enum exit_status find_descriptors(struct manager *manager, const char *command)
{
	const char *text = getenv("LISTEN_FDS"), *titles = getenv("LISTEN_FDNAMES");
	unsigned count = 0;

	if (text == NULL || !is_number(getenv("LISTEN_PID"), getpid()) || is_number(text, 0))
		return EXIT_NOT_YET;
	if (titles == NULL)
		titles = "";
	if (!count_parse(&count, text, INT_MAX - FIRST_DESCRIPTOR))
		return complain(command, EXIT_FAILED, "LISTEN_FDS is '%s', which is no number",
				text);
	for (int fd = FIRST_DESCRIPTOR; fd < FIRST_DESCRIPTOR + (int)count; fd++)
		if (!sort_out(manager, fd, &titles))
			return complain(command, EXIT_FAILED,
					"LISTEN_FDS is '%s': one socket is served, and no more",
					text);
	return manager->socket >= 0 ? check_socket(manager->socket, command) : EXIT_NOT_YET;
}

/* systemd says it from version 254 on. */
static unsigned find_room(const struct manager *manager)
{
	const char *text = getenv("FDSTORE");
	unsigned room = 0;

	if (manager->address == NULL)
		return 0;
	return text != NULL && count_parse(&room, text, UINT_MAX) ? room : UINT_MAX;
}

enum exit_status manager_find(struct manager *ret, const char *command)
{
	static const char *const variables[] = {
		"LISTEN_FDS",	  "LISTEN_PID",	   "LISTEN_FDNAMES",
		"LISTEN_PIDFDID", "NOTIFY_SOCKET", "FDSTORE",
	};
	const char *address = getenv("NOTIFY_SOCKET");
	enum exit_status code = find_descriptors(ret, command);

	if (address != NULL && (*address == '/' || *address == '@'))
		ret->address = need(strdup(address));
	ret->room = find_room(ret);
	for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++)
		(void)unsetenv(variables[i]);
	return code;
}

static int set_address(struct sockaddr_un *ret, socklen_t *size, const char *path)
{
	size_t length = strlen(path);

	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (length >= sizeof(ret->sun_path))
		return -ENAMETOOLONG;
	memcpy(ret->sun_path, path, length);
	/* An abstract name has no end but its length. */
	if (*path == '@')
		ret->sun_path[0] = '\0';
	*size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	return 0;
}

/* Puts a descriptor into a message, which lasts as long as `control`. */
static void attach(struct msghdr *message, void *control, size_t size, int fd)
{
	struct cmsghdr *header = control;

	memset(control, 0, size);
	message->msg_control = control;
	message->msg_controllen = (socklen_t)size; /* a type of its own in each C library */
	*header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(fd)),
				    .cmsg_level = SOL_SOCKET,
				    .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
}

/* With a descriptor if it is not -1. */
static int send_text(const char *path, const char *text, int fd, int flags)
{
	CLEANUP(close_fd_at) int own = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const struct timeval limit = { .tv_sec = PATIENCE };
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(fd))];
	struct iovec bytes = { (void *)(uintptr_t)text, strlen(text) };
	struct sockaddr_un address;
	struct msghdr message = { .msg_name = &address, .msg_iov = &bytes, .msg_iovlen = 1 };
	int err = set_address(&address, &message.msg_namelen, path);

	if (own < 0 || err < 0)
		return err < 0 ? err : -errno;
	(void)setsockopt(own, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (fd >= 0)
		attach(&message, control, sizeof(control), fd);
	return sendmsg(own, &message, MSG_NOSIGNAL | flags) < 0 ? -errno : 0;
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
	(void)send_text(manager->address, text, -1, MSG_DONTWAIT);
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

/* What is said about the store is not said again, so it waits for a manager that is busy. */
static int send_of_store(const struct manager *manager, const char *what, const char *title, int fd)
{
	char *text = NULL;
	int err;

	if (manager->address == NULL)
		return -ENOTCONN;
	if (asprintf(&text, "%s=1\nFDNAME=%s", what, title) < 0)
		(void)need(text = NULL);
	err = send_text(manager->address, text, fd, 0);
	free(text);
	return err;
}

int manager_store(const struct manager *manager, const char *title, int fd)
{
	return send_of_store(manager, "FDSTORE", title, fd);
}

int manager_unstore(const struct manager *manager, const char *title)
{
	return send_of_store(manager, "FDSTOREREMOVE", title, -1);
}

void manager_release(struct manager *manager)
{
	for (size_t i = 0; i < manager->stored_count; i++) {
		free(manager->stored[i].title);
		close_fd(manager->stored[i].fd);
	}
	free(manager->stored);
	free(manager->address);
	*manager = MANAGER_NONE;
}
