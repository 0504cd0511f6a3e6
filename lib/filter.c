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
 * cannot wrap: an address loses its top byte, and a length of 2^56 or more counts as 2^56, which reaches
 * past every range. A length need not be rounded up to pages, because ranges begin and end on one: a call
 * touches the page before `end` or after `start` with all of it or with none.
 */

#include "lib/filter.h"

#include "lib/sys.h"

#include <errno.h>
#include <linux/mman.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/*
 * A pointer's top byte may carry a tag that the kernel takes off: all eight bits on arm64, six of
 * them on x86-64 with linear address masking. No address a process can map has any of these bits.
 */
#define ADDRESS_BITS 56
#define ADDRESS_HIGH ((1u << (ADDRESS_BITS - 32)) - 1)

/*
 * A 32-bit call names memory by two 32-bit numbers, an address and a length, and so cannot reach
 * beyond 8 GiB. (Not even with huge pages: 8 GiB is a multiple of all that x86 has.)
 */
#define COMPAT_REACH (UINT64_C(1) << 33)

/*
 * io_destroy() unmaps the whole ring at the address it is given. The kernel makes no ring of more
 * than 2^28 bytes of events, and adds a header of less than the largest page.
 */
#define RING_SIZE ((1u << 28) + (1u << 16))

/*
 * The advice that leaves a range's bytes, and its presence in this process and in its children, as
 * they are. The rest drops pages (DONTNEED, FREE, REMOVE, DONTNEED_LOCKED), hides them from
 * children (DONTFORK, WIPEONFORK), makes them unreadable (GUARD_INSTALL), poisons them (HWPOISON),
 * or is not known yet, and what may be invented later is refused. mseal(2) is more lenient, with
 * mappings of files and with memory that is writable; a filter sees neither.
 */
#define HARMLESS_ADVICE                                                                            \
 (1u << MADV_NORMAL | 1u << MADV_RANDOM | 1u << MADV_SEQUENTIAL | 1u << MADV_WILLNEED |            \
  1u << MADV_DOFORK | 1u << MADV_MERGEABLE | 1u << MADV_UNMERGEABLE | 1u << MADV_HUGEPAGE |        \
  1u << MADV_NOHUGEPAGE | 1u << MADV_DONTDUMP | 1u << MADV_DODUMP | 1u << MADV_KEEPONFORK |        \
  1u << MADV_COLD | 1u << MADV_PAGEOUT | 1u << MADV_POPULATE_READ | 1u << MADV_POPULATE_WRITE |    \
  1u << MADV_COLLAPSE)

#define FILTER_RANGES 320

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Places in the program that are jumped to. Sections come in this order. */
enum label {
	NEXT, /* the following instruction: no jump at all */
	NATIVE,
	PROTECT,
	PROTECT_KEY,
	OPTION,
	VECTOR,
	IPC32,
	ATTACH32,
	ATTACH,
	BREAK,
	BREAK_BELOW,
	MOVE,
	MOVE_OLD,
	RING,
	PAGE,
	ADVICE,
	MAP,
	PLACE,
	SPAN,
	SUM,
	SEARCH,
	DENY,
	ALLOW,
	LABELS,
	/* then the parts of the two searches, one label for each range */
	SEARCH_NEW = LABELS,
	SEARCH_OLD = SEARCH_NEW + FILTER_RANGES,
	ALL_LABELS = SEARCH_OLD + FILTER_RANGES,
};

/* Words of scratch memory. The length's high word travels in A. */
enum {
	START_LO,
	START_HI,
	END_LO,
	END_HI,
	LENGTH_LO,
	HUGE, /* the call might map huge pages */
};

/*
 * Every system call the filter has an interest in, where its section is, and what numbers it has on
 * x86-64, in 32-bit x86 and on arm64; 0 is none. x32 has the numbers of x86-64, with a bit set. Of
 * the 32-bit calls only those are here that reach memory beyond COMPAT_REACH. Of rows with the same
 * number the first that is wanted counts.
 */
