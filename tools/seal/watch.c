/* SPDX-License-Identifier: MIT */

/*
 * Answers whoever executes a file, and has those that are meant sealed by workers. This process answers everybody on the
 * file systems that it watches, so it waits for nothing but news: not for workers, not for readers of its lines, not for
 * disks. Who waits at the gate has an answer within ANSWER_WITHIN, whatever happens.
 */

#include "tools/seal/watch.h"

#include "outside/kernel.h"
#include "outside/outside.h"
#include "outside/stop.h"
#include "tools/common/clock.h"
#include "tools/common/manager.h"
#include "tools/seal/watch-say.h"
#include "tools/seal/watch-worker.h"
#include "lib/util.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

/* Milliseconds. */
#define ANSWER_WITHIN 5000

/* Programs that start at the same time, and those that wait for their turn. */
#define WORKERS 64
#define QUEUE	1024

/* Others wait for it, and for the workers, which inherit it. */
#define WATCHER_NICE STOP_NICE

struct waiting {
	struct gate_event event;
	int64_t deadline;
};

struct watcher {
	const struct watch_order *order;
	struct manager manager;
	int gate, signals;
	struct watch_worker workers[WORKERS];
	struct waiting queue[QUEUE];
	size_t queued;
	int pulse; /* milliseconds between two signs of life for the manager; -1 for none */
	bool stop;
};

static void close_watcher(struct watcher *watcher)
{
	(void)close_fd(watcher->gate);
	for (size_t i = 0; i < WORKERS; i++)
		if (watcher->workers[i].pid != 0)
			worker_dismiss(&watcher->workers[i]);
	/* They finish what they hold; what takes longer they finish alone. */
	for (int i = 0; i < 100 && waitpid(-1, NULL, WNOHANG) == 0; i++)
		kernel_sleep(20000000);
	(void)close_fd(watcher->signals);
	manager_release(&watcher->manager);
}

/* Everybody waits for this process, so nobody may stop it from the terminal. */
static enum exit_status take_signals(struct watcher *watcher)
{
	static const int ignored[] = { SIGCHLD, SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU };
	sigset_t set;

	for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		(void)signal(ignored[i], SIG_IGN);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	watcher->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (watcher->signals >= 0)
		return EXIT_NOT_YET;
	return complain("seal", EXIT_FAILED, "cannot wait for signals: %s", error_text(-errno));
}

/* Who executes a file while this process has no descriptor left is refused by the kernel. */
static void take_resources(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	(void)kernel_set_nice(0, WATCHER_NICE);
}

static enum exit_status open_gate(struct watcher *watcher)
{
	const struct patterns *patterns = &watcher->order->patterns;
	int err;

	watcher->gate = gate_open();
	if (watcher->gate == -EPERM)
		return complain("seal", EXIT_FAILED, "cannot watch: run this as root");
	if (watcher->gate < 0)
		return complain("seal", EXIT_LACKING, "cannot watch: fanotify_init: %s",
				error_text(watcher->gate));
	for (size_t i = 0; i < patterns->place_count; i++) {
		err = gate_watch(watcher->gate, patterns->places[i]);
		if (err < 0)
			return complain("seal", EXIT_FAILED, "cannot watch '%s': %s",
					patterns->places[i], error_text(err));
	}
	return EXIT_NOT_YET;
}

/* As sd_watchdog_enabled(3). */
static int find_pulse(void)
{
	const char *text = getenv("WATCHDOG_USEC");
	long microseconds = text != NULL ? strtol(text, NULL, 10) : 0;

	return microseconds >= 4000 && microseconds / 2000 <= INT_MAX ? (int)(microseconds / 2000)
								      : -1;
}

static const struct watch_decision *decide(const struct watcher *watcher, enum watch_cause cause)
{
	return &watch_decisions[cause][watcher->order->enforce];
}

static int answer(const struct watcher *watcher, const struct gate_event *event, bool allow)
{
	int err = gate_answer(watcher->gate, event->file, allow);

	(void)close_fd(event->file);
	return err;
}

