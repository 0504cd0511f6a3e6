/* SPDX-License-Identifier: MIT */

/*
 * The kernel loads a position-independent program at two thirds of the address space plus a random
 * amount, its heap above it; libraries, mappings and the stack come down from the top; everything with a
 * fixed address is at the bottom. Just below the two thirds nothing ever is, however much is randomised.
 * Sanitizers, which take most of the address space for themselves, must leave that neighbourhood alone
 * because of the program itself, and round down: a window is what lies between their round number and
 * the lowest place of a program.
 *
 *	bits	the window, and what is beside it
 *	48	arm64. Programs from 0xaaaa aaaa a000; TSan leaves 0xaaaa 0000 0000 to 0xac00..., MSan
 *		0xa000... to 0xb000...; ASan's shadow ends at 0x2010.... Only TSan takes the second window,
 *		which is for regions that are too large for the first.
 *	47	x86-64, also with five levels of page tables, which are for those who ask. Programs from
 *		0x555555554000; TSan leaves 0x5500 0000 0000 to 0x5680 0000 0000, MSan 0x5100... to
 *		0x6000...; ASan's shadow ends at 0x1000 7fff 8000 and its heap begins at 0x6000... or
 *		lies at 0x5000... to 0x5400...; Go's arenas are at 0x..c0 0000 0000 and fill the lowest
 *		first; V8 and PartitionAlloc look below 0x4000..., ZGC below 0x5000.... arm64 with pages
 *		of 16 KiB and three levels divides its space the same way, and so do riscv64 with four levels and
 *		loong64. ppc64el with pages of 64 KiB has nothing there: its programs lie from 0x1 0000 0000 on.
 *	46	ppc64el with pages of 4 KiB, likewise.
 *	42, 39	arm64 with fewer levels. Programs from 0x2aa aaaa a000 and 0x55 5555 5000; TSan leaves
 *		0x2aa 0000 0000 and 0x55 0000 0000 upwards.
 *	38	riscv64 with three levels. Programs from 0x2a aaaa a000; TSan leaves 0x2a 0000 0000 upwards.
 *	36	arm64 with two levels of 16 KiB, which no sanitizer knows.
 *	32	32-bit programs. Those of x86 lie from 0x5655 5000 or from 0x0040 0000 on, the heap above them; those of
 *		arm from 0x0040 0000 on; ASan's shadow ends at 0x4000 0000.
 */

#include "lib/placement.h"

#include <errno.h>

const struct placement_window placement_windows[PLACEMENT_WINDOWS] = {
	{ 48, { UINT64_C(0xaaaa00000000), UINT64_C(0xaaaaa0000000) } },
	{ 48, { UINT64_C(0xa00000000000), UINT64_C(0xaaaa00000000) } },
	{ 47, { UINT64_C(0x550000000000), UINT64_C(0x555500000000) } },
	{ 46, { UINT64_C(0x2a0000000000), UINT64_C(0x2aaa00000000) } },
	{ 42, { UINT64_C(0x02aa00000000), UINT64_C(0x02aaa0000000) } },
	{ 39, { UINT64_C(0x005500000000), UINT64_C(0x005555000000) } },
	{ 38, { UINT64_C(0x002a00000000), UINT64_C(0x002aaa000000) } },
	{ 36, { UINT64_C(0x000a00000000), UINT64_C(0x000aa0000000) } },
	{ 32, { UINT64_C(0x000040000000), UINT64_C(0x000055000000) } },
};

/*
 * What is mapped in the lower half cannot be unmapped again, whoever mapped it. The kernel maps there for a program that
 * needs more than a third of all addresses. With so few bits, some programs do.
 */
#define SCARCE 42

static uint64_t middle(const struct placement_window *window)
{
	const struct filter_range *range = &window->range;

	return window->bits > SCARCE ? range->start + (range->end - range->start) / 2
				     : range->start;
}

struct filter_range placement_final(const struct placement_window *window)
{
	return (struct filter_range){ window->range.start, middle(window) };
}

struct filter_range placement_in_place(const struct placement_window *window)
{
	return (struct filter_range){ middle(window), window->range.end };
}

/* Every size that lib/filter.c takes for a huge page is a multiple of this many pages. */
#define BLOCK 4

int placement_pick(const struct filter_range *range, uint64_t size, uint64_t page, uint64_t random,
		   uint64_t *ret)
{
	uint64_t room = range->end - range->start, block = BLOCK * page, blocks;

	if (size > room || room - size < block)
		return -ENOMEM;
	blocks = (room - size - block) / block + 1;
	*ret = range->start + random % blocks * block + (1 + random / blocks % (BLOCK - 2)) * page;
	return 0;
}
