/* SPDX-License-Identifier: MIT */

/*
 * The facts about system calls that the filter rests on, by architecture. Add a system call that moves
 * or changes memory as a row of the first table. Add an architecture as a column of it, and a row of
 * the second.
 */

#include "lib/filter-calls.h"

#include "lib/sys.h"

#define NONE FILTER_NO_CALL

/*
 * Every system call that the filter looks at, the section for it, and its numbers on x86-64, in 32-bit
 * x86 and on arm64. x32 has the numbers of x86-64, with a bit set; only ioctl and io_setup have others. Of
 * the 32-bit calls, the table has only those that reach memory beyond COMPAT_REACH, or make a ring that
 * can be moved there. If rows have the same number, the first that is wanted counts.
 */
const struct filter_call filter_calls[] = {
	{ TO_PROTECT, FILTER_PROCESS, { 10, NONE, 226 } },		      /* mprotect */
	{ TO_PROTECT_KEY, FILTER_PROCESS, { 329, NONE, 288 } },		      /* pkey_mprotect */
	{ TO_SPAN, FILTER_PLAIN, { 11, NONE, 215 } },			      /* munmap */
	{ TO_SPAN, FILTER_PLAIN, { 10, NONE, 226 } },			      /* mprotect */
	{ TO_MAP, FILTER_PLAIN | FILTER_RARE, { 9, NONE, 222 } },	      /* mmap */
	{ TO_ADVICE, FILTER_PLAIN | FILTER_AVAILABILITY, { 28, NONE, 233 } }, /* madvise */
	{ TO_SPAN, FILTER_RARE, { 329, NONE, 288 } },			      /* pkey_mprotect */
	{ TO_SPAN, FILTER_RARE, { 216, NONE, 234 } },			      /* remap_file_pages */
	{ TO_MOVE, FILTER_RARE, { 25, NONE, 216 } },			      /* mremap */
	{ TO_ATTACH, FILTER_RARE, { 30, NONE, 196 } },			      /* shmat */
	{ TO_PAGE, FILTER_RARE, { 67, NONE, 197 } },			      /* shmdt */
	{ TO_RING, FILTER_RARE, { 207, NONE, 1 } },			      /* io_destroy */
	{ TO_BREAK, FILTER_HEAP, { 12, 45, 214 } },			      /* brk */
	{ TO_OPTION, FILTER_PROCESS, { 157, 172, 167 } },		      /* prctl */
	{ TO_DENY, FILTER_PROCESS, { 323, 374, 282 } },			      /* userfaultfd */
	{ TO_RING_NEW, FILTER_PROCESS, { 206, 245, 0 } },		      /* io_setup */
	{ TO_RING_NEW, FILTER_PROCESS, { 543, NONE, NONE } },		      /* io_setup of x32 */
	{ TO_CONTROL, FILTER_PROCESS, { 16, 54, 29 } },			      /* ioctl */
	{ TO_CONTROL, FILTER_PROCESS, { 514, NONE, NONE } },		      /* ioctl of x32 */
	{ TO_DENY, FILTER_PROCESS | FILTER_AVAILABILITY, { 425, 425, 425 } }, /* io_uring_setup */
	{ TO_VECTOR,
	  FILTER_PROCESS | FILTER_AVAILABILITY,
	  { 440, NONE, 440 } },				      /* process_madvise */
	{ TO_DENY, FILTER_PROCESS, { NONE, 86, NONE } },      /* uselib */
	{ TO_IPC32, FILTER_PROCESS, { NONE, 117, NONE } },    /* ipc */
	{ TO_ATTACH32, FILTER_PROCESS, { NONE, 397, NONE } }, /* shmat */
};

const size_t filter_call_count = sizeof(filter_calls) / sizeof(filter_calls[0]);

const struct filter_machine filter_machines[FILTER_ABIS + 1] = {
	[FILTER_X86_64] = {
		.audit = SYS_AUDIT_ARCH_X86_64,
		.compat = FILTER_I386,
		.ignored_bits = SYS_ABI_X32_BIT,
		.huge = { { 1 << 21, 1 << 12 }, { 1 << 30, 1 << 12 } },
	},
	[FILTER_I386] = { .audit = SYS_AUDIT_ARCH_I386, .compat = FILTER_NO_COMPAT },
	[FILTER_AARCH64] = {
		.audit = SYS_AUDIT_ARCH_AARCH64,
		.compat = FILTER_NO_COMPAT,
		.huge = { { 1 << 16, 1 << 12 },
			  { 1 << 21, 1 << 12 | 1 << 14 | 1 << 16 },
			  { 1 << 25, 1 << 12 | 1 << 14 },
			  { 1 << 29, 1 << 16 },
			  { 1 << 30, 1 << 12 | 1 << 14 },
			  { UINT64_C(1) << 34, 1 << 16 } },
	},
	/* An architecture of which nothing is known has no huge pages to allow for. */
	[FILTER_ABIS] = { .compat = FILTER_NO_COMPAT },
};
