/* SPDX-License-Identifier: MIT */
/*
 * The first program of a test kernel, and the whole of its userland.
 *
 * A promise about memory is worth what it is worth on the oldest kernel that a reader runs, so the
 * tests have to run there. A distribution's userland would take longer to boot than the tests take
 * to run, and would be one more thing that differs between two kernels. What the tests need is
 * less: a few file systems, two users, and somebody who starts them, ends them when they hang, and
 * says how it went in words that the other side of a serial line cannot misread.
 *
 * Hence: what a program prints is passed on with its name in front of every line, so that no
 * program can write a line that begins with SEALMEM-, and only such lines are judged. Limits and
 * settings stay as the kernel made them: a test that passes only with those raised shows nothing.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#if defined(__x86_64__) || defined(__i386__)
# include <sys/io.h>
# define EXIT_PORT 0xf4
#endif

#define PLAIN_USER   65534
#define MOST_WORDS   64
#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* One line of /tests/list: USER LIMIT NAME PROGRAM ARGUMENT... */
struct job {
	const char *user;
	const char *name;
	char **argv;
	int limit;
};

static const struct place {
	const char *type;
	const char *where;
	const char *options;
} places[] = {
	{ "devtmpfs", "/dev", NULL },
	{ "proc", "/proc", NULL },
	{ "sysfs", "/sys", NULL },
	{ "tmpfs", "/tmp", "mode=1777" },
	{ "tmpfs", "/dev/shm", "mode=1777" },
};

static const struct alias {
	const char *name;
	const char *target;
} aliases[] = {
	{ "/dev/fd", "/proc/self/fd" },
	{ "/dev/stdin", "/proc/self/fd/0" },
	{ "/dev/stdout", "/proc/self/fd/1" },
	{ "/dev/stderr", "/proc/self/fd/2" },
};

/* What is done many times over is done a few times, and a test may take longer: an emulated processor is slow. */
static char *const environment[] = {
	"PATH=/tests",
	"HOME=/tmp",
	"TMPDIR=/tmp",
	"TERM=dumb",
	"SEALMEM_TEST_SCALE=1",
	"CK_TIMEOUT_MULTIPLIER=5",
	NULL,
};

static void prepare_files(void)
{
	for (const struct place *p = places; p < places + COUNT(places); p++) {
		mkdir(p->where, 0755);
		if (mount(p->type, p->where, p->type, 0, p->options) < 0)
			printf("SEALMEM-NOTE no %s: %s\n", p->where, strerror(errno));
	}
	for (const struct alias *a = aliases; a < aliases + COUNT(aliases); a++)
		if (symlink(a->target, a->name) < 0 && errno != EEXIST)
			printf("SEALMEM-NOTE no %s: %s\n", a->name, strerror(errno));
}

/* The other side reads lines as we write them, not as a terminal would show them. */
static void prepare_console(void)
{
	struct termios t;

	if (tcgetattr(STDOUT_FILENO, &t) == 0) {
		t.c_oflag &= ~(tcflag_t)OPOST;
		tcsetattr(STDOUT_FILENO, TCSANOW, &t);
	}
}

static void announce_kernel(void)
{
	struct utsname u;

	if (uname(&u) == 0)
		printf("SEALMEM-KERNEL %s %s %ld %s\n", u.release, u.machine, sysconf(_SC_PAGESIZE),
		       u.version);
	fflush(stdout);
}

static bool parse_job(struct job *ret, char *line, char **words)
{
	size_t n = 0;

	for (char *w = strtok(line, " \n"); w && n < MOST_WORDS; w = strtok(NULL, " \n"))
		words[n++] = w;
	words[n] = NULL;
	if (n < 4)
		return false;
	*ret = (struct job){
		.user = words[0],
		.limit = atoi(words[1]),
		.name = words[2],
		.argv = words + 3,
	};
	return true;
}

static int become_plain(void)
{
	if (setgroups(0, NULL) < 0)
		return -1;
	if (setresgid(PLAIN_USER, PLAIN_USER, PLAIN_USER) < 0)
		return -1;
	return setresuid(PLAIN_USER, PLAIN_USER, PLAIN_USER);
}

