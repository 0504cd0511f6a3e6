/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_KERNEL_H
#define SEALMEM_KERNEL_H

/*
 * What the command asks of the kernel that the library has no use for, for others to report on.
 */

/* 0 if memfd_secret(2) works here, or a negative errno. While its descriptor is open, for a moment, the
 * machine cannot hibernate. */
int kernel_try_memfd_secret(void);

/* 1 if RLIMIT_MEMLOCK does not bind this process, 0 if it does, or a negative errno. */
int kernel_ignores_memlock(void);

#endif
