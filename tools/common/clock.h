/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_COMMON_CLOCK_H
#define SEALMEM_TOOLS_COMMON_CLOCK_H

/* Times as poll(2) takes them, by a clock that nobody sets. */

#include "lib/sys.h"

#include <stdint.h>

static inline int64_t clock_milliseconds(void)
{
	int64_t nanoseconds = 0;

	(void)sys_now(&nanoseconds);
	return nanoseconds / 1000000;
}

#endif
