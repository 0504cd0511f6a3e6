/* SPDX-License-Identifier: MIT */

/*
 * What sending regions is for: many readers of one memory, and no copy however large it is. A thousand
 * subscribers hold the same region at the same time, in a few processes of many threads each: a process
 * for each would measure fork(2), and a single one would need more descriptors than a plain user has.
 */

#include "tests/support/channel.h"
#include "tests/support/sandbox.h"
#include "tests/support/scale.h"
#include "tests/support/support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { HOUSES = 8, MOST = 1000 };

/* What all processes see. */
struct crowd {
	struct sockaddr_un address;
	socklen_t address_size;
	size_t size;
	unsigned each; /* subscribers in a house */
	atomic_uint holding, wrong;
	atomic_bool go_home;
};

static void *share(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(at, MAP_FAILED);
	return at;
}

static int connect_to(const struct crowd *crowd)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd >= 0 &&
	    connect(fd, (const struct sockaddr *)&crowd->address, crowd->address_size) == 0)
		return fd;
	return close_fd(fd);
}

/* Holds what it got until all have it. */
static void *subscribe(void *argument)
{
	struct crowd *crowd = argument;
	struct sealmem_region *region = NULL;
	int fd = connect_to(crowd);

	if (fd < 0 || sealmem_receive(fd, &region, SEALMEM_CONTENT) != 0 ||
	    sealmem_region_size(region) != crowd->size ||
	    !is_filled(sealmem_region_data(region), crowd->size) ||
	    sealmem_try_write(sealmem_region_data(region), "", 1) != -EFAULT)
		atomic_fetch_add(&crowd->wrong, 1);
	close_fd(fd);
	atomic_fetch_add(&crowd->holding, 1);
	while (!atomic_load(&crowd->go_home))
		(void)usleep(10000);
	(void)sealmem_region_free(region);
	return NULL;
}

/* What was inherited goes first, so that there is no other way to the bytes. The default stack of a thread, a
 * thousand times, is more than some limits on memory allow. */
static int open_house(struct crowd *crowd, struct sealmem_region *inherited)
{
	pthread_t *threads = calloc(crowd->each, sizeof(*threads));
	pthread_attr_t small;

	(void)sealmem_region_free(inherited);
	if (threads == NULL || pthread_attr_init(&small) != 0 ||
	    pthread_attr_setstacksize(&small, (size_t)1 << 18) != 0)
		return EXIT_FAILURE;
	for (unsigned i = 0; i < crowd->each; i++)
		if (pthread_create(&threads[i], &small, subscribe, crowd) != 0)
			return EXIT_FAILURE;
	for (unsigned i = 0; i < crowd->each; i++)
		(void)pthread_join(threads[i], NULL);
	free(threads);
	return EXIT_SUCCESS;
}

/* A name that the kernel chooses, and that is in no directory. */
static int listen_anywhere(struct crowd *crowd)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	crowd->address.sun_family = AF_UNIX;
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&crowd->address, sizeof(sa_family_t)), 0);
	crowd->address_size = sizeof(crowd->address);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&crowd->address, &crowd->address_size),
			 0);
	ck_assert_int_eq(listen(fd, MOST), 0);
	return fd;
}

static void publish(int listener, const struct sealmem_region *region, unsigned count)
{
	while (count-- > 0) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(sealmem_send(fd, region), 0);
		close(fd);
	}
}

static void wait_until_all_hold(const struct crowd *crowd, unsigned count)
{
	double began = seconds_now();

	while (atomic_load(&crowd->holding) < count) {
		ck_assert_double_lt(seconds_now() - began, 50);
		(void)usleep(1000);
	}
}

START_TEST(a_thousand_subscribers_hold_one_region)
{
	struct crowd *crowd = share(sizeof(*crowd));
	struct sealmem_region *region;
	struct stat before, after;
	SCOPED_LIMIT limit = { 0 };
	unsigned count;
	double began;
	int listener;

	crowd->size = (size_t)1 << 20;
	crowd->each = (unsigned)(scaled(MOST) + HOUSES - 1) / HOUSES;
	count = crowd->each * HOUSES;
	limit = set_limit(RLIMIT_NOFILE, 1024);
	listener = listen_anywhere(crowd);
	region = sealed_region("news", crowd->size, SEALMEM_CONTENT);
	ck_assert_int_eq(fstat(sealmem_region_fd(region), &before), 0);
	(void)fflush(stdout);
	began = seconds_now();
	for (int i = 0; i < HOUSES; i++)
		if (fork() == 0)
			_exit(open_house(crowd, region));
	publish(listener, region, count);
	wait_until_all_hold(crowd, count);
	ck_assert_int_eq(fstat(sealmem_region_fd(region), &after), 0);
	printf("%u subscribers hold one region of %zu bytes after %.2f s, %lld bytes of memory in all\n",
	       count, crowd->size, seconds_now() - began, (long long)after.st_blocks * 512);
	(void)fflush(stdout);
	atomic_store(&crowd->go_home, true);
	for (int i = 0; i < HOUSES; i++) {
		int status;

		ck_assert_int_gt(wait(&status), 0);
		ck_assert_int_eq(status, 0);
	}
	ck_assert_uint_eq(atomic_load(&crowd->wrong), 0);
	ck_assert_int_eq(before.st_blocks, after.st_blocks);
	(void)sealmem_region_free(region);
}
END_TEST

