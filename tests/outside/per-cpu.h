/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TESTS_OUTSIDE_PER_CPU_H
#define SEALMEM_TESTS_OUTSIDE_PER_CPU_H

#include <stdbool.h>

/* Whether this C library and this architecture let a thread count so. */
bool per_cpu_supported(void);

/* Adds one to the counter of the processor that the thread runs on, without a lock and without an atomic instruction: in a
 * restartable sequence (rseq(2)) of many instructions. */
void per_cpu_add(void);

/* The sum of all counters. */
unsigned long per_cpu_sum(void);

#endif
