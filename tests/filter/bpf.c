/* SPDX-License-Identifier: MIT */
/*
 * Classic BPF as far as seccomp takes it, in three readings: is this a program, what does it answer, and does the
 * kernel see that the answer does not depend on the arguments. Written from the description of the machine; it
 * shares nothing with the builder it judges, least of all a mistake.
 */

#include <string.h>

#include "tests/filter/bpf.h"

#define WORDS BPF_MEMWORDS

static bool is_jump(const struct sock_filter *i)
{
	return BPF_CLASS(i->code) == BPF_JMP;
}

static bool is_known(uint16_t code)
{
	static const uint16_t codes[] = {
		BPF_LD | BPF_W | BPF_ABS,
		BPF_LD | BPF_IMM,
		BPF_LD | BPF_MEM,
		BPF_LDX | BPF_IMM,
		BPF_LDX | BPF_MEM,
		BPF_ST,
		BPF_STX,
		BPF_MISC | BPF_TAX,
		BPF_MISC | BPF_TXA,
		BPF_ALU | BPF_ADD | BPF_K,
		BPF_ALU | BPF_ADD | BPF_X,
		BPF_ALU | BPF_SUB | BPF_K,
		BPF_ALU | BPF_SUB | BPF_X,
		BPF_ALU | BPF_AND | BPF_K,
		BPF_ALU | BPF_AND | BPF_X,
		BPF_ALU | BPF_OR | BPF_K,
		BPF_ALU | BPF_OR | BPF_X,
		BPF_ALU | BPF_XOR | BPF_K,
		BPF_ALU | BPF_XOR | BPF_X,
		BPF_ALU | BPF_LSH | BPF_K,
		BPF_ALU | BPF_LSH | BPF_X,
		BPF_ALU | BPF_RSH | BPF_K,
		BPF_ALU | BPF_RSH | BPF_X,
		BPF_ALU | BPF_NEG,
		BPF_JMP | BPF_JA,
		BPF_JMP | BPF_JEQ | BPF_K,
		BPF_JMP | BPF_JEQ | BPF_X,
		BPF_JMP | BPF_JGT | BPF_K,
		BPF_JMP | BPF_JGT | BPF_X,
		BPF_JMP | BPF_JGE | BPF_K,
		BPF_JMP | BPF_JGE | BPF_X,
		BPF_JMP | BPF_JSET | BPF_K,
		BPF_JMP | BPF_JSET | BPF_X,
		BPF_RET | BPF_K,
		BPF_RET | BPF_A,
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i] == code)
			return true;
	return false;
}

static bool is_memory(const struct sock_filter *i)
{
	return i->code == (BPF_LD | BPF_MEM) || i->code == (BPF_LDX | BPF_MEM) ||
	       i->code == BPF_ST || i->code == BPF_STX;
}

static bool is_store(const struct sock_filter *i)
{
	return i->code == BPF_ST || i->code == BPF_STX;
}

static const char *check_instruction(const struct sock_filter *i, size_t left)
{
	if (!is_known(i->code))
		return "unknown instruction";
	if (i->code == (BPF_LD | BPF_W | BPF_ABS) &&
	    (i->k % 4 || i->k >= sizeof(struct seccomp_data)))
		return "load from outside the call";
	if (is_memory(i) && i->k >= WORDS)
		return "no such word of memory";
	if ((i->code == (BPF_ALU | BPF_LSH | BPF_K) || i->code == (BPF_ALU | BPF_RSH | BPF_K)) &&
	    i->k >= 32)
		return "shift by more than a word";
	if (!is_jump(i)) {
		if (i->jt || i->jf)
			return "an instruction that does not jump has a target";
		if (BPF_CLASS(i->code) != BPF_RET && left == 0)
			return "runs off the end";
		return NULL;
	}
	if (BPF_OP(i->code) == BPF_JA)
		return i->k < left ? NULL : "jump over the end";
	return i->jt < left && i->jf < left ? NULL : "jump over the end";
}