/* A copy of less is not a hundred times the work of the calls of one reception. */
#define ENOUGH ((size_t)32 << 20)

/* A GiB, or what the scale says, or what a small machine can spare for it and a copy of it. */
static size_t large_size(void)
{
	size_t most = (size_t)scaled(1024) << 20, spare = 0;
	FILE *file = fopen("/proc/meminfo", "re");
	char line[128];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "MemAvailable: %zu", &spare) == 1)
			break;
	if (file != NULL)
		(void)fclose(file);
	while (most > spare * 1024 / 4)
		most /= 2;
	return most;
}

/* The descriptor is sent before the clock starts: what is measured is what the receiver waits for. */
static double seconds_to_receive(const struct channel *channel, const struct sealmem_region *region)
{
	struct sealmem_region *got = NULL;
	double began, taken;

	ck_assert_int_eq(sealmem_send(channel->sender, region), 0);
	began = seconds_now();
	ck_assert_int_eq(sealmem_receive(channel->receiver, &got, SEALMEM_CONTENT), 0);
	taken = seconds_now() - began;
	ck_assert_uint_eq(sealmem_region_size(got), sealmem_region_size(region));
	(void)sealmem_region_free(got);
	return taken;
}

static int compare_numbers(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median_to_receive(const struct sealmem_region *region)
{
	SCOPED_CHANNEL channel = open_channel(SOCK_STREAM);
	enum { TIMES = 101 };
	double taken[TIMES];

	for (int i = 0; i < TIMES; i++)
		taken[i] = seconds_to_receive(&channel, region);
	qsort(taken, TIMES, sizeof(*taken), compare_numbers);
	return taken[TIMES / 2];
}

static _Noreturn void pour(int pipe, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t written = write(pipe, bytes, size);

		if (written <= 0)
			_exit(EXIT_FAILURE);
		bytes += written;
		size -= (size_t)written;
	}
	_exit(EXIT_SUCCESS);
}

static double seconds_to_copy(const struct sealmem_region *region)
{
	size_t size = sealmem_region_size(region), have = 0;
	char *copy = map_private(size);
	double began = seconds_now();
	int ends[2], status;
	ssize_t got;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	if (fork() == 0)
		pour(ends[1], sealmem_region_data(region), size);
	close(ends[1]);
	while ((got = read(ends[0], copy + have, size - have)) > 0)
		have += (size_t)got;
	ck_assert_int_gt(wait(&status), 0);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(have, size);
	close(ends[0]);
	munmap(copy, size);
	return seconds_now() - began;
}

START_TEST(a_large_region_is_received_in_less_than_a_hundredth_of_the_time_of_a_copy)
{
	size_t size = large_size();
	struct sealmem_region *region = empty_region(size, SEALMEM_CONTENT);
	double received, copied;

	require_no_valgrind("it measures");
	if (size < ENOUGH)
		skip_test("a copy of what this machine can spare takes too little time");
	memset(sealmem_region_data(region), 1, size);
	ck_assert_int_eq(sealmem_region_seal(region), 0);
	received = median_to_receive(region);
	copied = seconds_to_copy(region);
	printf("%zu MiB: received in %.1f us (median of 101), copied through a pipe in %.0f us: "
	       "1 to %.0f\n",
	       size >> 20, received * 1e6, copied * 1e6, copied / received);
	(void)fflush(stdout);
	ck_assert_double_lt(received, copied / 100);
	(void)sealmem_region_free(region);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_thousand_subscribers_hold_one_region,
		a_large_region_is_received_in_less_than_a_hundredth_of_the_time_of_a_copy,
	};

	return RUN_TESTS("crowd", tests);
}
