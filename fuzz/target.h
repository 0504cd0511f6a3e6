/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_FUZZ_TARGET_H
#define SEALMEM_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

/* libFuzzer calls this function with each input, and replay.c with each line of a corpus. It aborts if the
 * library breaks a promise, and otherwise returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#endif
