/* SPDX-License-Identifier: MIT */
/*
 * The filter's contract as a sequence of plain questions. Where the builder shares instructions between calls, this
 * has a line for each call; where the builder counts in 32 bits, this counts in 128.
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

enum call {
	NONE,
	BRK,
	IO_DESTROY,
	IO_SETUP,
	IO_URING_SETUP,
	IOCTL,
	IPC,
	MADVISE,
	MMAP,
	MPROTECT,
	MREMAP,
	MUNMAP,
	PKEY_MPROTECT,
	PRCTL,
	PROCESS_MADVISE,
	REMAP_FILE_PAGES,
	SHMAT,
	SHMDT,
	USELIB,
	USERFAULTFD,
	CALLS,
};

static const struct name {
	int number;
	enum call call;
} x86_64[] = {
	{ 9, MMAP },
	{ 10, MPROTECT },
	{ 11, MUNMAP },
	{ 12, BRK },
	{ 16, IOCTL },
	{ 25, MREMAP },
	{ 28, MADVISE },
	{ 30, SHMAT },
	{ 67, SHMDT },
	{ 157, PRCTL },
	{ 206, IO_SETUP },
	{ 207, IO_DESTROY },
	{ 216, REMAP_FILE_PAGES },
	{ 323, USERFAULTFD },
	{ 329, PKEY_MPROTECT },
	{ 425, IO_URING_SETUP },
	{ 440, PROCESS_MADVISE },
	{ 514, IOCTL }, /* as x32 programs call it */
	{ 543, IO_SETUP }, /* likewise */
	{ -1, NONE },
}, x86_32[] = {
	{ 45, BRK },
	{ 54, IOCTL },
	{ 86, USELIB },
	{ 117, IPC },
	{ 172, PRCTL },
	{ 245, IO_SETUP },
	{ 374, USERFAULTFD },
	{ 397, SHMAT },
	{ 425, IO_URING_SETUP },
	{ -1, NONE },
}, aarch64[] = {
	{ 0, IO_SETUP },
	{ 1, IO_DESTROY },
	{ 29, IOCTL },
	{ 167, PRCTL },
	{ 196, SHMAT },
	{ 197, SHMDT },
	{ 214, BRK },
	{ 215, MUNMAP },
	{ 216, MREMAP },
	{ 222, MMAP },
	{ 226, MPROTECT },
	{ 233, MADVISE },
	{ 234, REMAP_FILE_PAGES },
	{ 282, USERFAULTFD },
	{ 288, PKEY_MPROTECT },
	{ 425, IO_URING_SETUP },
	{ 440, PROCESS_MADVISE },
	{ -1, NONE },
};

static const struct name *const names[FILTER_ABIS] = {
	[FILTER_X86_64] = x86_64,
	[FILTER_I386] = x86_32,
	[FILTER_AARCH64] = aarch64,
};

const int *oracle_numbers(enum filter_abi abi)
{
	static int numbers[FILTER_ABIS][CALLS + 1];
	size_t i = 0;

	do {
		numbers[abi][i] = names[abi][i].number;
	} while (names[abi][i++].number >= 0);
	return numbers[abi];
}

struct world {
	const struct filter_target *target;
	const struct filter_range *ranges;
	size_t n;
	unsigned scope;
	const struct seccomp_data *call;
};

static enum call name_of(enum filter_abi abi, uint32_t number)
{
	for (const struct name *name = names[abi]; name->number >= 0; name++)
		if ((uint32_t)name->number == number)
			return name->call;
	return NONE;
}

static uint64_t untagged(uint64_t address)
{
	return address % (UINT64_C(1) << 56);
}

static bool overlaps(const struct world *w, uint64_t address, __int128 length)
{
	for (size_t i = 0; i < w->n; i++)
		if (length && untagged(address) < w->ranges[i].end &&
		    untagged(address) + length > w->ranges[i].start)
			return true;
	return false;
}

