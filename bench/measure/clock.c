/* SPDX-License-Identifier: MIT */

/* One clock for every measuring program, so that their values can be compared. */

#include "bench/measure/clock.h"

#include <stdlib.h>
#include <time.h>

static double read_clock(clockid_t clock)
{
	struct timespec time;

	(void)clock_gettime(clock, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

double now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

double worked(void)
{
	return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

double all_worked(void)
{
	return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

double median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}
