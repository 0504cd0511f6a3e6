/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_BATTERY_GUARD_H
#define SEALMEM_BATTERY_GUARD_H

/* Runs act(argument). 0, or -EFAULT if a SIGSEGV or SIGBUS put an end to it. */
int guarded(void (*act)(void *argument), void *argument);

#endif
