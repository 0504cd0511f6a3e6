/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_AUDIT_START_H
#define SEALMEM_AUDIT_START_H

#include <sys/types.h>

/*
 * Runs a program to the moment when it is about to end: all of its memory is still there. Its standard output
 * goes to standard error. Negative errno if it cannot be started or followed; -ECHILD if it ended without
 * being stopped, as by SIGKILL.
 */
pid_t start_and_stop(char **argv);

/* Lets it end. */
void let_end(pid_t pid);

#endif
