/* SPDX-License-Identifier: MIT */

/*
 * A file system in user space may never answer, and then neither a signal nor O_NONBLOCK ends the call that waits for
 * it: not before the answer, or the end of that file system. So a child waits, and the audit leaves it behind.
 */

#include "audit/in-time.h"

#include "lib/util.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

/* A child that stays must keep no pipe open that somebody else reads to its end. */
static void close_others(int directory, int result)
{
	DIR *descriptors = opendir("/proc/self/fd");
	const struct dirent *entry;

	while (descriptors != NULL && (entry = readdir(descriptors)) != NULL) {
		int fd = atoi(entry->d_name);

		if (*entry->d_name != '.' && fd != directory && fd != result &&
		    fd != dirfd(descriptors))
			(void)close(fd);
	}
	if (descriptors != NULL)
		(void)closedir(descriptors);
}

/* The result is smaller than a pipe takes at once. */
struct answer {
	int err;
	_Alignas(max_align_t) unsigned char bytes[2048];
};

static void __attribute__((noreturn))
act_in_child(timed_act *act, void *argument, int directory, int result)
{
	static struct answer answer;

	close_others(directory, result);
	answer.err = act(argument, answer.bytes);
	(void)!write(result, &answer, sizeof(answer));
	_exit(0);
}

static int wait_for_answer(int from, int milliseconds, struct answer *ret)
{
	struct pollfd answer = { .fd = from, .events = POLLIN };
	int ready;

	do
		ready = poll(&answer, 1, milliseconds);
	while (ready < 0 && errno == EINTR);
	if (ready <= 0)
		return ready == 0 ? -ETIMEDOUT : -errno;
	return read(from, ret, sizeof(*ret)) == (ssize_t)sizeof(*ret) ? 0 : -ECHILD;
}

/* A child that does not end becomes a child of init when the audit ends. */
static void leave(pid_t pid, bool ended)
{
	if (!ended)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, ended ? 0 : WNOHANG) < 0 && errno == EINTR)
		;
}

static int act_in_time(timed_act *act, void *argument, int directory, int milliseconds, void *ret,
		       size_t size)
{
	CLEANUP(close_fd_at) int from = -1;
	CLEANUP(close_fd_at) int to = -1;
	struct answer answer;
	int ends[2], err;
	pid_t pid;

	if (size > sizeof(answer.bytes))
		return -EMSGSIZE;
	err = sys_pipe(ends);
	if (err < 0)
		return err;
	from = ends[0];
	to = ends[1];
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		act_in_child(act, argument, directory, to);
	to = close_fd(to);
	err = wait_for_answer(from, milliseconds, &answer);
	leave(pid, err != -ETIMEDOUT);
	if (err == 0 && answer.err == 0)
		memcpy(ret, answer.bytes, size);
	return err == 0 ? answer.err : err;
}

static int64_t microseconds_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Each one counts: a file system that answers in a tenth of a second may have thousands of files. */
int in_time(timed_act *act, void *argument, int directory, struct patience *patience, void *ret,
	    size_t size)
{
	const int64_t most = 3000000, once = 1000000;
	int64_t before = microseconds_now(), left = most - patience->waited;
	int err;

	if (left <= 0)
		return -ETIMEDOUT;
	err = act_in_time(act, argument, directory, (int)((left < once ? left : once) / 1000), ret,
			  size);
	patience->waited += microseconds_now() - before;
	return err;
}
