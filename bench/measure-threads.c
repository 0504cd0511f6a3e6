/* SPDX-License-Identifier: MIT */

/*
 * Objects made, read and given back by several threads at once: how many in a second, and how often a thread
 * had to wait for another. The kernel has one lock for the mappings of a process; what matters is
 * whether anything is added to it.
 *
 *     measure-threads CONTESTANT THREADS MILLISECONDS
 */

#include "contestant.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define SIZE	    32
#define MAX_THREADS 64

static const struct contestant *contestant;
static pthread_barrier_t ready;
static atomic_bool over;

static void make_one(void)
{
	static const char bytes[SIZE] = "an object";
	struct object object;

	if (!contestant->make(&object, bytes, SIZE))
		give_up("%s failed", contestant->name);
	(void)first_byte(object.data);
	contestant->release(&object, SIZE);
}

static void *work(void *made)
{
	(void)pthread_barrier_wait(&ready);
	while (!atomic_load_explicit(&over, memory_order_relaxed)) {
		make_one();
		(*(double *)made)++;
	}
	return NULL;
}

static double waits(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_SELF, &usage);
	return (double)usage.ru_nvcsw;
}

int main(int argc, char **argv)
{
	size_t threads = argc == 4 ? strtoul(argv[2], NULL, 0) : 0;
	double milliseconds = argc == 4 ? strtod(argv[3], NULL) : 0;
	double made[MAX_THREADS][8] = { 0 }, all = 0, begun, waited;
	pthread_t ids[MAX_THREADS];

	if (threads == 0 || threads > MAX_THREADS)
		give_up("measure-threads CONTESTANT THREADS MILLISECONDS");
	contestant = contestant_find(argv[1]);
	if (contestant->release == NULL ||
	    (contestant->begin != NULL && !contestant->begin(1024, SIZE)))
		give_up("%s cannot", contestant->name);
	(void)pthread_barrier_init(&ready, NULL, (unsigned)threads + 1);
	/* A cache line each. */
	for (size_t i = 0; i < threads; i++)
		if (pthread_create(&ids[i], NULL, work, made[i]) != 0)
			give_up("no thread");
	(void)pthread_barrier_wait(&ready);
	waited = waits();
	begun = now();
	while (now() < begun + milliseconds * 1e6)
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	atomic_store(&over, true);
	for (size_t i = 0; i < threads; i++) {
		(void)pthread_join(ids[i], NULL);
		all += made[i][0];
	}
	printf("each %.1f\n", (now() - begun) * (double)threads / all);
	/* Less those of this loop. */
	printf("waits %.6f\n", (waits() - waited - milliseconds / 10) / all);
	return 0;
}
