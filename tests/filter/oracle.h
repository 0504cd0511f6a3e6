/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TESTS_FILTER_ORACLE_H
#define SEALMEM_TESTS_FILTER_ORACLE_H

/*
 * What a filter has to answer, said the long way: in C, with numbers wide enough to hold every sum, a range at a
 * time, and with system call numbers typed a second time. It is slow and obvious, and knows nothing of BPF.
 */

#include <linux/seccomp.h>

#include "lib/filter.h"

uint32_t oracle_answer(const struct filter_target *target, const struct filter_range *ranges,
		       size_t n, unsigned scope, const struct seccomp_data *call);

/* The calls that it gives an answer of its own to. */
enum oracle_call {
	ORACLE_NONE,
	ORACLE_BRK,
	ORACLE_IO_DESTROY,
	ORACLE_IO_SETUP,
	ORACLE_IO_URING_SETUP,
	ORACLE_IOCTL,
	ORACLE_IPC,
	ORACLE_MADVISE,
	ORACLE_MMAP,
	ORACLE_MMAP_BY_POINTER,
	ORACLE_MPROTECT,
	ORACLE_MREMAP,
	ORACLE_MUNMAP,
	ORACLE_PKEY_MPROTECT,
	ORACLE_PRCTL,
	ORACLE_PROCESS_MADVISE,
	ORACLE_REMAP_FILE_PAGES,
	ORACLE_SHMAT,
	ORACLE_SHMDT,
	ORACLE_SUBPAGE_PROT,
	ORACLE_USELIB,
	ORACLE_USERFAULTFD,
	ORACLE_CALLS,
};

/* Their numbers in one ABI, ended by -1, and that of one of them, or -1. */
const int *oracle_numbers(enum filter_abi abi);
int oracle_number(enum filter_abi abi, enum oracle_call call);

/* How seccomp names the ABI. */
uint32_t oracle_arch(enum filter_abi abi);

/* How many bits the end of a range has at most. */
unsigned oracle_range_bits(enum filter_abi abi);

/* The calls of another word size that any process can make, or FILTER_ABIS. */
enum filter_abi oracle_other(enum filter_abi abi);

#endif
