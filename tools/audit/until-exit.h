/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_AUDIT_UNTIL_EXIT_H
#define SEALMEM_TOOLS_AUDIT_UNTIL_EXIT_H

#include <sys/types.h>

/*
 * Runs a program until its last thread is about to exit, with all of its memory still there. Its standard output goes
 * to standard error. Negative errno if it cannot be started or followed; -ECHILD if it exited without a stop, as after
 * SIGKILL. *ret_last is the thread that has stopped.
 */
pid_t start_and_stop(char **argv, pid_t *ret_last);

/* Lets it exit. */
void let_end(pid_t pid, pid_t last);

#endif
