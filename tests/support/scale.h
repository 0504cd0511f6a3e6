/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TESTS_SUPPORT_SCALE_H
#define SEALMEM_TESTS_SUPPORT_SCALE_H

/*
 * How much of a long test is done. What takes seconds on a processor takes hours on an emulated one
 * under valgrind: SEALMEM_TEST_SCALE in the environment is the part of it in percent.
 */

#include <stdlib.h>

static inline unsigned test_scale(void)
{
	const char *text = getenv("SEALMEM_TEST_SCALE");
	long percent = text != NULL ? strtol(text, NULL, 10) : 100;

	return percent >= 1 && percent <= 100 ? (unsigned)percent : 100;
}

/* At least one. */
static inline unsigned scaled(unsigned count)
{
	return count / 100 * test_scale() + (count % 100 * test_scale() + 99) / 100;
}

#endif
