/* SPDX-License-Identifier: MIT */

/*
 * A process that stays as the parent of a program must not be noticed. Who sends it a signal means the program, and who waits
 * for it wants to know how the program stopped or ended.
 */

#include "tools/run/signals.h"

#include "lib/util.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

/* Added to a signal, it is the exit status that a shell shows. */
#define STATUS_OF_SIGNAL 128

static int number_of(const char *text)
{
	char *end;
	long number = strtol(text, &end, 10);

	return *end == '\0' && number > 0 && number < NSIG ? (int)number : 0;
}

/* sigabbrev_np(3) of glibc, which musl lacks. */
#define NAME(signal) [SIG##signal] = #signal

static const char *const names[NSIG] = {
	NAME(HUP),  NAME(INT),	  NAME(QUIT), NAME(ILL),  NAME(TRAP),	NAME(ABRT), NAME(BUS),
	NAME(FPE),  NAME(KILL),	  NAME(USR1), NAME(SEGV), NAME(USR2),	NAME(PIPE), NAME(ALRM),
	NAME(TERM), NAME(STKFLT), NAME(CHLD), NAME(CONT), NAME(STOP),	NAME(TSTP), NAME(TTIN),
	NAME(TTOU), NAME(URG),	  NAME(XCPU), NAME(XFSZ), NAME(VTALRM), NAME(PROF), NAME(WINCH),
	NAME(POLL), NAME(PWR),	  NAME(SYS),
};

static int number_of_name(const char *name)
{
	if (strncasecmp(name, "SIG", 3) == 0)
		name += 3;
	for (int i = 1; i < NSIG; i++)
		if (names[i] != NULL && strcasecmp(name, names[i]) == 0)
			return i;
	return 0;
}

int signal_parse(const char *text)
{
	int number = isdigit((unsigned char)*text) ? number_of(text) : number_of_name(text);

	return number == SIGKILL || number == SIGSTOP ? 0 : number;
}

/* Those that the kernel raises for a fault are this process's own, and SIGCHLD is about the program. */
void signals_to_pass(sigset_t *ret)
{
	static const int own[] = { SIGSEGV, SIGBUS,  SIGFPE,  SIGILL,  SIGTRAP,
				   SIGSYS,  SIGABRT, SIGCHLD, SIGKILL, SIGSTOP };

	(void)sigfillset(ret);
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
		(void)sigdelset(ret, own[i]);
}

/* A terminal sends its signals to each process of a group. SIGHUP it also sends to the first of a session alone. */
static bool has_it_already(pid_t program, const struct signalfd_siginfo *got)
{
	if (got->ssi_code != SI_KERNEL || got->ssi_signo == SIGHUP)
		return false;
	return getpgid(program) == getpgrp();
}

void signal_pass(pid_t program, const struct signalfd_siginfo *got)
{
	/* A pipe that nobody reads is no news to the program. */
	bool is_own = got->ssi_pid == (uint32_t)sys_getpid();

	if (!is_own && !has_it_already(program, got))
		(void)kill(program, (int)got->ssi_signo);
}

static void close_file(FILE **file)
{
	if (*file != NULL)
		(void)fclose(*file);
}

bool signal_is_expected(pid_t program, int signal)
{
	char path[sizeof("/proc//status") + 3 * sizeof(program)], line[256];
	uint64_t set, expected = 0;
	CLEANUP(close_file) FILE *file = NULL;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)program);
	file = fopen(path, "re");
	if (file == NULL)
		return true;
	while (fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "SigCgt: %" SCNx64, &set) == 1 ||
		    sscanf(line, "SigIgn: %" SCNx64, &set) == 1)
			expected |= set;
	return expected >> (signal - 1) & 1;
}

/* The others are not of a terminal: who sends SIGSTOP to the program does not mean this process. */
void signal_stop_as(int signal)
{
	if (signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU)
		(void)raise(SIGSTOP);
}

static void let_through(int signal)
{
	struct sigaction usual = { .sa_handler = SIG_DFL };
	sigset_t set;

	(void)sigaction(signal, &usual, NULL);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, signal);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* The core of the program is the one that matters. */
int signal_end_as(int status)
{
	struct rlimit none = { 0, 0 };

	if (!WIFSIGNALED(status))
		return WEXITSTATUS(status);
	(void)setrlimit(RLIMIT_CORE, &none);
	let_through(WTERMSIG(status));
	(void)raise(WTERMSIG(status));
	return STATUS_OF_SIGNAL + WTERMSIG(status);
}