static const struct row {
	enum label to;
	unsigned scope;
	uint16_t number[FILTER_ABIS];
} rows[] = {
	{ PROTECT, FILTER_PROCESS, { 10, 0, 226 } },			   /* mprotect */
	{ PROTECT_KEY, FILTER_PROCESS, { 329, 0, 288 } },		   /* pkey_mprotect */
	{ SPAN, FILTER_PLAIN, { 11, 0, 215 } },				   /* munmap */
	{ SPAN, FILTER_PLAIN, { 10, 0, 226 } },				   /* mprotect */
	{ MAP, FILTER_PLAIN | FILTER_RARE, { 9, 0, 222 } },		   /* mmap */
	{ ADVICE, FILTER_PLAIN | FILTER_AVAILABILITY, { 28, 0, 233 } },	   /* madvise */
	{ SPAN, FILTER_RARE, { 329, 0, 288 } },				   /* pkey_mprotect */
	{ SPAN, FILTER_RARE, { 216, 0, 234 } },				   /* remap_file_pages */
	{ MOVE, FILTER_RARE, { 25, 0, 216 } },				   /* mremap */
	{ ATTACH, FILTER_RARE, { 30, 0, 196 } },			   /* shmat */
	{ PAGE, FILTER_RARE, { 67, 0, 197 } },				   /* shmdt */
	{ RING, FILTER_RARE, { 207, 0, 1 } },				   /* io_destroy */
	{ BREAK, FILTER_HEAP, { 12, 45, 214 } },			   /* brk */
	{ OPTION, FILTER_PROCESS, { 157, 172, 167 } },			   /* prctl */
	{ DENY, FILTER_PROCESS, { 323, 374, 282 } },			   /* userfaultfd */
	{ DENY, FILTER_PROCESS | FILTER_AVAILABILITY, { 425, 425, 425 } }, /* io_uring_setup */
	{ VECTOR, FILTER_PROCESS | FILTER_AVAILABILITY, { 440, 0, 440 } }, /* process_madvise */
	{ DENY, FILTER_PROCESS, { 0, 86, 0 } },				   /* uselib */
	{ IPC32, FILTER_PROCESS, { 0, 117, 0 } },			   /* ipc */
	{ ATTACH32, FILTER_PROCESS, { 0, 397, 0 } },			   /* shmat */
};

/*
 * The sizes huge pages have, in ascending order, and beside each the sizes of a page that it goes
 * with. On arm64 a page has one of three sizes, and to take a huge page's size from another would
 * refuse what touches no range.
 */
#define HUGE_SIZES 6
static const struct huge {
	uint64_t size, pages;
} huge_pages[FILTER_ABIS][HUGE_SIZES] = {
	[FILTER_X86_64] = { { 1 << 21, 1 << 12 }, { 1 << 30, 1 << 12 } },
	[FILTER_AARCH64] = { { 1 << 16, 1 << 12 },
			     { 1 << 21, 1 << 12 | 1 << 14 | 1 << 16 },
			     { 1 << 25, 1 << 12 | 1 << 14 },
			     { 1 << 29, 1 << 16 },
			     { 1 << 30, 1 << 12 | 1 << 14 },
			     { UINT64_C(1) << 34, 1 << 16 } },
};

struct build {
	const struct filter_target *target;
	unsigned scope;
	struct filter_range range[FILTER_RANGES];
	size_t ranges;

	struct sock_filter *prog;
	size_t room;
	size_t n;
	uint16_t at[ALL_LABELS]; /* where the labels were the time before */
	bool far;		 /* conditional jumps do not reach the labels */
	bool too_far;
};

/* A 64-bit number that A can load by halves: an argument of the call, or two words of M. */
struct wide {
	unsigned load;
	uint32_t hi, lo;
};

static const struct wide start_of_call = { BPF_LD | BPF_MEM, START_HI, START_LO };
static const struct wide end_of_call = { BPF_LD | BPF_MEM, END_HI, END_LO };

static struct wide argument(size_t i)
{
	uint32_t at = (uint32_t)(offsetof(struct seccomp_data, args) + i * sizeof(uint64_t));