/* The sizes of huge pages on the machine that the address is a multiple of, ended by 0. */
static size_t huge_sizes(const struct world *w, uint64_t address, uint64_t *ret)
{
	static const uint64_t x86[] = { 2 * MiB, GiB, 0 };
	static const uint64_t arm_4[] = { 64 * KiB, 2 * MiB, 32 * MiB, GiB, 0 };
	static const uint64_t arm_16[] = { 2 * MiB, 32 * MiB, GiB, 0 };
	static const uint64_t arm_64[] = { 2 * MiB, 512 * MiB, 16 * GiB, 0 };
	const uint64_t page = w->target->page_size;
	const uint64_t *size = page == 4 * KiB ? arm_4 : page == 16 * KiB ? arm_16 : arm_64;
	size_t n = 0;

	for (size = w->target->abi == FILTER_X86_64 ? x86 : size; *size; size++)
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

		if (overlaps(w, address, (__int128)length + missing))
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

static uint32_t native_answer(const struct world *w, enum call call)
{
	const uint64_t *arg = (const uint64_t *)w->call->args;
	bool plain = w->scope & FILTER_PLAIN, rare = w->scope & FILTER_RARE;
	bool process = w->scope & FILTER_PROCESS, heap = w->scope & FILTER_HEAP;
	bool available = w->scope & FILTER_AVAILABILITY;

	switch (call) {
	case MUNMAP:
		return refuse_if(plain && overlaps(w, arg[0], arg[1]));
	case MPROTECT:
		return refuse_if((process && follows_growth(arg[2])) ||
				 (plain && overlaps(w, arg[0], arg[1])));
	case MMAP:
		return refuse_if((plain || rare) && map_is_refused(w));
	case MADVISE:
		return refuse_if((plain || available) && !is_harmless_advice((uint32_t)arg[2]) &&
				 overlaps(w, arg[0], arg[1]));
	case PKEY_MPROTECT:
		return refuse_if((process && follows_growth(arg[2])) ||
				 (rare && overlaps(w, arg[0], arg[1])));
	case REMAP_FILE_PAGES:
		return refuse_if(rare && overlaps(w, arg[0], arg[1]));
	case MREMAP:
		return refuse_if(rare && move_is_refused(w));
	case SHMAT:
		return refuse_if(rare && (arg[2] & 040000) && arg[1] < last_end(w));
	case SHMDT:
		return refuse_if(rare && overlaps(w, arg[0], 1));
	case IO_DESTROY:
		return refuse_if(rare && overlaps(w, arg[0], largest_ring(w)));
	case IO_SETUP:
		return process && (uint32_t)arg[0] > w->target->ring_events ? NO_EVENTS : ALLOW;
	case BRK:
		return heap && arg[0] && arg[0] < last_end(w) ? NO_BREAK : ALLOW;
	case PRCTL:
		return refuse_if(process && (uint32_t)arg[0] == 35);
	case USERFAULTFD:
		return refuse_if(process);
	case IOCTL: /* USERFAULTFD_IOC_NEW */
		return refuse_if(process && (uint32_t)arg[1] == 0xaa00);
	case IO_URING_SETUP:
		return refuse_if(process || available);
	case PROCESS_MADVISE:
		return refuse_if((process || available) && !is_harmless_advice((uint32_t)arg[3]));
	default:
		return ALLOW;
	}
}

static uint32_t compat_answer(const struct world *w, enum call call)
{
	const uint64_t *arg = (const uint64_t *)w->call->args;
	bool process = w->scope & FILTER_PROCESS;

	switch (call) {
	case IPC:
		return refuse_if(process && (arg[0] & 0xffff) == 21 && (arg[2] & 040000));
	case SHMAT:
		return refuse_if(process && (arg[2] & 040000));
	case USELIB:
		return refuse_if(process);
	default:
		return native_answer(w, call);
	}
}

uint32_t oracle_answer(const struct filter_target *target, const struct filter_range *ranges,
		       size_t n, unsigned scope, const struct seccomp_data *call)
{
	struct world w = { target, ranges, n, scope, call };
	bool low = false;

	for (size_t i = 0; i < n; i++)
		low |= ranges[i].start < 8 * GiB;
	if (target->abi == FILTER_AARCH64) {
		if (call->arch != 0xc00000b7)
			return ALLOW;
		return native_answer(&w, name_of(FILTER_AARCH64, (uint32_t)call->nr));
	}
	if (call->arch == 0xc000003e)
		return native_answer(&w, name_of(FILTER_X86_64, (uint32_t)call->nr & ~(1u << 30)));
	if (low)
		return REFUSE;
	return compat_answer(&w, name_of(FILTER_I386, (uint32_t)call->nr));
}
