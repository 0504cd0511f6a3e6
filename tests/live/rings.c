/* SPDX-License-Identifier: MIT */

/*
 * Works with rings of io_setup(2) as a database does: some large, some small, at once in several threads, each read
 * through, and all destroyed in the end. Prints how many were destroyed.
 */

#include <errno.h>
#include <linux/aio_abi.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define THREADS 4
#define ROUNDS	5
#define RINGS	4

static const unsigned events[RINGS] = { 1, 256, 1000, 4000 };
static atomic_int destroyed;

static void give_up(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

static void read_through(aio_context_t ring)
{
	char bytes[4];
	struct iocb request = {
		.aio_lio_opcode = IOCB_CMD_PREAD,
		.aio_fildes = STDIN_FILENO,
		.aio_buf = (uintptr_t)bytes,
		.aio_nbytes = sizeof(bytes),
	};
	struct iocb *requests[] = { &request };
	struct io_event event;

	if (syscall(SYS_io_submit, ring, 1, requests) != 1)
		give_up("io_submit");
	if (syscall(SYS_io_getevents, ring, 1, 1, &event, NULL) != 1)
		give_up("io_getevents");
	if (event.res != sizeof(bytes) || memcmp(bytes, "\177ELF", sizeof(bytes)) != 0)
		give_up("read");
}

/* The limit is one for the whole machine, and other tests make rings as well. */
static aio_context_t make_ring(unsigned count)
{
	aio_context_t ring = 0;

	for (int tries = 0; syscall(SYS_io_setup, count, &ring) < 0; tries++) {
		if (errno != EAGAIN || tries == 1000)
			give_up("io_setup");
		(void)usleep(10000);
	}
	return ring;
}

static void *work(void *unused)
{
	for (int round = 0; round < ROUNDS; round++) {
		aio_context_t rings[RINGS];

		for (int i = 0; i < RINGS; i++) {
			rings[i] = make_ring(events[i]);
			read_through(rings[i]);
		}
		for (int i = 0; i < RINGS; i++) {
			if (syscall(SYS_io_destroy, rings[i]) < 0)
				give_up("io_destroy");
			destroyed++;
		}
	}
	return unused;
}

/* Standard input is a program. */
int main(void)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, work, NULL) != 0)
			give_up("pthread_create");
	for (int i = 0; i < THREADS; i++)
		(void)pthread_join(threads[i], NULL);
	(void)printf("%d rings destroyed\n", destroyed);
	return EXIT_SUCCESS;
}
