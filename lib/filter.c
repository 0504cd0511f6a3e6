/* SPDX-License-Identifier: MIT */

/*
 * The program that refuses the calls that mseal(2) refuses, section by section. Each section knows
 * where a kind of call has its address and its length, and whether the call matters at all.
 * filter-bpf.c makes the small machine compare and search; filter-calls.c lists the calls.
 */

#include "lib/filter.h"

#include "lib/filter-bpf.h"
#include "lib/filter-calls.h"
#include "lib/rings.h"
#include "lib/sys.h"

#include <errno.h>
#include <linux/mman.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/*
 * The advice that leaves the bytes of a range as they are, and also its presence in this process and in
 * its children. The rest drops pages (DONTNEED, FREE, REMOVE, DONTNEED_LOCKED), hides them from
 * children (DONTFORK, WIPEONFORK), makes them unreadable (GUARD_INSTALL), poisons them (HWPOISON), or
 * is not known yet: the filter refuses advice that is invented later. mseal(2) is more lenient with
 * mappings of files and with writable memory; a filter sees neither.
 */
#define HARMLESS_ADVICE                                                                            \
 (1u << MADV_NORMAL | 1u << MADV_RANDOM | 1u << MADV_SEQUENTIAL | 1u << MADV_WILLNEED |            \
  1u << MADV_DOFORK | 1u << MADV_MERGEABLE | 1u << MADV_UNMERGEABLE | 1u << MADV_HUGEPAGE |        \
  1u << MADV_NOHUGEPAGE | 1u << MADV_DONTDUMP | 1u << MADV_DODUMP | 1u << MADV_KEEPONFORK |        \
  1u << MADV_COLD | 1u << MADV_PAGEOUT | 1u << MADV_POPULATE_READ | 1u << MADV_POPULATE_WRITE |    \
  1u << MADV_COLLAPSE)

struct build {
	const struct filter_target *target;
	unsigned scope;
	struct filter_range range[FILTER_RANGES];
	size_t ranges;
	struct bpf_program code;
};

static void search(struct build *b, enum filter_label parts, enum filter_label clear)
{
	struct bpf_search s = { b->range, b->ranges, parts, TO_DENY, clear };

	bpf_search(&b->code, &s);
}

/* Where the last range ends. */
static uint64_t last_end(const struct build *b)
{
	return b->range[b->ranges - 1].end;
}

static const struct filter_machine *machine_of(const struct build *b)
{
	return &filter_machines[b->target->abi];
}

static bool is_low(const struct build *b)
{
	return b->ranges && b->range[0].start < FILTER_REACH_32;
}

/*
 * On x86, any process can make calls of both word sizes. Elsewhere, only a process that was executed as a program of
 * the other size can, and it has none of the ranges.
 */
static bool has_other(const struct build *b)
{
	return machine_of(b)->other.audit != 0;
}

static enum filter_numbers other_numbers(const struct build *b)
{
	return is_low(b) ? machine_of(b)->other.near : machine_of(b)->other.far;
}

static bool is_wanted(const struct build *b, const struct filter_call *row,
		      enum filter_numbers numbers)
{
	return row->number[numbers] != FILTER_NO_CALL && (row->scope & b->scope);
}

static bool is_section_wanted(const struct build *b, enum filter_label section)
{
	if (section == TO_SPAN)
		return b->scope & (FILTER_PLAIN | FILTER_RARE | FILTER_AVAILABILITY);
	for (size_t i = 0; i < filter_call_count; i++)
		if (filter_calls[i].to == section &&
		    (is_wanted(b, &filter_calls[i], machine_of(b)->numbers) ||
		     (has_other(b) && is_wanted(b, &filter_calls[i], other_numbers(b)))))
			return true;
	return false;
}

/*
 * Where huge pages are mapped or moved, the kernel rounds the length up to a multiple of one, and takes
 * no address that is not such a multiple. Only the descriptor of a mapping knows whether it has huge
 * pages. So for each size that the address is a multiple of, END is rounded up, by setting all the bits
 * below. That is one byte short, which makes no difference against the first byte of a page. An END
 * that already is such a multiple stays.
 */
static void round_up(struct build *b)
{
	const struct filter_huge *huge = machine_of(b)->huge;

	for (size_t i = 0; i < FILTER_HUGE_SIZES; i++)
		if (huge[i].pages & b->target->page_size)
			bpf_round_up(&b->code, huge[i].size);
}

