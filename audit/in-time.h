/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_AUDIT_IN_TIME_H
#define SEALMEM_AUDIT_IN_TIME_H

#include <stddef.h>
#include <stdint.h>

/* How long files may keep the audit waiting, of all that it reads. Begins as zeroes. */
struct patience {
	int64_t waited; /* so far, in microseconds */
};

/* Puts its result into `ret`. 0 or a negative errno. */
typedef int timed_act(void *argument, void *ret);

/*
 * Lets a child carry out an act that may never end, and copies its result of `size` bytes to `ret`. The child has
 * `directory` and no other descriptor. An act may take a second, and all together may take three.
 *
 * -ETIMEDOUT  it has not ended in time, or no time is left for it
 * -ENOMEM, -EMFILE; -errno of fork(2)
 * or the errno of the act
 */
int in_time(timed_act *act, void *argument, int directory, struct patience *patience, void *ret,
	    size_t size);

#endif
