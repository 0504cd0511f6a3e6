/* SPDX-License-Identifier: MIT */

/*
 * Measures how the time of a pair, to make an object of 32 bytes and to give it back, grows with the number of objects
 * that live. `more`: the pair is one more object, and the others rest. `random`: a live object, chosen at random, is
 * used, given back, and another one made, so that each pair reaches memory that no cache has. To use it is to read its
 * first byte, and what that byte is decides what comes next: a processor that waits for one pair has not started on
 * others.
 *
 * The time is that of this thread on a processor: other programs of the machine do not count. Who chooses the objects
 * does not count either.
 *
 *     measure-live CONTESTANT more|random COUNT SECONDS
 */

#include "bench/contestants/contestant.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE  32
#define FIRST 1000
#define BATCH 256
#define TIMES 1000
#define LEAST 5
#define LONG  1e9 /* nanoseconds for one number of objects */

static const struct contestant *contestant;
static const char bytes[SIZE] = "an object of thirty-two bytes..";
static struct object *objects;

static void make_one(struct object *object)
{
	if (!contestant->make(object, bytes, SIZE))
		give_up("%s: %s", contestant->name, strerror(errno));
}

/* Puts objects that it chooses at random first. */
static void choose(size_t count)
{
	for (size_t i = 0; i < BATCH; i++) {
		size_t other = i + (size_t)random() % (count - i);
		struct object chosen = objects[other];

		objects[other] = objects[i];
		objects[i] = chosen;
	}
}

/* 1, but a processor has to read the object to know that. Each of a batch has its turn, and not in a row: a processor
 * that finds pointers in a row gets what they point to. */
static size_t use(const struct object *object)
{
	return (size_t)(first_byte(object->data) - bytes[0]) + 1;
}

static double pairs_random(size_t count)
{
	double begun;

	choose(count);
	begun = worked();
	for (size_t i = 0, at = 0, next; i < BATCH; i++, at = next) {
		next = (5 * at + use(&objects[at])) % BATCH;
		contestant->release(&objects[at], SIZE);
		make_one(&objects[at]);
	}
	return worked() - begun;
}

static double pairs_more(size_t count)
{
	struct object *object = &objects[count];
	double begun = worked();

	for (size_t i = 0, next; i < BATCH; i = next) {
		make_one(object);
		next = i + use(object);
		contestant->release(object, SIZE);
	}
	return worked() - begun;
}

/* Nanoseconds of a pair. */
static double measure(double (*pairs)(size_t count), size_t count)
{
	double times[TIMES], deadline = now() + LONG;
	size_t i = 0;

	for (; i < TIMES && (i < LEAST || now() < deadline); i++)
		times[i] = pairs(count) / BATCH;
	return median(times, i);
}

/* How many there are then: fewer than wanted, if the contestant makes no more or takes too long. */
static size_t make_up_to(size_t count, size_t made, double seconds, const char **ended)
{
	double deadline = now() + seconds * 1e9;

	for (; made < count; made++) {
		if (!contestant->make(&objects[made], bytes, SIZE)) {
			*ended = strerror(errno);
			break;
		}
		if (made % 1024 == 0 && now() > deadline) {
			*ended = "out of time";
			break;
		}
	}
	return made;
}

int main(int argc, char **argv)
{
	size_t most = argc == 5 ? strtoul(argv[3], NULL, 0) : 0, made = 0;
	double seconds = argc == 5 ? strtod(argv[4], NULL) : 0, first = 0, last = 0;
	double (*pairs)(size_t count) =
		argc == 5 && strcmp(argv[2], "more") == 0 ? pairs_more : pairs_random;
	const char *ended = "";

	if (most < FIRST)
		give_up("measure-live CONTESTANT more|random COUNT SECONDS");
	contestant = contestant_find(argv[1]);
	objects = calloc(most + 1, sizeof(*objects));
	if (objects == NULL || (contestant->begin != NULL && !contestant->begin(most + 1, SIZE)))
		give_up("%s cannot begin", contestant->name);
	for (size_t count = FIRST; count <= most && *ended == '\0'; count *= 10) {
		made = make_up_to(count, made, seconds, &ended);
		if (made < count)
			break;
		last = measure(pairs, count);
		first = count == FIRST ? last : first;
		printf("%zu %.1f\n", count, last);
	}
	if (made >= most)
		printf("growth %.3f\n", last / first);
	printf("made %zu\n", made);
	printf("ended %s\n", ended);
	return 0;
}
