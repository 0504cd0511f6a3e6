/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_LIB_TRIAL_H
#define SEALMEM_LIB_TRIAL_H

#include "lib/sys.h"

/* System calls that the filter of a service may answer with a kill. */
enum trial_call {
	TRIAL_MSEAL = 1,
	TRIAL_MEMFD_SECRET = 2,
	TRIAL_SECCOMP = 4,
};

/*
 * Learns whether a filter kills the caller of it, if this process has a filter. Asks once, in a child. If the
 * process can have no child, it does not learn, and the call is made as it is. Call it before the moment in
 * which the call is needed.
 */
void trial_learn(enum trial_call call);

/* -EPERM for a call that was found to kill. */
int trial_refused(enum trial_call call);

/* These calls of lib/sys.h, refused where they kill. */
int trial_mseal(void *addr, size_t size, unsigned long flags);
int trial_memfd_secret(void);
int trial_seccomp_can_refuse(void);

#endif
