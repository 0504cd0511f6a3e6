/* SPDX-License-Identifier: MIT */

/*
 * Is a thread that is about to exit the last one of its program? ptrace(2) alone does not say. A thread that ends by
 * itself stops before its end, but if another thread ends the program at the same moment, the kernel kills the first
 * one inside its stop, or before it. Such a thread never reports its stop. But it is a zombie, or SIGKILL is pending
 * on it until it is one: it is past the place where a signal is taken. So a thread goes on only if it has not stopped
 * for its exit, is no zombie, and SIGKILL is not pending on it; and then it stops later, or executes a program.
 */

#include "tools/audit/leaving.h"

#include "audit/lines.h"
#include "audit/procfs.h"

#include "lib/util.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static bool is_leaving(const struct leaving *leaving, pid_t thread)
{
	for (size_t i = 0; i < leaving->count; i++)
		if (leaving->threads[i] == thread)
			return true;
	return false;
}

int leaving_add(struct leaving *leaving, pid_t thread)
{
	pid_t *more = reallocarray(leaving->threads, leaving->count + 1, sizeof(*more));

	if (more == NULL)
		return -ENOMEM;
	leaving->threads = more;
	more[leaving->count++] = thread;
	return 0;
}

void leaving_forget(struct leaving *leaving, pid_t thread)
{
	for (size_t i = 0; i < leaving->count; i++)
		if (leaving->threads[i] == thread)
			leaving->threads[i--] = leaving->threads[--leaving->count];
}

void leaving_forget_all(struct leaving *leaving)
{
	leaving->count = 0;
}

void leaving_free(struct leaving *leaving)
{
	free(leaving->threads);
}

static bool is_kill_pending(const char *status)
{
	const char *pending = find_value(status, "SigPnd");

	return pending != NULL && (strtoull(pending, NULL, 16) & 1ull << (SIGKILL - 1));
}

enum thread_state thread_state(const struct leaving *leaving, pid_t thread)
{
	char path[64], text[PROCFS_STATUS_SIZE];
	const char *state;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/status", (int)leaving->pid,
		       (int)thread);
	if (procfs_read(AT_FDCWD, path, text, sizeof(text)) < 0)
		return THREAD_ABSENT;
	state = find_value(text, "State");
	if (state == NULL || *state == 'Z' || *state == 'X')
		return THREAD_ENDED;
	return is_kill_pending(text) ? THREAD_DOOMED : THREAD_LIVE;
}

static ssize_t list(const struct leaving *leaving, pid_t **ret)
{
	CLEANUP(close_fd_at) int directory = -1;
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/%d", (int)leaving->pid);
	directory = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return directory >= 0 ? procfs_list_threads(directory, ret) : -errno;
}

int leaving_is_last(const struct leaving *leaving, pid_t thread)
{
	CLEANUP(free_pids) pid_t *threads = NULL;
	ssize_t count = list(leaving, &threads);

	for (ssize_t i = 0; threads != NULL && i < count; i++)
		if (threads[i] != thread && !is_leaving(leaving, threads[i]) &&
		    thread_state(leaving, threads[i]) == THREAD_LIVE)
			return 0;
	if (count < 0)
		return out_of_resources((int)count) ? (int)count : 0;
	return 1;
}

bool leaving_is_alone(const struct leaving *leaving, pid_t thread)
{
	CLEANUP(free_pids) pid_t *threads = NULL;
	ssize_t count = list(leaving, &threads);

	for (ssize_t i = 0; threads != NULL && i < count; i++) {
		enum thread_state state = THREAD_ABSENT;

		if (threads[i] != thread)
			state = thread_state(leaving, threads[i]);
		if (state == THREAD_LIVE || state == THREAD_DOOMED)
			return false;
	}
	return true;
}
