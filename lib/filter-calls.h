/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_FILTER_CALLS_H
#define SEALMEM_FILTER_CALLS_H

/*
 * Which system calls a filter looks at, with their numbers on each architecture, and what else an
 * architecture decides. Facts only: lib/filter.c writes the instructions.
 */

#include "lib/filter-bpf.h"
#include "lib/filter.h"

#include <stdbool.h>

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
	TO_IPC,
	TO_DETACH,
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

/*
 * The columns of the table of calls. Some architectures share one. NUMBERS_I386_FAR has of the 32-bit calls only those
 * that reach memory beyond FILTER_REACH_32.
 */
enum filter_numbers {
	NUMBERS_X86_64,
	NUMBERS_I386_FAR,
	NUMBERS_I386,
	NUMBERS_GENERIC,
	NUMBERS_PPC64,
	NUMBERS_ARM,
	FILTER_NUMBERS,
};

/* A system call, and the section that knows where its address and its length are. */
struct filter_call {
	enum filter_label to;
	unsigned scope;
	uint16_t number[FILTER_NUMBERS];
};

/* In place of a number: this architecture does not have the call. */
#define FILTER_NO_CALL UINT16_MAX

extern const struct filter_call filter_calls[];
extern const size_t filter_call_count;

/*
 * A 32-bit call names memory by two 32-bit numbers, an address and a length, so it cannot reach beyond
 * 8 GiB. (Not even with huge pages: 8 GiB is a multiple of all sizes that x86 has.)
 */
#define FILTER_REACH_32 (UINT64_C(1) << 33)

/* The calls of another word size that any process of the machine can make. */
struct filter_other {
	uint32_t audit; /* 0: there are none */
	uint32_t ignored_bits;
	enum filter_numbers far,
		near; /* the column for ranges beyond FILTER_REACH_32, and for others */
};

/*
 * The sizes of huge pages stand in ascending order, each beside the sizes of an ordinary page that it
 * goes with. On arm64 an ordinary page has one of three sizes. The huge page of another size would make
 * the filter refuse calls that touch no range.
 */
struct filter_machine {
	uint32_t audit; /* how seccomp names the architecture */
	enum filter_numbers numbers;
	uint32_t ignored_bits; /* of a call's number */
	uint32_t userfaultfd;  /* the request that makes one, of /dev/userfaultfd */
	unsigned address_bits; /* the kernel may ignore those above, of the address in a call */
	bool has_32_bits;      /* so that a range ends below 4 GiB */
	struct filter_other other;
	struct filter_huge {
		uint64_t size, pages;
	} huge[FILTER_HUGE_SIZES];
};

extern const struct filter_machine filter_machines[FILTER_ABIS + 1];

#endif
