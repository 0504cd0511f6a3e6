/* SPDX-License-Identifier: MIT */

/*
 * What it costs to read published memory: a pair of acquire and release, by the number of threads that do it at once.
 *
 *     measure-pairs PAIRS
 *
 * The values are nanoseconds of processor time for each pair: threads that share a processor do not count as slower.
 */

#include "bench/measure/publishing.h"

#include <err.h>
#include <pthread.h>
#include <stdio.h>

#define THREADS	 8
#define REPEATED 9

struct readers {
	struct sealmem_subscription *subscription;
	unsigned pairs;
	pthread_barrier_t start;
};

static void *take_pairs(void *argument)
{
	struct readers *readers = argument;
	struct sealmem_subscription *s = readers->subscription;

	(void)pthread_barrier_wait(&readers->start);
	for (unsigned i = 0; i < readers->pairs; i++)
		sealmem_subscription_release(s, sealmem_subscription_acquire(s));
	(void)pthread_barrier_wait(&readers->start);
	return NULL;
}

static double pair_time(struct readers *readers, unsigned threads)
{
	pthread_t ids[THREADS];
	double begun;

	(void)pthread_barrier_init(&readers->start, NULL, threads + 1);
	for (unsigned i = 0; i < threads; i++)
		if (pthread_create(&ids[i], NULL, take_pairs, readers) != 0)
			errx(1, "thread");
	begun = all_worked();
	(void)pthread_barrier_wait(&readers->start);
	(void)pthread_barrier_wait(&readers->start);
	begun = all_worked() - begun;
	for (unsigned i = 0; i < threads; i++)
		(void)pthread_join(ids[i], NULL);
	return begun / readers->pairs / threads;
}

static double least_time(struct readers *readers, unsigned threads)
{
	double least = pair_time(readers, threads);

	for (int i = 1; i < REPEATED; i++) {
		double one = pair_time(readers, threads);

		least = one < least ? one : least;
	}
	return least;
}

static void *serve_first(void *argument)
{
	for (int i = 0; i < 20; i++)
		dispatch(argument, 50);
	return NULL;
}

int main(int argc, char *argv[])
{
	const char *usage = "measure-pairs PAIRS";
	struct readers readers = { .pairs = number_of(argc == 2 ? argv[1] : "", usage) };
	struct place place = new_place();
	pthread_t server;
	double one = 0;

	publish(&place, SMALL);
	if (pthread_create(&server, NULL, serve_first, &place) != 0)
		errx(1, "thread");
	readers.subscription = subscribed(&place, SMALL);
	(void)pthread_join(server, NULL);
	(void)printf("{\"version\": 1, \"results\": [");
	for (unsigned threads = 1; threads <= THREADS; threads *= 2) {
		double time = least_time(&readers, threads);

		one = threads == 1 ? time : one;
		(void)printf(
			"%s{\"threads\": %u, \"ns_for_a_pair\": %.2f, \"over_one_thread\": %.3f}",
			threads == 1 ? "" : ", ", threads, time, time / one);
	}
	(void)printf("]}\n");
	(void)sealmem_subscription_free(readers.subscription);
	free_place(&place);
	return 0;
}
