/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_FILTER_H
#define SEALMEM_FILTER_H

/*
 * mseal(2) for kernels that have none: it takes ranges of addresses and gives a seccomp program. The
 * program answers EPERM to every system call that would unmap, move, replace or re-protect a byte of a
 * range, and lets all others through. Building it is a pure function, so that tests can interpret,
 * compare and prove it without a kernel. Others decide who installs it, and when.
 */

#include <stddef.h>
#include <stdint.h>
#include <linux/filter.h>

/* Half-open and page-aligned: start < end. */
struct filter_range {
	uint64_t start, end;
};

/*
 * The parts of a program. A program cannot be taken back, and the kernel caps what may be
 * stacked, so one that seals a single region has to be short. Hence the parts:
 *
 * FILTER_PROCESS needs no range. It refuses the calls that hand out a way round any filter
 * (userfaultfd, io_uring_setup, PR_SET_MM ...) or do not say how far they reach (PROT_GROWSDOWN), and
 * bounds the rings of io_setup.
 * Once for a process is enough, and the others are sound only with it.
 *
 * FILTER_PLAIN is what every program calls: munmap, mprotect, mmap, madvise. It is sound only where
 * FILTER_RARE holds for the same addresses.
 *
 * FILTER_RARE is every other call that names an address. It may be installed once over a whole
 * window that sealed regions will lie in, before they are made: it leaves open what it takes to
 * map, to write and to seal a region there, provided that no MAP_FIXED mapping of a file begins at
 * a multiple of a huge page's size.
 *
 * FILTER_MSEAL is all three, for ranges anywhere. FILTER_AVAILABILITY is for kernels with mseal(2):
 * it refuses the advice that mseal still lets pass on a shared mapping. FILTER_HEAP is to be added
 * (or used alone) for ranges inside [start_brk, brk), and for no others: it refuses brk() below
 * them.
 *
 * One thing no program can see, so that its caller has to: a segment of shared memory is to be
 * sealed from its first page on, or shmdt() at that page takes all of it away.
 */
enum filter_scope {
	FILTER_PLAIN = 1 << 0,
	FILTER_RARE = 1 << 1,
	FILTER_PROCESS = 1 << 2,
	FILTER_MSEAL = FILTER_PLAIN | FILTER_RARE | FILTER_PROCESS,
	FILTER_AVAILABILITY = 1 << 3,
	FILTER_HEAP = 1 << 4,
};

enum filter_abi {
	FILTER_X86_64,
	FILTER_I386,
	FILTER_AARCH64,
	FILTER_ARM,
	FILTER_RISCV64,
	FILTER_LOONG64,
	FILTER_PPC64LE,
	FILTER_ABIS,
};

/*
 * The machine a program is for: its own system call numbers, its page size, and the most events for which a
 * ring of io_setup(2) is made there. FILTER_PROCESS refuses to make a ring for more. FILTER_RARE refuses to
 * destroy one that would reach a range if it was made for so many.
 */
struct filter_target {
	enum filter_abi abi;
	uint64_t page_size;
	uint32_t ring_events;
};

/* This machine, with the largest rings. On an architecture without a table of system calls, abi is FILTER_ABIS. */
struct filter_target filter_this_machine(void);

/*
 * Writes at most `room` instructions; returns how many, -E2BIG when they do not fit or are more
 * than the kernel takes in one program, -EINVAL for a bad range, scope or target, -EOPNOTSUPP for
 * FILTER_ABIS, and for a range beyond the addresses of the machine, or so far up that a tag could name it. `n` may be 0 for FILTER_PROCESS alone. Ranges may come in any order and may touch or overlap.
 */
int filter_build(const struct filter_target *target, struct sock_filter *prog, size_t room,
		 const struct filter_range *ranges, size_t n, unsigned scope);

/* The sizes of huge pages that FILTER_RARE allows for on this machine, in ascending order, then 0. */
#define FILTER_HUGE_SIZES 6
void filter_huge_sizes(uint64_t ret[FILTER_HUGE_SIZES]);

#endif
