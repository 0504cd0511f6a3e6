/* SPDX-License-Identifier: MIT */

/*
 * With --on-update this command stays, because somebody has to wait for newer generations. It is the parent of the program, and
 * tries not to be noticed (signals.c). It is one thread with one wait, for signals and for what is followed.
 *
 * The kernel ends the program when this process is killed: its paths lead to the descriptors of this process.
 */

#include "tools/run/supervise.h"

#include "tools/run/follow.h"
#include "tools/run/signals.h"
#include "tools/common/clock.h"
#include "lib/util.h"

#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

/* How long a program has to end before SIGKILL, in milliseconds. */
#define TIME_TO_END 10000

/* How long a program has to say what it does at the signal. Until then the signal would end it. */
#define TIME_TO_EXPECT 10000

/* How often it is looked at in this time. */
#define LOOK 20

struct supervisor {
	const struct supervision *what;
	struct follower *followers;
	struct pollfd *waited; /* the signals, and then a descriptor of each follower */
	size_t count;	       /* of followers */
	sigset_t blocked;      /* before this process blocked others */
	struct sigaction at_child;
	int signals;
	pid_t program; /* 0 when it has ended */
	int status;    /* with which it ended */
	bool pending;  /* it does not know yet of the newest generation */
	bool ending;   /* it was told to end, so that it starts again */
	int64_t ended; /* when somebody else last told it to end; 0: never */
	int64_t end;   /* when it is killed, or when its signal waits no longer; 0: never */
};

enum exit_status update_parse(struct update *ret, const char *text)
{
	bool restart = strcmp(text, "restart") == 0;
	int signal = restart ? 0 : signal_parse(text);

	if (!restart && signal == 0)
		return complain_of_usage(
			"run", EXIT_OURS,
			"--on-update takes restart or a signal that a program can receive, "
			"not '%s'",
			text);
	*ret = (struct update){ .wanted = true, .signal = signal };
	return EXIT_NOT_YET;
}

static void release(struct supervisor *s)
{
	free(s->followers);
	free(s->waited);
	close_fd(s->signals);
}

static void find_followers(struct supervisor *s)
{
	const struct supervision *what = s->what;

	s->followers = need(calloc(what->count, sizeof(*s->followers)));
	s->waited = need(calloc(what->count + 1, sizeof(*s->waited)));
	for (size_t i = 0; i < what->count; i++)
		if (what->secrets[i].subscription != NULL)
			s->followers[s->count++] = follower_of(&what->secrets[i], what->terms);
}

/* Who has started this process may ignore SIGCHLD, and then a child leaves no status. */
static enum exit_status take_signals(struct supervisor *s)
{
	struct sigaction usual = { .sa_handler = SIG_DFL };
	sigset_t set;

	signals_to_pass(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigaction(SIGCHLD, &usual, &s->at_child);
	(void)sigprocmask(SIG_BLOCK, &set, &s->blocked);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signals >= 0)
		return EXIT_NOT_YET;
	return complain("run", EXIT_OURS, "cannot wait for signals: %s", error_text(-errno));
}

static enum exit_status be_program(const struct supervisor *s)
{
	(void)sigaction(SIGCHLD, &s->at_child, NULL);
	(void)sigprocmask(SIG_SETMASK, &s->blocked, NULL);
	return s->what->start(s->what->data);
}

/* What came before this moment, the program finds at its paths. */
static enum exit_status start(struct supervisor *s)
{
	pid_t child = fork();

	if (child == 0)
		return be_program(s);
	if (child < 0)
		return complain("run", EXIT_OURS, "cannot start the program: %s",
				error_text(-errno));
	s->program = child;
	s->pending = s->ending = false;
	s->end = clock_milliseconds() + TIME_TO_EXPECT;
	return EXIT_NOT_YET;
}

