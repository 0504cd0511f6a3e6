/* SPDX-License-Identifier: MIT */

/*
 * How long it takes until the last of many subscribers has the next generation, and what the publisher has for each.
 *
 *     measure-publish PROCESSES...
 *
 * Each subscriber is a process. It waits for the next generation, reads one byte of it and says so through a pipe.
 */

#include "bench/measure/publishing.h"

#include <err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void tell(struct sealmem_subscription *s, int told)
{
	const struct sealmem_region *region = sealmem_subscription_acquire(s);
	char byte = *(volatile const char *)sealmem_region_data(region);

	sealmem_subscription_release(s, region);
	if (write(told, &byte, 1) != 1)
		_exit(1);
}

__attribute__((noreturn)) static void follow(const struct place *place, int told)
{
	struct sealmem_subscription *s = subscribed(place, SMALL);
	struct pollfd one = { .fd = sealmem_subscription_fd(s), .events = POLLIN };

	for (int taken = 1; taken >= 0; taken = sealmem_subscription_update(s)) {
		if (taken == 1)
			tell(s, told);
		(void)poll(&one, 1, -1);
	}
	_exit(0);
}

static void start(const struct place *place, unsigned count, const int told[2])
{
	for (unsigned i = 0; i < count; i++) {
		pid_t child = fork();

		if (child < 0)
			err(1, "fork");
		if (child == 0) {
			(void)close(told[0]);
			follow(place, told[1]);
		}
	}
	(void)close(told[1]);
}

static void measure(unsigned count)
{
	struct place place = new_place();
	struct held before, after;
	char *bytes = calloc(1, count);
	int told[2];

	if (bytes == NULL || pipe(told) < 0)
		err(1, "pipe");
	publish(&place, SMALL);
	before = held_now();
	start(&place, count, told);
	dispatch_until(&place, told[0], bytes, count);
	after = held_now();
	(void)printf("{\"processes\": %u, \"until_the_last_has_it,_ms\": %.2f, "
		     "\"bytes_for_each\": %.0f, \"descriptors_for_each\": %.3f}",
		     count, time_to_publish(&place, told[0], bytes, count) / 1e6,
		     (double)(after.memory - before.memory) / count,
		     (double)(after.descriptors + 1 - before.descriptors) / count);
	free_place(&place);
	while (wait(NULL) > 0)
		;
	(void)close(told[0]);
	free(bytes);
}

int main(int argc, char *argv[])
{
	allow_descriptors(4096);
	(void)printf("{\"version\": 1, \"results\": [");
	for (int i = 1; i < argc; i++) {
		(void)printf("%s", i == 1 ? "" : ", ");
		(void)fflush(stdout);
		measure(number_of(argv[i], "measure-publish PROCESSES..."));
	}
	(void)printf("]}\n");
	return 0;
}