/* Without anybody else: the table has the fate. */
static void settle(const struct watcher *watcher, const struct gate_event *event,
		   enum watch_cause cause, const struct refusal_row *reason)
{
	const struct watch_decision *decision = decide(watcher, cause);
	const struct program_path path =
		decision->said ? program_path(event->file) : (struct program_path){ 0 };
	const struct watch_line line = { watcher->order->json, 0, event->thread, path.text };

	if (answer(watcher, event, decision->fate == FATE_RUNS) == 0 && decision->said)
		say_failure(&line, decision->fate, false, reason);
}

static const struct refusal_row late = { "late", "no answer within 5 seconds" };
static const struct refusal_row lost = { "worker", "the process that was to seal it has died" };

static void lose(struct watcher *watcher, struct watch_worker *worker)
{
	if (worker->state == WORKER_SEIZING)
		settle(watcher, &worker->event, CAUSE_LOST, &lost);
	worker_dismiss(worker);
}

static void listen_to(struct watcher *watcher, struct watch_worker *worker)
{
	enum worker_word word;

	while (worker->pid != 0 && (word = worker_listen(worker)) != WORKER_IS_SILENT) {
		if (word == WORKER_IS_LOST) {
			lose(watcher, worker);
		} else if (word == WORKER_IS_DONE) {
			worker->state = WORKER_FREE;
		} else if (word == WORKER_IS_PAST) {
			worker->state = WORKER_SEALING;
		} else {
			worker->state = word == WORKER_HAS_SEIZED ? WORKER_HOLDING : WORKER_SEALING;
			worker_reply(worker,
				     answer(watcher, &worker->event, word != WORKER_WANTS_DENIAL));
		}
	}
}

/* It says that it is past before it lets go, so what it has said comes before any later event of the thread. */
static bool is_under_way(struct watcher *watcher, pid_t thread)
{
	for (size_t i = 0; i < WORKERS; i++) {
		struct watch_worker *worker = &watcher->workers[i];

		if (worker->pid == 0 || worker->event.thread != thread)
			continue;
		listen_to(watcher, worker);
		if (worker->pid != 0 && worker->state == WORKER_HOLDING)
			return true;
	}
	return false;
}

/* A worker has neither the gate nor the sockets of the others, or they would stay open when this process dies. */
static int start_worker(struct watcher *watcher, struct watch_worker *worker)
{
	int closed[2 * WORKERS + 2];
	size_t count = 0;

	closed[count++] = watcher->gate;
	closed[count++] = watcher->signals;
	for (size_t i = 0; i < WORKERS; i++)
		if (watcher->workers[i].pid != 0) {
			closed[count++] = watcher->workers[i].socket;
			closed[count++] = watcher->workers[i].process;
		}
	return worker_start(worker, watcher->order, closed, count);
}

/* NULL if all have work, or no more can be started. */
static struct watch_worker *find_worker(struct watcher *watcher)
{
	struct watch_worker *none = NULL;

	for (size_t i = 0; i < WORKERS; i++) {
		struct watch_worker *worker = &watcher->workers[i];

		if (worker->pid == 0)
			none = none != NULL ? none : worker;
		else if (worker->state == WORKER_FREE)
			return worker;
	}
	return none != NULL && start_worker(watcher, none) == 0 ? none : NULL;
}

static void drop_first(struct watcher *watcher, size_t count)
{
	watcher->queued -= count;
	memmove(watcher->queue, watcher->queue + count, watcher->queued * sizeof(*watcher->queue));
}

static void give_work(struct watcher *watcher)
{
	size_t given = 0;

	while (given < watcher->queued) {
		struct watch_worker *worker = find_worker(watcher);
		const struct waiting *next = &watcher->queue[given];

		if (worker == NULL)
			break;
		if (worker_send(worker, &next->event, next->deadline) < 0)
			worker_kill(worker);
		else
			given++;
	}
	drop_first(watcher, given);
}

static void meet(struct watcher *watcher, const struct gate_event *event)
{
	const struct program_path path = program_path(event->file);

	if (!patterns_match(&watcher->order->patterns, path.text))
		settle(watcher, event, CAUSE_NO_MATCH, NULL);
	else if (event->thread <= 0)
		settle(watcher, event, CAUSE_REFUSED, &refusal_rows[REFUSAL_NO_PROC]);
	else if (is_under_way(watcher, event->thread))
		settle(watcher, event, CAUSE_UNDER_WAY, NULL);
	else if (watcher->queued == QUEUE)
		settle(watcher, event, CAUSE_LATE, &late);
	else
		watcher->queue[watcher->queued++] =
			(struct waiting){ *event, clock_milliseconds() + ANSWER_WITHIN };
}

