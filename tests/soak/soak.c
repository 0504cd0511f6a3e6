/* SPDX-License-Identifier: MIT */

/*
 * soak COMMAND SECONDS [leak]: everything at once, for so long. A fault that one run in a million meets, and memory that a
 * program loses slowly, show in no other test. The workers are processes, so that what each has can be counted from
 * outside: descriptors, mappings, memory, children. None of it grows from the second quarter of the time to the last.
 */

#include "tests/soak/soak.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST_WORKERS 16

/* Counts that vary by themselves: a thread may be in the middle of anything when it is looked at. */
#define SLACK_DESCRIPTORS 12
#define SLACK_MAPPINGS	  40
#define SLACK_KIB	  8192
#define SLACK_CHILDREN	  3

struct sample {
	long descriptors, mappings, kib, children;
};

static struct shared {
	unsigned running;
	struct soak soak;
	struct report reports[MOST_WORKERS];
} * shared;

struct watched {
	pid_t pid;
	struct sample
		least[4]; /* of each quarter: what a worker has at its quietest does not vary */
	bool seen[4];
};

static struct watched watched[MOST_WORKERS];

static long count_entries(pid_t pid, const char *directory)
{
	char path[64];
	long count = 0;
	DIR *open_directory;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, directory);
	open_directory = opendir(path);
	while (open_directory != NULL && readdir(open_directory) != NULL)
		count++;
	if (open_directory != NULL)
		(void)closedir(open_directory);
	return count;
}

/* Mappings, and KiB in memory, by one look. */
static void read_memory(pid_t pid, struct sample *ret)
{
	char path[64], line[512];
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	file = fopen(path, "re");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		ret->mappings++;
	if (file != NULL)
		(void)fclose(file);
	(void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		(void)sscanf(line, "VmRSS: %ld", &ret->kib);
	if (file != NULL)
		(void)fclose(file);
}

/* Of all its threads. */
static long count_children(pid_t pid)
{
	char path[64], text[4096] = "";
	long count = 0;
	FILE *file;
	DIR *tasks;
	struct dirent *task;

	(void)snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	while (tasks != NULL && (task = readdir(tasks)) != NULL) {
		(void)snprintf(path, sizeof(path), "/proc/%d/task/%.16s/children", pid,
			       task->d_name);
		file = fopen(path, "re");
		if (file != NULL && fgets(text, sizeof(text), file) != NULL)
			for (const char *at = text; *at != '\0'; at++)
				count += *at == ' ';
		if (file != NULL)
			(void)fclose(file);
	}
	if (tasks != NULL)
		(void)closedir(tasks);
	return count;
}

static struct sample look_at(pid_t pid)
{
	struct sample now = { .descriptors = count_entries(pid, "fd"),
			      .children = count_children(pid) };

	read_memory(pid, &now);
	return now;
}

static long smaller(long a, long b)
{
	return a < b ? a : b;
}

static void keep_least(struct sample *least, const struct sample *now)
{
	least->descriptors = smaller(least->descriptors, now->descriptors);
	least->mappings = smaller(least->mappings, now->mappings);
	least->kib = smaller(least->kib, now->kib);
	least->children = smaller(least->children, now->children);
}

static void take_sample(struct watched *w, unsigned quarter)
{
	struct sample now = look_at(w->pid);

	if (!w->seen[quarter])
		w->least[quarter] = now;
	else
		keep_least(&w->least[quarter], &now);
	w->seen[quarter] = true;
}

/* The workers */

static void be_worker(unsigned i)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)signal(SIGPIPE, SIG_IGN);
	workers[i].run(&shared->soak, &shared->reports[i]);
	exit(EXIT_SUCCESS);
}

static bool start_workers(void)
{
	for (unsigned i = 0; i < shared->running; i++) {
		watched[i].pid = fork();
		if (watched[i].pid == 0)
			be_worker(i);
		if (watched[i].pid < 0)
			return false;
	}
	return true;
}

static bool open_socket(struct soak *soak)
{
	soak->address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	soak->address_size = sizeof(soak->address);
	soak->listening = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	return soak->listening >= 0 &&
	       bind(soak->listening, (struct sockaddr *)&soak->address, sizeof(sa_family_t)) == 0 &&
	       listen(soak->listening, 100) == 0 &&
	       getsockname(soak->listening, (struct sockaddr *)&soak->address,
			   &soak->address_size) == 0;
}

/* Reading and judging */

static double seconds_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static unsigned long all_rounds(void)
{
	unsigned long sum = 0;

	for (unsigned i = 0; i < shared->running; i++)
		sum += atomic_load(&shared->reports[i].rounds);
	return sum;
}

static struct sample sum_of(unsigned quarter)
{
	struct sample sum = { 0 };

	for (unsigned i = 0; i < shared->running; i++) {
		const struct sample *one = &watched[i].least[quarter];

		sum.descriptors += one->descriptors;
		sum.mappings += one->mappings;
		sum.kib += one->kib;
		sum.children += one->children;
	}
	return sum;
}

