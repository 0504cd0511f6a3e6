/* SPDX-License-Identifier: MIT */
/*
 * The filter's contract as a sequence of plain questions. Where the builder shares instructions between calls, this
 * has a line for each call; where the builder counts in 32 bits, this counts in 64, and stops at the largest number.
 */

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/filter/oracle.h"

#define ALLOW	  SECCOMP_RET_ALLOW
#define REFUSE	  (SECCOMP_RET_ERRNO | EPERM)
#define NO_BREAK  (SECCOMP_RET_ERRNO | 0)
#define NO_EVENTS (SECCOMP_RET_ERRNO | EAGAIN)
#define GiB	  (UINT64_C(1) << 30)
#define MiB	  (UINT64_C(1) << 20)
#define KiB	  (UINT64_C(1) << 10)

#define END                                                                                        \
 {                                                                                                 \
  -1, ORACLE_NONE                                                                                  \
 }

static const struct name {
	int number;
	enum oracle_call call;
} x86_64[] = {
	{ 9, ORACLE_MMAP },
	{ 10, ORACLE_MPROTECT },
	{ 11, ORACLE_MUNMAP },
	{ 12, ORACLE_BRK },
	{ 16, ORACLE_IOCTL },
	{ 25, ORACLE_MREMAP },
	{ 28, ORACLE_MADVISE },
	{ 30, ORACLE_SHMAT },
	{ 67, ORACLE_SHMDT },
	{ 157, ORACLE_PRCTL },
	{ 206, ORACLE_IO_SETUP },
	{ 207, ORACLE_IO_DESTROY },
	{ 216, ORACLE_REMAP_FILE_PAGES },
	{ 323, ORACLE_USERFAULTFD },
	{ 329, ORACLE_PKEY_MPROTECT },
	{ 425, ORACLE_IO_URING_SETUP },
	{ 440, ORACLE_PROCESS_MADVISE },
	{ 514, ORACLE_IOCTL }, /* as x32 programs call it */
	{ 543, ORACLE_IO_SETUP }, /* likewise */
	END,
}, x86_32[] = {
	{ 45, ORACLE_BRK },
	{ 54, ORACLE_IOCTL },
	{ 86, ORACLE_USELIB },
	{ 90, ORACLE_MMAP_BY_POINTER },
	{ 91, ORACLE_MUNMAP },
	{ 117, ORACLE_IPC },
	{ 125, ORACLE_MPROTECT },
	{ 163, ORACLE_MREMAP },
	{ 172, ORACLE_PRCTL },
	{ 192, ORACLE_MMAP },
	{ 219, ORACLE_MADVISE },
	{ 245, ORACLE_IO_SETUP },
	{ 246, ORACLE_IO_DESTROY },
	{ 257, ORACLE_REMAP_FILE_PAGES },
	{ 374, ORACLE_USERFAULTFD },
	{ 380, ORACLE_PKEY_MPROTECT },
	{ 397, ORACLE_SHMAT },
	{ 398, ORACLE_SHMDT },
	{ 425, ORACLE_IO_URING_SETUP },
	{ 440, ORACLE_PROCESS_MADVISE },
	END,
}, generic[] = {
	{ 0, ORACLE_IO_SETUP },
	{ 1, ORACLE_IO_DESTROY },
	{ 29, ORACLE_IOCTL },
	{ 167, ORACLE_PRCTL },
	{ 196, ORACLE_SHMAT },
	{ 197, ORACLE_SHMDT },
	{ 214, ORACLE_BRK },
	{ 215, ORACLE_MUNMAP },
	{ 216, ORACLE_MREMAP },
	{ 222, ORACLE_MMAP },
	{ 226, ORACLE_MPROTECT },
	{ 233, ORACLE_MADVISE },
	{ 234, ORACLE_REMAP_FILE_PAGES },
	{ 282, ORACLE_USERFAULTFD },
	{ 288, ORACLE_PKEY_MPROTECT },
	{ 425, ORACLE_IO_URING_SETUP },
	{ 440, ORACLE_PROCESS_MADVISE },
	END,
}, arm[] = {
	{ 45, ORACLE_BRK },
	{ 54, ORACLE_IOCTL },
	{ 86, ORACLE_USELIB },
	{ 91, ORACLE_MUNMAP },
	{ 125, ORACLE_MPROTECT },
	{ 163, ORACLE_MREMAP },
	{ 172, ORACLE_PRCTL },
	{ 192, ORACLE_MMAP },
	{ 220, ORACLE_MADVISE },
	{ 243, ORACLE_IO_SETUP },
	{ 244, ORACLE_IO_DESTROY },
	{ 253, ORACLE_REMAP_FILE_PAGES },
	{ 305, ORACLE_SHMAT },
	{ 306, ORACLE_SHMDT },
	{ 388, ORACLE_USERFAULTFD },
	{ 394, ORACLE_PKEY_MPROTECT },
	{ 425, ORACLE_IO_URING_SETUP },
	{ 440, ORACLE_PROCESS_MADVISE },
	END,
}, ppc64[] = {
	{ 45, ORACLE_BRK },
	{ 54, ORACLE_IOCTL },
	{ 86, ORACLE_USELIB },
	{ 90, ORACLE_MMAP },
	{ 91, ORACLE_MUNMAP },
	{ 117, ORACLE_IPC },
	{ 125, ORACLE_MPROTECT },
	{ 163, ORACLE_MREMAP },
	{ 171, ORACLE_PRCTL },
	{ 205, ORACLE_MADVISE },
	{ 227, ORACLE_IO_SETUP },
	{ 228, ORACLE_IO_DESTROY },
	{ 239, ORACLE_REMAP_FILE_PAGES },
	{ 310, ORACLE_SUBPAGE_PROT },
	{ 364, ORACLE_USERFAULTFD },
	{ 386, ORACLE_PKEY_MPROTECT },
	{ 397, ORACLE_SHMAT },
	{ 398, ORACLE_SHMDT },
	{ 425, ORACLE_IO_URING_SETUP },
	{ 440, ORACLE_PROCESS_MADVISE },
	END,
};

