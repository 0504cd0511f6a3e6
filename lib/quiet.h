/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_LIB_QUIET_H
#define SEALMEM_LIB_QUIET_H

#include "lib/sys.h"

#include <stdbool.h>

/* The signals that writing raises together with an error. */
#define QUIET_WRITE (SYS_SIGNAL(SIGPIPE) | SYS_SIGNAL(SIGXFSZ))

struct quiet {
	uint64_t signals, before, pending;
	bool held; /* already, by quiet_hold_all() */
};

/* Holds back all signals but those of faults from this thread, until quiet_release_all(). What needs them to be quiet
 * meanwhile makes no call for that. */
int quiet_hold_all(void);
void quiet_release_all(void);

/* Holds the signals back from this thread. If it returns a negative errno they are raised as always, and
 * quiet_end() does nothing. */
int quiet_begin(struct quiet *ret, uint64_t signals);

/* Takes the signal that was raised with `result`, the last answer of the calls in between, and leaves every other.
 * Returns `result`. */
ssize_t quiet_end(const struct quiet *quiet, ssize_t result);

#endif
