/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_COMMON_VERDICT_H
#define SEALMEM_TOOLS_COMMON_VERDICT_H

#include <stddef.h>

/* Whether this machine supports a guarantee. */
struct verdict {
	unsigned guarantee;
	int error;	/* 0 if it is supported, otherwise the errno of the library */
	const char *by; /* the mechanism that provides it */
	char why[160];	/* why it is unsupported; empty if it is supported */
	char todo[160]; /* how to change that; empty if nothing helps */
};

/* Demands the guarantee from the library. If the library refuses, asks the kernel for the reason. */
void verdict_find(struct verdict *ret, unsigned guarantee);

/* Explains a refusal that the caller has met already: `error` is its negative errno. */
void verdict_explain(struct verdict *ret, unsigned guarantee, int error);

#endif
