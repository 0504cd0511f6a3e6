/* SPDX-License-Identifier: MIT */
/*
 * The filter, three ways. Against the oracle, through an interpreter: every call it knows, at every
 * boundary of every range, for the numbers of each machine. Against the oracle again with ten million
 * random calls, others with another FILTER_SEED. And against the kernel this runs on: the program is
 * accepted, refuses what it should with the bytes left alone, and lets the same act pass on memory
 * that is not sealed.
 */

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/aio_abi.h>
#include <linux/mman.h>
#include <linux/seccomp.h>

#include "tests/filter/bpf.h"
#include "lib/filter.h"
#include "lib/placement.h"
#include "lib/rings.h"
#include "lib/sys.h"
#include "tests/filter/oracle.h"
#include "tests/support/scale.h"
#include "tests/support/support.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define REFUSE	 (SECCOMP_RET_ERRNO | EPERM)
#define GiB	 (UINT64_C(1) << 30)
#define MiB	 (UINT64_C(1) << 20)

static const unsigned scopes[] = {
	FILTER_PLAIN,
	FILTER_RARE,
	FILTER_PLAIN | FILTER_RARE,
	FILTER_RARE | FILTER_PROCESS,
	FILTER_MSEAL,
	FILTER_MSEAL | FILTER_HEAP,
	FILTER_MSEAL | FILTER_AVAILABILITY,
	FILTER_AVAILABILITY,
	FILTER_HEAP,
	FILTER_PROCESS,
};

static struct filter_target machines[] = {
	{ FILTER_X86_64, 1 << 12, 1 << 16 },  { FILTER_X86_64, 1 << 12, RINGS_EVENTS_MAX },
	{ FILTER_AARCH64, 1 << 12, 1 << 16 }, { FILTER_AARCH64, 1 << 14, 1000 },
	{ FILTER_AARCH64, 1 << 16, 1 << 20 }, { FILTER_I386, 1 << 12, 1 << 16 },
	{ FILTER_ARM, 1 << 12, 1 << 16 },     { FILTER_RISCV64, 1 << 12, 1 << 16 },
	{ FILTER_LOONG64, 1 << 14, 1 << 16 }, { FILTER_PPC64LE, 1 << 12, 1 << 16 },
	{ FILTER_PPC64LE, 1 << 16, 1000 },
};

/* A program with all that judging it takes. */
struct subject {
	const struct filter_target *target;
	unsigned scope;
	struct filter_range ranges[128];
	size_t ranges_n;
	struct sock_filter prog[BPF_MAXINSNS];
	size_t n;
};

static void build(struct subject *s)
{
	int n = filter_build(s->target, s->prog, COUNT(s->prog), s->ranges, s->ranges_n, s->scope);
	const char *wrong;

	ck_assert_int_gt(n, 0);
	s->n = (size_t)n;
	wrong = bpf_check(s->prog, s->n);
	ck_assert_msg(!wrong, "%s", wrong);
}

/*
 * Millions of times: Check is told only of a failure, because it writes down every assertion it
 * meets.
 */
static void judge(const struct subject *s, const struct seccomp_data *call)
{
	uint32_t answer = bpf_run(s->prog, s->n, call, NULL);
	uint32_t expected = oracle_answer(s->target, s->ranges, s->ranges_n, s->scope, call);
	const unsigned long long *arg = (const unsigned long long *)call->args;

	if (answer == expected)
		return;
	ck_abort_msg(
		"scope %#x, arch %#x, call %#x(%#llx, %#llx, %#llx, %#llx, %#llx): %#x, not %#x",
		s->scope, call->arch, (unsigned)call->nr, arg[0], arg[1], arg[2], arg[3], arg[4],
		answer, expected);
}

static uint64_t random_state = UINT64_C(0x9e3779b97f4a7c15);

static uint64_t random64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state * UINT64_C(0x2545f4914f6cdd1d);
}

static uint64_t below(uint64_t n)
{
	return random64() % n;
}

/*
 * Pages from which ranges are made: everyday places, and those where arithmetic by halves could go
 * wrong.
 */
static const uint64_t places[] = {
	0x400000,
	4 * GiB,
	8 * GiB,
	0x7fff8000,
	0xc000000000,
	0x550000000000,
	0x5500ffe00000,
	0x555555554000,
	0x7ffff7ff0000,
	UINT64_C(1) << 47,
	UINT64_C(0xaaaa00010000),
	UINT64_C(1) << 48,
	UINT64_C(1) << 52,
	(UINT64_C(1) << 56) - 1024 * GiB,
};

static const int64_t steps[] = {
	0, 1, 2, 16, 512, 513, 1 << 18, 1 << 20, (1 << 20) + 1, 1 << 24,
};

/* As near to the place as addresses go on that machine. */
static struct filter_range range_at(const struct filter_target *t, uint64_t place, uint64_t pages)
{
	uint64_t room = (UINT64_C(1) << oracle_range_bits(t->abi)) / t->page_size, at;

	pages = pages < room / 4 ? pages : room / 4;
	at = place / t->page_size % (room - pages);
	return (struct filter_range){ at * t->page_size, (at + pages) * t->page_size };
}

/* Lengths by themselves, then those that reach from the address to a boundary. */
static size_t lengths_for(const struct subject *s, size_t range, uint64_t address, uint64_t *ret)
{
	const uint64_t page = s->target->page_size;
	const uint64_t to_start = s->ranges[range].start - address;
	const uint64_t to_end = s->ranges[range].end - address;
	const uint64_t lengths[] = {
		0,
		1,
		page - 1,
		page,
		page + 1,
		2 * MiB,
		GiB,
		UINT32_MAX,
		UINT64_C(1) << 32,
		(UINT64_C(1) << 32) + 1,
		UINT64_C(1) << 47,
		UINT64_C(1) << 56,
		UINT64_C(1) << 63,
		-page,
		-page + 1,
		UINT64_MAX,
		to_start - page,
		to_start - 1,
		to_start,
		to_start + 1,
		to_end,
		to_end + page,
	};

	memcpy(ret, lengths, sizeof(lengths));
	return COUNT(lengths);
}

