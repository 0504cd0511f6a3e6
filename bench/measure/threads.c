/* SPDX-License-Identifier: MIT */

/*
 * Several threads make, read and give back objects at the same time. This program measures how long one object
 * takes (`each`), how much of that the thread had a processor (`work`), and how often it had to wait for another thread
 * or for the kernel. The kernel has one lock for the mappings of a process; the question is whether a contestant adds
 * another one. Each thread marks the begin and the end of its work, for a program that counts its system calls.
 *
 * LIVE is how many objects each thread has. It gives a random one of them back and makes another, so that the memory
 * that becomes free is not that of the last object.
 *
 *     measure-threads CONTESTANT THREADS MILLISECONDS [LIVE]
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
static size_t live;
static pthread_barrier_t ready;
static atomic_bool over;

/* One cache line each. */
struct worker {
	_Alignas(64) pthread_t id;
	double made, waited, work;
	struct object *objects;
	uint64_t random;
};

static void make_one(struct object *object)
{
	static const char bytes[SIZE] = "an object";

	if (!contestant->make(object, bytes, SIZE))
		give_up("%s failed", contestant->name);
	(void)first_byte(object->data);
}

static size_t choose(struct worker *worker)
{
	worker->random = worker->random * UINT64_C(6364136223846793005) + 1;
	return (size_t)(worker->random >> 33) % live;
}

static void make_and_release(struct worker *worker)
{
	struct object object;

	if (live > 0) {
		size_t at = choose(worker);

		contestant->release(&worker->objects[at], SIZE);
		make_one(&worker->objects[at]);
		return;
	}
	make_one(&object);
	contestant->release(&object, SIZE);
}

static void make_all(struct worker *worker)
{
	worker->objects = calloc(live + 1, sizeof(*worker->objects));
	if (worker->objects == NULL)
		give_up("no memory");
	for (size_t i = 0; i < live; i++)
		make_one(&worker->objects[i]);
}

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
	make_all(worker);
	make_and_release(worker);
	(void)pthread_barrier_wait(&ready);
	worker->waited = -waits();
	worker->work = -worked();
	mark();
	while (!atomic_load_explicit(&over, memory_order_relaxed)) {
		make_and_release(worker);
		worker->made++;
	}
	mark();
	worker->work += worked();
	worker->waited += waits();
	return NULL;
}

int main(int argc, char **argv)
{
	size_t threads = argc >= 4 ? strtoul(argv[2], NULL, 0) : 0;
	double milliseconds = argc >= 4 ? strtod(argv[3], NULL) : 0;
	struct worker workers[MAX_THREADS] = { 0 };
	double made = 0, waited = 0, spent = 0, begun;

	if (threads == 0 || threads > MAX_THREADS)
		give_up("measure-threads CONTESTANT THREADS MILLISECONDS");
	live = argc == 5 ? strtoul(argv[4], NULL, 0) : 0;
	contestant = contestant_find(argv[1]);
	if (contestant->release == NULL ||
	    (contestant->begin != NULL && !contestant->begin(1024 + threads * live, SIZE)))
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
