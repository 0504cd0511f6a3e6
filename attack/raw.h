/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_ATTACK_RAW_H
#define SEALMEM_ATTACK_RAW_H

/*
 * The kernel as an attacker sees it: any call, any arguments, and the errno. The library's own
 * sys.h has a function for each call that it makes. An attack makes calls that a library never
 * should, most of them once, so it gets the bare system call. lib/sys.h also defines the constants
 * that the headers of Debian 12 lack. A constant that only one attack needs is defined beside that
 * attack.
 */

#include "lib/sys.h"

#include <errno.h>
#include <linux/types.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline long answered(long result)
{
	return result == -1 ? -errno : result;
}

/* The value that a call returns, or a negative errno. */
#define attempt(...) answered(syscall(__VA_ARGS__))

/* The negative errno, or 0. An address that has the highest bit is none: the errnos are in the last page. */
static inline int refusal(long answer)
{
	return answer < 0 && answer >= -4095 ? (int)answer : 0;
}

/* mmap(2), which takes its arguments in another way on some architectures: the address, or a negative errno. */
static inline long attempt_map(void *at, size_t size, int protection, int flags, int fd, off_t from)
{
	void *there = NULL;
	int err = sys_mmap_part(&there, at, size, protection, flags, fd, from);

	return err < 0 ? err : (long)there;
}

/* A mapping made by attempt_map() or a like call. */
static inline char *pointer(long address)
{
	return (char *)address; /* NOLINT: it is one */
}

#endif
