/* SPDX-License-Identifier: MIT */

/*
 * Stops the threads of a process. PTRACE_SEIZE changes nothing by itself, and PTRACE_INTERRUPT stops a thread between two
 * instructions or in a system call that the kernel makes again. Threads may start others until they are stopped, so the
 * list is read until all that are in it are held: then nobody is left who could start one.
 *
 * A thread in a call that nothing interrupts, such as vfork(2), does not answer. After a second the process is given up.
 */

#include "outside/stop.h"

#include "outside/kernel.h"

#include "lib/util.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

static int64_t now(void)
{
	int64_t time = 0;

	(void)sys_now(&time);
	return time;
}

static bool is_stop_signal(int signal)
{
	return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

static struct stop_event event_of(int status)
{
	int event = status >> 16, signal = WSTOPSIG(status);

	if (!WIFSTOPPED(status))
		return (struct stop_event){ STOP_GONE, 0 };
	if (event == PTRACE_EVENT_STOP)
		return (struct stop_event){ is_stop_signal(signal) ? STOP_GROUP : STOP_HELD, 0 };
	if (event == PTRACE_EVENT_CLONE)
		return (struct stop_event){ STOP_CLONE, 0 };
	if (event == PTRACE_EVENT_EXEC)
		return (struct stop_event){ STOP_EXEC, 0 };
	if (event == PTRACE_EVENT_EXIT)
		return (struct stop_event){ STOP_EXIT, 0 };
	if (signal == (SIGTRAP | 0x80))
		return (struct stop_event){ STOP_CALL, 0 };
	return (struct stop_event){ STOP_SIGNAL, signal };
}

/* Most answers come sooner than a processor wakes from sleep. A thread on the same processor needs it meanwhile. */
#define AWAKE 200000

struct stop_event stop_wait(pid_t thread)
{
	int64_t begun = 0, waited;
	int status;

	for (;;) {
		long found = kernel_wait(thread, &status);

		if (found > 0)
			return event_of(status);
		if (found < 0)
			return (struct stop_event){ STOP_GONE, 0 };
		begun = begun != 0 ? begun : now();
		waited = now() - begun;
		if (waited >= STOP_PATIENCE)
			return (struct stop_event){ STOP_TIMEOUT, 0 };
		if (waited < AWAKE)
			sys_yield();
		else
			kernel_wait_for_news(STOP_PATIENCE - waited);
	}
}

enum refusal stop_hold(pid_t thread, int signal)
{
	long err = kernel_interrupt(thread);

	while (err >= 0) {
		struct stop_event event;

		err = kernel_resume(thread, PTRACE_CONT, signal);
		event = err < 0 ? (struct stop_event){ STOP_GONE, 0 } : stop_wait(thread);
		if (event.kind == STOP_HELD)
			return REFUSAL_NONE;
		if (event.kind == STOP_GROUP)
			return REFUSAL_STOPPED;
		if (event.kind == STOP_TIMEOUT)
			return REFUSAL_NO_ANSWER;
		if (event.kind == STOP_GONE)
			return REFUSAL_GONE;
		signal = event.signal;
	}
	return REFUSAL_GONE;
}

static bool is_listed(const struct stopped *stopped, pid_t id)
{
	for (size_t i = 0; i < stopped->count; i++)
		if (stopped->threads[i].id == id)
			return true;
	return false;
}

static int add_thread(struct stopped *stopped, pid_t id)
{
	if (stopped->count == stopped->room) {
		size_t room = stopped->room == 0 ? 16 : 2 * stopped->room;
		struct stopped_thread *more =
			reallocarray(stopped->threads, room, sizeof(*stopped->threads));

		if (more == NULL)
			return -ENOMEM;
		stopped->threads = more;
		stopped->room = room;
	}
	stopped->threads[stopped->count++] = (struct stopped_thread){ .id = id };
	return 0;
}

/* Also for a thread that has exited and is not waited for yet, or that is of another user now. */
static enum refusal why_not_seized(const struct target *target, pid_t id, bool *ret_gone)
{
	char path[64], status[PROCFS_STATUS_SIZE];
	const char *state;

	(void)snprintf(path, sizeof(path), "task/%d/status", (int)id);
	*ret_gone = true;
	if (procfs_read(target->directory, path, status, sizeof(status)) < 0)
		return REFUSAL_NONE;
	state = strstr(status, "\nState:\t");
	if (state == NULL || strchr("ZX", state[sizeof("\nState:\t") - 1]) != NULL)
		return REFUSAL_NONE;
	*ret_gone = false;
	return target_thread_number(target, id, "TracerPid") > 0 ? REFUSAL_TRACED : REFUSAL_DENIED;
}

static enum refusal seize(struct stopped *stopped, pid_t id)
{
	long err = kernel_seize(id, 0);
	bool gone = false;

	if (err == -EPERM) {
		enum refusal refusal = why_not_seized(stopped->target, id, &gone);

		if (!gone)
			return refusal;
	}
	if (err == -ESRCH || gone)
		return REFUSAL_NONE;
	if (err < 0)
		return refusal_of(err);
	if (add_thread(stopped, id) < 0)
		return REFUSAL_OUT_OF_MEMORY;
	(void)kernel_interrupt(id);
	return REFUSAL_NONE;
}

/* Those that are new. They all have the order to stop before one is waited for. The time begins with the first order. */
static enum refusal seize_new(struct stopped *stopped)
{
	CLEANUP(free_pids) pid_t *threads = NULL;
	ssize_t count = procfs_list_threads(stopped->target->directory, &threads);
	enum refusal refusal = refusal_of(count);

	if (stopped->count == 0)
		stopped->begun = now();
	for (ssize_t i = 0; i < count && refusal == REFUSAL_NONE; i++)
		if (!is_listed(stopped, threads[i]))
			refusal = seize(stopped, threads[i]);
	return refusal;
}

/* The first stop may be for a signal, which is delivered; the order to stop stays. */
static enum refusal wait_for(struct stopped_thread *thread)
{
	struct stop_event event = stop_wait(thread->id);

	thread->done = true;
	while (event.kind == STOP_SIGNAL) {
		if (kernel_resume(thread->id, PTRACE_CONT, event.signal) < 0)
			event.kind = STOP_GONE;
		else
			event = stop_wait(thread->id);
	}
	thread->gone = event.kind == STOP_GONE;
	if (event.kind == STOP_GROUP)
		return REFUSAL_STOPPED;
	return event.kind == STOP_TIMEOUT ? REFUSAL_NO_ANSWER : REFUSAL_NONE;
}

static enum refusal wait_for_new(struct stopped *stopped, bool *ret_any)
{
	enum refusal refusal = REFUSAL_NONE;

	*ret_any = false;
	for (size_t i = 0; i < stopped->count && refusal == REFUSAL_NONE; i++)
		if (!stopped->threads[i].done) {
			*ret_any = true;
			refusal = wait_for(&stopped->threads[i]);
		}
	return refusal;
}

/* Of a directory in /proc. */
#define LINKS_WITHOUT_THREADS 2

static bool is_empty(const struct stopped *stopped)
{
	for (size_t i = 0; i < stopped->count; i++)
		if (!stopped->threads[i].gone)
			return false;
	return true;
}

static void begin(struct stopped *ret, const struct target *target)
{
	*ret = (struct stopped){ .target = target, .begun = now() };
}

/* Now that a thread of it is held, the number belongs to it, or the process that had it has exited. */
static enum refusal finish(const struct stopped *stopped, enum refusal refusal)
{
	if (refusal != REFUSAL_NONE)
		return refusal;
	return is_empty(stopped) || !target_is_there(stopped->target) ? REFUSAL_GONE : REFUSAL_NONE;
}

/* The kernel counts the threads of a process among the links of their directory, which is quicker than to list them. If
 * this does not come out, they are listed again. */
static bool holds_all(const struct stopped *stopped)
{
	struct stat status;
	size_t held = 0;

	for (size_t i = 0; i < stopped->count; i++)
		held += stopped->threads[i].done && !stopped->threads[i].gone;
	return held > 0 && fstatat(stopped->target->directory, "task", &status, 0) == 0 &&
	       status.st_nlink == LINKS_WITHOUT_THREADS + held;
}

static enum refusal stop_more(struct stopped *ret)
{
	enum refusal refusal = REFUSAL_NONE;
	bool any = true;

	while (any && refusal == REFUSAL_NONE && !holds_all(ret)) {
		refusal = seize_new(ret);
		if (refusal == REFUSAL_NONE)
			refusal = wait_for_new(ret, &any);
		if (now() - ret->begun > 2 * STOP_PATIENCE)
			return REFUSAL_NO_ANSWER;
	}
	return finish(ret, refusal);
}

enum refusal stop_all(struct stopped *ret, const struct target *target)
{
	begin(ret, target);
	return stop_more(ret);
}

enum refusal stop_others(struct stopped *ret, const struct target *target, unsigned long options)
{
	begin(ret, target);
	ret->options = options;
	if (add_thread(ret, target->pid) < 0)
		return REFUSAL_OUT_OF_MEMORY;
	ret->threads[0].done = true;
	return stop_more(ret);
}

/* Best is one that waits in a call. */
static bool is_waiting(const struct target *target, pid_t id)
{
	char path[64], text[512];
	const char *end;

	(void)snprintf(path, sizeof(path), "task/%d/stat", (int)id);
	if (procfs_read(target->directory, path, text, sizeof(text)) < 0)
		return false;
	/* The name before it may have any character. */
	end = strrchr(text, ')');
	return end != NULL && strncmp(end, ") S", 3) == 0;
}

enum refusal stop_one(struct stopped *ret, const struct target *target)
{
	CLEANUP(free_pids) pid_t *threads = NULL;
	ssize_t count = procfs_list_threads(target->directory, &threads), chosen = 0;
	enum refusal refusal = refusal_of(count);
	bool any;

	begin(ret, target);
	if (refusal != REFUSAL_NONE)
		return refusal;
	ret->others_run = true;
	ret->others = count > 1;
	while (chosen < count && !is_waiting(target, threads[chosen]))
		chosen++;
	ret->begun = now();
	if (count > 0)
		refusal = seize(ret, threads[chosen < count ? chosen : 0]);
	if (refusal == REFUSAL_NONE)
		refusal = wait_for_new(ret, &any);
	return finish(ret, refusal);
}
