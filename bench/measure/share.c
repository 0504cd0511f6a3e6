/* SPDX-License-Identifier: MIT */

/*
 * Measures how long a receiver waits until it can safely read the first byte from another process.
 *
 *     measure-share WAY MEGABYTES
 *
 * accept: the receiver accepts a sealed descriptor. receive: the descriptor also comes over a socket. pipe: all
 * bytes are copied through a pipe first, which is the safe way without seals.
 */

#include "bench/contestants/contestant.h"

#include "include/sealmem.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct sealmem_region *sent;

static const char *by_accept(int unused, size_t size)
{
	struct sealmem_region *r;

	(void)unused;
	(void)size;
	return sealmem_region_accept(&r, sealmem_region_fd(sent), SEALMEM_CONTENT) == 0
		       ? sealmem_region_data(r)
		       : NULL;
}

static const char *by_receive(int socket, size_t size)
{
	struct sealmem_region *r;

	(void)size;
	return sealmem_receive(socket, &r, SEALMEM_CONTENT) == 0 ? sealmem_region_data(r) : NULL;
}

static const char *by_pipe(int from, size_t size)
{
	char *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (size_t at = 0; data != MAP_FAILED && at < size;) {
		ssize_t got = read(from, data + at, size - at);

		if (got <= 0)
			return NULL;
		at += (size_t)got;
	}
	return data != MAP_FAILED ? data : NULL;
}

static void send_nothing(int to)
{
	(void)to;
}

static void send_region(int to)
{
	if (sealmem_send(to, sent) < 0)
		_exit(EXIT_FAILURE);
}

static void send_bytes(int to)
{
	const char *data = sealmem_region_data(sent);
	size_t size = sealmem_region_size(sent);

	for (size_t at = 0; at < size;) {
		ssize_t written = write(to, data + at, size - at);

		if (written <= 0)
			_exit(EXIT_FAILURE);
		at += (size_t)written;
	}
}

static const struct {
	const char *name;
	bool socket;
	void (*send)(int to);
	const char *(*receive)(int from, size_t size);
} ways[] = {
	{ "accept", true, send_nothing, by_accept },
	{ "receive", true, send_region, by_receive },
	{ "pipe", false, send_bytes, by_pipe },
};

static void make_region(size_t size)
{
	char *bytes = malloc(size);

	if (bytes == NULL)
		give_up("no memory");
	memset(bytes, 0x5a, size);
	if (sealmem_region_new_from(&sent, "bench", bytes, size, SEALMEM_CONTENT) < 0 ||
	    sealmem_region_fd(sent) < 0)
		give_up("cannot seal");
	free(bytes);
}

/* Returns the descriptor from which a child's bytes come: the largest pipe that a plain user may have. */
static int start_sender(size_t i)
{
	int ends[2];

	if (ways[i].socket ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0
			   : pipe2(ends, O_CLOEXEC) < 0)
		give_up("no channel");
	(void)fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
	if (fork() == 0) {
		ways[i].send(ends[1]);
		_exit(EXIT_SUCCESS);
	}
	(void)close(ends[1]);
	return ends[0];
}

int main(int argc, char **argv)
{
	size_t size = argc == 3 ? strtoul(argv[2], NULL, 0) << 20 : 0, i = 0;
	const char *data;
	double begun;
	int from;

	while (i < sizeof(ways) / sizeof(*ways) && strcmp(ways[i].name, argv[1]) != 0)
		i++;
	if (size == 0 || i == sizeof(ways) / sizeof(*ways))
		give_up("measure-share WAY MEGABYTES");
	make_region(size);
	from = start_sender(i);
	/* A small message has already been sent. */
	(void)usleep(20000);
	mark();
	begun = now();
	data = ways[i].receive(from, size);
	if (data == NULL)
		give_up("%s failed", ways[i].name);
	(void)first_byte(data);
	printf("first-byte %.0f\n", now() - begun);
	mark();
	(void)wait(NULL);
	return 0;
}
