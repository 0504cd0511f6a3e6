/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_COMMON_KERNEL_H
#define SEALMEM_TOOLS_COMMON_KERNEL_H

/*
 * Facts about the kernel that the command reports and the library does not need.
 */

/* Returns 0 if memfd_secret(2) works here, or a negative errno. The machine cannot hibernate during the
 * short time that the descriptor is open. */
int kernel_try_memfd_secret(void);

/* Returns 1 if RLIMIT_MEMLOCK does not bind this process, 0 if it does, or a negative errno. */
int kernel_ignores_memlock(void);

/* Returns 0 if a process gets a socket of the kernel's interface to its cryptography, or a negative errno. The
 * kernel may load a module. */
int kernel_try_af_alg(void);

/* Returns 0 if a process without privileges gets a user namespace and privileges in it, or a negative errno. */
int kernel_try_user_namespace(void);

#endif