/* What an architecture is: sizes of huge pages by the size of an ordinary one. */
static const struct machine {
	const struct name *names;
	uint32_t arch;
	unsigned address_bits, range_bits;
	uint32_t make_userfaultfd;
	enum filter_abi other;
	uint64_t huge_4[5], huge_16[5], huge_64[5];
} machines[FILTER_ABIS] = {
	[FILTER_X86_64] = { x86_64,
			    0xc000003e,
			    56,
			    56,
			    0xaa00,
			    FILTER_I386,
			    { 2 * MiB, GiB },
			    { 0 },
			    { 0 } },
	[FILTER_I386] = { x86_32,
			  0x40000003,
			  56,
			  32,
			  0xaa00,
			  FILTER_X86_64,
			  { 2 * MiB, 4 * MiB, GiB },
			  { 0 },
			  { 0 } },
	[FILTER_AARCH64] = { generic,
			     0xc00000b7,
			     56,
			     56,
			     0xaa00,
			     FILTER_ABIS,
			     { 64 * KiB, 2 * MiB, 32 * MiB, GiB },
			     { 2 * MiB, 32 * MiB, GiB },
			     { 2 * MiB, 512 * MiB, 16 * GiB } },
	[FILTER_ARM] = { arm,
			 0x40000028,
			 56,
			 32,
			 0xaa00,
			 FILTER_ABIS,
			 { 64 * KiB, 2 * MiB, 32 * MiB, GiB },
			 { 0 },
			 { 0 } },
	[FILTER_RISCV64] = { generic,
			     0xc00000f3,
			     48,
			     48,
			     0xaa00,
			     FILTER_ABIS,
			     { 64 * KiB, 2 * MiB, GiB },
			     { 0 },
			     { 0 } },
	[FILTER_LOONG64] = { generic,
			     0xc0000102,
			     56,
			     56,
			     0xaa00,
			     FILTER_ABIS,
			     { 2 * MiB },
			     { 32 * MiB },
			     { 512 * MiB } },
	[FILTER_PPC64LE] = { ppc64,
			     0xc0000015,
			     56,
			     56,
			     0x2000aa00,
			     FILTER_ABIS,
			     { 2 * MiB, 16 * MiB, GiB, 16 * GiB },
			     { 0 },
			     { 2 * MiB, 16 * MiB, GiB, 16 * GiB } },
};

const int *oracle_numbers(enum filter_abi abi)
{
	static int numbers[FILTER_ABIS][ORACLE_CALLS + 1];
	const struct name *names = machines[abi].names;
	size_t i = 0;

	do {
		numbers[abi][i] = names[i].number;
	} while (names[i++].number >= 0);
	return numbers[abi];
}

int oracle_number(enum filter_abi abi, enum oracle_call call)
{
	const struct name *name = machines[abi].names;

	while (name->number >= 0 && name->call != call)
		name++;
	return name->number;
}

uint32_t oracle_arch(enum filter_abi abi)
{
	return machines[abi].arch;
}

unsigned oracle_range_bits(enum filter_abi abi)
{
	return machines[abi].range_bits;
}

enum filter_abi oracle_other(enum filter_abi abi)
{
	return machines[abi].other;
}

struct world {
	const struct filter_target *target;
	const struct filter_range *ranges;
	size_t n;
	unsigned scope;
	const struct seccomp_data *call;
};

static enum oracle_call name_of(enum filter_abi abi, uint32_t number)
{
	uint32_t spoken = abi == FILTER_X86_64 ? number & ~(1u << 30) : number;

