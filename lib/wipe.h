/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_LIB_WIPE_H
#define SEALMEM_LIB_WIPE_H

#include <stdbool.h>
#include <stddef.h>

/* Copies `size` bytes so that no part of them stays behind in a register or on the stack. The areas do not
 * overlap. */
void wipe_copy(void *to, const void *from, size_t size);

/* Whether they are the same, in a time that does not say where they differ, and with the same care. */
bool wipe_equal(const void *a, const void *b, size_t size);

/* Clears the registers that the C library's own functions move bytes through. Call it after those have
 * touched a secret, and before anything that saves registers to memory. */
void wipe_registers(void);

#endif