static _Noreturn void start(const struct job *job, int output)
{
	int null;

	setsid();
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	dup2(null, STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	if (chdir("/tmp") == 0 && (strcmp(job->user, "plain") != 0 || become_plain() == 0))
		execve(job->argv[0], job->argv, environment);
	dprintf(STDERR_FILENO, "cannot start %s: %s\n", job->argv[0], strerror(errno));
	_exit(127);
}

/* Passes on what is there to read. Returns false at the end of the output. */
static bool relay(const struct job *job, int output, bool *fresh)
{
	char buf[512];
	ssize_t n;

	n = read(output, buf, sizeof(buf));
	for (ssize_t i = 0; i < n; i++) {
		if (*fresh)
			printf("%s.%s| ", job->name, job->user);
		putchar(buf[i]);
		*fresh = buf[i] == '\n';
	}
	fflush(stdout);
	return n > 0 || (n < 0 && errno == EINTR);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Returns false if the program did not end by itself in time. */
static bool watch(const struct job *job, pid_t pid, int output, bool *fresh)
{
	double end = now() + job->limit, left;
	struct pollfd p[2] = {
		{ .fd = output, .events = POLLIN },
		{ .fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN },
	};
	bool ended = false;

	while (!ended && (left = end - now()) > 0) {
		if (poll(p, 2, (int)(left * 1000) + 1) < 0)
			continue;
		ended = p[1].revents;
		if (p[0].revents && !relay(job, output, fresh))
			p[0].fd = -1;
	}
	close(p[1].fd);
	return ended;
}

/* Whatever a program left running would disturb the next one. As process 1 we may end them all. */
static int end_all(pid_t pid)
{
	int status = 0, s;
	pid_t p;

	kill(-1, SIGKILL);
	while ((p = wait(&s)) > 0 || errno == EINTR)
		if (p == pid)
			status = s;
	return status;
}

static void report(const struct job *job, bool in_time, int status, double seconds)
{
	printf("SEALMEM-RESULT %s %s ", job->name, job->user);
	if (!in_time)
		printf("limit:%d", job->limit);
	else if (WIFSIGNALED(status))
		printf("signal:%d", WTERMSIG(status));
	else
		printf("exit:%d", WEXITSTATUS(status));
	printf(" %.1f\n", seconds);
	fflush(stdout);
}

static void run(const struct job *job)
{
	bool fresh = true, in_time;
	double began = now();
	int output[2], status;
	pid_t pid;

	if (pipe2(output, O_CLOEXEC) < 0)
		return;
	pid = fork();
	if (pid == 0)
		start(job, output[1]);
	close(output[1]);
	in_time = watch(job, pid, output[0], &fresh);
	status = end_all(pid);
	while (relay(job, output[0], &fresh))
		;
	close(output[0]);
	if (!fresh)
		putchar('\n');
	report(job, in_time, status, now() - began);
}

static void run_list(const char *path)
{
	char *line = NULL, *words[MOST_WORDS + 1];
	size_t size = 0;
	struct job job;
	FILE *f;

	f = fopen(path, "re");
	while (f && getline(&line, &size, f) > 0)
		if (parse_job(&job, line, words))
			run(&job);
	free(line);
	if (f)
		fclose(f);
}

/* A word of the kernel's command line that the kernel does not know is in our environment. */
static const char *chosen_list(void)
{
	static char path[64];
	const char *tests = getenv("tests");

	(void)snprintf(path, sizeof(path), "/tests/list.%s", tests ? tests : "all");
	return path;
}

static _Noreturn void leave(void)
{
	printf("SEALMEM-DONE\n");
	fflush(stdout);
	tcdrain(STDOUT_FILENO);
#if defined(__x86_64__) || defined(__i386__)
	if (ioperm(EXIT_PORT, 1, 1) == 0)
		outb(0, EXIT_PORT);
#endif
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

int main(void)
{
	prepare_console();
	prepare_files();
	announce_kernel();
	run_list(chosen_list());
	leave();
}
