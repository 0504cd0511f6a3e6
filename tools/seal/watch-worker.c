/* SPDX-License-Identifier: MIT */

#include "tools/seal/watch-worker.h"

#include "outside/at-exec.h"
#include "outside/kernel.h"
#include "outside/start.h"
#include "tools/seal/watch-say.h"
#include "lib/util.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* How many milliseconds it may take to get rid of a line. */
#define PATIENCE 1000

/* To seize a thread takes microseconds, unless the thread is inside execve(2): then it takes until that is done. */
#define STUCK 10

struct job {
	pid_t thread;
	int file; /* of the process that watches */
};

/* The worker's own side. */
struct work {
	const struct watch_order *order;
	pid_t watcher;
	int socket;
	pid_t thread;
	int file;
	struct program_path path;
};

static void tell(const struct work *work, enum worker_word word)
{
	(void)send(work->socket, &word, sizeof(word), MSG_NOSIGNAL);
}

/* If the process that watches has died, the kernel has answered. */
static int ask(const struct work *work, enum worker_word word)
{
	int err = 0;

	tell(work, word);
	return recv(work->socket, &err, sizeof(err), 0) == (ssize_t)sizeof(err) ? err : 0;
}

static struct watch_line line_of(const struct work *work, pid_t pid)
{
	return (struct watch_line){ work->order->json, PATIENCE, pid, work->path.text };
}

static const struct watch_decision *decide(const struct work *work, enum watch_cause cause)
{
	return &watch_decisions[cause][work->order->enforce];
}

/* Another worker holds it: its program has executed this one before it came to its first instruction, so that worker goes
 * on with this one. */
static bool is_held_by_sibling(const struct work *work)
{
	pid_t tracer = exec_related(work->thread, "TracerPid");

	return tracer > 0 && exec_related(tracer, "PPid") == work->watcher;
}

static void refuse(const struct work *work, enum refusal refusal)
{
	bool further = refusal == REFUSAL_TRACED && is_held_by_sibling(work);
	const struct watch_decision *decision =
		decide(work, further ? CAUSE_UNDER_WAY : CAUSE_REFUSED);
	const struct watch_line line = line_of(work, work->thread);
	bool runs = decision->fate == FATE_RUNS;

	if (ask(work, runs ? WORKER_WANTS_RUN : WORKER_WANTS_DENIAL) == 0 && decision->said)
		say_failure(&line, decision->fate, false, &refusal_rows[refusal]);
}

static bool is_script(const struct work *work)
{
	char begin[2];

	return sys_pread(work->file, begin, sizeof(begin), 0) == (ssize_t)sizeof(begin) &&
	       memcmp(begin, "#!", sizeof(begin)) == 0;
}

/* If execve(2) of the program failed, the thread may have executed another one at once. */
static bool is_meant(struct work *work, pid_t pid)
{
	char exe[64];
	struct program_path path = { 0 };
	struct stat running, wanted;

	(void)snprintf(exe, sizeof(exe), "/proc/%d/exe", (int)pid);
	if (stat(exe, &running) == 0 && fstat(work->file, &wanted) == 0 &&
	    running.st_dev == wanted.st_dev && running.st_ino == wanted.st_ino)
		return true;
	if (readlink(exe, path.text, sizeof(path.text) - 1) > 0 &&
	    patterns_match(&work->order->patterns, path.text)) {
		work->path = path;
		return true;
	}
	return is_script(work);
}

/* With REFUSAL_GONE it has exited by itself. */
static void judge(const struct work *work, const struct outside *result, int process)
{
	const bool sealed = result->refusal == REFUSAL_NONE;
	const struct watch_decision *decision =
		decide(work, sealed ? CAUSE_SEALED : CAUSE_UNSEALED);
	const struct watch_line line = line_of(work, result->pid);

	if (decision->fate == FATE_KILLED)
		exec_kill(process);
	if (sealed)
		say_sealed(&line, result);
	else if (decision->said && result->refusal != REFUSAL_GONE)
		say_failure(&line, decision->fate, result->state == OUTSIDE_PARTLY,
			    &refusal_rows[result->refusal]);
}

static void seal(const struct work *work, const struct at_exec *held)
{
	const struct watch_decision *failed = decide(work, CAUSE_UNSEALED);
	const unsigned flags = (work->order->deep ? OUTSIDE_DEEP : 0) |
			       (failed->fate == FATE_KILLED ? OUTSIDE_KEEP_HELD : 0);
	CLEANUP(close_fd_at) int process = (int)kernel_process(held->thread);
	CLEANUP(outside_free) struct outside result;
	int64_t begun = 0, ended = 0;

	(void)sys_now(&begun);
	outside_start(&result, held->thread, flags);
	(void)sys_now(&ended);
	result.nanoseconds = ended - begun;
	judge(work, &result, process);
}

