/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TESTS_FILTER_BPF_H
#define SEALMEM_TESTS_FILTER_BPF_H

/*
 * A seccomp program run on paper: what the kernel would accept, and what it would answer, for any machine's numbers
 * and any arguments, without making a single call. Stricter than the kernel where that shows a mistake sooner.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

/* NULL, or what is wrong with the program. */
const char *bpf_check(const struct sock_filter *prog, size_t n);

/* The program's answer; `steps`, unless NULL, is increased by the instructions it took. Checked programs only. */
uint32_t bpf_run(const struct sock_filter *prog, size_t n, const struct seccomp_data *data,
		 size_t *steps);

/*
 * Whether the answer is "allow" for every argument as far as the kernel's cache of such answers can see: it
 * follows loads of the number and of the architecture, AND, and jumps.
 */
bool bpf_is_always_allowed(const struct sock_filter *prog, size_t n, uint32_t arch, int number);

#endif
