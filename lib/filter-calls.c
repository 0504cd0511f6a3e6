/* SPDX-License-Identifier: MIT */

/*
 * The facts about system calls that the filter rests on, by architecture. Add a system call that moves
 * or changes memory as a row of the first table. Add an architecture as a row of the second, and as a column of the
 * first unless it has the numbers of another one.
 */

#include "lib/filter-calls.h"

#include "lib/sys.h"

#define NONE FILTER_NO_CALL

#define KiB(n) (UINT64_C(n) << 10)
#define MiB(n) (UINT64_C(n) << 20)
#define GiB(n) (UINT64_C(n) << 30)

/*
 * Every system call that the filter looks at, the section for it, and its numbers: on x86-64; in 32-bit x86, those for
 * ranges that lie far up, then all; on arm64, riscv64 and loong64; on ppc64; on arm. x32 has the numbers of x86-64, with
 * a bit set; only ioctl and io_setup have others. The 32-bit calls of the second column are those that reach memory
 * beyond FILTER_REACH_32, or make a ring that can be moved there. If rows have the same number, the first that is
 * wanted counts.
 */
const struct filter_call filter_calls[] = {
	{ TO_PROTECT, FILTER_PROCESS, { 10, NONE, 125, 226, 125, 125 } },	/* mprotect */
	{ TO_PROTECT_KEY, FILTER_PROCESS, { 329, NONE, 380, 288, 386, 394 } },	/* pkey_mprotect */
	{ TO_SPAN, FILTER_PLAIN, { 11, NONE, 91, 215, 91, 91 } },		/* munmap */
	{ TO_SPAN, FILTER_PLAIN, { 10, NONE, 125, 226, 125, 125 } },		/* mprotect */
	{ TO_MAP, FILTER_PLAIN | FILTER_RARE, { 9, NONE, 192, 222, 90, 192 } }, /* mmap, mmap2 */
	{ TO_ADVICE,
	  FILTER_PLAIN | FILTER_AVAILABILITY,
	  { 28, NONE, 219, 233, 205, 220 } },				 /* madvise */
	{ TO_SPAN, FILTER_RARE, { 329, NONE, 380, 288, 386, 394 } },	 /* pkey_mprotect */
	{ TO_SPAN, FILTER_RARE, { 216, NONE, 257, 234, 239, 253 } },	 /* remap_file_pages */
	{ TO_SPAN, FILTER_RARE, { NONE, NONE, NONE, NONE, 310, NONE } }, /* subpage_prot */
	{ TO_MOVE, FILTER_RARE, { 25, NONE, 163, 216, 163, 163 } },	 /* mremap */
	{ TO_ATTACH, FILTER_RARE, { 30, NONE, 397, 196, 397, 305 } },	 /* shmat */
	{ TO_PAGE, FILTER_RARE, { 67, NONE, 398, 197, 398, 306 } },	 /* shmdt */
	{ TO_IPC, FILTER_RARE, { NONE, NONE, 117, NONE, 117, NONE } },	 /* ipc */
	{ TO_RING, FILTER_RARE, { 207, NONE, 246, 1, 228, 244 } },	 /* io_destroy */
	{ TO_BREAK, FILTER_HEAP, { 12, 45, 45, 214, 45, 45 } },		 /* brk */
	{ TO_OPTION, FILTER_PROCESS, { 157, 172, 172, 167, 171, 172 } }, /* prctl */
	{ TO_DENY, FILTER_PROCESS, { 323, 374, 374, 282, 364, 388 } },	 /* userfaultfd */
	{ TO_RING_NEW, FILTER_PROCESS, { 206, 245, 245, 0, 227, 243 } }, /* io_setup */
	{ TO_RING_NEW,
	  FILTER_PROCESS,
	  { 543, NONE, NONE, NONE, NONE, NONE } },			       /* io_setup of x32 */
	{ TO_CONTROL, FILTER_PROCESS, { 16, 54, 54, 29, 54, 54 } },	       /* ioctl */
	{ TO_CONTROL, FILTER_PROCESS, { 514, NONE, NONE, NONE, NONE, NONE } }, /* ioctl of x32 */
	{ TO_DENY,
	  FILTER_PROCESS | FILTER_AVAILABILITY,
	  { 425, 425, 425, 425, 425, 425 } }, /* io_uring_setup */
	{ TO_VECTOR,
	  FILTER_PROCESS | FILTER_AVAILABILITY,
	  { 440, NONE, 440, 440, 440, 440 } },			     /* process_madvise */
	{ TO_DENY, FILTER_PROCESS, { NONE, 86, 86, NONE, 86, 86 } }, /* uselib */
	{ TO_DENY,
	  FILTER_PROCESS,
	  { NONE, NONE, 90, NONE, NONE, NONE } }, /* mmap: a pointer to its arguments */
	{ TO_IPC32, FILTER_PROCESS, { NONE, 117, NONE, NONE, NONE, NONE } },	/* ipc */
	{ TO_ATTACH32, FILTER_PROCESS, { NONE, 397, NONE, NONE, NONE, NONE } }, /* shmat */
};

