/* SPDX-License-Identifier: MIT */

/*
 * Reading what is sealed beside reading ordinary memory: the same loops over the same bytes, in turn, after
 * every page has been touched. The naked contestant beside itself shows what the machine adds.
 *
 *     measure-read CONTESTANT MEGABYTES
 */

#include "contestant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PASSES	 3
#define ACCESSES (1u << 18)

static double stream(const uint64_t *data, size_t words, uint64_t *sum)
{
	double begun = now();

	for (size_t i = 0; i < words; i++)
		*sum += data[i];
	return (now() - begun) / (double)(words * sizeof(*data));
}

/* Each place depends on what was read at the one before. */
static double jump(const uint64_t *data, size_t words, uint64_t *sum)
{
	double begun = now();
	uint64_t at = 0, step = 1;

	for (size_t i = 0; i < ACCESSES; i++) {
		step = step * 6364136223846793005u + 1442695040888963407u + data[at];
		at = (step >> 20) % words;
		*sum += at;
	}
	return (now() - begun) / ACCESSES;
}

/* Each pass over one kind of memory is followed by the same over the other, so that both meet the same machine. */
struct passes {
	double own[PASSES], speed[PASSES];
};

static void run(struct passes *ret, double (*pass)(const uint64_t *, size_t, uint64_t *),
		const struct object *own, const struct object *ordinary, size_t words)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < PASSES; i++) {
		ret->own[i] = pass((const void *)own->data, words, &sum);
		ret->speed[i] = pass((const void *)ordinary->data, words, &sum) / ret->own[i];
	}
	/* Looked at, so that the loops stay. */
	if (sum == 1)
		puts("");
}

int main(int argc, char **argv)
{
	const struct contestant *c = contestant_find(argc == 3 ? argv[1] : "");
	size_t size = strtoul(argv[2], NULL, 0) << 20, words = size / sizeof(uint64_t);
	struct object own = { 0 }, ordinary = { 0 };
	struct passes streams, jumps;
	char *bytes = malloc(size);

	if (bytes == NULL)
		give_up("no memory");
	memset(bytes, 0x5a, size);
	if (!c->make(&own, bytes, size) || !contestant_find("naked")->make(&ordinary, bytes, size))
		give_up("%s failed", c->name);
	free(bytes);
	/* Every page is mapped by the first. */
	run(&streams, stream, &own, &ordinary, words);
	run(&streams, stream, &own, &ordinary, words);
	run(&jumps, jump, &own, &ordinary, words);
	printf("stream %.6f\n", median(streams.own, PASSES));
	printf("random %.3f\n", median(jumps.own, PASSES));
	printf("stream-speed %.4f\n", median(streams.speed, PASSES));
	printf("random-speed %.4f\n", median(jumps.speed, PASSES));
	return 0;
}