static size_t addresses_for(const struct subject *s, size_t range, uint64_t *ret)
{
	const uint64_t page = s->target->page_size;
	const uint64_t bounds[] = { s->ranges[range].start, s->ranges[range].end };
	const uint64_t others[] = { 0, UINT64_MAX, UINT64_C(1) << 47, UINT64_C(1) << 63 };
	size_t n = 0;

	for (size_t b = 0; b < 2; b++) {
		const uint64_t near[] = {
			bounds[b],
			bounds[b] - 1,
			bounds[b] + 1,
			bounds[b] - page,
			bounds[b] + page,
			(bounds[b] - page) | UINT64_C(0xff) << 56,
			bounds[b] | UINT64_C(0x3f) << 57,
			bounds[b] | UINT64_C(1) << 63,
			bounds[b] / (2 * MiB) * (2 * MiB),
			bounds[b] / GiB * GiB,
			bounds[b] / (16 * GiB) * (16 * GiB),
			bounds[b] - rings_size(s->target->ring_events),
			bounds[b] - rings_size(s->target->ring_events) + 1,
			bounds[b] - rings_size(s->target->ring_events) / page * page,
			bounds[b] - rings_size(s->target->ring_events) / page * page - page,
			bounds[b] - (UINT64_C(1) << 32),
			bounds[b] + (UINT64_C(1) << 32),
			bounds[b] - (UINT64_C(1) << 32) + page,
		};

		memcpy(ret + n, near, sizeof(near));
		n += COUNT(near);
	}
	memcpy(ret + n, others, sizeof(others));
	return n + COUNT(others);
}

/*
 * The calls with an address: where that is, where the length is, and an argument that decides, with
 * its values.
 */
static const struct probe {
	enum oracle_call call;
	size_t address, length, decides;
	uint64_t values[6];
	size_t n;
} probes[] = {
	{ ORACLE_MUNMAP, 0, 1, 2, { 0 }, 1 },
	{ ORACLE_MPROTECT, 0, 1, 2, { PROT_WRITE, PROT_READ | PROT_GROWSDOWN, PROT_GROWSUP }, 3 },
	{ ORACLE_PKEY_MPROTECT,
	  0,
	  1,
	  2,
	  { PROT_WRITE, PROT_READ | PROT_GROWSDOWN, PROT_GROWSUP },
	  3 },
	{ ORACLE_REMAP_FILE_PAGES, 0, 1, 2, { 0 }, 1 },
	{ ORACLE_SHMDT, 0, 1, 2, { 0 }, 1 },
	{ ORACLE_IO_DESTROY, 0, 1, 2, { 0 }, 1 },
	{ ORACLE_IO_SETUP,
	  1,
	  2,
	  0,
	  { 1000, 1001, 1 << 16, (1 << 16) + 1, 1 << 20, (1 << 20) + 1 },
	  6 },
	{ ORACLE_BRK, 0, 1, 2, { 0 }, 1 },
	{ ORACLE_MADVISE,
	  0,
	  1,
	  2,
	  { MADV_DONTNEED, MADV_PAGEOUT, 31, 32, MADV_GUARD_INSTALL, MADV_GUARD_REMOVE },
	  6 },
	{ ORACLE_MMAP,
	  0,
	  1,
	  3,
	  { MAP_PRIVATE, MAP_FIXED | MAP_SHARED, MAP_FIXED | MAP_ANONYMOUS,
	    MAP_FIXED | MAP_ANONYMOUS | MAP_HUGETLB, MAP_FIXED | MAP_FIXED_NOREPLACE },
	  5 },
	{ ORACLE_MREMAP, 0, 1, 3, { 0, MREMAP_MAYMOVE | MREMAP_FIXED }, 2 }, /* mremap, old range */
	{ ORACLE_MREMAP, 4, 2, 3, { 0, MREMAP_MAYMOVE | MREMAP_FIXED }, 2 }, /* mremap, new range */
	{ ORACLE_SHMAT, 1, 3, 2, { 0, SHM_REMAP }, 2 },
	{ ORACLE_SUBPAGE_PROT, 0, 1, 2, { 0 }, 1 },
	{ ORACLE_IPC, 4, 3, 0, { 21, 22, 1 << 16 | 22, 23 }, 4 },
};

static void judge_probe(const struct subject *s, const struct probe *p, uint64_t address,
			uint64_t length)
{
	struct seccomp_data call = { .arch = oracle_arch(s->target->abi) };

	call.nr = oracle_number(s->target->abi, p->call);
	if (call.nr < 0)
		return;
	for (size_t i = 0; i < p->n; i++) {
		call.args[0] = call.args[1] = s->target->page_size;
		call.args[p->address] = address;
		call.args[p->length] = length;
		call.args[p->decides] = p->values[i];
		judge(s, &call);
	}
}

static void judge_boundaries(const struct subject *s)
{
	uint64_t addresses[64], lengths[32];

	for (size_t r = 0; r < s->ranges_n && r < 4; r++) {
		size_t n = addresses_for(s, r, addresses);

		for (size_t i = 0; i < n; i++) {
			size_t m = lengths_for(s, r, addresses[i], lengths);

			for (size_t l = 0; l < m; l++)
				for (size_t p = 0; p < COUNT(probes); p++)
					judge_probe(s, &probes[p], addresses[i], lengths[l]);
		}
	}
}

START_TEST(every_boundary_of_one_range)
{
	struct subject s = { .target = &machines[_i / (int)COUNT(places)] };
	uint64_t place = places[_i % (int)COUNT(places)];

	for (size_t c = 0; c < COUNT(scopes); c++) {
		s.scope = scopes[c];
		s.ranges[0] = range_at(s.target, place, c % 2 ? 1 << 20 : 1);
		s.ranges_n = s.scope != FILTER_PROCESS;
		build(&s);
		judge_boundaries(&s);
	}
}
END_TEST

/* The whole window is closed to what may be huge pages; a region, with a guard page or without one, is none. */
START_TEST(a_file_can_be_mapped_wherever_a_window_places_it)
{
	const struct filter_target *machine = &machines[_i];
	struct seccomp_data call = {
		.nr = oracle_number(machine->abi, ORACLE_MMAP),
		.arch = oracle_arch(machine->abi),
		.args = { 0, machine->page_size, PROT_READ, MAP_SHARED | MAP_FIXED, 3, 0 },
	};
	const uint64_t page = machine->page_size;
	uint64_t at;

	for (size_t w = 0; w < PLACEMENT_WINDOWS; w++) {
		struct subject s = { .target = machine, .scope = FILTER_RARE, .ranges_n = 1 };

		s.ranges[0] = placement_windows[w].range;
		if (s.ranges[0].end >> oracle_range_bits(machine->abi))
			continue;
		build(&s);
		for (unsigned i = 0; i < 2000; i++) {
			ck_assert_int_eq(placement_pick(s.ranges, 3 * page, page, random64(), &at),
					 0);
			call.args[0] = at + i % 2 * page;
			ck_assert(bpf_run(s.prog, s.n, &call, NULL) == SECCOMP_RET_ALLOW);
		}
		call.args[0] = s.ranges[0].start;
		ck_assert(bpf_run(s.prog, s.n, &call, NULL) != SECCOMP_RET_ALLOW);
	}
}
END_TEST