/* Words that are set on every way to an instruction, which the kernel wants of every word that is read. */
static const char *check_memory(const struct sock_filter *prog, size_t n)
{
	uint16_t set[BPF_MAXINSNS];

	memset(set, 0xff, sizeof(set));
	set[0] = 0;
	for (size_t at = 0; at < n; at++) {
		const struct sock_filter *i = &prog[at];
		size_t to[2] = { at + 1, at + 1 };
		uint16_t after = set[at];

		if (is_store(i))
			after |= (uint16_t)(1u << i->k);
		else if (is_memory(i) && !(after >> i->k & 1))
			return "reads a word that may not have been set";
		if (BPF_CLASS(i->code) == BPF_RET)
			continue;
		if (i->code == (BPF_JMP | BPF_JA)) {
			to[0] = to[1] = at + 1 + i->k;
		} else if (is_jump(i)) {
			to[0] += i->jt;
			to[1] += i->jf;
		}
		for (size_t way = 0; way < 2; way++)
			set[to[way]] &= after;
	}
	return NULL;
}

const char *bpf_check(const struct sock_filter *prog, size_t n)
{
	if (n == 0 || n > BPF_MAXINSNS)
		return "not a number of instructions that a program can have";
	for (size_t i = 0; i < n; i++) {
		const char *wrong = check_instruction(&prog[i], n - i - 1);

		if (wrong)
			return wrong;
	}
	return check_memory(prog, n);
}

static bool is_true(uint16_t code, uint32_t a, uint32_t b)
{
	switch (BPF_OP(code)) {
	case BPF_JEQ:
		return a == b;
	case BPF_JGT:
		return a > b;
	case BPF_JGE:
		return a >= b;
	default:
		return a & b;
	}
}

static uint32_t compute(uint16_t code, uint32_t a, uint32_t b)
{
	switch (BPF_OP(code)) {
	case BPF_ADD:
		return a + b;
	case BPF_SUB:
		return a - b;
	case BPF_AND:
		return a & b;
	case BPF_OR:
		return a | b;
	case BPF_XOR:
		return a ^ b;
	case BPF_LSH:
		return a << (b & 31);
	case BPF_RSH:
		return a >> (b & 31);
	default:
		return -a;
	}
}

uint32_t bpf_run(const struct sock_filter *prog, size_t n, const struct seccomp_data *data,
		 size_t *steps)
{
	uint32_t a = 0, x = 0, m[WORDS] = { 0 };
	size_t taken = 0, at = 0;

	for (; at < n; at++) {
		const struct sock_filter *i = &prog[at];
		uint32_t operand = BPF_SRC(i->code) == BPF_X ? x : i->k;

		taken++;
		switch (BPF_CLASS(i->code)) {
		case BPF_LD:
			if (BPF_MODE(i->code) == BPF_ABS)
				memcpy(&a, (const char *)data + i->k, sizeof(a));
			else
				a = BPF_MODE(i->code) == BPF_MEM ? m[i->k] : i->k;
			break;
		case BPF_LDX:
			x = BPF_MODE(i->code) == BPF_MEM ? m[i->k] : i->k;
			break;
		case BPF_ST:
			m[i->k] = a;
			break;
		case BPF_STX:
			m[i->k] = x;
			break;
		case BPF_ALU:
			a = compute(i->code, a, operand);
			break;
		case BPF_JMP:
			if (BPF_OP(i->code) == BPF_JA)
				at += i->k;
			else
				at += is_true(i->code, a, operand) ? i->jt : i->jf;
			break;
		case BPF_MISC:
			if (BPF_MISCOP(i->code) == BPF_TAX)
				x = a;
			else
				a = x;
			break;
		case BPF_RET:
			if (steps)
				*steps += taken;
			return BPF_RVAL(i->code) == BPF_A ? a : i->k;
		}
	}
	return SECCOMP_RET_KILL_PROCESS;
}

bool bpf_is_always_allowed(const struct sock_filter *prog, size_t n, uint32_t arch, int number)
{
	uint32_t a = 0;

	for (size_t at = 0; at < n; at++) {
		const struct sock_filter *i = &prog[at];

		if (i->code == (BPF_LD | BPF_W | BPF_ABS) &&
		    i->k == offsetof(struct seccomp_data, nr))
			a = (uint32_t)number;
		else if (i->code == (BPF_LD | BPF_W | BPF_ABS) &&
			 i->k == offsetof(struct seccomp_data, arch))
			a = arch;
		else if (i->code == (BPF_ALU | BPF_AND | BPF_K))
			a &= i->k;
		else if (i->code == (BPF_JMP | BPF_JA))
			at += i->k;
		else if (is_jump(i) && BPF_SRC(i->code) == BPF_K)
			at += is_true(i->code, a, i->k) ? i->jt : i->jf;
		else
			return i->code == (BPF_RET | BPF_K) && i->k == SECCOMP_RET_ALLOW;
	}
	return false;
}
