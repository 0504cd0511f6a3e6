/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TESTS_SUPPORT_HOLDS_H
#define SEALMEM_TESTS_SUPPORT_HOLDS_H

/*
 * Whether guarantees are in force, found by trying to break them and by what the kernel says of the
 * mapping. For tests that run an operation thousands of times under varying conditions and want the
 * whole answer each time.
 */

#include "tests/support/support.h"

#include <stdbool.h>
#include <stddef.h>

/* Whether the kernel stores there what a call of the process gives it. */
bool store_by_kernel(char *addr, char value);

/* Tries to change the byte at addr, which lies in a readable page, in several ways, and puts it back. The
 * name of a way that worked, NULL if none did. */
const char *way_to_write(char *addr);

/* The same for memory that should be writable: the name of a way that was refused. */
const char *way_not_to_write(char *addr);

/* Which of `guarantees` are not in force for the whole pages [addr, addr + size). CONTENT is
 * way_to_write(). */
unsigned guarantees_missing(char *addr, size_t size, unsigned guarantees);

/* Which of NOSWAP, NODUMP and NOFORK are in force for the page at addr. */
unsigned guarantees_carried(const void *addr);

/* Whether the page at addr is mapped so. */
bool is_mapped_as(const void *addr, int protection, bool shared);

/* take_census(), but under a sanitizer or valgrind, which map memory of their own whenever they like, of the
 * mappings only the shared ones of memfds that are ours. */
struct census take_own_census(void);

/* Fails the test if it has changed. */
void assert_own_census(struct census before);

#endif
