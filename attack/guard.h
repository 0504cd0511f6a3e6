/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_ATTACK_GUARD_H
#define SEALMEM_ATTACK_GUARD_H

/* Runs act(argument). Returns 0, or -EFAULT if a SIGSEGV or SIGBUS stopped it. */
int guarded(void (*act)(void *argument), void *argument);

#endif
