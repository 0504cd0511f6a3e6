/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_RUN_SIGNALS_H
#define SEALMEM_TOOLS_RUN_SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct signalfd_siginfo;

/* A name, with or without SIG, or a number. Returns 0 for what is no signal, or one that no program can receive. */
int signal_parse(const char *text);

/* The signals that a program gets in place of the process that it is a child of. */
void signals_to_pass(sigset_t *ret);

/* Gives one of them to the program, unless the program has it already. */
void signal_pass(pid_t program, const struct signalfd_siginfo *got);

/* Whether the program has said what it does at the signal. It is unknown of a process that cannot be looked at, which
 * counts as yes. */
bool signal_is_expected(pid_t program, int signal);

/* Stops this process as its program has stopped, so that a shell sees it. */
void signal_stop_as(int signal);

/* Ends this process as its program has ended. Returns what to exit with if that is an exit status; or if the signal does
 * not end this process, as in the first process of a container. `status` is that of wait(2). */
int signal_end_as(int status);

#endif
