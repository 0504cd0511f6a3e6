/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_VERDICT_H
#define SEALMEM_VERDICT_H

#include <stddef.h>

/* Whether a guarantee is given here. */
struct verdict {
	unsigned guarantee;
	int error;	/* 0: it is given; otherwise the library's answer */
	const char *by; /* what it rests on */
	char why[160];	/* why not; empty if given */
	char todo[160]; /* what to do about it; empty if there is nothing to do */
};

/* Asks the library for the guarantee, and the kernel for the reason if it is refused. */
void verdict_find(struct verdict *ret, unsigned guarantee);

/* The same for a refusal, a negative errno, that was met already. */
void verdict_explain(struct verdict *ret, unsigned guarantee, int error);

#endif