	for (const struct name *name = machines[abi].names; name->number >= 0; name++)
		if ((uint32_t)name->number == spoken)
			return name->call;
	return ORACLE_NONE;
}

static uint64_t untagged(const struct world *w, uint64_t address)
{
	return address % (UINT64_C(1) << machines[w->target->abi].address_bits);
}

static uint64_t plus(uint64_t a, uint64_t b)
{
	return b > UINT64_MAX - a ? UINT64_MAX : a + b;
}

static bool overlaps(const struct world *w, uint64_t address, uint64_t length)
{
	for (size_t i = 0; i < w->n; i++)
		if (length && untagged(w, address) < w->ranges[i].end &&
		    plus(untagged(w, address), length) > w->ranges[i].start)
			return true;
	return false;
}

/* The sizes of huge pages on the machine that the address is a multiple of, ended by 0. */
static size_t huge_sizes(const struct world *w, uint64_t address, uint64_t *ret)
{
	const struct machine *machine = &machines[w->target->abi];
	const uint64_t page = w->target->page_size;
	const uint64_t *size = page == 4 * KiB	  ? machine->huge_4
			       : page == 16 * KiB ? machine->huge_16
						  : machine->huge_64;
	size_t n = 0;

	for (; *size; size++)
		if (address % *size == 0)
			ret[n++] = *size;
	ret[n] = 0;
	return n;
}

/* Whether it overlaps if rounded up to any of them. */
static bool overlaps_with_huge(const struct world *w, uint64_t address, uint64_t length)
{
	uint64_t sizes[8];

	if (overlaps(w, address, length))
		return true;
	huge_sizes(w, address, sizes);
	for (const uint64_t *size = sizes; *size; size++) {
		uint64_t missing = length % *size ? *size - length % *size : 0;

		if (overlaps(w, address, plus(length, missing)))
			return true;
	}
	return false;
}

static uint64_t last_end(const struct world *w)
{
	uint64_t end = 0;

	for (size_t i = 0; i < w->n; i++)
		if (w->ranges[i].end > end)
			end = w->ranges[i].end;
	return end;
}

static bool is_harmless_advice(uint32_t advice)
{
	switch (advice) {
	case 0:	  /* NORMAL */
	case 1:	  /* RANDOM */
	case 2:	  /* SEQUENTIAL */
	case 3:	  /* WILLNEED */
	case 11:  /* DOFORK */
	case 12:  /* MERGEABLE */
	case 13:  /* UNMERGEABLE */
	case 14:  /* HUGEPAGE */
	case 15:  /* NOHUGEPAGE */
	case 16:  /* DONTDUMP */
	case 17:  /* DODUMP */
	case 19:  /* KEEPONFORK */
	case 20:  /* COLD */
	case 21:  /* PAGEOUT */
	case 22:  /* POPULATE_READ */
	case 23:  /* POPULATE_WRITE */
	case 25:  /* COLLAPSE */
	case 103: /* GUARD_REMOVE */
		return true;
	}
	return false;
}

static bool map_is_refused(const struct world *w)
{
	const uint64_t *arg = (const uint64_t *)w->call->args;
	bool fixed = arg[3] & 0x10; /* old kernels ignore 0x100000 beside it */
	bool anonymous = arg[3] & 0x20, hugetlb = arg[3] & 0x40000;
	bool maybe_huge = (!anonymous || hugetlb) && (w->scope & FILTER_RARE);
	uint64_t sizes[8];

	if (!fixed)
		return false;
	if (!(w->scope & FILTER_PLAIN) && (!maybe_huge || !huge_sizes(w, arg[0], sizes)))
		return false;
	return maybe_huge ? overlaps_with_huge(w, arg[0], arg[1]) : overlaps(w, arg[0], arg[1]);
}

static bool move_is_refused(const struct world *w)
{
	const uint64_t *arg = (const uint64_t *)w->call->args;

	if ((arg[3] & 2) && overlaps_with_huge(w, arg[4], arg[2]))
		return true;
	if (arg[1] == 0)
		return overlaps(w, arg[0], 1);
	return overlaps_with_huge(w, arg[0], arg[1]);
}

static bool follows_growth(uint64_t protection)
{
	return protection & 0x03000000;
}

/* What the kernel maps for it: 32 bytes for each event, as many again, two more, and 32 bytes before them. */
static uint64_t largest_ring(const struct world *w)
{
	const uint64_t events = w->target->ring_events;

	return 32 + 32 * events + 32 * events + 2 * 32;
}

static uint32_t refuse_if(bool refused)
{
	return refused ? REFUSE : ALLOW;
}

static bool ipc_is_refused(const struct world *w)
{
	const uint64_t *arg = (const uint64_t *)w->call->args;

	switch (arg[0] & 0xffff) {
	case 21: /* shmat */
		return (arg[2] & 040000) && arg[4] < last_end(w);
	case 22: /* shmdt */
		return overlaps(w, arg[4], 1);
	}
	return false;
}