START_TEST(every_boundary_of_several_ranges)
{
	struct subject s = { .target = &machines[_i] };
	uint64_t page = s.target->page_size;

	for (size_t c = 0; c < COUNT(scopes); c++) {
		s.scope = scopes[c];
		if (s.scope == FILTER_PROCESS)
			continue;
		s.ranges_n = 0;
		for (size_t i = 0; i < COUNT(steps); i++)
			s.ranges[s.ranges_n++] =
				range_at(s.target, 0x550000000000 + (uint64_t)steps[i] * 3 * page,
					 1 + i % 3);
		build(&s);
		judge_boundaries(&s);
	}
}
END_TEST

static void random_ranges(struct subject *s)
{
	uint64_t page = s->target->page_size;
	size_t most = below(4) ? 4 : 60;

	s->scope = scopes[below(COUNT(scopes))];
	s->ranges_n = 1 + (size_t)below(most);
	for (size_t i = 0; i < s->ranges_n; i++) {
		uint64_t place = places[below(below(3) ? COUNT(places) : 8)];

		if (below(2))
			place += below(64) * page;
		if (below(3) == 0)
			place += below(8) << 32;
		s->ranges[i] = range_at(s->target, place, 1 + below(below(4) ? 4 : 1 << 21));
	}
	if (s->scope == FILTER_PROCESS)
		s->ranges_n = 0;
	build(s);
}

/* USERFAULTFD_IOC_NEW, which older headers lack; then as ppc64el has it. */
#define MAKE_USERFAULTFD       _IO(0xaa, 0)
#define MAKE_USERFAULTFD_MOST  0xaa00
#define MAKE_USERFAULTFD_PPC64 0x2000aa00

/* What the calls want besides an address and a length. */
static const uint64_t conditions[] = {
	0,
	MREMAP_FIXED | MREMAP_MAYMOVE,
	PROT_READ | PROT_GROWSDOWN,
	PR_SET_MM,
	MAKE_USERFAULTFD_MOST,
	MAKE_USERFAULTFD_PPC64,
	MADV_DONTNEED,
	MADV_PAGEOUT,
	MADV_GUARD_INSTALL,
	MADV_GUARD_REMOVE,
	SYS_IPC_SHMAT,
	SYS_IPC_SHMDT,
	SHM_REMAP,
	MAP_FIXED | MAP_PRIVATE,
	MAP_FIXED | MAP_ANONYMOUS | MAP_PRIVATE,
	MAP_FIXED | MAP_ANONYMOUS | MAP_PRIVATE | MAP_HUGETLB,
	MAP_FIXED | MAP_FIXED_NOREPLACE,
	1 << 16,
	(1 << 16) + 1,
};

static uint64_t random_number(const struct subject *s)
{
	uint64_t page = s->target->page_size, value = random64() >> below(64);

	if (s->ranges_n && below(8)) {
		const struct filter_range *r = &s->ranges[below(s->ranges_n)];

		value = below(2) ? r->start : r->end;
		if (below(4) == 0)
			value = value / (2 * MiB) * (2 * MiB);
		if (below(4) == 0)
			value = value / GiB * GiB;
		if (below(8) == 0)
			value -= rings_size(s->target->ring_events) / page * page;
		value += (below(5) - 2) * (below(2) ? page : 1);
	}
	if (below(16) == 0)
		value ^= random64() << 56;
	return value;
}

static uint64_t random_length(const struct subject *s, uint64_t address)
{
	switch (below(4)) {
	case 0:
		return below(4) * s->target->page_size;
	case 1:
		return random_number(s) - address % (UINT64_C(1) << 56);
	case 2:
		return (UINT64_C(1) << below(64)) + below(3) - 1;
	default:
		return random64() >> below(64);
	}
}

static void random_call(const struct subject *s, struct seccomp_data *call)
{
	enum filter_abi other = oracle_other(s->target->abi);
	enum filter_abi abi = other != FILTER_ABIS && below(6) == 0 ? other : s->target->abi;
	const int *numbers = oracle_numbers(abi);
	size_t n = 0;

	while (numbers[n] >= 0)
		n++;
	call->arch = oracle_arch(abi);
	call->nr = below(16) ? numbers[below(n)] : (int)below(600);
	if (abi == FILTER_X86_64 && below(16) == 0)
		call->nr |= (int)SYS_ABI_X32_BIT;
	call->args[0] = random_number(s);
	call->args[1] = below(4) ? random_length(s, call->args[0]) : random_number(s);
	call->args[2] = conditions[below(COUNT(conditions))];
	call->args[3] = below(4) ? conditions[below(COUNT(conditions))] : random64();
	call->args[4] = random_number(s);
	if (below(4) == 0)
		call->args[2] = random_length(s, call->args[4]);
	if (below(8) == 0)
		call->args[2] = below(128);
	if (below(8) == 0)
		call->args[below(2)] = conditions[below(COUNT(conditions))];
	if (abi == FILTER_I386 || abi == FILTER_ARM)
		for (size_t i = 0; i < COUNT(call->args); i++)
			call->args[i] = (uint32_t)call->args[i];
}

START_TEST(random_calls)
{
	const char *seed = getenv("FILTER_SEED");
	unsigned left = scaled(10000000), refused = 0, all = left;
	struct subject s;
	struct seccomp_data call = { 0 };

	if (seed)
		random_state ^= strtoull(seed, NULL, 0);
	while (left) {
		s.target = &machines[below(COUNT(machines))];
		random_ranges(&s);
		for (unsigned i = 0; i < 1000 && left; i++, left--) {
			random_call(&s, &call);
			judge(&s, &call);
			refused += bpf_run(s.prog, s.n, &call, NULL) != SECCOMP_RET_ALLOW;
		}
	}
	printf("%u random calls, %u of them refused, as the oracle has it\n", all, refused);
	/* half-way balanced, or it shows nothing */
	ck_assert_uint_gt(refused, all / 10);
	ck_assert_uint_lt(refused, all - all / 10);
}
END_TEST

