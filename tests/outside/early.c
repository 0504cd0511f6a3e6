/* SPDX-License-Identifier: MIT */

/* An object that is preloaded, and whose constructor does what can come before the first instruction of a program. */

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

static void *wait_for_ever(void *argument)
{
	for (;;)
		(void)pause();
	return argument;
}

static void start_threads(void)
{
	pthread_t thread;

	for (int i = 0; i < 4; i++)
		(void)pthread_create(&thread, NULL, wait_for_ever, NULL);
}

static void execute(void)
{
	char *const arguments[] = { getenv("EARLY_PROGRAM"), NULL };

	(void)unsetenv("EARLY");
	(void)execve(arguments[0], arguments, environ);
}

static void stop(void)
{
	(void)raise(SIGSTOP);
}

static void on_signal(int signal)
{
	(void)signal;
}

static void take_signals(void)
{
	(void)signal(SIGUSR1, on_signal);
	(void)signal(SIGTRAP, on_signal);
	(void)raise(SIGUSR1);
	(void)raise(SIGTRAP);
}

__attribute__((constructor)) static void begin(void)
{
	static const struct {
		const char *word;
		void (*act)(void);
	} rows[] = {
		{ "threads", start_threads },
		{ "execute", execute },
		{ "stop", stop },
		{ "signals", take_signals },
	};
	const char *word = getenv("EARLY");

	for (size_t i = 0; word != NULL && i < sizeof(rows) / sizeof(*rows); i++)
		if (strcmp(rows[i].word, word) == 0)
			rows[i].act();
}
