/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_BATTERY_RAW_H
#define SEALMEM_BATTERY_RAW_H

/*
 * The kernel as an attacker sees it: any call, any arguments, and the errno. The library's own sys.h
 * has a function for each call that it makes; an attack makes calls that a library never should, most
 * of them once, so it gets the bare system call. And the names of what is newer than Debian 12's
 * headers.
 */

#include "lib/sys.h"

#include <errno.h>
#include <linux/types.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MADV_SOFT_OFFLINE
# define MADV_SOFT_OFFLINE 101
#endif
#ifndef MADV_PAGEOUT
# define MADV_PAGEOUT 21
#endif
#ifndef MADV_DONTNEED_LOCKED
# define MADV_DONTNEED_LOCKED 24
#endif
#ifndef MADV_GUARD_INSTALL
# define MADV_GUARD_INSTALL 102
# define MADV_GUARD_REMOVE  103
#endif
#ifndef F_SEAL_FUTURE_WRITE
# define F_SEAL_FUTURE_WRITE 0x0010
#endif
#ifndef IORING_SETUP_NO_MMAP
# define IORING_SETUP_NO_MMAP (1u << 14)
#endif
#ifndef UFFD_FEATURE_MOVE
# define UFFD_FEATURE_MOVE (1 << 16)
# define UFFDIO_MOVE	   _IOWR(0xAA, 0x05, struct uffdio_move)
struct uffdio_move {
	__u64 dst, src, len, mode;
	__s64 move;
};
#endif

static inline long answered(long result)
{
	return result == -1 ? -errno : result;
}

/* What a call returns, or a negative errno. */
#define attempt(...) answered(syscall(__VA_ARGS__))

/* The negative errno, or 0. */
static inline int refusal(long answer)
{
	return answer < 0 ? (int)answer : 0;
}

/* A mapping made by attempt(SYS_mmap, ...) or a like call. */
static inline char *pointer(long address)
{
	return (char *)address; /* NOLINT: that is what it is */
}

#endif
