/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TESTS_FAULTS_FAILINGS_H
#define SEALMEM_TESTS_FAULTS_FAILINGS_H

/* How each system call of the library can fail. */

#include "tests/faults/inject.h"

#define MAX_FAILINGS 24

/*
 * Puts into `ret` the faults that `call` can meet, each once (`index` and `in_child` are 0), those that
 * stand best for all of them first, and returns how many. -1 if nothing is known of the call, so
 * that a new one is not forgotten.
 */
int failings_of(struct call call, struct fault ret[MAX_FAILINGS]);

const char *call_name(struct call call);

#endif
