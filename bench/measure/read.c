/* SPDX-License-Identifier: MIT */

/*
 * Compares reading sealed memory with reading ordinary memory: the same loops over the same bytes, in turn,
 * after every page was touched. The plain contestant compared with itself shows the noise of the machine. The
 * speed of memory depends on where it lies, so both kinds consist of many objects, made in turn.
 *
 *     measure-read CONTESTANT MEGABYTES
 */

#include "bench/contestants/contestant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OBJECTS	 16
#define PASSES	 3
#define ACCESSES (1u << 18)

/* Objects of one kind, all of the same size. */
struct memory {
	struct object objects[OBJECTS];
	size_t words; /* of one object */
};

static const uint64_t *words_of(const struct memory *memory, size_t object)
{
	return (const void *)memory->objects[object].data;
}

static double stream(const struct memory *memory, uint64_t *sum)
{
	double begun = now();

	for (size_t o = 0; o < OBJECTS; o++)
		for (size_t i = 0; i < memory->words; i++)
			*sum += words_of(memory, o)[i];
	return (now() - begun) / (double)(OBJECTS * memory->words * sizeof(uint64_t));
}

/* Each address depends on the value that was read at the address before. */
static double jump(const struct memory *memory, uint64_t *sum)
{
	double begun = now();
	uint64_t object = 0, at = 0, step = 1;

	for (size_t i = 0; i < ACCESSES; i++) {
		step = step * 6364136223846793005u + 1442695040888963407u +
		       words_of(memory, object)[at];
		object = (step >> 60) % OBJECTS;
		at = (step >> 20) % memory->words;
		*sum += at;
	}
	return (now() - begun) / ACCESSES;
}

/* A pass over one kind of memory alternates with a pass over the other, so that the machine treats both alike. */
struct passes {
	double own[PASSES], speed[PASSES];
};

static void run(struct passes *ret, double (*pass)(const struct memory *, uint64_t *),
		const struct memory *own, const struct memory *ordinary)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < PASSES; i++) {
		ret->own[i] = pass(own, &sum);
		ret->speed[i] = pass(ordinary, &sum) / ret->own[i];
	}
	/* The sum is used, so that the compiler keeps the loops. */
	if (sum == 1)
		puts("");
}

static void make(struct memory *memory, const struct contestant *c, size_t object, size_t size)
{
	char *bytes = malloc(size);

	if (bytes == NULL)
		give_up("no memory");
	memset(bytes, 0x5a, size);
	if (!c->make(&memory->objects[object], bytes, size))
		give_up("%s failed", c->name);
	memory->words = size / sizeof(uint64_t);
	free(bytes);
}

int main(int argc, char **argv)
{
	const struct contestant *c = contestant_find(argc == 3 ? argv[1] : "");
	size_t size = (strtoul(argv[2], NULL, 0) << 20) / OBJECTS;
	struct memory own = { 0 }, ordinary = { 0 };
	struct passes streams, jumps;

	for (size_t i = 0; i < OBJECTS; i++) {
		make(&own, c, i, size);
		make(&ordinary, contestant_find("plain"), i, size);
	}
	/* The first pass maps every page. */
	run(&streams, stream, &own, &ordinary);
	run(&streams, stream, &own, &ordinary);
	run(&jumps, jump, &own, &ordinary);
	printf("stream %.6f\n", median(streams.own, PASSES));
	printf("random %.3f\n", median(jumps.own, PASSES));
	printf("stream-speed %.4f\n", median(streams.speed, PASSES));
	printf("random-speed %.4f\n", median(jumps.speed, PASSES));
	return 0;
}
