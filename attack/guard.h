/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_ATTACK_GUARD_H
#define SEALMEM_ATTACK_GUARD_H

#include <stdbool.h>

/* Whether the kernel has switched protection keys on. pkey_alloc(2) does not say: where there are none it fails with EINVAL
 * at first, then with ENOSPC. */
bool keys_exist(void);

/* Runs act(argument). Returns 0, or -EFAULT if a SIGSEGV or SIGBUS stopped it. */
int guarded(void (*act)(void *argument), void *argument);

#endif