static void print_progress(double passed, unsigned quarter)
{
	struct sample sum = sum_of(quarter);

	printf("%3.0f min  %9lu rounds  %4ld descriptors  %6ld mappings  %5ld MiB  %2ld children\n",
	       passed / 60, all_rounds(), sum.descriptors, sum.mappings, sum.kib / 1024,
	       sum.children);
	(void)fflush(stdout);
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = { .si_pid = 0 };

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
	       info.si_pid != 0;
}

/* A worker that has ended before it was told to is one that has lost something. */
static bool all_run(void)
{
	for (unsigned i = 0; i < shared->running; i++)
		if (has_ended(watched[i].pid))
			return false;
	return true;
}

/* Where the memory of this cgroup may be reclaimed, the kernel looks for pages of the workers to write to the swap. */
static void reclaim(void)
{
	char group[256] = "", path[320];
	FILE *file = fopen("/proc/self/cgroup", "re");

	if (file == NULL || fscanf(file, "0::%255s", group) != 1)
		*group = '\0';
	if (file != NULL)
		(void)fclose(file);
	(void)snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.reclaim", group);
	file = *group != '\0' ? fopen(path, "we") : NULL;
	if (file == NULL)
		return;
	(void)fputs("4M", file);
	(void)fclose(file);
}

static bool watch_for(double seconds)
{
	double start = seconds_now(), passed = 0, printed = 0;

	while (passed < seconds) {
		const struct timespec pause = { 0, 250000000 };
		unsigned quarter = (unsigned)(4 * passed / seconds);

		for (unsigned i = 0; i < shared->running; i++)
			take_sample(&watched[i], quarter);
		if (!all_run())
			return false;
		reclaim();
		passed = seconds_now() - start;
		if (passed - printed >= 60) {
			print_progress(passed, quarter);
			printed = passed;
		}
		(void)nanosleep(&pause, NULL);
	}
	return true;
}

/* Whether a worker ended well. */
static bool end_worker(unsigned i)
{
	int status = -1;

	(void)waitpid(watched[i].pid, &status, 0);
	if (shared->reports[i].lost[0] != '\0')
		printf("%s: %s\n", workers[i].name, shared->reports[i].lost);
	else if (status != 0)
		printf("%s: ended with status %#x\n", workers[i].name, (unsigned)status);
	else if (atomic_load(&shared->reports[i].rounds) == 0)
		printf("%s: did nothing\n", workers[i].name);
	else
		return true;
	return false;
}

static bool end_workers(void)
{
	bool well = true;

	atomic_store(&shared->soak.stop, true);
	for (unsigned i = 0; i < shared->running; i++)
		well &= end_worker(i);
	return well;
}

static bool grew(const char *worker, const char *what, long before, long after, long slack)
{
	if (after <= before + slack)
		return false;
	printf("%s: %s grew from %ld to %ld\n", worker, what, before, after);
	return true;
}

static bool nothing_grew(void)
{
	bool any = false;

	for (unsigned i = 0; i < shared->running; i++) {
		const struct sample *b = &watched[i].least[1], *a = &watched[i].least[3];
		const char *name = workers[i].name;

		any |= grew(name, "descriptors", b->descriptors, a->descriptors, SLACK_DESCRIPTORS);
		any |= grew(name, "mappings", b->mappings, a->mappings, SLACK_MAPPINGS);
		any |= grew(name, "KiB in memory", b->kib, a->kib, SLACK_KIB + b->kib / 4);
		any |= grew(name, "children", b->children, a->children, SLACK_CHILDREN);
	}
	return !any;
}

static void print_end(double seconds)
{
	printf("soak: %.1f minutes", seconds / 60);
	for (unsigned i = 0; i < shared->running; i++)
		printf(", %lu %s", atomic_load(&shared->reports[i].rounds), workers[i].does);
	puts("; nothing grew, and nothing was lost");
}

int main(int argc, char **argv)
{
	bool leaks = argc == 4 && strcmp(argv[3], "leak") == 0, well;
	double seconds = argc == 3 || leaks ? strtod(argv[2], NULL) : 0;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (seconds < 4 || shared == MAP_FAILED || worker_count > MOST_WORKERS) {
		fputs("usage: soak COMMAND SECONDS, 4 or more\n", stderr);
		return 2;
	}
	shared->running = (unsigned)worker_count - !leaks;
	shared->soak.command = argv[1];
	if (!open_socket(&shared->soak) || !start_workers()) {
		perror("soak");
		return 2;
	}
	well = watch_for(seconds);
	well &= end_workers();
	well = well && nothing_grew();
	if (well)
		print_end(seconds);
	else
		puts("soak: FAILED");
	return well ? EXIT_SUCCESS : EXIT_FAILURE;
}