	return (struct wide){ BPF_LD | BPF_W | BPF_ABS, at + (uint32_t)sizeof(uint32_t), at };
}

static uint32_t high(uint64_t value)
{
	return (uint32_t)(value >> 32);
}

static uint32_t low(uint64_t value)
{
	return (uint32_t)value;
}

static bool is_low(const struct build *b)
{
	return b->ranges && b->range[0].start < COMPAT_REACH;
}

/*
 * On x86-64 any process can make 32-bit calls. On arm64 only one that was executed as a 32-bit
 * program, and that has none of the ranges.
 */
static bool has_compat(const struct build *b)
{
	return b->target->abi == FILTER_X86_64 && !is_low(b);
}

static bool is_wanted(const struct build *b, const struct row *row, enum filter_abi abi)
{
	bool spoken = abi == b->target->abi || (abi == FILTER_I386 && has_compat(b));

	return spoken && row->number[abi] && (row->scope & b->scope);
}

static bool is_section_wanted(const struct build *b, enum label section)
{
	if (section == SPAN)
		return b->scope & (FILTER_PLAIN | FILTER_RARE | FILTER_AVAILABILITY);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (unsigned abi = 0; abi < FILTER_ABIS; abi++)
			if (rows[i].to == section && is_wanted(b, &rows[i], abi))
				return true;
	return false;
}

static void emit_jump(struct build *b, unsigned code, size_t jt, size_t jf, uint32_t k)
{
	if (jt > UINT8_MAX || jf > UINT8_MAX)
		b->too_far = true;
	if (b->n < b->room)
		b->prog[b->n] = (struct sock_filter){ (uint16_t)code, (uint8_t)jt, (uint8_t)jf, k };
	b->n++;
}

static void emit(struct build *b, unsigned code, uint32_t k)
{
	emit_jump(b, code, 0, 0, k);
}

static void load_low(struct build *b, struct wide w)
{
	emit(b, w.load, w.lo);
}

static void load_high(struct build *b, struct wide w)
{
	emit(b, w.load, w.hi);
}

static void mark(struct build *b, unsigned label)
{
	b->at[label] = (uint16_t)b->n;
}

static size_t distance(const struct build *b, unsigned label)
{
	return label == NEXT ? 0 : b->at[label] - b->n - 1;
}

static void jump(struct build *b, unsigned label)
{
	emit(b, BPF_JMP | BPF_JA, (uint32_t)distance(b, label));
}

/* A `op` k ? yes : no. Far labels are reached by a jump that the condition skips. */
static void branch(struct build *b, unsigned op, uint32_t k, enum label yes, enum label no)
{
	if (!b->far) {
		emit_jump(b, BPF_JMP | op | BPF_K, distance(b, yes), distance(b, no), k);
	} else if (yes == NEXT) {
		emit_jump(b, BPF_JMP | op | BPF_K, 1, 0, k);
		jump(b, no);
	} else {
		emit_jump(b, BPF_JMP | op | BPF_K, 0, 1, k);
		jump(b, yes);
		if (no != NEXT)
			jump(b, no);
	}
}

/* w >= value ? yes : no, where yes is not NEXT. */
static void at_least(struct build *b, struct wide w, uint64_t value, unsigned yes, unsigned no)
{
	size_t end = b->n + 5;
	size_t to_yes = b->far ? end : b->at[yes];
	size_t to_no = b->far ? end + 1 : no == NEXT ? end : b->at[no];

	load_high(b, w);
	emit_jump(b, BPF_JMP | BPF_JGT | BPF_K, to_yes - b->n - 1, 0, high(value));
	emit_jump(b, BPF_JMP | BPF_JEQ | BPF_K, 0, to_no - b->n - 1, high(value));
	load_low(b, w);
	emit_jump(b, BPF_JMP | BPF_JGE | BPF_K, to_yes - b->n - 1, to_no - b->n - 1, low(value));
	if (b->far) {
		jump(b, yes);
		if (no != NEXT)
			jump(b, no);
	}
}

