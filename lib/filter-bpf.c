/* SPDX-License-Identifier: MIT */

/*
 * Seccomp runs a classic BPF program on each system call's number and its six 64-bit arguments. The
 * machine is small: one 32-bit accumulator A, one index register X, sixteen 32-bit words of scratch memory
 * M, and jumps that only go forward, the conditional ones by at most 255 instructions. That is enough to
 * say whether [address, address + length) overlaps a range, and so to refuse what mseal(2) refuses.
 *
 * It looks at the number first, so that for every number it has no interest in, the kernel finds out once
 * that the answer is always "allow", and never runs the program for it again (its cache follows loads of
 * the number and the architecture, AND and jumps, and nothing else: that is all the program uses up to
 * there). For the others it works in three steps:
 *
 *	pick	a section for each kind of call decides whether the call matters at all, and where its
 *		length is;
 *	sum	START = address without its tag, END = START + length, both in two words of M;
 *	search	a binary search for the first range that ends above START; the call overlaps a range if and
 *		only if it overlaps that one, that is if END lies above its start.
 *
 * START and END are 64 bits wide, the machine is not. END's low word is the sum of the low words; it has
 * wrapped, and carries one into the high word, if and only if it is smaller than either of them. Two
 * 64-bit numbers compare by their high words, and by the low ones when those are equal. The high words
 * cannot wrap: an address loses the bits that may be a tag, 8 or 16, and a length of 2^56 or more (2^48) counts as that,
 * which reaches past every range. A length need not be rounded up to pages, because ranges begin and end on one: a call
 * touches the page before `end` or after `start` with all of it or with none.
 */

#include "lib/filter-bpf.h"

#include <linux/seccomp.h>

static const struct bpf_wide start_of_call = { BPF_LD | BPF_MEM, WORD_START_HI, WORD_START_LO };
static const struct bpf_wide end_of_call = { BPF_LD | BPF_MEM, WORD_END_HI, WORD_END_LO };

struct bpf_wide bpf_argument(size_t i)
{
	uint32_t at = (uint32_t)(offsetof(struct seccomp_data, args) + i * sizeof(uint64_t));

	return (struct bpf_wide){ BPF_LD | BPF_W | BPF_ABS, at + (uint32_t)sizeof(uint32_t), at };
}

void bpf_emit_jump(struct bpf_program *p, unsigned code, size_t jt, size_t jf, uint32_t k)
{
	if (jt > UINT8_MAX || jf > UINT8_MAX)
		p->too_far = true;
	if (p->n < p->room)
		p->prog[p->n] = (struct sock_filter){ (uint16_t)code, (uint8_t)jt, (uint8_t)jf, k };
	p->n++;
}

void bpf_emit(struct bpf_program *p, unsigned code, uint32_t k)
{
	bpf_emit_jump(p, code, 0, 0, k);
}

void bpf_load_low(struct bpf_program *p, struct bpf_wide w)
{
	bpf_emit(p, w.load, w.lo);
}

void bpf_load_high(struct bpf_program *p, struct bpf_wide w)
{
	bpf_emit(p, w.load, w.hi);
}

void bpf_mark(struct bpf_program *p, unsigned label)
{
	p->at[label] = (uint16_t)p->n;
}

static size_t distance(const struct bpf_program *p, unsigned label)
{
	return label == BPF_NEXT ? 0 : p->at[label] - p->n - 1;
}

void bpf_jump(struct bpf_program *p, unsigned label)
{
	bpf_emit(p, BPF_JMP | BPF_JA, (uint32_t)distance(p, label));
}

/* A `op` k ? yes : no. A far label needs a jump, which the condition skips. */
void bpf_branch(struct bpf_program *p, unsigned op, uint32_t k, unsigned yes, unsigned no)
{
	if (!p->far) {
		bpf_emit_jump(p, BPF_JMP | op | BPF_K, distance(p, yes), distance(p, no), k);
	} else if (yes == BPF_NEXT) {
		bpf_emit_jump(p, BPF_JMP | op | BPF_K, 1, 0, k);
		bpf_jump(p, no);
	} else {
		bpf_emit_jump(p, BPF_JMP | op | BPF_K, 0, 1, k);
		bpf_jump(p, yes);
		if (no != BPF_NEXT)
			bpf_jump(p, no);
	}
}

/* w >= value ? yes : no, where yes is not BPF_NEXT. */
void bpf_at_least(struct bpf_program *p, struct bpf_wide w, uint64_t value, unsigned yes,
		  unsigned no)
{
	size_t end = p->n + 5;
	size_t to_yes = p->far ? end : p->at[yes];
	size_t to_no = p->far ? end + 1 : no == BPF_NEXT ? end : p->at[no];

	bpf_load_high(p, w);
	bpf_emit_jump(p, BPF_JMP | BPF_JGT | BPF_K, to_yes - p->n - 1, 0, bpf_high(value));
	bpf_emit_jump(p, BPF_JMP | BPF_JEQ | BPF_K, 0, to_no - p->n - 1, bpf_high(value));
	bpf_load_low(p, w);
	bpf_emit_jump(p, BPF_JMP | BPF_JGE | BPF_K, to_yes - p->n - 1, to_no - p->n - 1,
		      bpf_low(value));
	if (p->far) {
		bpf_jump(p, yes);
		if (no != BPF_NEXT)
			bpf_jump(p, no);
	}
}