static uint64_t smallest_huge(const struct build *b)
{
	const struct filter_huge *huge = machine_of(b)->huge;

	while (!(huge->pages & b->target->page_size))
		huge++;
	return huge->size;
}

/*
 * A change of protection can follow a mapping in the direction in which it grows. Then it reaches as
 * far as the mapping does, and only the kernel knows where that ends. (Nothing grows upwards on these
 * machines.)
 */
static void emit_protect_for(struct build *b, unsigned scope)
{
	bpf_load_low(&b->code, bpf_argument(2));
	bpf_branch(&b->code, BPF_JSET, PROT_GROWSDOWN | PROT_GROWSUP, TO_DENY,
		   b->scope & scope ? TO_SPAN : TO_ALLOW);
}

static void emit_protect(struct build *b)
{
	emit_protect_for(b, FILTER_PLAIN);
}

static void emit_protect_key(struct build *b)
{
	emit_protect_for(b, FILTER_RARE);
}

static void emit_option(struct build *b)
{
	bpf_load_low(&b->code, bpf_argument(0));
	bpf_branch(&b->code, BPF_JEQ, PR_SET_MM, TO_DENY, TO_ALLOW);
}

/* The filter does not see which device it is. No other one is known to take this request. */
static void emit_control(struct build *b)
{
	bpf_load_low(&b->code, bpf_argument(1));
	bpf_branch(&b->code, BPF_JEQ, machine_of(b)->userfaultfd, TO_DENY, TO_ALLOW);
}

static void advice(struct build *b, size_t arg, enum filter_label risky)
{
	bpf_load_low(&b->code, bpf_argument(arg));
	bpf_branch(&b->code, BPF_JEQ, MADV_GUARD_REMOVE, TO_ALLOW, TO_NEXT);
	bpf_branch(&b->code, BPF_JGE, 32, risky, TO_NEXT);
	bpf_emit(&b->code, BPF_MISC | BPF_TAX, 0);
	bpf_emit(&b->code, BPF_LD | BPF_IMM, 1);
	bpf_emit(&b->code, BPF_ALU | BPF_LSH | BPF_X, 0);
	bpf_branch(&b->code, BPF_JSET, HARMLESS_ADVICE, TO_ALLOW, risky);
}

/* The addresses are in memory, where the filter cannot look, and might change if it could. */
static void emit_vector(struct build *b)
{
	advice(b, 3, TO_DENY);
}

static void emit_ipc32(struct build *b)
{
	bpf_load_low(&b->code, bpf_argument(0));
	bpf_emit(&b->code, BPF_ALU | BPF_AND | BPF_K, 0xffff);
	bpf_branch(&b->code, BPF_JEQ, SYS_IPC_SHMAT, TO_ATTACH32, TO_ALLOW);
}

/*
 * The call does not say how far a segment of shared memory reaches, and it may be as large as the
 * address space. The filter refuses the 32-bit call wherever the segment would start, and the native
 * one if it would start below the end of a range.
 */
static void emit_attach32(struct build *b)
{
	bpf_load_low(&b->code, bpf_argument(2));
	bpf_branch(&b->code, BPF_JSET, SHM_REMAP, TO_DENY, TO_ALLOW);
}

static void attach_at(struct build *b, size_t address)
{
	bpf_load_low(&b->code, bpf_argument(2));
	bpf_branch(&b->code, BPF_JSET, SHM_REMAP, TO_NEXT, TO_ALLOW);
	bpf_at_least(&b->code, bpf_argument(address), b->range[b->ranges - 1].end, TO_ALLOW,
		     TO_DENY);
}

static void emit_attach(struct build *b)
{
	attach_at(b, 1);
}

/*
 * The kernel's brk() does not fail: it returns where the break is, and C libraries believe the result,
 * even EPERM. They all take 0 for a refusal.
 */
static void emit_break(struct build *b)
{
	bpf_load_low(&b->code, bpf_argument(0));
	bpf_branch(&b->code, BPF_JEQ, 0, TO_NEXT, TO_BREAK_BELOW);
	bpf_load_high(&b->code, bpf_argument(0));
	bpf_branch(&b->code, BPF_JEQ, 0, TO_ALLOW, TO_BREAK_BELOW);
	bpf_mark(&b->code, TO_BREAK_BELOW);
	bpf_at_least(&b->code, bpf_argument(0), b->range[b->ranges - 1].end, TO_ALLOW, TO_NEXT);
	bpf_emit(&b->code, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 0);
}