/*
 * DENY if [START, END) overlaps one of the ranges `from` to `to`, else `clear`. `below` says that
 * START is known to lie below the end of the last of them.
 */
static void search(struct build *b, size_t from, size_t to, bool below, unsigned labels,
		   enum label clear)
{
	size_t middle = from + (to - from) / 2;

	if (to - from == 1) {
		if (!below)
			at_least(b, start_of_call, b->range[from].end, clear, NEXT);
		at_least(b, end_of_call, b->range[from].start + 1, DENY, clear);
		return;
	}
	at_least(b, start_of_call, b->range[middle - 1].end, labels + (unsigned)middle, NEXT);
	search(b, from, middle, true, labels, clear);
	mark(b, labels + (unsigned)middle);
	search(b, middle, to, below, labels, clear);
}

/*
 * START and END of a call whose address is in `address` and whose length is in A (high word) and M.
 * A length of 0 touches nothing, wherever the address.
 */
static void sum(struct build *b, struct wide address, enum label nothing)
{
	emit_jump(b, BPF_JMP | BPF_JGE | BPF_K, 0, 1, ADDRESS_HIGH + 1);
	emit(b, BPF_LD | BPF_IMM, ADDRESS_HIGH + 1);
	emit(b, BPF_MISC | BPF_TAX, 0);
	emit(b, BPF_LD | BPF_MEM, LENGTH_LO);
	emit(b, BPF_ALU | BPF_OR | BPF_X, 0);
	branch(b, BPF_JEQ, 0, nothing, NEXT);

	load_high(b, address);
	emit(b, BPF_ALU | BPF_AND | BPF_K, ADDRESS_HIGH);
	emit(b, BPF_ST, START_HI);
	emit(b, BPF_ALU | BPF_ADD | BPF_X, 0);
	emit(b, BPF_ST, END_HI);

	emit(b, BPF_LDX | BPF_MEM, LENGTH_LO);
	load_low(b, address);
	emit(b, BPF_ST, START_LO);
	emit(b, BPF_ALU | BPF_ADD | BPF_X, 0);
	emit(b, BPF_ST, END_LO);

	emit_jump(b, BPF_JMP | BPF_JGE | BPF_X, 3, 0, 0);
	emit(b, BPF_LD | BPF_MEM, END_HI);
	emit(b, BPF_ALU | BPF_ADD | BPF_K, 1);
	emit(b, BPF_ST, END_HI);
}

static void round_up_to(struct build *b, uint64_t size)
{
	uint32_t hi = high(size - 1), lo = low(size - 1);
	size_t round = b->n + (hi ? 8 : 4), skip = b->n + (hi ? 14 : 7);

	if (hi) {
		load_high(b, start_of_call);
		emit_jump(b, BPF_JMP | BPF_JSET | BPF_K, skip - b->n - 1, 0, hi);
	}
	load_low(b, start_of_call);
	emit_jump(b, BPF_JMP | BPF_JSET | BPF_K, skip - b->n - 1, 0, lo);
	load_low(b, end_of_call);
	emit_jump(b, BPF_JMP | BPF_JSET | BPF_K, round - b->n - 1, hi ? 0 : skip - b->n - 1, lo);
	if (hi) {
		load_high(b, end_of_call);
		emit_jump(b, BPF_JMP | BPF_JSET | BPF_K, 0, skip - b->n - 1, hi);
		load_high(b, end_of_call);
		emit(b, BPF_ALU | BPF_OR | BPF_K, hi);
		emit(b, BPF_ST, END_HI);
	}
	load_low(b, end_of_call);
	emit(b, BPF_ALU | BPF_OR | BPF_K, lo);
	emit(b, BPF_ST, END_LO);
}

/*
 * Where huge pages are mapped or moved, the kernel rounds the length up to one of them, and takes
 * no address but a multiple of one. Whether a mapping has huge pages is something only its
 * descriptor knows. So for each size that the address is a multiple of, END is rounded up, by
 * setting all the bits below: that is one byte short, which makes no difference against the first
 * byte of a page. An END that is such a multiple already stays.
 */