static void meet_all(struct watcher *watcher)
{
	struct gate_event events[GATE_EVENTS];
	ssize_t count = gate_read(watcher->gate, events);

	for (ssize_t i = 0; i < count; i++)
		meet(watcher, &events[i]);
}

/* A thread that is inside execve(2) cannot be seized before it has all files. So a file that it waits for then is not the
 * program itself, but its loader, or the interpreter of a script. */
static void look_after(struct watcher *watcher, struct watch_worker *worker, int64_t now)
{
	bool overdue = now > worker->deadline;

	if (worker->pid == 0 || worker->state != WORKER_SEIZING)
		return;
	listen_to(watcher, worker);
	if (worker->pid == 0 || worker->state != WORKER_SEIZING)
		return;
	if (worker_is_stuck(worker, now))
		settle(watcher, &worker->event, CAUSE_PART, NULL);
	else if (overdue)
		settle(watcher, &worker->event, CAUSE_LATE, &late);
	else
		return;
	worker_kill(worker);
}

static void look_after_all(struct watcher *watcher)
{
	int64_t now = clock_milliseconds();
	size_t overdue = 0;

	for (size_t i = 0; i < WORKERS; i++)
		look_after(watcher, &watcher->workers[i], now);
	while (overdue < watcher->queued && now > watcher->queue[overdue].deadline)
		settle(watcher, &watcher->queue[overdue++].event, CAUSE_LATE, &late);
	drop_first(watcher, overdue);
}

/* How long nothing has to be looked after. */
static int next_look(const struct watcher *watcher)
{
	for (size_t i = 0; i < WORKERS; i++)
		if (watcher->workers[i].pid != 0 && watcher->workers[i].state == WORKER_SEIZING)
			return 1;
	return watcher->queued > 0 ? 20 : watcher->pulse;
}

static void turn(struct watcher *watcher)
{
	struct pollfd waited[WORKERS + 2] = {
		{ .fd = watcher->signals, .events = POLLIN },
		{ .fd = watcher->gate, .events = POLLIN },
	};

	for (size_t i = 0; i < WORKERS; i++)
		waited[i + 2] = (struct pollfd){
			.fd = watcher->workers[i].pid != 0 ? watcher->workers[i].socket : -1,
			.events = POLLIN,
		};
	(void)poll(waited, WORKERS + 2, next_look(watcher));
	for (size_t i = 0; i < WORKERS; i++)
		if (waited[i + 2].revents != 0)
			listen_to(watcher, &watcher->workers[i]);
	watcher->stop = waited[0].revents != 0;
	if (waited[1].revents != 0)
		meet_all(watcher);
	give_work(watcher);
	look_after_all(watcher);
	if (watcher->pulse > 0)
		manager_tell(&watcher->manager, "WATCHDOG=1");
}

static enum exit_status begin(struct watcher *watcher)
{
	enum exit_status code = manager_find(&watcher->manager, "seal");

	if (code == EXIT_NOT_YET && !outside_supported())
		code = complain("seal", EXIT_LACKING, "%s", refusal_rows[REFUSAL_NO_MSEAL].text);
	if (code == EXIT_NOT_YET)
		code = take_signals(watcher);
	if (code != EXIT_NOT_YET)
		return code;
	take_resources();
	watcher->pulse = find_pulse();
	return open_gate(watcher);
}

enum exit_status watch(const struct watch_order *order)
{
	CLEANUP(close_watcher)
	struct watcher watcher = {
		.order = order,
		.manager = MANAGER_NONE,
		.gate = -1,
		.signals = -1,
	};
	enum exit_status code = begin(&watcher);

	if (code != EXIT_NOT_YET)
		return code;
	manager_tell(&watcher.manager, "READY=1\nSTATUS=Watching %zu patterns",
		     order->pattern_count);
	say_ready(order->json, order->pattern_count);
	while (!watcher.stop)
		turn(&watcher);
	return EXIT_YES;
}
