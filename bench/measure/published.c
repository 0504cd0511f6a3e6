/* SPDX-License-Identifier: MIT */

/*
 * What published memory costs: a pair of acquire and release by the number of threads, and how long it takes until the last
 * of many subscribers has a generation, with the memory and the descriptors that the publisher has for each.
 *
 *     published [SUBSCRIBERS...]
 *
 * The subscribers are processes. Each of them waits for the next generation, reads one byte of it and says so through a pipe.
 */

#include <sealmem.h>

#include <err.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAIRS	 2000000
#define THREADS	 8
#define REPEATED 9
#define SHARED	 4096

struct place {
	struct sockaddr_un address;
	socklen_t size;
	int listening;
	struct sealmem_publisher *publisher;
};

static void must(int err, const char *what)
{
	if (err < 0)
		errx(1, "%s: %s", what, sealmem_strerror(err));
}

static double now(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static struct place new_place(void)
{
	struct place place = { .address = { .sun_family = AF_UNIX }, .size = sizeof(sa_family_t) };
	struct sockaddr *address = (struct sockaddr *)&place.address;

	place.listening = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (bind(place.listening, address, place.size) < 0 || listen(place.listening, 4096) < 0)
		err(1, "socket");
	place.size = sizeof(place.address);
	(void)getsockname(place.listening, address, &place.size);
	must(sealmem_publisher_new(&place.publisher, place.listening), "publisher");
	return place;
}

static void publish(const struct place *place)
{
	static char bytes[SHARED];
	struct sealmem_region *region;

	must(sealmem_region_new_from(&region, "bench", bytes, sizeof(bytes), SEALMEM_CONTENT),
	     "region");
	must(sealmem_publish(place->publisher, region), "publish");
	(void)sealmem_region_free(region);
}

static void dispatch(const struct place *place, int milliseconds)
{
	struct pollfd one = { .fd = sealmem_publisher_fd(place->publisher), .events = POLLIN };

	if (poll(&one, 1, milliseconds) == 1)
		must(sealmem_publisher_dispatch(place->publisher), "dispatch");
}

static struct sealmem_subscription *subscribed(const struct place *place)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sealmem_subscription *s;

	if (connect(fd, (const struct sockaddr *)&place->address, place->size) < 0)
		err(1, "connect");
	must(sealmem_subscribe(&s, fd, "bench", SHARED, SEALMEM_CONTENT), "subscribe");
	(void)close(fd);
	return s;
}

static pthread_barrier_t start;

static void *take_pairs(void *argument)
{
	struct sealmem_subscription *s = argument;

	(void)pthread_barrier_wait(&start);
	for (int i = 0; i < PAIRS; i++)
		sealmem_subscription_release(s, sealmem_subscription_acquire(s));
	(void)pthread_barrier_wait(&start);
	return NULL;
}

/* Nanoseconds of processor time for each pair: threads that share a processor do not count as slower. */
static double pair_time(struct sealmem_subscription *s, unsigned threads)
{
	pthread_t ids[THREADS];
	struct timespec before, after;

	(void)pthread_barrier_init(&start, NULL, threads + 1);
	for (unsigned i = 0; i < threads; i++)
		if (pthread_create(&ids[i], NULL, take_pairs, s) != 0)
			errx(1, "thread");
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	(void)pthread_barrier_wait(&start);
	(void)pthread_barrier_wait(&start);
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	for (unsigned i = 0; i < threads; i++)
		(void)pthread_join(ids[i], NULL);
	return ((double)(after.tv_sec - before.tv_sec) * 1e9 +
		(double)(after.tv_nsec - before.tv_nsec)) /
	       PAIRS / threads;
}

static void *serve_first(void *argument)
{
	for (int i = 0; i < 20; i++)
		dispatch(argument, 50);
	return NULL;
}

static void measure_pairs(void)
{
	struct place place = new_place();
	struct sealmem_subscription *s;
	pthread_t server;

	publish(&place);
	if (pthread_create(&server, NULL, serve_first, &place) != 0)
		errx(1, "thread");
	s = subscribed(&place);
	(void)pthread_join(server, NULL);
	for (unsigned threads = 1; threads <= THREADS; threads *= 2) {
		double best = pair_time(s, threads);

		for (int i = 1; i < REPEATED; i++) {
			double one = pair_time(s, threads);

			best = one < best ? one : best;
		}
		(void)printf("acquire and release, %u threads: %.1f ns\n", threads, best);
	}
	(void)sealmem_subscription_free(s);
	(void)sealmem_publisher_free(place.publisher);
	(void)close(place.listening);
}

__attribute__((noreturn)) static void follow(const struct place *place, int told)
{
	struct sealmem_subscription *s = subscribed(place);
	struct pollfd one = { .fd = sealmem_subscription_fd(s), .events = POLLIN };

	for (int taken = 1; taken >= 0; taken = sealmem_subscription_update(s)) {
		if (taken == 1) {
			const struct sealmem_region *region = sealmem_subscription_acquire(s);
			char byte = *(volatile const char *)sealmem_region_data(region);

			sealmem_subscription_release(s, region);
			if (write(told, &byte, 1) != 1)
				_exit(1);
		}
		(void)poll(&one, 1, -1);
	}
	_exit(0);
}

static void wait_for(const struct place *place, int told, unsigned count)
{
	char bytes[4096];

	while (count > 0) {
		struct pollfd both[] = {
			{ .fd = sealmem_publisher_fd(place->publisher), .events = POLLIN },
			{ .fd = told, .events = POLLIN },
		};

		(void)poll(both, 2, -1);
		if (both[0].revents != 0)
			dispatch(place, 0);
		if (both[1].revents != 0)
			count -= (unsigned)read(told, bytes,
						count < sizeof(bytes) ? count : sizeof(bytes));
	}
}

static long resident(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	long pages = 0;

	if (file == NULL || fscanf(file, "%*d %ld", &pages) != 1)
		errx(1, "statm");
	(void)fclose(file);
	return pages * sysconf(_SC_PAGESIZE);
}

static int compare(const void *a, const void *b)
{
	const double *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

static void measure_publish(unsigned count)
{
	struct place place = new_place();
	double times[REPEATED];
	long before;
	int told[2];

	if (pipe(told) < 0)
		err(1, "pipe");
	publish(&place);
	before = resident();
	for (unsigned i = 0; i < count; i++)
		if (fork() == 0)
			follow(&place, told[1]);
	wait_for(&place, told[0], count);
	before = resident() - before;
	for (int i = 0; i < REPEATED; i++) {
		double begin = now();

		publish(&place);
		wait_for(&place, told[0], count);
		times[i] = now() - begin;
	}
	qsort(times, REPEATED, sizeof(*times), compare);
	(void)printf(
		"publish to %u subscribers: %.2f ms until the last has it; %ld bytes and 1 descriptor for each\n",
		count, times[REPEATED / 2] / 1e6, before / (long)count);
	(void)sealmem_publisher_free(place.publisher);
	(void)close(place.listening);
	while (wait(NULL) > 0)
		;
}

int main(int argc, char *argv[])
{
	struct rlimit files;

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	if (argc == 1)
		measure_pairs();
	for (int i = 1; i < argc; i++)
		measure_publish((unsigned)strtoul(argv[i], NULL, 10));
	return 0;
}
