/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_FILTER_CALLS_H
#define SEALMEM_FILTER_CALLS_H

/*
 * Which system calls a filter looks at, with their numbers on each architecture, and what else an
 * architecture decides. Facts only: lib/filter.c writes the instructions.
 */

#include "lib/filter-bpf.h"
#include "lib/filter.h"

/* A program takes at most this many ranges. */
#define FILTER_RANGES 320

/* Places in the program that are jumped to. Sections come in this order. */
enum filter_label {
	TO_NEXT = BPF_NEXT,
	TO_NATIVE,
	TO_PROTECT,
	TO_PROTECT_KEY,
	TO_OPTION,
	TO_CONTROL,
	TO_VECTOR,
	TO_IPC32,
	TO_ATTACH32,
	TO_ATTACH,
	TO_BREAK,
	TO_BREAK_BELOW,
	TO_MOVE,
	TO_MOVE_OLD,
	TO_RING_NEW,
	TO_RING,
	TO_PAGE,
	TO_ADVICE,
	TO_MAP,
	TO_PLACE,
	TO_SPAN,
	TO_SUM,
	TO_SEARCH,
	TO_DENY,
	TO_ALLOW,
	FILTER_LABELS,
	/* then the parts of the two searches, one label for each range */
	TO_SEARCH_NEW = FILTER_LABELS,
	TO_SEARCH_OLD = TO_SEARCH_NEW + FILTER_RANGES,
	FILTER_ALL_LABELS = TO_SEARCH_OLD + FILTER_RANGES,
};

_Static_assert(FILTER_ALL_LABELS <= BPF_LABELS, "the assembler has room for each label");

/* A system call, and the section that knows where its address and its length are. */
struct filter_call {
	enum filter_label to;
	unsigned scope;
	uint16_t number[FILTER_ABIS];
};

/* In place of a number: this architecture does not have the call. */
#define FILTER_NO_CALL UINT16_MAX

extern const struct filter_call filter_calls[];
extern const size_t filter_call_count;

#define FILTER_NO_COMPAT FILTER_ABIS

/*
 * The sizes of huge pages stand in ascending order, each beside the sizes of an ordinary page that it
 * goes with. On arm64 an ordinary page has one of three sizes. The huge page of another size would make
 * the filter refuse calls that touch no range.
 */
struct filter_machine {
	uint32_t audit;		/* how seccomp names the architecture */
	enum filter_abi compat; /* the 32-bit calls that any of its processes can make */
	uint32_t ignored_bits;	/* of a call's number */
	struct filter_huge {
		uint64_t size, pages;
	} huge[FILTER_HUGE_SIZES];
};

extern const struct filter_machine filter_machines[FILTER_ABIS + 1];

#endif
