/* SPDX-License-Identifier: MIT */

/*
 * Measures many small objects that all stay: time, memory and mappings for each, and how many a contestant can
 * make. Memory is the resident memory of the process after it has read every object, page tables included.
 *
 * Some contestants have to know beforehand how many there will be. EXPECTED is what they are told, if it is not COUNT.
 *
 *     measure-objects CONTESTANT COUNT SECONDS [EXPECTED]
 */

#include "bench/contestants/contestant.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIZE 32

struct usage {
	double kilobytes, mappings;
};

static double status_line(const char *key)
{
	char line[256];
	double value = 0;
	FILE *file = fopen("/proc/self/status", "re");

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, key, strlen(key)) == 0)
			value = strtod(line + strlen(key), NULL);
	if (file != NULL)
		(void)fclose(file);
	return value;
}

static struct usage usage(void)
{
	struct usage now = { status_line("VmRSS:") + status_line("VmPTE:"), 0 };
	FILE *file = fopen("/proc/self/maps", "re");

	for (int c = 0; file != NULL && (c = fgetc(file)) != EOF;)
		now.mappings += c == '\n';
	if (file != NULL)
		(void)fclose(file);
	return now;
}

static size_t make_all(const struct contestant *c, struct object *objects, size_t count,
		       double deadline, const char **ended)
{
	const char bytes[SIZE] = "an object of thirty-two bytes..";

	for (size_t i = 0; i < count; i++) {
		if (!c->make(&objects[i], bytes, SIZE)) {
			*ended = strerror(errno);
			return i;
		}
		/* Looking at the clock costs more than some objects. */
		if (i % 1024 == 0 && now() > deadline) {
			*ended = "out of time";
			return i;
		}
	}
	return count;
}

int main(int argc, char **argv)
{
	const struct contestant *c = contestant_find(argc == 4 || argc == 5 ? argv[1] : "");
	size_t count = strtoul(argv[2], NULL, 0), made;
	size_t expected = argc == 5 ? strtoul(argv[4], NULL, 0) : count;
	double seconds = strtod(argv[3], NULL), begun, elapsed;
	struct object *objects = malloc(count * sizeof(*objects));
	const char *ended = "";
	/* Kept for the measurement itself, in case a contestant uses up all descriptors. */
	int spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct usage before, after;

	if (objects == NULL)
		give_up("no memory");
	memset(objects, 0xff, count * sizeof(*objects));
	before = usage();
	begun = now();
	if (c->begin != NULL && !c->begin(expected, SIZE))
		give_up("%s cannot begin", c->name);
	made = make_all(c, objects, count, begun + seconds * 1e9, &ended);
	if (c->end != NULL && !c->end())
		give_up("%s cannot seal", c->name);
	elapsed = now() - begun;
	(void)close(spare);
	for (size_t i = 0; i < made; i++)
		if (memcmp(objects[i].data, "an object", 9) != 0)
			give_up("%s lost object %zu", c->name, i);
	after = usage();
	printf("sealed %.2f\n", elapsed / (double)made);
	printf("made %zu\n", made);
	printf("memory %.3f\n", (after.kilobytes - before.kilobytes) * 1024 / (double)made / SIZE);
	printf("mappings %.0f\n", after.mappings - before.mappings);
	printf("ended %s\n", ended);
	return 0;
}