static void reap(struct supervisor *s)
{
	int status;
	pid_t ended;

	while ((ended = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
		if (ended != s->program)
			continue;
		if (WIFSTOPPED(status)) {
			signal_stop_as(WSTOPSIG(status));
		} else {
			s->program = 0;
			s->status = status;
		}
	}
}

/* Whoever ends a program that is about to start again does not want it back. */
static bool is_an_end(const struct signalfd_siginfo *got)
{
	return got->ssi_signo == SIGTERM || got->ssi_signo == SIGINT || got->ssi_signo == SIGQUIT ||
	       (got->ssi_signo == SIGHUP && got->ssi_code == SI_KERNEL);
}

static void note_signals(struct supervisor *s)
{
	struct signalfd_siginfo got;

	while (sys_read(s->signals, (void *)&got, sizeof(got)) == (ssize_t)sizeof(got)) {
		if (got.ssi_signo == SIGCHLD) {
			reap(s);
			continue;
		}
		if (is_an_end(&got))
			s->ended = clock_milliseconds();
		if (s->program != 0)
			signal_pass(s->program, &got);
	}
}

/* -1 for no limit. */
static int time_left(int64_t end, int64_t time)
{
	if (end == 0)
		return -1;
	return end <= time ? 0 : (int)(end - time);
}

static int sooner(int a, int b)
{
	if (a < 0 || b < 0)
		return a < 0 ? b : a;
	return a < b ? a : b;
}

static int time_to_wait(const struct supervisor *s)
{
	int64_t time = clock_milliseconds();
	int left = s->ending ? time_left(s->end, time) : -1;

	if (s->pending && !s->ending)
		left = LOOK;
	for (size_t i = 0; i < s->count; i++)
		left = sooner(left, time_left(s->followers[i].again, time));
	return left;
}

static enum exit_status await(struct supervisor *s)
{
	s->waited[0] = (struct pollfd){ .fd = s->signals, .events = POLLIN };
	for (size_t i = 0; i < s->count; i++)
		s->waited[1 + i] =
			(struct pollfd){ .fd = follower_fd(&s->followers[i]), .events = POLLIN };
	if (poll(s->waited, s->count + 1, time_to_wait(s)) >= 0 || errno == EINTR)
		return EXIT_NOT_YET;
	return complain("run", EXIT_OURS, "cannot wait: %s", error_text(-errno));
}

static void follow(struct supervisor *s)
{
	for (size_t i = 0; i < s->count; i++)
		s->pending |= follower_turn(&s->followers[i], s->waited[1 + i].revents != 0,
					    clock_milliseconds());
}

/* A program that is stopped would not end. */
static void end_program(struct supervisor *s)
{
	(void)kill(s->program, SIGTERM);
	(void)kill(s->program, SIGCONT);
	s->ending = true;
	s->end = clock_milliseconds() + TIME_TO_END;
}

static void send_signal(struct supervisor *s)
{
	int signal = s->what->update.signal;

	if (!signal_is_expected(s->program, signal) && clock_milliseconds() < s->end)
		return;
	(void)kill(s->program, signal);
	s->pending = false;
}

static void tell_program(struct supervisor *s)
{
	if (s->ending && s->end != 0 && clock_milliseconds() >= s->end) {
		(void)kill(s->program, SIGKILL);
		s->end = 0;
	} else if (s->pending && !s->ending && s->what->update.signal != 0) {
		send_signal(s);
	} else if (s->pending && !s->ending) {
		end_program(s);
	}
}

/* A program that somebody told to end, and that goes on for long, does not mean to end. */
static bool starts_again(const struct supervisor *s)
{
	return s->ending && (s->ended == 0 || clock_milliseconds() - s->ended > 2 * TIME_TO_END);
}

/* EXIT_NOT_YET for as long as the program runs. */
static enum exit_status turn(struct supervisor *s)
{
	enum exit_status code = await(s);

	if (code != EXIT_NOT_YET)
		return code;
	note_signals(s);
	follow(s);
	if (s->program != 0)
		tell_program(s);
	else if (starts_again(s))
		return start(s);
	else
		return (enum exit_status)signal_end_as(s->status);
	return EXIT_NOT_YET;
}

enum exit_status supervise(const struct supervision *what)
{
	CLEANUP(release) struct supervisor s = { .what = what, .signals = -1 };
	enum exit_status code = take_signals(&s);

	find_followers(&s);
	if (code == EXIT_NOT_YET)
		code = start(&s);
	while (code == EXIT_NOT_YET)
		code = turn(&s);
	return code;
}
