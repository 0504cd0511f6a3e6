/* SPDX-License-Identifier: MIT */

/*
 * Several threads make, read and give back objects at the same time. This program measures how long one object
 * takes (`each`), how much of that the thread had a processor (`work`), and how often it had to wait for another thread
 * or for the kernel. The kernel has one lock for the mappings of a process; the question is whether a contestant adds
 * another one. Each thread marks the begin and the end of its work, for a program that counts its system calls.
 *
 *     measure-threads CONTESTANT THREADS MILLISECONDS
 */

#include "bench/contestants/contestant.h"

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

/* One cache line each. */
struct worker {
	_Alignas(64) pthread_t id;
	double made, waited, work;
};

/* How often the thread gave up the processor before its time slice ended. */
static double waits(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_THREAD, &usage);
	return (double)usage.ru_nvcsw;
}

static void *work(void *argument)
{
	struct worker *worker = argument;

	/* What a thread does once does not count. */
	make_one();
	(void)pthread_barrier_wait(&ready);
	worker->waited = -waits();
	worker->work = -worked();
	mark();
	while (!atomic_load_explicit(&over, memory_order_relaxed)) {
		make_one();
		worker->made++;
	}
	mark();
	worker->work += worked();
	worker->waited += waits();
	return NULL;
}

int main(int argc, char **argv)
{
	size_t threads = argc == 4 ? strtoul(argv[2], NULL, 0) : 0;
	double milliseconds = argc == 4 ? strtod(argv[3], NULL) : 0;
	struct worker workers[MAX_THREADS] = { 0 };
	double made = 0, waited = 0, spent = 0, begun;

	if (threads == 0 || threads > MAX_THREADS)
		give_up("measure-threads CONTESTANT THREADS MILLISECONDS");
	contestant = contestant_find(argv[1]);
	if (contestant->release == NULL ||
	    (contestant->begin != NULL && !contestant->begin(1024, SIZE)))
		give_up("%s cannot", contestant->name);
	(void)pthread_barrier_init(&ready, NULL, (unsigned)threads + 1);
	for (size_t i = 0; i < threads; i++)
		if (pthread_create(&workers[i].id, NULL, work, &workers[i]) != 0)
			give_up("no thread");
	(void)pthread_barrier_wait(&ready);
	begun = now();
	while (now() < begun + milliseconds * 1e6)
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	atomic_store(&over, true);
	for (size_t i = 0; i < threads; i++) {
		(void)pthread_join(workers[i].id, NULL);
		made += workers[i].made;
		waited += workers[i].waited;
		spent += workers[i].work;
	}
	printf("each %.1f\n", (now() - begun) * (double)threads / made);
	printf("work %.1f\n", spent / made);
	printf("made %.0f\n", made);
	printf("waits %.6f\n", waited / made);
	return 0;
}
