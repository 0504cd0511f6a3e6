/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_DEMO_TRACE_H
#define SEALMEM_TOOLS_DEMO_TRACE_H

#include <signal.h>

/* Records every system call of the library from now on, one line each, in the form of strace(1). There can
 * be one trace at a time, in one thread. */
void trace_start(void);

/* Records a signal. */
void trace_signal(const siginfo_t *info);

/* Ends the trace. Returns its lines, which the caller frees, or NULL if there was no trace. */
char *trace_end(void);

#endif
