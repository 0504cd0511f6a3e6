/* SPDX-License-Identifier: MIT */

/*
 * The kernel reports execve(2) to a tracer when it has succeeded, and not when it has failed. So a thread that does not
 * report in time is interrupted: it stops then where it goes back to its program. Not at once, because an interruption can
 * have execve(2) begin again.
 */

#include "outside/at-exec.h"

#include "outside/kernel.h"
#include "outside/start.h"

#include "audit/lines.h"
#include "audit/procfs.h"
#include "lib/util.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* When a thread is interrupted, and when it is given up, in nanoseconds. */
#define INTERRUPT_AFTER INT64_C(200000000)
#define GIVE_UP_AFTER	INT64_C(10000000000)

pid_t exec_related(pid_t thread, const char *key)
{
	CLEANUP(procfs_close) struct procfs procfs = { .directory = -1 };
	char path[64], status[PROCFS_STATUS_SIZE];
	const char *related;

	(void)snprintf(path, sizeof(path), "%d/status", (int)thread);
	if (procfs_open_without_mounts(&procfs) < 0 ||
	    procfs_read(procfs.directory, path, status, sizeof(status)) < 0)
		return 0;
	related = find_value(status, key);
	return related != NULL ? (pid_t)strtol(related, NULL, 10) : 0;
}

/* A thread of the kernel that executes a helper cannot be traced either. */
enum refusal exec_seize(pid_t thread)
{
	long err = outside_start_seize(thread, 0);

	if (err == -EPERM && exec_related(thread, "TracerPid") > 0)
		return REFUSAL_TRACED;
	return refusal_of(err);
}

static enum exec_outcome judge(struct at_exec *held, int status)
{
	int event = status >> 16;

	if (!WIFSTOPPED(status))
		return EXEC_GONE;
	if (event == PTRACE_EVENT_EXEC)
		return EXEC_STOPPED;
	if (event == 0)
		held->signal = WSTOPSIG(status);
	return EXEC_FAILED;
}

enum exec_outcome exec_await(struct at_exec *ret, pid_t thread)
{
	int64_t begun = 0, now = 0;
	bool interrupted = false;
	int status;

	*ret = (struct at_exec){ .thread = thread };
	(void)sys_now(&begun);
	for (;;) {
		long found = kernel_wait_for_any(&ret->thread, &status);

		(void)sys_now(&now);
		if (found != 0)
			return found < 0 ? EXEC_GONE : judge(ret, status);
		if (now - begun > GIVE_UP_AFTER)
			return EXEC_UNKNOWN;
		if (!interrupted && now - begun > INTERRUPT_AFTER) {
			(void)kernel_interrupt(thread);
			interrupted = true;
		}
		kernel_wait_for_news(interrupted ? 5 * INTERRUPT_AFTER : INTERRUPT_AFTER);
	}
}

void exec_release(const struct at_exec *held)
{
	(void)kernel_resume(held->thread, PTRACE_DETACH, held->signal);
}

/* The parent of a process that is traced hears of its end after the tracer. */
void exec_kill(int process)
{
	int status;
	pid_t pid;

	(void)kernel_kill(process);
	while (kernel_wait_for_any(&pid, &status) >= 0)
		kernel_wait_for_news(INTERRUPT_AFTER);
}