/*
 * Two ranges to test, the new one first. An old length of 0 makes a second mapping of the same pages,
 * which could then be made writable. So it counts as a page.
 */
static void emit_move(struct build *b)
{
	bpf_load_low(&b->code, bpf_argument(3));
	bpf_branch(&b->code, BPF_JSET, MREMAP_FIXED, TO_NEXT, TO_MOVE_OLD);
	bpf_load_low(&b->code, bpf_argument(2));
	bpf_emit(&b->code, BPF_ST, WORD_LENGTH_LO);
	bpf_load_high(&b->code, bpf_argument(2));
	bpf_sum(&b->code, bpf_argument(4), last_end(b), TO_MOVE_OLD);
	round_up(b);
	search(b, TO_SEARCH_NEW, TO_MOVE_OLD);

	bpf_mark(&b->code, TO_MOVE_OLD);
	bpf_load_low(&b->code, bpf_argument(1));
	bpf_branch(&b->code, BPF_JEQ, 0, TO_NEXT, TO_PLACE);
	bpf_load_high(&b->code, bpf_argument(1));
	bpf_branch(&b->code, BPF_JEQ, 0, TO_PAGE, TO_PLACE);
}

static void constant_length(struct build *b, uint32_t length)
{
	bpf_emit(&b->code, BPF_LD | BPF_IMM, length);
	bpf_emit(&b->code, BPF_ST, WORD_LENGTH_LO);
	bpf_emit(&b->code, BPF_LD | BPF_IMM, 0);
}

static void sum_of(struct build *b, uint32_t length)
{
	bpf_emit(&b->code, BPF_LD | BPF_IMM, 0);
	bpf_emit(&b->code, BPF_ST, WORD_HUGE);
	constant_length(b, length);
	bpf_jump(&b->code, TO_SUM);
}

/* The kernel's own answer above its limit, which programs know. */
static void emit_ring_new(struct build *b)
{
	bpf_load_low(&b->code, bpf_argument(0));
	bpf_branch(&b->code, BPF_JGT, b->target->ring_events, TO_NEXT, TO_ALLOW);
	bpf_emit(&b->code, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAGAIN);
}

/* io_destroy() unmaps the whole ring at the address in its argument. */
static void emit_ring(struct build *b)
{
	sum_of(b, (uint32_t)rings_size(b->target->ring_events));
}

/* shmdt() does nothing unless a segment is attached at this very address. */
#define ATTACHED_AT 1

static void emit_page(struct build *b)
{
	sum_of(b, ATTACHED_AT);
}

/* shmat() and shmdt() as one call, with the address in another place. */
static void emit_ipc(struct build *b)
{
	const size_t address = 4;

	bpf_load_low(&b->code, bpf_argument(0));
	bpf_emit(&b->code, BPF_ALU | BPF_AND | BPF_K, 0xffff);
	bpf_branch(&b->code, BPF_JEQ, SYS_IPC_SHMDT, TO_DETACH, TO_NEXT);
	bpf_branch(&b->code, BPF_JEQ, SYS_IPC_SHMAT, TO_NEXT, TO_ALLOW);
	attach_at(b, address);
	bpf_mark(&b->code, TO_DETACH);
	constant_length(b, ATTACHED_AT);
	bpf_sum(&b->code, bpf_argument(address), last_end(b), TO_ALLOW);
	bpf_jump(&b->code, TO_SEARCH);
}

static void emit_advice(struct build *b)
{
	advice(b, 2, TO_SPAN);
}

/*
 * MAP_FIXED decides, also beside MAP_FIXED_NOREPLACE: before Linux 4.17 the kernel does not know that flag and replaces
 * what is there. MAP_FIXED_NOREPLACE alone replaces nothing on any kernel. Without FILTER_PLAIN, the filter looks
 * only at calls that may map huge pages: the length of a plain mapping is the one in the call.
 */
static void emit_map(struct build *b)
{
	bool plain = b->scope & FILTER_PLAIN;

	bpf_load_low(&b->code, bpf_argument(3));
	if (!(b->scope & FILTER_RARE)) {
		bpf_branch(&b->code, BPF_JSET, MAP_FIXED, TO_SPAN, TO_ALLOW);
		return;
	}
	bpf_branch(&b->code, BPF_JSET, MAP_FIXED, TO_NEXT, TO_ALLOW);
	bpf_emit(&b->code, BPF_ALU | BPF_AND | BPF_K, MAP_ANONYMOUS | MAP_HUGETLB);
	bpf_branch(&b->code, BPF_JEQ, MAP_ANONYMOUS, plain ? TO_SPAN : TO_ALLOW,
		   plain ? TO_PLACE : TO_NEXT);
	if (!plain) {
		bpf_load_low(&b->code, bpf_argument(0));
		bpf_branch(&b->code, BPF_JSET, bpf_low(smallest_huge(b) - 1), TO_ALLOW, TO_PLACE);
	}
}

