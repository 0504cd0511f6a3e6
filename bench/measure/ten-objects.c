/* SPDX-License-Identifier: MIT */

/*
 * A program of ten objects for `sealmem seal`: itself, its loader, the C library, and seven common libraries with code of
 * all sizes. It has as many threads as it is told to have, which wait. It says that it is there, and exits at the end of
 * its input.
 *
 *     ten-objects THREADS [floor]
 *
 * With "floor" it says for how many nanoseconds somebody holds it who stops all of its threads, and does nothing but let
 * them go on; and how many it takes to compare and seal its image by itself, with the system calls that this needs and no
 * other process. No seal from outside can be faster than both together.
 */

#include "bench/measure/clock.h"
#include "bench/measure/image-calls.h"

#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_THREADS 1024

static void *wait_always(void *argument)
{
	for (;;)
		(void)pause();
	return argument;
}

static void load_all(void)
{
	static const char *const names[] = { "libm.so.6",	"libz.so.1",
					     "libcrypto.so.3",	"libssl.so.3",
					     "libsodium.so.23", "libgpg-error.so.0",
					     "libgcrypt.so.20" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (dlopen(names[i], RTLD_NOW) == NULL) {
			(void)fprintf(stderr, "%s\n", dlerror());
			exit(1);
		}
}

static size_t list_threads(pid_t pid, pid_t ret[MOST_THREADS])
{
	char path[64];
	const struct dirent *entry;
	size_t count = 0;
	DIR *directory;

	(void)snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	directory = opendir(path);
	while (directory != NULL && (entry = readdir(directory)) != NULL && count < MOST_THREADS)
		if (*entry->d_name != '.')
			ret[count++] = (pid_t)strtol(entry->d_name, NULL, 10);
	if (directory != NULL)
		(void)closedir(directory);
	return count;
}

/* On one processor. */
static void stay_here(void)
{
	cpu_set_t here;
	int processor = sched_getcpu();

	CPU_ZERO(&here);
	CPU_SET((size_t)(processor > 0 ? processor : 0), &here);
	(void)sched_setaffinity(0, sizeof(here), &here);
}

/* Nanoseconds. It looks for the answers without sleep, because a processor takes longer to wake up than a thread to stop. */
static double hold(const pid_t *threads, size_t count)
{
	double begun = now();

	for (size_t i = 0; i < count; i++)
		if (ptrace(PTRACE_SEIZE, threads[i], NULL, NULL) < 0 ||
		    ptrace(PTRACE_INTERRUPT, threads[i], NULL, NULL) < 0)
			_exit(1);
	for (size_t i = 0; i < count; i++)
		while (waitpid(threads[i], NULL, (int)__WALL | WNOHANG) == 0)
			(void)sched_yield();
	for (size_t i = 0; i < count; i++)
		(void)ptrace(PTRACE_DETACH, threads[i], NULL, NULL);
	return now() - begun;
}

/* By a child. */
static double held(void)
{
	int answer[2];
	double time = 0;
	pid_t pid;

	if (pipe(answer) < 0)
		exit(1);
	(void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0L, 0L, 0L);
	pid = fork();
	if (pid == 0) {
		pid_t threads[MOST_THREADS];
		size_t count = list_threads(getppid(), threads);

		stay_here();
		time = hold(threads, count);
		_exit(write(answer[1], &time, sizeof(time)) != sizeof(time));
	}
	if (pid < 0 || read(answer[0], &time, sizeof(time)) != sizeof(time))
		exit(1);
	(void)waitpid(pid, NULL, 0);
	return time;
}

static double sealed(void)
{
	struct image image;
	const char *copy;
	double begun;

	image_prepare(&image);
	copy = image_map_copy(&image);
	begun = now();
	if (!image_is_same(&image, copy))
		exit(1);
	image_seal(&image);
	return now() - begun;
}

static int show_floor(void)
{
	double hold_alone = held(), calls_alone = sealed();

	(void)printf("%.0f %.0f\n", hold_alone, calls_alone);
	return 0;
}

int main(int argc, char **argv)
{
	long threads = argc > 1 ? strtol(argv[1], NULL, 10) : 1;
	pthread_t thread;
	char byte;

	load_all();
	for (long i = 1; i < threads; i++)
		if (pthread_create(&thread, NULL, wait_always, NULL) != 0)
			return 1;
	if (argc > 2)
		return show_floor();
	(void)puts("ready");
	(void)fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}