static void round_up(struct build *b)
{
	const struct huge *huge = huge_pages[b->target->abi];

	for (size_t i = 0; i < HUGE_SIZES; i++)
		if (huge[i].pages & b->target->page_size)
			round_up_to(b, huge[i].size);
}

static uint64_t smallest_huge(const struct build *b)
{
	const struct huge *huge = huge_pages[b->target->abi];

	while (!(huge->pages & b->target->page_size))
		huge++;
	return huge->size;
}

/*
 * A change of protection that follows a mapping in the direction in which it grows reaches as far as
 * the mapping does, and where that ends only the kernel knows. (Upwards nothing grows on these
 * machines.)
 */
static void emit_protect_for(struct build *b, unsigned scope)
{
	load_low(b, argument(2));
	branch(b, BPF_JSET, PROT_GROWSDOWN | PROT_GROWSUP, DENY, b->scope & scope ? SPAN : ALLOW);
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
	load_low(b, argument(0));
	branch(b, BPF_JEQ, PR_SET_MM, DENY, ALLOW);
}

static void advice(struct build *b, size_t arg, enum label risky)
{
	load_low(b, argument(arg));
	branch(b, BPF_JEQ, MADV_GUARD_REMOVE, ALLOW, NEXT);
	branch(b, BPF_JGE, 32, risky, NEXT);
	emit(b, BPF_MISC | BPF_TAX, 0);
	emit(b, BPF_LD | BPF_IMM, 1);
	emit(b, BPF_ALU | BPF_LSH | BPF_X, 0);
	branch(b, BPF_JSET, HARMLESS_ADVICE, ALLOW, risky);
}

/* The addresses are in memory, where the filter cannot look, and might change if it could. */
static void emit_vector(struct build *b)
{
	advice(b, 3, DENY);
}

static void emit_ipc32(struct build *b)
{
	load_low(b, argument(0));
	emit(b, BPF_ALU | BPF_AND | BPF_K, 0xffff);
	branch(b, BPF_JEQ, SYS_IPC_SHMAT, ATTACH32, ALLOW);
}

/*
 * How far a segment of shared memory reaches is not in the call, and it may be as large as the
 * address space. The 32-bit call is refused wherever the segment is to begin, the native one if
 * that is below a range's end.
 */
static void emit_attach32(struct build *b)
{
	load_low(b, argument(2));
	branch(b, BPF_JSET, SHM_REMAP, DENY, ALLOW);
}

static void emit_attach(struct build *b)
{
	load_low(b, argument(2));
	branch(b, BPF_JSET, SHM_REMAP, NEXT, ALLOW);
	at_least(b, argument(1), b->range[b->ranges - 1].end, ALLOW, DENY);
}

/*
 * The kernel's brk() does not fail: it returns where the break is, and C libraries believe what it
 * returns, EPERM included. 0 is what they all take for a refusal.
 */
static void emit_break(struct build *b)
{
	load_low(b, argument(0));
	branch(b, BPF_JEQ, 0, NEXT, BREAK_BELOW);
	load_high(b, argument(0));
	branch(b, BPF_JEQ, 0, ALLOW, BREAK_BELOW);
	mark(b, BREAK_BELOW);
	at_least(b, argument(0), b->range[b->ranges - 1].end, ALLOW, NEXT);
	emit(b, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 0);
}

/*
 * Two ranges to test, the new one first. An old length of 0 makes a second mapping of the same
 * pages, which could then be made writable: it counts as a page.
 */
static void emit_move(struct build *b)
{
	load_low(b, argument(3));
	branch(b, BPF_JSET, MREMAP_FIXED, NEXT, MOVE_OLD);
	load_low(b, argument(2));
	emit(b, BPF_ST, LENGTH_LO);
	load_high(b, argument(2));
	sum(b, argument(4), MOVE_OLD);
	round_up(b);
	search(b, 0, b->ranges, false, SEARCH_NEW, MOVE_OLD);

	mark(b, MOVE_OLD);
	load_low(b, argument(1));
	branch(b, BPF_JEQ, 0, NEXT, PLACE);
	load_high(b, argument(1));
	branch(b, BPF_JEQ, 0, PAGE, PLACE);
}

