/* SPDX-License-Identifier: MIT */

/*
 * Asks the loader what it would preload. A loader that cannot load an object of LD_PRELOAD prints a line and
 * starts the program without it. So nothing but the loader itself knows whether the object is loaded: it depends
 * on the object, the mount that it is on, limits, and other variables. With --list the loader does all that
 * it does for a start, prints what it loaded, and runs no code of the program.
 *
 * The process that executes the loader can be read by others of its user. So it has no descriptor but the
 * program and the answer, and no variable but those of the loader.
 */

#include "tools/launch/rehearsal.h"

#include "lib/util.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

extern char **environ;

/* The numbers that the process has. */
#define ANSWER	STDOUT_FILENO
#define PROGRAM 3

static bool concerns_loader(const char *variable)
{
	return strncmp(variable, "LD_", 3) == 0 || strncmp(variable, "GLIBC_TUNABLES=", 15) == 0;
}

static char **select_environment(void)
{
	size_t count = 0, kept = 0;
	char **selected;

	while (environ[count] != NULL)
		count++;
	selected = calloc(count + 1, sizeof(*selected));
	if (selected == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++)
		if (concerns_loader(environ[i]))
			selected[kept++] = environ[i];
	return selected;
}

struct act {
	const struct rehearsal *rehearsal;
	char **environment;
	int answer;
};

/* The two descriptors change places by way of numbers that are free, so that neither closes the other. */
static int arrange_descriptors(const struct act *act)
{
	long answer = sys_fcntl(act->answer, F_DUPFD, PROGRAM + 1);
	long program = sys_fcntl(act->rehearsal->program, F_DUPFD, PROGRAM + 1);

	if (answer < 0 || program < 0 || sys_dup_for_program((int)answer, ANSWER) < 0 ||
	    sys_dup_for_program((int)answer, STDERR_FILENO) < 0 ||
	    sys_dup_for_program((int)program, PROGRAM) < 0)
		return -EBADF;
	(void)close(STDIN_FILENO);
	return syscall(SYS_close_range, PROGRAM + 1, ~0u, 0) < 0 ? -errno : 0;
}

/* The path of the program, because libraries may be found by it ($ORIGIN), or, where it has none, of its
 * descriptor. */
static void find_path(char path[PATH_MAX])
{
	struct fd_path program = fd_path(PROGRAM);
	ssize_t length = readlink(program.text, path, PATH_MAX - 1);
	struct stat opened, named;

	path[length > 0 ? length : 0] = '\0';
	if (fstat(PROGRAM, &opened) < 0 || stat(path, &named) < 0 ||
	    opened.st_dev != named.st_dev || opened.st_ino != named.st_ino)
		(void)snprintf(path, PATH_MAX, "%s", program.text);
}

static _Noreturn void execute_loader(const struct act *act)
{
	char option[] = "--list", path[PATH_MAX];
	/* execve(2) does not change its arguments. */
	char *argv[] = { (char *)(uintptr_t)act->rehearsal->loader, option, path, NULL };

	if (arrange_descriptors(act) == 0) {
		find_path(path);
		(void)execve(argv[0], argv, act->environment);
	}
	_exit(1);
}

/* Returns in the parent only. The child has no exit signal, until it executes a program. A debugger of this process
 * would take a child without one for a thread, so it does not see the child. */
static pid_t start(void (*run)(const struct act *act), const struct act *act)
{
	pid_t pid = (pid_t)syscall(SYS_clone, (long)CLONE_UNTRACED, NULL, NULL, NULL, NULL);

	if (pid == 0)
		run(act);
	return pid;
}

static void await(pid_t pid)
{
	while (pid > 0 && waitpid(pid, NULL, (int)__WALL) < 0 && errno == EINTR)
		;
}

/* The process that executes the loader raises SIGCHLD at its end. It is the child of a child, so that no such
 * signal waits for the program. */
static _Noreturn void supervise(const struct act *act)
{
	await(start(execute_loader, act));
	_exit(0);
}

/* Keeps what fits. Our object is near the beginning, because it is the first that is loaded. */
static void read_answer(int fd, char *ret, size_t size)
{
	size_t length = 0;
	char rest[1 << 10];
	ssize_t got;

	do {
		bool full = length == size - 1;

		got = full ? sys_read(fd, rest, sizeof(rest))
			   : sys_read(fd, ret + length, size - 1 - length);
		length += got > 0 && !full ? (size_t)got : 0;
	} while (got > 0 || got == -EINTR);
	ret[length] = '\0';
}

static void ask(const struct rehearsal *rehearsal, char *ret, size_t size)
{
	struct act act = { rehearsal, select_environment(), -1 };
	int ends[2];
	pid_t child;

	if (act.environment != NULL && sys_pipe(ends) == 0) {
		act.answer = ends[1];
		child = start(supervise, &act);
		close_fd(ends[1]);
		read_answer(ends[0], ret, size);
		close_fd(ends[0]);
		await(child);
	}
	free(act.environment);
}

static bool is_listed(const char *answer, const char *object)
{
	size_t length = strlen(object);

	for (const char *line = answer; line != NULL; line = strchr(line + 1, '\n')) {
		const char *name = line + strspn(line, "\n\t");

		if (strncmp(name, object, length) == 0 && name[length] == ' ')
			return true;
	}
	return false;
}

/* The last line that the loader printed, such as that of a library that it does not find. */
static const char *last_line(const char *answer)
{
	const char *line = answer;

	for (const char *end = strchr(answer, '\n'); end != NULL; end = strchr(end + 1, '\n'))
		if (end[1] != '\0')
			line = end + 1;
	return *line != '\0' ? line : "it gives no reason";
}

/* The words in "object 'X' from LD_PRELOAD cannot be preloaded (WORDS): ignored.", or the last line. */
static void find_reason(const char *answer, char *reason, size_t size)
{
	static const char before[] = "cannot be preloaded (";
	const char *found = strstr(answer, before);

	if (found != NULL) {
		found += strlen(before);
		(void)snprintf(reason, size, "%.*s", (int)strcspn(found, ")\n"), found);
	} else {
		found = last_line(answer);
		(void)snprintf(reason, size, "%.*s", (int)strcspn(found, "\n"), found);
	}
}

void rehearse_all(const struct rehearsal *rehearsal, char *answer, size_t size)
{
	*answer = '\0';
	ask(rehearsal, answer, size);
}

bool rehearse(const struct rehearsal *rehearsal, char *reason, size_t size)
{
	char answer[1 << 16] = "";
	bool listed;

	ask(rehearsal, answer, sizeof(answer));
	listed = is_listed(answer, rehearsal->object);
	if (!listed)
		find_reason(answer, reason, size);
	return listed;
}
