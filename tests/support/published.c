/* SPDX-License-Identifier: MIT */

#include "tests/support/published.h"

#include <endian.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { A_WHILE = 5000 };

struct place new_place(void)
{
	struct place place = { .address = { .sun_family = AF_UNIX }, .size = sizeof(sa_family_t) };
	struct sockaddr *address = (struct sockaddr *)&place.address;

	place.listening = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(place.listening, 0);
	ck_assert_int_eq(bind(place.listening, address, place.size), 0);
	ck_assert_int_eq(listen(place.listening, 4096), 0);
	place.size = sizeof(place.address);
	ck_assert_int_eq(getsockname(place.listening, address, &place.size), 0);
	return place;
}

void free_place(const struct place *place)
{
	(void)close(place->listening);
}

int connect_to(const struct place *place)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&place->address, place->size) == 0)
		return fd;
	(void)close(fd);
	return -errno;
}

static bool is_ready_in(int fd, int milliseconds)
{
	struct pollfd one = { .fd = fd, .events = POLLIN };

	return poll(&one, 1, milliseconds) == 1;
}

bool is_ready(int fd)
{
	return is_ready_in(fd, A_WHILE);
}

bool is_ready_now(int fd)
{
	return is_ready_in(fd, 0);
}

static void *serve(void *argument)
{
	struct server *server = argument;

	while (!atomic_load(&server->stop)) {
		int err = 0;

		if (!is_ready_in(sealmem_publisher_fd(server->publisher), 20))
			continue;
		atomic_fetch_add(&server->turns, 1);
		(void)pthread_mutex_lock(&server->lock);
		err = sealmem_publisher_dispatch(server->publisher);
		(void)pthread_mutex_unlock(&server->lock);
		if (err < 0)
			atomic_store(&server->failed, err);
	}
	return NULL;
}

void start_server(struct server *server)
{
	*server = (struct server){ .place = new_place() };
	ck_assert_int_eq(sealmem_publisher_new(&server->publisher, server->place.listening), 0);
	ck_assert_int_eq(pthread_mutex_init(&server->lock, NULL), 0);
	ck_assert_int_eq(pthread_create(&server->thread, NULL, serve, server), 0);
}

void stop_server(struct server *server)
{
	if (server->publisher == NULL)
		return;
	atomic_store(&server->stop, true);
	(void)pthread_join(server->thread, NULL);
	server->publisher = sealmem_publisher_free(server->publisher);
	free_place(&server->place);
	ck_assert_int_eq(atomic_load(&server->failed), 0);
}

void publish_bytes(struct sealmem_publisher *publisher, const char *name, int byte, size_t size)
{
	SCOPED_REGION *region = NULL;
	char *bytes = malloc(size + 1);

	memset(bytes, byte, size + 1);
	ck_assert_int_eq(sealmem_region_new_from(&region, name, bytes, size, SEALMEM_CONTENT), 0);
	ck_assert_int_eq(sealmem_publish(publisher, region), 0);
	free(bytes);
}

void serve_bytes(struct server *server, const char *name, int byte, size_t size)
{
	(void)pthread_mutex_lock(&server->lock);
	publish_bytes(server->publisher, name, byte, size);
	(void)pthread_mutex_unlock(&server->lock);
}

void settle(struct sealmem_publisher *publisher)
{
	while (is_ready_now(sealmem_publisher_fd(publisher)))
		ck_assert_int_eq(sealmem_publisher_dispatch(publisher), 0);
}

struct sealmem_subscription *subscribed(const struct server *server, const char *name)
{
	struct sealmem_subscription *s = NULL;
	int fd = connect_to(&server->place);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(sealmem_subscribe(&s, fd, name, SIZE_MAX, SEALMEM_CONTENT), 0);
	(void)close(fd);
	return s;
}

void free_subscription(struct sealmem_subscription **s)
{
	*s = sealmem_subscription_free(*s);
}

void take_next(struct sealmem_subscription *s)
{
	int err = 0;

	while (err == 0) {
		ck_assert(is_ready(sealmem_subscription_fd(s)));
		err = sealmem_subscription_update(s);
	}
	ck_assert_int_eq(err, 1);
}

int byte_of(struct sealmem_subscription *s)
{
	const struct sealmem_region *region = sealmem_subscription_acquire(s);
	const unsigned char *data = sealmem_region_data(region);
	size_t size = sealmem_region_size(region);
	int byte = data[0];

	for (size_t i = 0; i < size; i++)
		ck_assert_int_eq(data[i], byte);
	sealmem_subscription_release(s, region);
	return byte;
}

void write_message(unsigned char *to, uint32_t kind, uint32_t status, uint64_t generation,
		   const char *name)
{
	const uint32_t words[] = { htole32(kind), htole32(status) };

	generation = htole64(generation);
	memset(to, 0, MESSAGE_SIZE);
	memcpy(to, "sealgen\1", 8);
	memcpy(to + 8, words, sizeof(words));
	memcpy(to + 16, &generation, sizeof(generation));
	memcpy(to + 40, name, strlen(name));
}

int say_with(int socket, uint32_t kind, uint32_t status, uint64_t generation, const char *name,
	     int fd)
{
	unsigned char bytes[MESSAGE_SIZE];
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec piece = { bytes, sizeof(bytes) };
	struct msghdr header = { .msg_iov = &piece, .msg_iovlen = 1 };

	write_message(bytes, kind, status, generation, name);
	if (fd >= 0) {
		header.msg_control = &control;
		header.msg_controllen = sizeof(control);
		control.align = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
	}
	return sendmsg(socket, &header, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int say(int socket, uint32_t kind, uint64_t generation, const char *name)
{
	return say_with(socket, kind, 0, generation, name, -1);
}

static int descriptor_of(struct msghdr *header)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(header);
	int fd = -1;

	if (c != NULL && c->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

static uint64_t number_at(const unsigned char *bytes, size_t size)
{
	uint64_t number = 0;

	memcpy(&number, bytes, size);
	return le64toh(number);
}

struct heard hear(int socket)
{
	unsigned char bytes[MESSAGE_SIZE] = { 0 };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec piece = { bytes, sizeof(bytes) };
	struct msghdr header = { .msg_iov = &piece,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control) };
	struct heard heard = { .size = -ETIMEDOUT, .fd = -1 };

	if (!is_ready(socket))
		return heard;
	heard.size = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
	if (heard.size < 0)
		heard.size = -errno;
	/* What it sent before it closed comes after this. */
	if (heard.size == -ECONNRESET)
		heard.size = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
	if (heard.size != MESSAGE_SIZE)
		return heard;
	ck_assert_mem_eq(bytes, "sealgen\1", 8);
	heard.kind = (uint32_t)number_at(bytes + 8, 4);
	heard.status = (uint32_t)number_at(bytes + 12, 4);
	heard.generation = number_at(bytes + 16, 8);
	heard.length = number_at(bytes + 24, 8);
	heard.subscribers = (uint32_t)number_at(bytes + 32, 4);
	heard.holders = (uint32_t)number_at(bytes + 36, 4);
	memcpy(heard.name, bytes + 40, sizeof(heard.name));
	memcpy(heard.label, bytes + 288, sizeof(heard.label));
	heard.fd = descriptor_of(&header);
	return heard;
}

struct heard hear_of(int socket, uint32_t kind)
{
	struct heard heard = hear(socket);

	ck_assert_int_eq(heard.size, MESSAGE_SIZE);
	ck_assert_uint_eq(heard.kind, kind);
	if (heard.fd >= 0)
		(void)close(heard.fd);
	return heard;
}
