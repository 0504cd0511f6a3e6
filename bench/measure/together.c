/* SPDX-License-Identifier: MIT */

/*
 * Processes that all have read one published generation: the memory that they and the publisher take together, and how
 * long each waited for the first byte.
 *
 *     measure-together PROCESSES MEGABYTES
 */

#include "bench/measure/publishing.h"

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct reader {
	pid_t process;
	int told;
	double first_byte; /* nanoseconds from before the connection */
};

static void read_all(const char *data, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	for (size_t at = 0; at < size; at += page)
		(void)*(volatile const char *)(data + at);
}

__attribute__((noreturn)) static void read_and_stay(const struct place *place, size_t size,
						    int told)
{
	const struct sealmem_region *region;
	double begun = now();

	region = sealmem_subscription_acquire(subscribed(place, size));
	read_all(sealmem_region_data(region), 1);
	begun = now() - begun;
	read_all(sealmem_region_data(region), size);
	if (write(told, &begun, sizeof(begun)) != sizeof(begun))
		_exit(1);
	for (;;)
		(void)pause();
}

static void start(const struct place *place, size_t size, struct reader *reader)
{
	int ends[2];

	if (pipe(ends) < 0)
		err(1, "pipe");
	reader->told = ends[0];
	reader->process = fork();
	if (reader->process < 0)
		err(1, "fork");
	if (reader->process == 0)
		read_and_stay(place, size, ends[1]);
	(void)close(ends[1]);
	dispatch_until(place, reader->told, &reader->first_byte, sizeof(reader->first_byte));
}

/* Each page counts for each of its processes by its share. */
static double share_of(pid_t process)
{
	char path[64], line[256];
	long kib = -1;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)process);
	file = fopen(path, "re");
	while (file != NULL && kib < 0 && fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "Pss: %ld kB", &kib) != 1)
			kib = -1;
	if (kib < 0)
		err(1, "%s", path);
	(void)fclose(file);
	return (double)kib * 1024;
}

static int by_time(const void *a, const void *b)
{
	const struct reader *left = a, *right = b;

	return (left->first_byte > right->first_byte) - (left->first_byte < right->first_byte);
}

/* The first reader also waits for what the publisher does only once. */
static void print(struct reader *readers, unsigned count, size_t size)
{
	double all = share_of(getpid()), first = readers[0].first_byte;

	for (unsigned i = 0; i < count; i++)
		all += share_of(readers[i].process);
	qsort(readers + 1, count - 1, sizeof(*readers), by_time);
	(void)printf("{\"version\": 1, \"results\": [{\"processes\": %u, \"MiB\": %zu, "
		     "\"memory_of_all,_over_the_size\": %.4f, ",
		     count, size >> 20, all / (double)size);
	(void)printf("\"first_byte_of_the_first,_us\": %.0f, \"of_the_others_(median),_us\": %.0f, "
		     "\"of_the_slowest_other,_us\": %.0f}]}\n",
		     first / 1e3, readers[count / 2].first_byte / 1e3,
		     readers[count - 1].first_byte / 1e3);
}

int main(int argc, char *argv[])
{
	const char *usage = "measure-together PROCESSES MEGABYTES";
	unsigned count = number_of(argc == 3 ? argv[1] : "", usage);
	size_t size = (size_t)number_of(argc == 3 ? argv[2] : "", usage) << 20;
	struct reader *readers = calloc(count, sizeof(*readers));
	struct place place = new_place();

	if (readers == NULL)
		err(1, "memory");
	publish(&place, size);
	for (unsigned i = 0; i < count; i++)
		start(&place, size, &readers[i]);
	print(readers, count, size);
	for (unsigned i = 0; i < count; i++)
		(void)kill(readers[i].process, SIGKILL);
	while (wait(NULL) > 0)
		;
	free_place(&place);
	free(readers);
	return 0;
}
