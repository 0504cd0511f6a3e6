/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TRACE_H
#define SEALMEM_TRACE_H

#include <signal.h>

/* From here on, every system call of the library is noted down, one line each, the way strace(1)
 * writes it. One trace at a time; one thread. */
void trace_start(void);

/* A signal that came in between. */
void trace_signal(const siginfo_t *info);

/* Ends it. The lines are the caller's, to be freed; NULL if there was no trace. */
char *trace_end(void);

#endif
