/* SPDX-License-Identifier: MIT */

#include "tests/faults/keeper.h"

#include "lib/util.h"

#include <check.h>
#include <linux/kcmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define FIRST 3

/* Out of the way of those that are handed over. */
#define HIGH 100

void keeper_begin(struct keeper *ret)
{
	struct sockaddr *address = (struct sockaddr *)&ret->address;

	*ret = (struct keeper){ .address = { .sun_family = AF_UNIX }, .size = sizeof(sa_family_t) };
	ret->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(ret->socket, 0);
	ck_assert_int_eq(bind(ret->socket, address, ret->size), 0);
	ret->size = sizeof(ret->address);
	ck_assert_int_eq(getsockname(ret->socket, address, &ret->size), 0);
}

void keeper_end(struct keeper *keeper)
{
	for (size_t i = 0; i < keeper->count; i++)
		(void)close(keeper->kept[i].fd);
	(void)close(keeper->socket);
}

/* As systemd does, it keeps an open file once, whatever its title. */
static bool is_kept(const struct keeper *keeper, int fd)
{
	for (size_t i = 0; i < keeper->count; i++)
		if (syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, fd, keeper->kept[i].fd) == 0)
			return true;
	return false;
}

static void keep(struct keeper *keeper, const char *title, int fd)
{
	struct kept *kept = &keeper->kept[keeper->count];

	ck_assert_int_ge(fd, 0);
	if (is_kept(keeper, fd)) {
		(void)close(fd);
		return;
	}
	ck_assert_uint_lt(keeper->count++, MOST_KEPT);
	(void)snprintf(kept->title, sizeof(kept->title), "%s", title);
	kept->fd = fd;
}

static void drop(struct keeper *keeper, const char *title)
{
	size_t left = 0;

	for (size_t i = 0; i < keeper->count; i++)
		if (strcmp(keeper->kept[i].title, title) == 0)
			(void)close(keeper->kept[i].fd);
		else
			keeper->kept[left++] = keeper->kept[i];
	keeper->count = left;
}

static bool says(const char *text, const char *line)
{
	return strncmp(text, line, strlen(line)) == 0;
}

static bool obey(struct keeper *keeper, const char *text, int fd)
{
	const char *title = strstr(text, "FDNAME=");

	if (says(text, "FDSTORE=1"))
		keep(keeper, title + strlen("FDNAME="), fd);
	if (says(text, "FDSTOREREMOVE=1"))
		drop(keeper, title + strlen("FDNAME="));
	return says(text, "READY=1");
}

static int descriptor_of(struct msghdr *header)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(header);
	int fd = -1;

	if (c != NULL && c->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

unsigned keeper_hear(struct keeper *keeper)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	char text[512];
	struct iovec piece = { text, sizeof(text) - 1 };
	unsigned ready = 0;

	for (;;) {
		struct msghdr header = { .msg_iov = &piece,
					 .msg_iovlen = 1,
					 .msg_control = &control,
					 .msg_controllen = sizeof(control) };
		ssize_t got = recvmsg(keeper->socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

		if (got < 0)
			return ready;
		text[got] = '\0';
		ready += obey(keeper, text, descriptor_of(&header));
	}
}

static void set_number(const char *name, size_t number)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%zu", number);
	(void)setenv(name, text, 1);
}

static void set_environment(const struct keeper *keeper)
{
	char text[MOST_KEPT * sizeof(struct kept)] = "clients",
					    address[sizeof(keeper->address)] = "@";

	for (size_t i = 0; i < keeper->count; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), ":%s",
			       keeper->kept[i].title);
	memcpy(address + 1, keeper->address.sun_path + 1,
	       keeper->size - offsetof(struct sockaddr_un, sun_path) - 1);
	(void)setenv("LISTEN_FDNAMES", text, 1);
	(void)setenv("NOTIFY_SOCKET", address, 1);
	set_number("LISTEN_PID", (size_t)getpid());
	set_number("LISTEN_FDS", keeper->count + 1);
}

void keeper_hand_over(const struct keeper *keeper, int listening, int log)
{
	int high[MOST_KEPT + 1] = { fcntl(listening, F_DUPFD, HIGH) };

	for (size_t i = 0; i < keeper->count; i++)
		high[i + 1] = fcntl(keeper->kept[i].fd, F_DUPFD, HIGH);
	(void)dup2(log, STDERR_FILENO);
	for (int i = 0; i <= (int)keeper->count; i++)
		(void)dup2(high[i], FIRST + i);
	(void)syscall(SYS_close_range, FIRST + keeper->count + 1, ~0U, 0);
	set_environment(keeper);
}
