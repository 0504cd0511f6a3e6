/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_FUZZ_TARGET_H
#define SEALMEM_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

/* What libFuzzer calls with each input, and what replay.c calls with each file of a corpus. Aborts if the
 * library breaks a promise; always returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#endif
