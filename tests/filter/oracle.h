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

/* The numbers it gives an answer of its own to, in one ABI, ended by -1. */
const int *oracle_numbers(enum filter_abi abi);

#endif
