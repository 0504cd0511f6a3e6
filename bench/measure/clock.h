/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_BENCH_CLOCK_H
#define SEALMEM_BENCH_CLOCK_H

/* The time that a measuring program takes, and the one value that stands for several. */

#include <stddef.h>

/* Nanoseconds of a clock that only goes forward. */
double now(void);

/* Nanoseconds that this thread had a processor: other programs of the machine do not count. */
double worked(void);

/* The same for all threads of this process. */
double all_worked(void);

/* Sorts the values. */
double median(double *values, size_t count);

#endif