static void constant_length(struct build *b, uint32_t length)
{
	emit(b, BPF_LD | BPF_IMM, 0);
	emit(b, BPF_ST, HUGE);
	emit(b, BPF_LD | BPF_IMM, length);
	emit(b, BPF_ST, LENGTH_LO);
	emit(b, BPF_LD | BPF_IMM, 0);
	jump(b, SUM);
}

static void emit_ring(struct build *b)
{
	constant_length(b, RING_SIZE);
}

/* shmdt() does nothing unless a segment is attached at this very address. */
static void emit_page(struct build *b)
{
	constant_length(b, 1);
}

static void emit_advice(struct build *b)
{
	advice(b, 2, SPAN);
}

/*
 * With MAP_FIXED_NOREPLACE the kernel itself refuses an address in use. Without FILTER_PLAIN only
 * what may be a mapping of huge pages is looked at: the plain one's length is what it says.
 */
static void emit_map(struct build *b)
{
	bool plain = b->scope & FILTER_PLAIN;

	load_low(b, argument(3));
	emit(b, BPF_ALU | BPF_AND | BPF_K, MAP_FIXED | MAP_FIXED_NOREPLACE);
	if (!(b->scope & FILTER_RARE)) {
		branch(b, BPF_JEQ, MAP_FIXED, SPAN, ALLOW);
		return;
	}
	branch(b, BPF_JEQ, MAP_FIXED, NEXT, ALLOW);
	load_low(b, argument(3));
	emit(b, BPF_ALU | BPF_AND | BPF_K, MAP_ANONYMOUS | MAP_HUGETLB);
	branch(b, BPF_JEQ, MAP_ANONYMOUS, plain ? SPAN : ALLOW, plain ? PLACE : NEXT);
	if (!plain) {
		load_low(b, argument(0));
		branch(b, BPF_JSET, low(smallest_huge(b) - 1), ALLOW, PLACE);
	}
}

/* The sections for calls whose address is the first argument and whose length the second, and what
 * is common to all. */
static void emit_span(struct build *b)
{
	bool huge = b->scope & FILTER_RARE;

	if (huge) {
		mark(b, PLACE);
		emit(b, BPF_LD | BPF_IMM, 1);
		emit_jump(b, BPF_JMP | BPF_JA, 0, 0, 1);
		mark(b, SPAN);
		emit(b, BPF_LD | BPF_IMM, 0);
		emit(b, BPF_ST, HUGE);
	}
	if (!huge)
		mark(b, SPAN);
	load_low(b, argument(1));
	emit(b, BPF_ST, LENGTH_LO);
	load_high(b, argument(1));
	mark(b, SUM);
	sum(b, argument(0), ALLOW);
	if (huge) {
		emit(b, BPF_LD | BPF_MEM, HUGE);
		branch(b, BPF_JEQ, 0, SEARCH, NEXT);
		round_up(b);
	}
	mark(b, SEARCH);
	search(b, 0, b->ranges, false, SEARCH_OLD, ALLOW);
}

/* To the section of the number in A. */
static void dispatch(struct build *b, enum filter_abi abi)
{
	const struct row *last = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!is_wanted(b, &rows[i], abi))
			continue;
		if (last)
			branch(b, BPF_JEQ, last->number[abi], last->to, NEXT);
		last = &rows[i];
	}
	if (last)
		branch(b, BPF_JEQ, last->number[abi], last->to, ALLOW);
	else
		jump(b, ALLOW);
}

/*
 * A 32-bit call is told by its architecture and has numbers of its own. If it can reach a range by
 * address (one of a program linked to a fixed, low address), all 32-bit calls are refused: 32-bit
 * programs then do not run, and the program has one table of numbers less. FILTER_PLAIN alone need
 * not look: whatever a 32-bit call's number is taken for, its arguments lie below the ranges.
 */
