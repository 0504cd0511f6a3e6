/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_FILTER_BPF_H
#define SEALMEM_FILTER_BPF_H

/*
 * An assembler for classic BPF as seccomp runs it: labels, jumps of any length, 64-bit comparisons, and
 * the search for a range that a call overlaps. It knows no system call.
 */

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/filter.h"

/* The label of the following instruction: no jump at all. */
#define BPF_NEXT   0
#define BPF_LABELS 704

/* Words of scratch memory. The length's high word travels in A. */
enum {
	WORD_START_LO,
	WORD_START_HI,
	WORD_END_LO,
	WORD_END_HI,
	WORD_LENGTH_LO,
	WORD_HUGE, /* the call might map huge pages */
};

/* A program is written twice: the first pass finds the places of the labels. */
struct bpf_program {
	struct sock_filter *prog;
	size_t room;
	size_t n;
	uint16_t at[BPF_LABELS]; /* where the labels were at the last writing */
	bool far;		 /* conditional jumps do not reach the labels */
	bool too_far;
	unsigned address_bits; /* of the address in a call; the kernel may ignore the others */
};

/* A 64-bit number that A can load by halves: an argument of the call, or two words of M. */
struct bpf_wide {
	unsigned load;
	uint32_t hi, lo;
};

/* Ranges that are sorted and apart, and where to go. `parts` is the first of `count` labels. */
struct bpf_search {
	const struct filter_range *ranges;
	size_t count;
	unsigned parts, hit, clear;
};

static inline uint32_t bpf_high(uint64_t value)
{
	return (uint32_t)(value >> 32);
}

static inline uint32_t bpf_low(uint64_t value)
{
	return (uint32_t)value;
}

struct bpf_wide bpf_argument(size_t i);

void bpf_emit(struct bpf_program *p, unsigned code, uint32_t k);
void bpf_emit_jump(struct bpf_program *p, unsigned code, size_t jt, size_t jf, uint32_t k);
void bpf_load_low(struct bpf_program *p, struct bpf_wide w);
void bpf_load_high(struct bpf_program *p, struct bpf_wide w);
void bpf_mark(struct bpf_program *p, unsigned label);
void bpf_jump(struct bpf_program *p, unsigned label);

/* A `op` k ? yes : no. */
void bpf_branch(struct bpf_program *p, unsigned op, uint32_t k, unsigned yes, unsigned no);

/* w >= value ? yes : no, where yes is not BPF_NEXT. */
void bpf_at_least(struct bpf_program *p, struct bpf_wide w, uint64_t value, unsigned yes,
		  unsigned no);

/*
 * START and END of a call whose address is in `address` and whose length is in A (high word) and M. To `nothing` if it
 * touches no range, because its length is 0 or because it starts well above `last`, the end of the last range.
 */
void bpf_sum(struct bpf_program *p, struct bpf_wide address, uint64_t last, unsigned nothing);

/* Sets all bits of END below `size`, a power of two, if START is a multiple of it and END is not. */
void bpf_round_up(struct bpf_program *p, uint64_t size);

/* To `hit` if [START, END) overlaps a range, else to `clear`. */
void bpf_search(struct bpf_program *p, const struct bpf_search *s);

#endif
