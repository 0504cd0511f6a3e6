/* SPDX-License-Identifier: MIT */

/*
 * Measures one contestant with objects of one size: the time until an object is sealed, until its first byte
 * is also read, and until everything is given back. A batch of objects is alive at a time, as in a program
 * that keeps them.
 *
 *     measure-seal CONTESTANT SIZE ALIVE BATCHES
 */

#include "bench/contestants/contestant.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct times {
	double sealed, read, released;
};

static struct times run_batch(const struct contestant *c, struct object *objects, size_t alive,
			      const void *bytes, size_t size)
{
	double begun, sealed, read, released;

	mark();
	begun = now();
	for (size_t i = 0; i < alive; i++)
		if (!c->make(&objects[i], bytes, size))
			give_up("%s: %s", c->name, strerror(errno));
	sealed = now();
	mark();
	for (size_t i = 0; i < alive; i++)
		(void)first_byte(objects[i].data);
	read = now();
	for (size_t i = 0; i < alive && c->release != NULL; i++)
		c->release(&objects[i], size);
	released = now();
	mark();
	return (struct times){ sealed - begun, read - begun, released - begun };
}

/* The first object of a program costs more, so it is not measured. */
static void warm_up(const struct contestant *c, const void *bytes, size_t size)
{
	struct object object = { 0 };

	if (c->begin != NULL && !c->begin(1024, size))
		give_up("%s cannot begin", c->name);
	(void)run_batch(c, &object, 1, bytes, size);
}

static double per_object(double *of, size_t batches, size_t alive)
{
	return median(of, batches) / (double)alive;
}

int main(int argc, char **argv)
{
	const struct contestant *c = contestant_find(argc == 5 ? argv[1] : "");
	size_t size = strtoul(argv[2], NULL, 0), alive = strtoul(argv[3], NULL, 0);
	size_t batches = strtoul(argv[4], NULL, 0);
	struct object *objects = calloc(alive, sizeof(*objects));
	double *times = calloc(3 * batches, sizeof(*times));
	char *bytes = malloc(size);

	if (objects == NULL || times == NULL || bytes == NULL)
		give_up("no memory");
	memset(bytes, 0x5a, size);
	warm_up(c, bytes, size);
	for (size_t i = 0; i < batches; i++) {
		struct times t = run_batch(c, objects, alive, bytes, size);

		times[i] = t.sealed;
		times[batches + i] = t.read;
		times[2 * batches + i] = t.released;
	}
	printf("sealed %.1f\n", per_object(times, batches, alive));
	printf("read %.1f\n", per_object(times + batches, batches, alive));
	if (c->release != NULL)
		printf("life %.1f\n", per_object(times + 2 * batches, batches, alive));
	return 0;
}
