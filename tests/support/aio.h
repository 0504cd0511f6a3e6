/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TESTS_SUPPORT_AIO_H
#define SEALMEM_TESTS_SUPPORT_AIO_H

/*
 * Rings of io_setup(2), for which the C library has no functions.
 */

#include <linux/aio_abi.h>
#include <stdint.h>

/* Skips the test where there are none, or no more events on this machine. */
aio_context_t aio_new(uint32_t events);

/* 0 or a negative errno. */
int aio_destroy(aio_context_t ring);

/* Reads the first bytes of this program through the ring. Fails the test unless they arrive. */
void aio_read_something(aio_context_t ring);

#endif