/* The sections for calls whose first argument is the address and whose second is the length, and the
 * code that all of them share. */
static void emit_span(struct build *b)
{
	bool huge = b->scope & FILTER_RARE;

	if (huge) {
		bpf_mark(&b->code, TO_PLACE);
		bpf_emit(&b->code, BPF_LD | BPF_IMM, 1);
		bpf_emit_jump(&b->code, BPF_JMP | BPF_JA, 0, 0, 1);
		bpf_mark(&b->code, TO_SPAN);
		bpf_emit(&b->code, BPF_LD | BPF_IMM, 0);
		bpf_emit(&b->code, BPF_ST, WORD_HUGE);
	}
	if (!huge)
		bpf_mark(&b->code, TO_SPAN);
	bpf_load_low(&b->code, bpf_argument(1));
	bpf_emit(&b->code, BPF_ST, WORD_LENGTH_LO);
	bpf_load_high(&b->code, bpf_argument(1));
	bpf_mark(&b->code, TO_SUM);
	bpf_sum(&b->code, bpf_argument(0), last_end(b), TO_ALLOW);
	if (huge) {
		bpf_emit(&b->code, BPF_LD | BPF_MEM, WORD_HUGE);
		bpf_branch(&b->code, BPF_JEQ, 0, TO_SEARCH, TO_NEXT);
		round_up(b);
	}
	bpf_mark(&b->code, TO_SEARCH);
	search(b, TO_SEARCH_OLD, TO_ALLOW);
}

