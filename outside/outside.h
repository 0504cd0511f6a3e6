/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_OUTSIDE_OUTSIDE_H
#define SEALMEM_OUTSIDE_OUTSIDE_H

/*
 * Seals the image of a process that runs already. The steps have a file each: plan, stop, enter, change, leave, verify.
 * outside.c has their order.
 */

#include "outside/plan.h"

#include <sys/types.h>

#define OUTSIDE_DEEP	     PLAN_DEEP
#define OUTSIDE_ONE_THREAD   (1u << 1) /* hold one thread, and let the others run */
#define OUTSIDE_DRY_RUN	     (1u << 2) /* make the plan, and change nothing */
#define OUTSIDE_CONTENT_ONLY PLAN_CONTENT_ONLY

enum outside_state {
	OUTSIDE_UNTOUCHED, /* it is as it was: refused, or only planned */
	OUTSIDE_SEALED,	   /* all of the plan, and the audit confirms it */
	OUTSIDE_PARTLY,	   /* some of it; another call can complete it */
};

struct outside {
	pid_t pid;
	char name[64];
	enum refusal refusal;
	enum outside_state state;
	struct plan plan;
	size_t threads;	     /* that were held */
	int64_t nanoseconds; /* that they were held for */
};

/* Whether this kernel has what it takes. */
bool outside_supported(void);

/* Seals the process. The answer is in ret->refusal; `ret` is to be freed in any case. */
void outside_seal(struct outside *ret, pid_t pid, unsigned flags);

void outside_free(struct outside *outside);

#endif