START_TEST(calls_of_no_interest_are_always_allowed)
{
	struct subject s = { .target = &machines[_i], .scope = FILTER_MSEAL };

	for (s.ranges_n = 1; s.ranges_n <= 100; s.ranges_n += 33) {
		for (size_t i = 0; i < s.ranges_n; i++)
			s.ranges[i] = range_at(s.target, 0x550000000000 + i * 3 * MiB, 1);
		build(&s);
		for (int number = 0; number < 600; number++) {
			const int *known = oracle_numbers(s.target->abi);

			while (*known >= 0 && *known != number)
				known++;
			if (*known < 0 || number == oracle_number(s.target->abi, ORACLE_BRK))
				ck_assert(bpf_is_always_allowed(
					s.prog, s.n, oracle_arch(s.target->abi), number));
		}
	}
}
END_TEST

START_TEST(an_unknown_architecture_is_refused_on_x86_64)
{
	struct subject s = { .target = &machines[0], .scope = FILTER_MSEAL, .ranges_n = 1 };
	struct seccomp_data call = { .arch = SYS_AUDIT_ARCH_AARCH64, .nr = 172 };

	s.ranges[0] = range_at(s.target, 0x550000000000, 1);
	build(&s);
	ck_assert_uint_eq(bpf_run(s.prog, s.n, &call, NULL), REFUSE);
}
END_TEST

/* Elsewhere a process of another word size is one that executed another program, and has none of the ranges. */
START_TEST(another_word_size_is_left_alone_where_no_process_can_change_it)
{
	const struct filter_target *machine = &machines[_i];
	struct subject s = { .target = machine, .scope = FILTER_MSEAL, .ranges_n = 1 };
	struct seccomp_data call = { .arch = SYS_AUDIT_ARCH_ARM ^ 1 };

	if (oracle_other(machine->abi) != FILTER_ABIS)
		return;
	s.ranges[0] = range_at(machine, 0x400000, 1);
	build(&s);
	call.args[0] = s.ranges[0].start;
	call.args[1] = machine->page_size;
	for (call.nr = 0; call.nr < 600; call.nr++)
		ck_assert_uint_eq(bpf_run(s.prog, s.n, &call, NULL), SECCOMP_RET_ALLOW);
	call.arch = oracle_arch(machine->abi);
	call.nr = oracle_number(machine->abi, ORACLE_MUNMAP);
	ck_assert_uint_eq(bpf_run(s.prog, s.n, &call, NULL), REFUSE);
}
END_TEST

static int build_one(struct filter_range r, size_t n, unsigned scope)
{
	struct sock_filter prog[BPF_MAXINSNS];

	return filter_build(&machines[0], prog, COUNT(prog), &r, n, scope);
}

START_TEST(a_bad_range_is_refused)
{
	uint64_t page = machines[0].page_size, at = 0x550000000000;

	ck_assert_int_eq(build_one((struct filter_range){ at, at }, 1, FILTER_MSEAL), -EINVAL);
	ck_assert_int_eq(build_one((struct filter_range){ at + page, at }, 1, FILTER_MSEAL),
			 -EINVAL);
	ck_assert_int_eq(build_one((struct filter_range){ at + 1, at + page }, 1, FILTER_MSEAL),
			 -EINVAL);
	ck_assert_int_eq(build_one((struct filter_range){ at, at + page + 1 }, 1, FILTER_MSEAL),
			 -EINVAL);
	ck_assert_int_gt(build_one((struct filter_range){ at, at + page }, 1, FILTER_MSEAL), 0);
}
END_TEST

/* A tag could name it. */
START_TEST(a_range_beyond_the_bits_of_an_address_is_refused)
{
	const struct filter_target *machine = &machines[_i];
	uint64_t end = UINT64_C(1) << oracle_range_bits(machine->abi);
	struct filter_range r = { end - 2 * machine->page_size, end };
	struct sock_filter prog[BPF_MAXINSNS];

	ck_assert_int_eq(filter_build(machine, prog, COUNT(prog), &r, 1, FILTER_MSEAL),
			 -EOPNOTSUPP);
	r.end -= machine->page_size;
	ck_assert_int_gt(filter_build(machine, prog, COUNT(prog), &r, 1, FILTER_MSEAL), 0);
}
END_TEST

START_TEST(a_bad_size_of_rings_is_refused)
{
	struct filter_target machine = machines[0];
	struct sock_filter prog[BPF_MAXINSNS];

	machine.ring_events = 0;
	ck_assert_int_eq(filter_build(&machine, prog, COUNT(prog), NULL, 0, FILTER_PROCESS),
			 -EINVAL);
	machine.ring_events = RINGS_EVENTS_MAX + 1;
	ck_assert_int_eq(filter_build(&machine, prog, COUNT(prog), NULL, 0, FILTER_PROCESS),
			 -EINVAL);
	machine.ring_events = RINGS_EVENTS_MAX;
	ck_assert_int_gt(filter_build(&machine, prog, COUNT(prog), NULL, 0, FILTER_PROCESS), 0);
}
END_TEST

START_TEST(a_bad_scope_is_refused)
{
	struct filter_range r = range_at(&machines[0], 0x550000000000, 1);

	ck_assert_int_eq(build_one(r, 1, 0), -EINVAL);
	ck_assert_int_eq(build_one(r, 1, 1 << 10), -EINVAL);
	ck_assert_int_eq(build_one(r, 0, FILTER_MSEAL), -EINVAL);
	ck_assert_int_gt(build_one(r, 0, FILTER_PROCESS), 0);
}
END_TEST

START_TEST(a_program_that_does_not_fit_is_refused_and_stays_in_its_room)
{
	struct subject s = { .target = &machines[0], .scope = FILTER_MSEAL, .ranges_n = 1 };
	struct sock_filter prog[BPF_MAXINSNS];

	s.ranges[0] = range_at(s.target, 0x550000000000, 1);
	build(&s);
	memset(prog, 0xee, sizeof(prog));
	ck_assert_int_eq(filter_build(s.target, prog, s.n - 1, s.ranges, 1, s.scope), -E2BIG);
	ck_assert_uint_eq(prog[s.n - 1].k, 0xeeeeeeee);
	ck_assert_int_eq(filter_build(s.target, prog, s.n, s.ranges, 1, s.scope), (int)s.n);
	ck_assert_mem_eq(prog, s.prog, s.n * sizeof(prog[0]));
}
END_TEST

