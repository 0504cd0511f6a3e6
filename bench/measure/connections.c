/* SPDX-License-Identifier: MIT */

/*
 * As many clients of one publisher as the limits of this machine allow, up to a number: which limit ended it, what the
 * publisher has for each, and how long it takes until the last has the next generation.
 *
 *     measure-connections CLIENTS
 *
 * The clients are connections of one other process. They say what the protocol asks for, and map nothing: 10,000 processes
 * would measure the scheduler, as measure-publish does with fewer.
 */

#include "bench/measure/publishing.h"

#include "lib/publication.h"
#include "lib/util.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the process of the clients says: first how many there are, and why there are no more. */
struct answer {
	unsigned count;
	int error; /* 0, or why the next one could not be */
};

static int say(int fd, uint32_t kind, uint64_t generation)
{
	const struct socket_wait at_once = socket_no_wait(fd, POLLOUT);
	const struct protocol_message message = { .kind = kind,
						  .generation = generation,
						  .name = "bench" };

	return publication_send(&at_once, &message, -1);
}

/* Waits for a generation and takes it. The status of the protocol is the errno of the library. */
static int take(int fd)
{
	CLEANUP(delivery_dismiss) struct delivery delivery = { .fd = -1 };
	struct protocol_message message;
	struct socket_wait wait;
	int error = socket_begin_wait(&wait, fd, POLLIN);

	if (error == 0)
		error = publication_receive(&wait, &message, &delivery);
	if (error < 0)
		return error;
	if (message.kind == PROTOCOL_REFUSED)
		return protocol_error(message.status);
	if (message.kind != PROTOCOL_GENERATION || delivery.count != 1)
		return -EPROTO;
	return say(fd, PROTOCOL_TAKEN, message.generation);
}

static int begin_client(const struct place *place, int *ret)
{
	int fd = connection_to(place), error;

	if (fd < 0)
		return -errno;
	error = say(fd, PROTOCOL_SUBSCRIBE, 0);
	if (error == 0 || error == -EPIPE || error == -ECONNRESET)
		error = take(fd);
	*ret = fd;
	return error;
}

__attribute__((noreturn)) static void be_clients(const struct place *place, unsigned wanted,
						 int told)
{
	int *fds = calloc(wanted, sizeof(*fds));
	struct answer answer = { 0 };

	if (fds == NULL)
		err(1, "memory");
	while (answer.count < wanted && answer.error == 0) {
		answer.error = -begin_client(place, &fds[answer.count]);
		answer.count += answer.error == 0;
	}
	while (write(told, &answer, sizeof(answer)) == sizeof(answer))
		for (unsigned i = 0; i < answer.count; i++)
			if (take(fds[i]) < 0)
				_exit(0);
	_exit(0);
}

/* The errors of the kernel, and that of the publisher, as limits that somebody can change. */
static const char *limit_of(int error)
{
	static const struct {
		int error;
		const char *limit;
	} limits[] = {
		{ 0, "none: as many as were asked for" },
		{ EUSERS, "clients of a publisher: three quarters of RLIMIT_NOFILE" },
		{ EMFILE, "RLIMIT_NOFILE of the clients" },
		{ ENFILE, "fs.file-max" },
		{ ENOMEM, "memory" },
		{ ENOBUFS, "memory of sockets" },
		{ ETOOMANYREFS, "descriptors on their way: RLIMIT_NOFILE" },
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++)
		if (limits[i].error == error)
			return limits[i].limit;
	return strerror(error);
}

static void measure(const struct place *place, unsigned wanted, int told)
{
	struct held before = held_now(), after;
	struct answer answer;

	dispatch_until(place, told, &answer, sizeof(answer));
	after = held_now();
	if (answer.count == 0)
		errx(1, "no client: %s", strerror(answer.error));
	(void)printf("{\"version\": 1, \"results\": [{\"asked_for\": %u, \"clients\": %u, "
		     "\"limit\": \"%s\", ",
		     wanted, answer.count, limit_of(answer.error));
	(void)printf("\"until_the_last_has_it,_ms\": %.2f, \"bytes_for_each\": %.0f, "
		     "\"descriptors_for_each\": %.3f}]}\n",
		     time_to_publish(place, told, &answer, sizeof(answer)) / 1e6,
		     (double)(after.memory - before.memory) / answer.count,
		     (double)(after.descriptors - before.descriptors) / answer.count);
}

int main(int argc, char *argv[])
{
	unsigned wanted = number_of(argc == 2 ? argv[1] : "", "measure-connections CLIENTS");
	struct place place;
	int told[2];

	/* Three quarters are for clients. */
	allow_descriptors(wanted / 3 * 4 + 64);
	place = new_place();
	publish(&place, SMALL);
	if (pipe(told) < 0)
		err(1, "pipe");
	switch (fork()) {
	case -1:
		err(1, "fork");
	case 0:
		(void)close(told[0]);
		be_clients(&place, wanted, told[1]);
	default:
		(void)close(told[1]);
		measure(&place, wanted, told[0]);
		free_place(&place);
	}
	return 0;
}