/*
 * To `hit` if [START, END) overlaps one of the ranges `from` to `to`, else to `clear`. If `below` is
 * true, START lies below the end of the last of them.
 */
static void search_between(struct bpf_program *p, const struct bpf_search *s, size_t from,
			   size_t to, bool below)
{
	size_t middle = from + (to - from) / 2;

	if (to - from == 1) {
		if (!below)
			bpf_at_least(p, start_of_call, s->ranges[from].end, s->clear, BPF_NEXT);
		bpf_at_least(p, end_of_call, s->ranges[from].start + 1, s->hit, s->clear);
		return;
	}
	bpf_at_least(p, start_of_call, s->ranges[middle - 1].end, s->parts + (unsigned)middle,
		     BPF_NEXT);
	search_between(p, s, from, middle, true);
	bpf_mark(p, s->parts + (unsigned)middle);
	search_between(p, s, middle, to, below);
}

void bpf_search(struct bpf_program *p, const struct bpf_search *s)
{
	search_between(p, s, 0, s->count, false);
}

/*
 * START and END of a call whose address is in `address` and whose length is in A (high word) and M.
 * A length of 0 touches nothing, wherever the address. Nor does a call that starts above all ranges, whatever
 * its length. Most calls of a program do, because regions are placed below what it maps itself, and they need
 * not go on.
 */
void bpf_sum(struct bpf_program *p, struct bpf_wide address, uint64_t last, unsigned nothing)
{
	uint32_t beyond = 1u << (p->address_bits - 32);

	bpf_emit_jump(p, BPF_JMP | BPF_JGE | BPF_K, 0, 1, beyond);
	bpf_emit(p, BPF_LD | BPF_IMM, beyond);
	bpf_emit(p, BPF_MISC | BPF_TAX, 0);
	bpf_emit(p, BPF_LD | BPF_MEM, WORD_LENGTH_LO);
	bpf_emit(p, BPF_ALU | BPF_OR | BPF_X, 0);
	bpf_branch(p, BPF_JEQ, 0, nothing, BPF_NEXT);

	bpf_load_high(p, address);
	bpf_emit(p, BPF_ALU | BPF_AND | BPF_K, beyond - 1);
	bpf_branch(p, BPF_JGT, bpf_high(last), nothing, BPF_NEXT);
	bpf_emit(p, BPF_ST, WORD_START_HI);
	bpf_emit(p, BPF_ALU | BPF_ADD | BPF_X, 0);
	bpf_emit(p, BPF_ST, WORD_END_HI);

	bpf_emit(p, BPF_LDX | BPF_MEM, WORD_LENGTH_LO);
	bpf_load_low(p, address);
	bpf_emit(p, BPF_ST, WORD_START_LO);
	bpf_emit(p, BPF_ALU | BPF_ADD | BPF_X, 0);
	bpf_emit(p, BPF_ST, WORD_END_LO);

	bpf_emit_jump(p, BPF_JMP | BPF_JGE | BPF_X, 3, 0, 0);
	bpf_emit(p, BPF_LD | BPF_MEM, WORD_END_HI);
	bpf_emit(p, BPF_ALU | BPF_ADD | BPF_K, 1);
	bpf_emit(p, BPF_ST, WORD_END_HI);
}

/* Sets all bits of END below `size`, a power of two, if START is a multiple of it and END is not. */
void bpf_round_up(struct bpf_program *p, uint64_t size)
{
	uint32_t hi = bpf_high(size - 1), lo = bpf_low(size - 1);
	size_t round = p->n + (hi ? 8 : 4), skip = p->n + (hi ? 14 : 7);

	if (hi) {
		bpf_load_high(p, start_of_call);
		bpf_emit_jump(p, BPF_JMP | BPF_JSET | BPF_K, skip - p->n - 1, 0, hi);
	}
	bpf_load_low(p, start_of_call);
	bpf_emit_jump(p, BPF_JMP | BPF_JSET | BPF_K, skip - p->n - 1, 0, lo);
	bpf_load_low(p, end_of_call);
	bpf_emit_jump(p, BPF_JMP | BPF_JSET | BPF_K, round - p->n - 1, hi ? 0 : skip - p->n - 1,
		      lo);
	if (hi) {
		bpf_load_high(p, end_of_call);
		bpf_emit_jump(p, BPF_JMP | BPF_JSET | BPF_K, 0, skip - p->n - 1, hi);
		bpf_load_high(p, end_of_call);
		bpf_emit(p, BPF_ALU | BPF_OR | BPF_K, hi);
		bpf_emit(p, BPF_ST, WORD_END_HI);
	}
	bpf_load_low(p, end_of_call);
	bpf_emit(p, BPF_ALU | BPF_OR | BPF_K, lo);
	bpf_emit(p, BPF_ST, WORD_END_LO);
}