const size_t filter_call_count = sizeof(filter_calls) / sizeof(filter_calls[0]);

/*
 * The top byte of a pointer may carry a tag that the kernel removes: all eight bits on arm64, six of them on x86-64
 * with linear address masking. No address that a process can map has any of these bits.
 */
#define TAG_IN_THE_TOP_BYTE 56

/* On riscv64 a tag has up to 16 bits. A kernel with addresses of 57 bits gives those above only on request. */
#define TAG_OF_TWO_BYTES 48

/*
 * What makes a userfaultfd from a descriptor of /dev/userfaultfd (Linux 6.1), USERFAULTFD_IOC_NEW. It takes no argument,
 * for which ppc64 has a bit of its own.
 */
#define USERFAULTFD	  0xaa00
#define USERFAULTFD_PPC64 0x2000aa00

const struct filter_machine filter_machines[FILTER_ABIS + 1] = {
	[FILTER_X86_64] = {
		.audit = SYS_AUDIT_ARCH_X86_64,
		.numbers = NUMBERS_X86_64,
		.ignored_bits = SYS_ABI_X32_BIT,
		.userfaultfd = USERFAULTFD,
		.address_bits = TAG_IN_THE_TOP_BYTE,
		.other = { SYS_AUDIT_ARCH_I386, 0, NUMBERS_I386_FAR, NUMBERS_I386 },
		.huge = { { MiB(2), KiB(4) }, { GiB(1), KiB(4) } },
	},
	/* On a 64-bit kernel, and with the huge pages of that. */
	[FILTER_I386] = {
		.audit = SYS_AUDIT_ARCH_I386,
		.numbers = NUMBERS_I386,
		.userfaultfd = USERFAULTFD,
		.address_bits = TAG_IN_THE_TOP_BYTE,
		.has_32_bits = true,
		.other = { SYS_AUDIT_ARCH_X86_64, SYS_ABI_X32_BIT, NUMBERS_X86_64, NUMBERS_X86_64 },
		.huge = { { MiB(2), KiB(4) }, { MiB(4), KiB(4) }, { GiB(1), KiB(4) } },
	},
	[FILTER_AARCH64] = {
		.audit = SYS_AUDIT_ARCH_AARCH64,
		.numbers = NUMBERS_GENERIC,
		.userfaultfd = USERFAULTFD,
		.address_bits = TAG_IN_THE_TOP_BYTE,
		.huge = { { KiB(64), KiB(4) },
			  { MiB(2), KiB(4) | KiB(16) | KiB(64) },
			  { MiB(32), KiB(4) | KiB(16) },
			  { MiB(512), KiB(64) },
			  { GiB(1), KiB(4) | KiB(16) },
			  { GiB(16), KiB(64) } },
	},
	[FILTER_ARM] = {
		.audit = SYS_AUDIT_ARCH_ARM,
		.numbers = NUMBERS_ARM,
		.userfaultfd = USERFAULTFD,
		.address_bits = TAG_IN_THE_TOP_BYTE,
		.has_32_bits = true,
		.huge = { { KiB(64), KiB(4) }, { MiB(2), KiB(4) }, { MiB(32), KiB(4) }, { GiB(1), KiB(4) } },
	},
	[FILTER_RISCV64] = {
		.audit = SYS_AUDIT_ARCH_RISCV64,
		.numbers = NUMBERS_GENERIC,
		.userfaultfd = USERFAULTFD,
		.address_bits = TAG_OF_TWO_BYTES,
		.huge = { { KiB(64), KiB(4) }, { MiB(2), KiB(4) }, { GiB(1), KiB(4) } },
	},
	[FILTER_LOONG64] = {
		.audit = SYS_AUDIT_ARCH_LOONG64,
		.numbers = NUMBERS_GENERIC,
		.userfaultfd = USERFAULTFD,
		.address_bits = TAG_IN_THE_TOP_BYTE,
		.huge = { { MiB(2), KiB(4) }, { MiB(32), KiB(16) }, { MiB(512), KiB(64) } },
	},
	/* The first and the third with the radix tree of newer processors, the others with hashed page tables. */
	[FILTER_PPC64LE] = {
		.audit = SYS_AUDIT_ARCH_PPC64LE,
		.numbers = NUMBERS_PPC64,
		.userfaultfd = USERFAULTFD_PPC64,
		.address_bits = TAG_IN_THE_TOP_BYTE,
		.huge = { { MiB(2), KiB(4) | KiB(64) },
			  { MiB(16), KiB(4) | KiB(64) },
			  { GiB(1), KiB(4) | KiB(64) },
			  { GiB(16), KiB(4) | KiB(64) } },
	},
	/* An architecture of which nothing is known has no huge pages to allow for. */
	[FILTER_ABIS] = { .address_bits = TAG_IN_THE_TOP_BYTE },
};