START_TEST(ranges_that_touch_become_one_in_any_order)
{
	struct subject s = { .target = &machines[0], .scope = FILTER_MSEAL, .ranges_n = 4 };
	struct subject one = { .target = &machines[0], .scope = FILTER_MSEAL, .ranges_n = 1 };
	uint64_t page = s.target->page_size, at = 0x550000000000;

	s.ranges[0] = (struct filter_range){ at + 4 * page, at + 6 * page };
	s.ranges[1] = (struct filter_range){ at, at + page };
	s.ranges[2] = (struct filter_range){ at + 3 * page, at + 5 * page };
	s.ranges[3] = (struct filter_range){ at + page, at + 3 * page };
	one.ranges[0] = (struct filter_range){ at, at + 6 * page };
	build(&s);
	build(&one);
	ck_assert_uint_eq(s.n, one.n);
	ck_assert_mem_eq(s.prog, one.prog, s.n * sizeof(s.prog[0]));
}
END_TEST

START_TEST(programs_are_short)
{
	struct subject s = { .target = &machines[0], .scope = FILTER_PLAIN, .ranges_n = 1 };

	s.ranges[0] = range_at(s.target, 0x550000000000, 1);
	build(&s);
	ck_assert_uint_le(s.n, 51);
	s.scope = FILTER_MSEAL;
	for (s.ranges_n = 0; s.ranges_n < 100; s.ranges_n++)
		s.ranges[s.ranges_n] = range_at(s.target, 0x550000000000 + s.ranges_n * 3 * MiB, 1);
	build(&s);
	ck_assert_uint_le(s.n, 3000);
}
END_TEST

/*
 * From here on with the kernel. Check runs each test in a process of its own, which ends with the
 * filter.
 */

static int install(const struct filter_range *ranges, size_t n, unsigned scope)
{
	struct sock_filter prog[BPF_MAXINSNS];
	struct sock_fprog fprog = { .filter = prog };
	const struct filter_target machine = filter_this_machine();
	int r = filter_build(&machine, prog, COUNT(prog), ranges, n, scope);

	if (r < 0)
		return r;
	fprog.len = (unsigned short)r;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &fprog) < 0 ? -errno : 0;
}

static void seal(const void *address, size_t size, unsigned scope)
{
	struct filter_range r = { (uintptr_t)address, (uintptr_t)address + size };

	ck_assert_int_eq(install(&r, 1, scope), 0);
}

static bool is_error(const void *p)
{
	return p == MAP_FAILED;
}

/*
 * Three pages in the middle of reserved address space, so that whatever is done to them meets
 * nothing else. The second is the one that acts are aimed at, the others are its neighbours. They
 * follow a multiple of a large huge page, which one act begins at, and are themselves multiples of
 * none: mremap would be refused there, because it might be of huge pages.
 */
#define PAGES 3

static char *pages_new(int kind)
{
	size_t room = 4 * MiB, page = page_size();
	char *all = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *at;

	ck_assert(!is_error(all));
	at = all + (2 * MiB - (uintptr_t)all % (2 * MiB)) + 18 * page;
	at = mmap(at, PAGES * page, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_ANONYMOUS | kind, -1,
		  0);
	ck_assert(!is_error(at));
	memset(at, 's', PAGES * page);
	ck_assert_int_eq(mprotect(at, PAGES * page, PROT_READ), 0);
	return at;
}