static void emit_architecture(struct build *b)
{
	static const uint32_t audit[FILTER_ABIS] = {
		[FILTER_X86_64] = SYS_AUDIT_ARCH_X86_64,
		[FILTER_I386] = SYS_AUDIT_ARCH_I386,
		[FILTER_AARCH64] = SYS_AUDIT_ARCH_AARCH64,
	};

	if (b->scope == FILTER_PLAIN && !is_low(b))
		return;
	emit(b, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	branch(b, BPF_JEQ, audit[b->target->abi], NATIVE, NEXT);
	if (b->target->abi == FILTER_AARCH64) {
		jump(b, ALLOW);
	} else if (!has_compat(b)) {
		jump(b, DENY);
	} else {
		branch(b, BPF_JEQ, audit[FILTER_I386], NEXT, DENY);
		emit(b, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
		dispatch(b, FILTER_I386);
	}
	mark(b, NATIVE);
}

static void emit_program(struct build *b)
{
	static void (*const sections[LABELS])(struct build * b) = {
		[PROTECT] = emit_protect, [PROTECT_KEY] = emit_protect_key,
		[OPTION] = emit_option,	  [VECTOR] = emit_vector,
		[IPC32] = emit_ipc32,	  [ATTACH32] = emit_attach32,
		[ATTACH] = emit_attach,	  [BREAK] = emit_break,
		[MOVE] = emit_move,	  [RING] = emit_ring,
		[PAGE] = emit_page,	  [ADVICE] = emit_advice,
		[MAP] = emit_map,	  [SPAN] = emit_span,
	};

	b->n = 0;
	b->too_far = false;
	emit_architecture(b);
	emit(b, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	if (b->target->abi == FILTER_X86_64)
		emit(b, BPF_ALU | BPF_AND | BPF_K, ~SYS_ABI_X32_BIT);
	dispatch(b, b->target->abi);
	for (unsigned l = 0; l < LABELS; l++) {
		if (!sections[l] || !is_section_wanted(b, l))
			continue;
		mark(b, l);
		sections[l](b);
	}
	mark(b, DENY);
	emit(b, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	mark(b, ALLOW);
	emit(b, BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
}

/* Keeps the ranges sorted and apart: a new one swallows those it touches. */
static int add_range(struct build *b, struct filter_range r)
{
	uint64_t in_page = b->target->page_size - 1;
	size_t kept = 0, i;

	if (r.start >= r.end || ((r.start | r.end) & in_page) || r.end >> ADDRESS_BITS)
		return -EINVAL;
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
 * Every program is emitted twice: the first time tells where its labels come to lie, the second
 * writes the jumps to them. If one of those turns out too long, it is done again with far jumps,
 * which makes it longer.
 */
int filter_build_for(const struct filter_target *target, struct sock_filter *prog, size_t room,
		     const struct filter_range *ranges, size_t n, unsigned scope)
{
	const unsigned known = FILTER_MSEAL | FILTER_AVAILABILITY | FILTER_HEAP;
	struct build b = { .target = target, .scope = scope, .prog = prog, .room = room };
	int r;

	if (!scope || (scope & ~known) || (!n && scope != FILTER_PROCESS))
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		r = add_range(&b, ranges[i]);
		if (r < 0)
			return r;
	}
	emit_program(&b);
	emit_program(&b);
	if (b.too_far) {
		b.far = true;
		emit_program(&b);
		emit_program(&b);
	}
	return b.n > room || b.n > BPF_MAXINSNS ? -E2BIG : (int)b.n;
}

int filter_build(struct sock_filter *prog, size_t room, const struct filter_range *ranges, size_t n,
		 unsigned scope)
{
#if defined(__x86_64__)
	struct filter_target target = { .abi = FILTER_X86_64 };
#elif defined(__aarch64__)
	struct filter_target target = { .abi = FILTER_AARCH64 };
#else
# error "no system call numbers for this machine"
#endif

	target.page_size = (uint64_t)sysconf(_SC_PAGESIZE);
	return filter_build_for(&target, prog, room, ranges, n, scope);
}