static uint32_t native_answer(const struct world *w, enum oracle_call call)
{
	const uint64_t *arg = (const uint64_t *)w->call->args;
	bool plain = w->scope & FILTER_PLAIN, rare = w->scope & FILTER_RARE;
	bool process = w->scope & FILTER_PROCESS, heap = w->scope & FILTER_HEAP;
	bool available = w->scope & FILTER_AVAILABILITY;

	switch (call) {
	case ORACLE_MUNMAP:
		return refuse_if(plain && overlaps(w, arg[0], arg[1]));
	case ORACLE_MPROTECT:
		return refuse_if((process && follows_growth(arg[2])) ||
				 (plain && overlaps(w, arg[0], arg[1])));
	case ORACLE_MMAP:
		return refuse_if((plain || rare) && map_is_refused(w));
	case ORACLE_MADVISE:
		return refuse_if((plain || available) && !is_harmless_advice((uint32_t)arg[2]) &&
				 overlaps(w, arg[0], arg[1]));
	case ORACLE_PKEY_MPROTECT:
		return refuse_if((process && follows_growth(arg[2])) ||
				 (rare && overlaps(w, arg[0], arg[1])));
	case ORACLE_REMAP_FILE_PAGES:
	case ORACLE_SUBPAGE_PROT:
		return refuse_if(rare && overlaps(w, arg[0], arg[1]));
	case ORACLE_MREMAP:
		return refuse_if(rare && move_is_refused(w));
	case ORACLE_SHMAT:
		return refuse_if(rare && (arg[2] & 040000) && arg[1] < last_end(w));
	case ORACLE_SHMDT:
		return refuse_if(rare && overlaps(w, arg[0], 1));
	case ORACLE_IPC:
		return refuse_if(rare && ipc_is_refused(w));
	case ORACLE_IO_DESTROY:
		return refuse_if(rare && overlaps(w, arg[0], largest_ring(w)));
	case ORACLE_IO_SETUP:
		return process && (uint32_t)arg[0] > w->target->ring_events ? NO_EVENTS : ALLOW;
	case ORACLE_BRK:
		return heap && arg[0] && arg[0] < last_end(w) ? NO_BREAK : ALLOW;
	case ORACLE_PRCTL:
		return refuse_if(process && (uint32_t)arg[0] == 35);
	case ORACLE_MMAP_BY_POINTER:
	case ORACLE_USELIB:
	case ORACLE_USERFAULTFD:
		return refuse_if(process);
	case ORACLE_IOCTL: /* USERFAULTFD_IOC_NEW */
		return refuse_if(process &&
				 (uint32_t)arg[1] == machines[w->target->abi].make_userfaultfd);
	case ORACLE_IO_URING_SETUP:
		return refuse_if(process || available);
	case ORACLE_PROCESS_MADVISE:
		return refuse_if((process || available) && !is_harmless_advice((uint32_t)arg[3]));
	default:
		return ALLOW;
	}
}

/* Of a 32-bit call beside ranges that only a few of them reach. */
static uint32_t far_answer(const struct world *w, enum oracle_call call)
{
	const uint64_t *arg = (const uint64_t *)w->call->args;
	bool process = w->scope & FILTER_PROCESS;

	switch (call) {
	case ORACLE_IPC:
		return refuse_if(process && (arg[0] & 0xffff) == 21 && (arg[2] & 040000));
	case ORACLE_SHMAT:
		return refuse_if(process && (arg[2] & 040000));
	case ORACLE_BRK:
	case ORACLE_IO_SETUP:
	case ORACLE_IO_URING_SETUP:
	case ORACLE_IOCTL:
	case ORACLE_PRCTL:
	case ORACLE_USELIB:
	case ORACLE_USERFAULTFD:
		return native_answer(w, call);
	default:
		return ALLOW;
	}
}

uint32_t oracle_answer(const struct filter_target *target, const struct filter_range *ranges,
		       size_t n, unsigned scope, const struct seccomp_data *call)
{
	const struct machine *machine = &machines[target->abi];
	struct world w = { target, ranges, n, scope, call };
	enum oracle_call name;
	bool low = false;

	if (call->arch == machine->arch)
		return native_answer(&w, name_of(target->abi, (uint32_t)call->nr));
	if (machine->other == FILTER_ABIS)
		return ALLOW;
	if (call->arch != machines[machine->other].arch)
		return REFUSE;
	for (size_t i = 0; i < n; i++)
		low |= ranges[i].start < 8 * GiB;
	name = name_of(machine->other, (uint32_t)call->nr);
	return low || machine->other == FILTER_X86_64 ? native_answer(&w, name)
						      : far_answer(&w, name);
}