/* To the section of the call's number. */
static void dispatch(struct build *b, enum filter_numbers numbers, uint32_t ignored_bits)
{
	const struct filter_call *last = NULL;

	bpf_emit(&b->code, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	if (ignored_bits != 0)
		bpf_emit(&b->code, BPF_ALU | BPF_AND | BPF_K, ~ignored_bits);
	for (size_t i = 0; i < filter_call_count; i++) {
		if (!is_wanted(b, &filter_calls[i], numbers))
			continue;
		if (last)
			bpf_branch(&b->code, BPF_JEQ, last->number[numbers], last->to, TO_NEXT);
		last = &filter_calls[i];
	}
	if (last)
		bpf_branch(&b->code, BPF_JEQ, last->number[numbers], last->to, TO_ALLOW);
	else
		bpf_jump(&b->code, TO_ALLOW);
}

/*
 * The architecture tells a call of another word size, which has numbers of its own. FILTER_PLAIN alone need not look
 * if its ranges lie beyond what a 32-bit call reaches: whatever call it takes the number for, the arguments lie below
 * the ranges.
 */
static void emit_architecture(struct build *b)
{
	const struct filter_other *other = &machine_of(b)->other;

	if (b->scope == FILTER_PLAIN && !is_low(b))
		return;
	bpf_emit(&b->code, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	bpf_branch(&b->code, BPF_JEQ, machine_of(b)->audit, TO_NATIVE, TO_NEXT);
	if (has_other(b)) {
		bpf_branch(&b->code, BPF_JEQ, other->audit, TO_NEXT, TO_DENY);
		dispatch(b, other_numbers(b), other->ignored_bits);
	} else {
		bpf_jump(&b->code, TO_ALLOW);
	}
	bpf_mark(&b->code, TO_NATIVE);
}

static void emit_program(struct build *b)
{
	static void (*const sections[FILTER_LABELS])(struct build * b) = {
		[TO_PROTECT] = emit_protect,   [TO_PROTECT_KEY] = emit_protect_key,
		[TO_OPTION] = emit_option,     [TO_VECTOR] = emit_vector,
		[TO_CONTROL] = emit_control,   [TO_IPC32] = emit_ipc32,
		[TO_ATTACH32] = emit_attach32, [TO_ATTACH] = emit_attach,
		[TO_IPC] = emit_ipc,	       [TO_BREAK] = emit_break,
		[TO_MOVE] = emit_move,	       [TO_RING_NEW] = emit_ring_new,
		[TO_RING] = emit_ring,	       [TO_PAGE] = emit_page,
		[TO_ADVICE] = emit_advice,     [TO_MAP] = emit_map,
		[TO_SPAN] = emit_span,
	};

	b->code.n = 0;
	b->code.too_far = false;
	emit_architecture(b);
	dispatch(b, machine_of(b)->numbers, machine_of(b)->ignored_bits);
	for (unsigned l = 0; l < FILTER_LABELS; l++) {
		if (!sections[l] || !is_section_wanted(b, l))
			continue;
		bpf_mark(&b->code, l);
		sections[l](b);
	}
	bpf_mark(&b->code, TO_DENY);
	bpf_emit(&b->code, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	bpf_mark(&b->code, TO_ALLOW);
	bpf_emit(&b->code, BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
}

/* Keeps the ranges sorted and apart: a new one swallows those it touches. */
static int add_range(struct build *b, struct filter_range r)
{
	uint64_t in_page = b->target->page_size - 1;
	size_t kept = 0, i;

	if (r.start >= r.end || ((r.start | r.end) & in_page))
		return -EINVAL;
	if (r.end >> (machine_of(b)->has_32_bits ? 32 : machine_of(b)->address_bits))
		return -EOPNOTSUPP;
	for (i = 0; i < b->ranges; i++) {
		struct filter_range *o = &b->range[i];

		if (o->start > r.end || o->end < r.start) {
			b->range[kept++] = *o;
		} else {
			r.start = o->start < r.start ? o->start : r.start;
			r.end = o->end > r.end ? o->end : r.end;
		}
	}
	if (kept == FILTER_RANGES)
		return -E2BIG;
	for (i = kept; i > 0 && b->range[i - 1].start > r.start; i--)
		b->range[i] = b->range[i - 1];
	b->range[i] = r;
	b->ranges = kept + 1;
	return 0;
}

/*
 * Every program is emitted twice. The first pass finds the places of its labels, the second writes the
 * jumps to them. If a jump is too long, it is done again with far jumps, which makes the program
 * longer.
 */
int filter_build(const struct filter_target *target, struct sock_filter *prog, size_t room,
		 const struct filter_range *ranges, size_t n, unsigned scope)
{
	const unsigned known = FILTER_MSEAL | FILTER_AVAILABILITY | FILTER_HEAP;
	struct build b = { .target = target,
			   .scope = scope,
			   .code = { .prog = prog,
				     .room = room,
				     .address_bits = filter_machines[target->abi].address_bits } };
	int r;

	if (target->abi == FILTER_ABIS)
		return -EOPNOTSUPP;
	if (!scope || (scope & ~known) || (!n && scope != FILTER_PROCESS))
		return -EINVAL;
	if (target->ring_events == 0 || target->ring_events > RINGS_EVENTS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		r = add_range(&b, ranges[i]);
		if (r < 0)
			return r;
	}
	emit_program(&b);
	emit_program(&b);
	if (b.code.too_far) {
		b.code.far = true;
		emit_program(&b);
		emit_program(&b);
	}
	return b.code.n > room || b.code.n > BPF_MAXINSNS ? -E2BIG : (int)b.code.n;
}

struct filter_target filter_this_machine(void)
{
#if defined(__x86_64__)
	struct filter_target target = { .abi = FILTER_X86_64 };
#elif defined(__i386__)
	struct filter_target target = { .abi = FILTER_I386 };
#elif defined(__aarch64__)
	struct filter_target target = { .abi = FILTER_AARCH64 };
#elif defined(__arm__)
	struct filter_target target = { .abi = FILTER_ARM };
#elif defined(__riscv) && __riscv_xlen == 64
	struct filter_target target = { .abi = FILTER_RISCV64 };
#elif defined(__loongarch_lp64)
	struct filter_target target = { .abi = FILTER_LOONG64 };
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
	struct filter_target target = { .abi = FILTER_PPC64LE };
#else
	struct filter_target target = { .abi = FILTER_ABIS };
#endif

	target.page_size = (uint64_t)sysconf(_SC_PAGESIZE);
	target.ring_events = RINGS_EVENTS_MAX;
	return target;
}

void filter_huge_sizes(uint64_t ret[FILTER_HUGE_SIZES])
{
	struct filter_target target = filter_this_machine();
	const struct filter_huge *huge = filter_machines[target.abi].huge;
	size_t n = 0;

	for (size_t i = 0; i < FILTER_HUGE_SIZES; i++)
		if (huge[i].pages & target.page_size)
			ret[n++] = huge[i].size;
	while (n < FILTER_HUGE_SIZES)
		ret[n++] = 0;
}