/* What is said comes before the thread goes on: it could execute the next program at once. */
static void await(struct work *work)
{
	struct at_exec held;
	enum exec_outcome outcome = exec_await(&held, work->thread);

	tell(work, WORKER_IS_PAST);
	if (outcome == EXEC_STOPPED && is_meant(work, held.thread))
		seal(work, &held);
	else if (outcome == EXEC_STOPPED || outcome == EXEC_FAILED)
		exec_release(&held);
	else if (outcome == EXEC_UNKNOWN)
		_exit(0);
}

/* The number of a thread that was killed may be that of another one. Nobody waits for the answer then, and what was seized
 * is let go by the end of this process. */
static void work_on(struct work *work, const struct job *job)
{
	CLEANUP(close_fd_at) int file = (int)kernel_take_descriptor(work->watcher, job->file);
	enum refusal refusal = file < 0 ? refusal_of(file) : REFUSAL_NONE;

	work->thread = job->thread;
	work->file = file;
	work->path = program_path(file);
	if (refusal == REFUSAL_NONE)
		refusal = exec_seize(job->thread);
	if (refusal != REFUSAL_NONE)
		refuse(work, refusal);
	else if (ask(work, WORKER_HAS_SEIZED) == 0)
		await(work);
	else
		_exit(0);
	tell(work, WORKER_IS_DONE);
}

/* The process that watches waits for nothing of it: SIGCHLD is ignored there. */
static void take_signals(void)
{
	sigset_t all;

	(void)signal(SIGCHLD, SIG_DFL);
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
}

static _Noreturn void run(struct work *work)
{
	struct job job;

	take_signals();
	while (recv(work->socket, &job, sizeof(job), 0) == (ssize_t)sizeof(job))
		work_on(work, &job);
	_exit(0);
}

int worker_start(struct watch_worker *ret, const struct watch_order *order, const int *closed,
		 size_t count)
{
	struct work work = { .order = order, .watcher = getpid(), .file = -1 };
	int sockets[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		for (size_t i = 0; i < count; i++)
			(void)close_fd(closed[i]);
		(void)close_fd(sockets[0]);
		work.socket = sockets[1];
		run(&work);
	}
	(void)close_fd(sockets[1]);
	if (pid < 0) {
		(void)close_fd(sockets[0]);
		return -EAGAIN;
	}
	*ret = (struct watch_worker){
		.pid = pid,
		.process = (int)kernel_process(pid),
		.socket = sockets[0],
	};
	return 0;
}

int worker_send(struct watch_worker *worker, const struct gate_event *event, int64_t deadline)
{
	const struct job job = { event->thread, event->file };

	if (send(worker->socket, &job, sizeof(job), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return -errno;
	worker->state = WORKER_SEIZING;
	worker->event = *event;
	worker->deadline = deadline;
	worker->stuck_since = 0;
	return 0;
}

enum worker_word worker_listen(const struct watch_worker *worker)
{
	enum worker_word word;
	ssize_t size = recv(worker->socket, &word, sizeof(word), MSG_DONTWAIT);

	if (size == (ssize_t)sizeof(word))
		return word;
	return size < 0 && errno == EAGAIN ? WORKER_IS_SILENT : WORKER_IS_LOST;
}

void worker_reply(const struct watch_worker *worker, int err)
{
	(void)send(worker->socket, &err, sizeof(err), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* The kernel shows the number of the system call that a process waits in. */
static bool is_seizing(const struct watch_worker *worker)
{
	char path[64], text[256];
	ssize_t size;
	CLEANUP(close_fd_at) int fd = -1;

	(void)snprintf(path, sizeof(path), "/proc/%d/syscall", (int)worker->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	size = fd < 0 ? 0 : sys_read(fd, text, sizeof(text) - 1);
	text[size > 0 ? size : 0] = '\0';
	return size > 0 && strtol(text, NULL, 10) == SYS_ptrace;
}

bool worker_is_stuck(struct watch_worker *worker, int64_t now)
{
	if (!is_seizing(worker))
		worker->stuck_since = 0;
	else if (worker->stuck_since == 0)
		worker->stuck_since = now;
	return worker->stuck_since != 0 && now - worker->stuck_since >= STUCK;
}

void worker_dismiss(struct watch_worker *worker)
{
	(void)close_fd(worker->socket);
	(void)close_fd(worker->process);
	*worker = (struct watch_worker){ .process = -1, .socket = -1 };
}

void worker_kill(struct watch_worker *worker)
{
	(void)kernel_kill(worker->process);
	worker_dismiss(worker);
}
