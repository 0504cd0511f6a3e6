/* SPDX-License-Identifier: MIT */

/* The programs that measure published memory differ in their readers, and have this publisher in common. */

#include "bench/measure/publishing.h"

#include <dirent.h>
#include <err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

void must(int err, const char *what)
{
	if (err < 0)
		errx(1, "%s: %s", what, sealmem_strerror(err));
}

unsigned number_of(const char *argument, const char *usage)
{
	char *end;
	unsigned long number = strtoul(argument, &end, 10);

	if (number == 0 || *end != '\0' || number > 1000000000)
		errx(2, "%s", usage);
	return (unsigned)number;
}

struct place new_place(void)
{
	struct place place = { .address = { .sun_family = AF_UNIX }, .size = sizeof(sa_family_t) };
	struct sockaddr *address = (struct sockaddr *)&place.address;

	place.listening = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (bind(place.listening, address, place.size) < 0 || listen(place.listening, 4096) < 0)
		err(1, "socket");
	place.size = sizeof(place.address);
	(void)getsockname(place.listening, address, &place.size);
	must(sealmem_publisher_new(&place.publisher, place.listening), "publisher");
	return place;
}

void free_place(const struct place *place)
{
	(void)sealmem_publisher_free(place->publisher);
	(void)close(place->listening);
}

void publish(const struct place *place, size_t size)
{
	struct sealmem_region *region;
	void *bytes;

	must(sealmem_region_new(&region, "bench", size, SEALMEM_CONTENT), "region");
	bytes = sealmem_region_alloc(region, size, 0);
	if (bytes == NULL)
		err(1, "memory");
	memset(bytes, 0x5a, size);
	must(sealmem_region_seal(region), "seal");
	must(sealmem_publish(place->publisher, region), "publish");
	(void)sealmem_region_free(region);
}

void dispatch(const struct place *place, int milliseconds)
{
	struct pollfd one = { .fd = sealmem_publisher_fd(place->publisher), .events = POLLIN };

	if (poll(&one, 1, milliseconds) == 1)
		must(sealmem_publisher_dispatch(place->publisher), "dispatch");
}

void dispatch_until(const struct place *place, int fd, void *bytes, size_t size)
{
	char *to = bytes;

	while (size > 0) {
		struct pollfd both[] = {
			{ .fd = sealmem_publisher_fd(place->publisher), .events = POLLIN },
			{ .fd = fd, .events = POLLIN },
		};
		ssize_t got = 0;

		(void)poll(both, 2, -1);
		if (both[0].revents != 0)
			dispatch(place, 0);
		if (both[1].revents != 0)
			got = read(fd, to, size);
		if (got < 0 || (got == 0 && both[1].revents != 0))
			errx(1, "a reader has ended");
		to += got;
		size -= (size_t)got;
	}
}

double time_to_publish(const struct place *place, int fd, void *bytes, size_t size)
{
	double times[9];
	const size_t repeated = sizeof(times) / sizeof(*times);

	for (size_t i = 0; i < repeated; i++) {
		double begun = now();

		publish(place, SMALL);
		dispatch_until(place, fd, bytes, size);
		times[i] = now() - begun;
	}
	return median(times, repeated);
}

int connection_to(const struct place *place)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)&place->address, place->size) < 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

struct sealmem_subscription *subscribed(const struct place *place, size_t limit)
{
	struct sealmem_subscription *s;
	int fd = connection_to(place);

	if (fd < 0)
		err(1, "connect");
	must(sealmem_subscribe(&s, fd, "bench", limit, SEALMEM_CONTENT), "subscribe");
	(void)close(fd);
	return s;
}

static long resident(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	long pages = 0;

	if (file == NULL || fscanf(file, "%*d %ld", &pages) != 1)
		errx(1, "statm");
	(void)fclose(file);
	return pages * sysconf(_SC_PAGESIZE);
}

static long descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	long count = 0;

	if (directory == NULL)
		err(1, "/proc/self/fd");
	while (readdir(directory) != NULL)
		count++;
	(void)closedir(directory);
	return count;
}

struct held held_now(void)
{
	return (struct held){ resident(), descriptors() };
}

/* Root may have more than the limit says. */
void allow_descriptors(unsigned wanted)
{
	struct rlimit files = { wanted, wanted }, old;

	if (getrlimit(RLIMIT_NOFILE, &old) < 0)
		return;
	files.rlim_max = old.rlim_max > wanted ? old.rlim_max : wanted;
	if (setrlimit(RLIMIT_NOFILE, &files) == 0)
		return;
	files = (struct rlimit){ old.rlim_max, old.rlim_max };
	(void)setrlimit(RLIMIT_NOFILE, &files);
}