/* A child does the reading, so that memory which is gone is an answer. */
static bool is_intact(const char *at)
{
	pid_t child = fork();
	int status;

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		for (size_t i = 0; i < page_size(); i++)
			if (((const volatile char *)at)[i] != 's')
				_exit(1);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return is_mapped(at) && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void *spare(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert(!is_error(p));
	return p;
}

static long act_mprotect(char *at)
{
	return mprotect(at, page_size(), PROT_READ | PROT_WRITE);
}

static long act_mprotect_one_byte(char *at)
{
	return mprotect(at, 1, PROT_READ | PROT_WRITE);
}

static long act_mprotect_from_before(char *at)
{
	return mprotect(at - page_size(), page_size() + 1, PROT_READ | PROT_WRITE);
}

static long act_pkey_mprotect(char *at)
{
	return syscall(SYS_pkey_mprotect, at, page_size(), PROT_READ | PROT_WRITE, -1);
}

static long act_munmap(char *at)
{
	return munmap(at, page_size());
}

static long act_munmap_all(char *at)
{
	return munmap(at - page_size(), 3 * page_size());
}

static long act_map_fixed(char *at)
{
	void *p = mmap(at, page_size(), PROT_READ, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return is_error(p) ? -1 : 0;
}

/*
 * A page's length of a file of huge pages, which the kernel takes for a huge page's, begun well
 * below.
 */
static long act_map_huge(char *at)
{
	int fd = memfd_create("huge", MFD_HUGETLB | (unsigned)MAP_HUGE_2MB);
	char *begin = at - (uintptr_t)at % (2 * MiB);
	void *p;

	if (fd < 0) {
		errno = ENOSYS;
		return -1;
	}
	p = mmap(begin, page_size(), PROT_READ, MAP_FIXED | MAP_SHARED | MAP_NORESERVE, fd, 0);
	close(fd);
	return is_error(p) ? -1 : 0;
}

static long act_shrink(char *at)
{
	return is_error(mremap(at - page_size(), 2 * page_size(), page_size(), 0)) ? -1 : 0;
}

static long act_grow(char *at)
{
	return is_error(mremap(at, page_size(), 64 * page_size(), MREMAP_MAYMOVE)) ? -1 : 0;
}

static long act_move(char *at)
{
	void *to = spare(page_size());

	return is_error(mremap(at, page_size(), page_size(), MREMAP_MAYMOVE | MREMAP_FIXED, to))
		       ? -1
		       : 0;
}

static long act_move_and_leave(char *at)
{
	return is_error(mremap(at, page_size(), page_size(), MREMAP_MAYMOVE | MREMAP_DONTUNMAP,
			       NULL))
		       ? -1
		       : 0;
}

static long act_double(char *at)
{
	return is_error(mremap(at, 0, page_size(), MREMAP_MAYMOVE)) ? -1 : 0;
}

/* Rounds up to no pages at all, which again is a second mapping. */
static long act_double_by_overflow(char *at)
{
	return is_error(mremap(at, SIZE_MAX, page_size(), MREMAP_MAYMOVE)) ? -1 : 0;
}

static long act_move_onto(char *at)
{
	void *from = spare(page_size());

	return is_error(mremap(from, page_size(), page_size(), MREMAP_MAYMOVE | MREMAP_FIXED, at))
		       ? -1
		       : 0;
}

static long act_dontneed(char *at)
{
	return madvise(at, page_size(), MADV_DONTNEED);
}

static long act_dontfork(char *at)
{
	return madvise(at, page_size(), MADV_DONTFORK);
}

static long act_wipeonfork(char *at)
{
	return madvise(at, page_size(), MADV_WIPEONFORK);
}

static long act_free(char *at)
{
	return madvise(at, page_size(), MADV_FREE);
}

static long act_remap_pages(char *at)
{
	return remap_file_pages(at, page_size(), 0, 2, 0);
}

static long act_attach(char *at)
{
	int id = shmget(IPC_PRIVATE, page_size(), IPC_CREAT | 0600);
	void *p = shmat(id, at, SHM_REMAP);
	int error = errno;

	shmctl(id, IPC_RMID, NULL);
	errno = error;
	return p == (void *)-1 ? -1 : 0;
}

/*
 * A ring shrunk to its first page and moved below: the kernel unmaps all that it once was. Newer
 * ones do not move a ring that has shrunk, and have this act no more.
 */
static long act_destroy_ring(char *at)
{
	aio_context_t ring = 0;
	size_t page = page_size(), events = 4 * page / sizeof(struct io_event);
	char *to = at - 2 * page;

	ck_assert_int_eq(syscall(SYS_io_setup, events, &ring), 0);
	ck_assert_int_eq(munmap((char *)ring + page, page), 0);
	if (is_error(mremap((void *)ring, page, page, MREMAP_MAYMOVE | MREMAP_FIXED, to))) {
		errno = errno == EINVAL ? ENOSYS : errno;
		return -1;
	}
	return syscall(SYS_io_destroy, (aio_context_t)to);
}

struct act {
	const char *name;
	long (*act)(char *at);
	int kind;
	bool may_be_missing;
};

static const struct act acts[] = {
	{ "mprotect", act_mprotect, MAP_PRIVATE, false },
	{ "mprotect of a byte", act_mprotect_one_byte, MAP_PRIVATE, false },
	{ "mprotect from before", act_mprotect_from_before, MAP_PRIVATE, false },
	{ "pkey_mprotect", act_pkey_mprotect, MAP_PRIVATE, true },
	{ "munmap", act_munmap, MAP_PRIVATE, false },
	{ "munmap of all", act_munmap_all, MAP_PRIVATE, false },
	{ "mmap MAP_FIXED", act_map_fixed, MAP_PRIVATE, false },
	{ "mmap of huge pages", act_map_huge, MAP_PRIVATE, true },
	{ "mremap to shrink", act_shrink, MAP_PRIVATE, false },
	{ "mremap to grow", act_grow, MAP_PRIVATE, false },
	{ "mremap to move", act_move, MAP_PRIVATE, false },
	{ "mremap DONTUNMAP", act_move_and_leave, MAP_PRIVATE, false },
	{ "mremap of length 0", act_double, MAP_SHARED, false },
	{ "mremap of length -1", act_double_by_overflow, MAP_SHARED, false },
	{ "mremap onto", act_move_onto, MAP_PRIVATE, false },
	{ "madvise DONTNEED", act_dontneed, MAP_PRIVATE, false },
	{ "madvise DONTFORK", act_dontfork, MAP_SHARED, false },
	{ "madvise WIPEONFORK", act_wipeonfork, MAP_PRIVATE, false },
	{ "madvise FREE", act_free, MAP_PRIVATE, false },
	{ "remap_file_pages", act_remap_pages, MAP_SHARED, false },
	{ "shmat SHM_REMAP", act_attach, MAP_PRIVATE, false },
	{ "io_destroy of a moved ring", act_destroy_ring, MAP_PRIVATE, true },
};

/* For a 64-bit kernel, no length of a 32-bit program overflows. */
static bool is_missing(const struct act *act, long r)
{
	if (sizeof(long) == 4 && act->act == act_double_by_overflow)
		return r == -EINVAL;
	return act->may_be_missing && r == -ENOSYS;
}

static bool is_refused(const struct act *act, char *at)
{
	long r = result(act->act(at));

	return r == -EPERM || is_missing(act, r);
}

START_TEST(the_act_is_refused_on_a_sealed_page_and_not_on_another)
{
	const struct act *act = &acts[_i];
	char *open = pages_new(act->kind) + page_size(),
	     *sealed = pages_new(act->kind) + page_size();
	long r;

	seal(sealed, page_size(), FILTER_MSEAL);
	ck_assert_msg(is_refused(act, sealed), "%s: %s", act->name, strerror(errno));
	ck_assert_msg(is_intact(sealed), "%s", act->name);
	r = result(act->act(open));
	ck_assert_msg(r == 0 || is_missing(act, r), "%s: %s", act->name, strerror(errno));
}
END_TEST

/*
 * A region's seal as it is with many of them: one program for a window once, a short one for each.
 */
START_TEST(the_act_is_refused_with_the_two_programs_of_a_window)
{
	const struct act *act = &acts[_i];
	char *sealed = pages_new(act->kind) + page_size();

	seal(sealed - 16 * page_size(), 32 * page_size(), FILTER_RARE | FILTER_PROCESS);
	seal(sealed, page_size(), FILTER_PLAIN);
	ck_assert_msg(is_refused(act, sealed), "%s: %s", act->name, strerror(errno));
	ck_assert_msg(is_intact(sealed), "%s", act->name);
}
END_TEST

START_TEST(a_window_leaves_open_what_sealing_takes)
{
	char *at = pages_new(MAP_SHARED);
	size_t page = page_size();

	seal(at - 16 * page, 32 * page, FILTER_RARE | FILTER_PROCESS);
	ck_assert_int_eq(act_mprotect(at), 0);
	ck_assert_int_eq(act_dontfork(at), 0);
	ck_assert_int_eq(act_map_fixed(at), 0);
	ck_assert_int_eq(act_munmap(at), 0);
}
END_TEST

START_TEST(the_neighbours_of_a_sealed_page_are_open)
{
	char *sealed = pages_new(MAP_PRIVATE) + page_size();
	size_t page = page_size();

	seal(sealed, page, FILTER_MSEAL);
	for (char *at = sealed - page; at <= sealed + page; at += 2 * page) {
		ck_assert_int_eq(act_mprotect(at), 0);
		*at = 'x';
		ck_assert_int_eq(act_dontneed(at), 0);
		ck_assert_int_eq(*at, 0);
		ck_assert_int_eq(act_map_fixed(at), 0);
		ck_assert_int_eq(act_move_onto(at), 0);
		ck_assert_int_eq(act_munmap(at), 0);
		ck_assert(!is_mapped(at));
	}
	ck_assert(is_intact(sealed));
}
END_TEST

/* A kernel that does not know MAP_FIXED_NOREPLACE would replace the page. One that does answers EEXIST. */
START_TEST(no_flag_beside_map_fixed_passes_the_filter)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_FIXED_NOREPLACE;
	char *sealed = pages_new(MAP_PRIVATE) + page_size();
	size_t page = page_size();

	seal(sealed, page, FILTER_MSEAL);
	ck_assert(is_error(mmap(sealed, page, PROT_READ, flags, -1, 0)));
	ck_assert_int_eq(errno, EPERM);
	ck_assert(is_error(mmap(sealed + page, page, PROT_READ, flags, -1, 0)));
	ck_assert_int_eq(errno, EEXIST);
	ck_assert_int_eq(munmap(sealed + page, page), 0);
	ck_assert_ptr_eq(mmap(sealed + page, page, PROT_READ, flags, -1, 0), sealed + page);
	ck_assert(is_intact(sealed));
}
END_TEST

START_TEST(harmless_calls_pass_on_a_sealed_page)
{
	char *sealed = pages_new(MAP_PRIVATE) + page_size();
	size_t page = page_size();

	seal(sealed, page, FILTER_MSEAL);
	ck_assert_int_eq(mprotect(sealed, 0, PROT_NONE), 0);
	ck_assert_int_eq(madvise(sealed, 0, MADV_DONTNEED), 0);
	ck_assert_int_eq(madvise(sealed, page, MADV_WILLNEED), 0);
	ck_assert_int_eq(madvise(sealed, page, MADV_DONTDUMP), 0);
	ck_assert_int_eq(msync(sealed, page, MS_ASYNC), 0);
	ck_assert(is_error(mmap(sealed, page, PROT_READ,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0)));
	ck_assert_int_eq(errno, EEXIST);
	ck_assert(!is_error(mmap(sealed, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)));
	ck_assert(is_intact(sealed));
}
END_TEST

START_TEST(a_seal_is_inherited_by_fork)
{
	char *sealed = pages_new(MAP_PRIVATE);
	int status;
	pid_t child;

	seal(sealed, page_size(), FILTER_MSEAL);
	child = fork();
	if (child == 0)
		_exit(result(act_munmap(sealed)) == -EPERM && *sealed == 's' ? 0 : 1);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(ways_round_the_filter_are_refused)
{
	seal(pages_new(MAP_PRIVATE), page_size(), FILTER_MSEAL);
	ck_assert_int_eq(result(prctl(PR_SET_MM, PR_SET_MM_BRK, 0, 0, 0)), -EPERM);
	ck_assert_int_eq(result(syscall(SYS_userfaultfd, 1)), -EPERM);
	ck_assert_int_eq(result(syscall(SYS_ioctl, -1, MAKE_USERFAULTFD, 0)), -EPERM);
	ck_assert_int_eq(result(syscall(SYS_ioctl, -1, _IO(0xaa, 1), 0)), -EBADF);
	ck_assert_int_eq(result(syscall(SYS_io_uring_setup, 1, NULL)), -EPERM);
	ck_assert_int_eq(result(syscall(SYS_process_madvise, -1, NULL, 0, MADV_DONTNEED, 0)),
			 -EPERM);
}
END_TEST

START_TEST(the_device_that_makes_userfaultfds_makes_none)
{
	int device = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);

	if (device < 0 || ioctl(device, MAKE_USERFAULTFD, O_CLOEXEC) < 0)
		skip_test("no /dev/userfaultfd for this user on this kernel");
	seal(pages_new(MAP_PRIVATE), page_size(), FILTER_MSEAL);
	ck_assert_int_eq(result(ioctl(device, MAKE_USERFAULTFD, O_CLOEXEC)), -EPERM);
}
END_TEST

START_TEST(ways_round_the_filter_are_open_without_it)
{
	struct filter_range r = { (uintptr_t)pages_new(MAP_PRIVATE), 0 };

	r.end = r.start + page_size();
	ck_assert_int_eq(install(&r, 1, FILTER_PLAIN), 0);
	ck_assert_int_eq(result(syscall(SYS_ioctl, -1, MAKE_USERFAULTFD, 0)), -EBADF);
	ck_assert_int_eq(result(syscall(SYS_io_uring_setup, 1, NULL)), -EFAULT);
	ck_assert_int_eq(result(syscall(SYS_process_madvise, -1, NULL, 0, MADV_DONTNEED, 0)),
			 -EBADF);
}
END_TEST

START_TEST(a_sealed_heap_page_stays_and_malloc_survives)
{
	size_t page = page_size(), size = 64 * page;
	char *block = sbrk((intptr_t)(size + page));
	char *sealed = block + (page - (uintptr_t)block % page);

	memset(sealed, 's', page);
	seal(sealed, page, FILTER_MSEAL | FILTER_HEAP);
	ck_assert_ptr_eq(sbrk(-(intptr_t)size), (void *)-1);
	ck_assert(is_intact(sealed));
	for (size_t i = 0; i < 1000; i++)
		free(malloc(1 + i * 97));
	ck_assert_ptr_ne(sbrk((intptr_t)page), (void *)-1);
	ck_assert_ptr_ne(sbrk(-(intptr_t)page), (void *)-1);
}
END_TEST

START_TEST(the_heap_moves_freely_beside_a_seal_elsewhere)
{
	seal(pages_new(MAP_PRIVATE), page_size(), FILTER_MSEAL);
	ck_assert_ptr_ne(sbrk((intptr_t)page_size()), (void *)-1);
	ck_assert_ptr_ne(sbrk(-(intptr_t)page_size()), (void *)-1);
}
END_TEST

START_TEST(availability_refuses_advice_and_nothing_else)
{
	char *sealed = pages_new(MAP_SHARED);

	seal(sealed, page_size(), FILTER_AVAILABILITY);
	ck_assert_int_eq(result(act_dontfork(sealed)), -EPERM);
	ck_assert_int_eq(result(madvise(sealed, page_size(), MADV_GUARD_INSTALL)), -EPERM);
	ck_assert(is_intact(sealed));
	ck_assert_int_eq(act_dontfork(sealed + page_size()), 0);
	ck_assert_int_eq(act_mprotect(sealed), 0);
	ck_assert_int_eq(act_munmap(sealed), 0);
}
END_TEST

/* Where all calls of two word sizes reach the ranges, each seal takes more room. */
START_TEST(five_hundred_seals_one_by_one)
{
	size_t page = page_size(), seals = filter_this_machine().abi == FILTER_I386 ? 400 : 500;
	char *at = mmap(NULL, 1100 * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	seal(at, 1100 * page, FILTER_RARE | FILTER_PROCESS);
	for (size_t i = 0; i < seals; i++)
		seal(at + i * 2 * page, page, FILTER_PLAIN);
	for (size_t i = 0; i < seals; i += 71) {
		ck_assert_int_eq(result(act_munmap(at + i * 2 * page)), -EPERM);
		ck_assert_int_eq(act_munmap(at + (i * 2 + 1) * page), 0);
	}
}
END_TEST

#ifdef __x86_64__
/* A 32-bit call from a 64-bit program, as anyone can make. */
static long call32(long number, long a, long b)
{
	long r;

	__asm__ volatile("int $0x80"
			 : "=a"(r)
			 : "a"(number), "b"(a), "c"(b)
			 : "memory", "r8", "r9", "r10", "r11");
	return r;
}

# define PRCTL32  172
# define GETPID32 20
# define MUNMAP32 91

/* A kernel without 32-bit calls answers one with an error or with a signal. */
static void require_32_bits(void)
{
	pid_t child = fork();
	int status = 0;

	ck_assert_int_ge(child, 0);
	if (child == 0)
		_exit(call32(GETPID32, 0, 0) != getpid());
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	if (status != 0)
		skip_test("this kernel takes no 32-bit system calls");
}

START_TEST(calls_by_32_bits_are_looked_at)
{
	char *sealed = pages_new(MAP_PRIVATE);

	require_32_bits();
	seal(sealed, page_size(), FILTER_MSEAL);
	ck_assert_int_eq(call32(GETPID32, 0, 0), getpid());
	ck_assert_int_eq(call32(PRCTL32, PR_SET_MM, 0), -EPERM);
}
END_TEST

START_TEST(calls_by_32_bits_are_refused_where_they_reach_a_range)
{
	size_t page = page_size();
	char *low = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	require_32_bits();
	low[0] = 1;
	seal(low, page, FILTER_MSEAL);
	ck_assert_int_eq(call32(GETPID32, 0, 0), getpid());
	ck_assert_int_eq(call32(MUNMAP32, (long)low, (long)page), -EPERM);
	ck_assert_int_eq(low[0], 1);
	ck_assert_int_eq(call32(MUNMAP32, (long)(low + page), (long)page), 0);
}
END_TEST
#endif

static Suite *filter_suite(void)
{
	Suite *suite = suite_create("filter");
	TCase *paper = tcase_create("paper"), *kernel = tcase_create("kernel");

	tcase_set_timeout(paper, 600);
	tcase_set_timeout(kernel, 60);
	tcase_add_test(paper, a_bad_range_is_refused);
	tcase_add_loop_test(paper, a_range_beyond_the_bits_of_an_address_is_refused, 0,
			    (int)COUNT(machines));
	tcase_add_test(paper, a_bad_scope_is_refused);
	tcase_add_test(paper, a_bad_size_of_rings_is_refused);
	tcase_add_test(paper, a_program_that_does_not_fit_is_refused_and_stays_in_its_room);
	tcase_add_test(paper, ranges_that_touch_become_one_in_any_order);
	tcase_add_test(paper, programs_are_short);
	tcase_add_test(paper, an_unknown_architecture_is_refused_on_x86_64);
	tcase_add_loop_test(paper, another_word_size_is_left_alone_where_no_process_can_change_it,
			    0, (int)COUNT(machines));
	tcase_add_loop_test(paper, calls_of_no_interest_are_always_allowed, 0,
			    (int)COUNT(machines));
	tcase_add_loop_test(paper, every_boundary_of_one_range, 0,
			    (int)(COUNT(machines) * COUNT(places)));
	tcase_add_loop_test(paper, every_boundary_of_several_ranges, 0, (int)COUNT(machines));
	tcase_add_loop_test(paper, a_file_can_be_mapped_wherever_a_window_places_it, 0,
			    (int)COUNT(machines));
	tcase_add_test(paper, random_calls);
	suite_add_tcase(suite, paper);

	tcase_add_loop_test(kernel, the_act_is_refused_on_a_sealed_page_and_not_on_another, 0,
			    (int)COUNT(acts));
	tcase_add_loop_test(kernel, the_act_is_refused_with_the_two_programs_of_a_window, 0,
			    (int)COUNT(acts));
	tcase_add_test(kernel, a_window_leaves_open_what_sealing_takes);
	tcase_add_test(kernel, the_neighbours_of_a_sealed_page_are_open);
	tcase_add_test(kernel, no_flag_beside_map_fixed_passes_the_filter);
	tcase_add_test(kernel, harmless_calls_pass_on_a_sealed_page);
	tcase_add_test(kernel, a_seal_is_inherited_by_fork);
	tcase_add_test(kernel, ways_round_the_filter_are_refused);
	tcase_add_test(kernel, the_device_that_makes_userfaultfds_makes_none);
	tcase_add_test(kernel, ways_round_the_filter_are_open_without_it);
	tcase_add_test(kernel, a_sealed_heap_page_stays_and_malloc_survives);
	tcase_add_test(kernel, the_heap_moves_freely_beside_a_seal_elsewhere);
	tcase_add_test(kernel, availability_refuses_advice_and_nothing_else);
	tcase_add_test(kernel, five_hundred_seals_one_by_one);
#ifdef __x86_64__
	tcase_add_test(kernel, calls_by_32_bits_are_looked_at);
	tcase_add_test(kernel, calls_by_32_bits_are_refused_where_they_reach_a_range);
#endif
	suite_add_tcase(suite, kernel);
	return suite;
}

/* With an argument, the case of that name alone: on another kernel, "paper" says nothing new. */
int main(int argc, char **argv)
{
	SRunner *runner = srunner_create(filter_suite());
	int failed;

	srunner_run(runner, NULL, argc > 1 ? argv[1] : NULL, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	printf("%d passed, %d failed\n", srunner_ntests_run(runner) - failed, failed);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
