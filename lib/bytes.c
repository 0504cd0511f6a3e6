/* SPDX-License-Identifier: MIT */

/*
 * Two things that callers do with secrets and that compilers like to undo: to overwrite bytes that
 * nobody reads again, and to compare bytes in a time that does not depend on them.
 */

#include "include/sealmem.h"

#include "lib/util.h"

#include <string.h>

EXPORT void sealmem_wipe(void *addr, size_t size)
{
	if (size > 0)
		explicit_bzero(addr, size);
}

EXPORT int sealmem_equal(const void *a, const void *b, size_t size)
{
	const volatile unsigned char *left = a, *right = b;
	unsigned char difference = 0;

	for (size_t i = 0; i < size; i++)
		difference |= left[i] ^ right[i];
	return difference == 0;
}
