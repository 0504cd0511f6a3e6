/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_LIB_HEAP_CANARY_H
#define SEALMEM_LIB_HEAP_CANARY_H

/*
 * Bytes that nobody should change: the canary from the end of an object to the end of its slot, and the zeroes of
 * what is free. Memory that is checked may change meanwhile, so the two questions are not instrumented: who asks
 * makes sure afterwards that the answer means something.
 */

#include "lib/heap-internal.h"

#include <string.h>

#define HEAP_UNWATCHED __attribute__((no_sanitize("address", "thread")))

/*
 * The canary of a place. No byte of it is zero or a character of ASCII: what most often runs over the end of an object
 * is text, and its terminating zero.
 */
static inline uint64_t heap_canary(const struct sealmem_heap *h, uintptr_t place)
{
	uint64_t canary = (place ^ h->secret[0]) * (h->secret[1] | 1);

	canary = (canary ^ canary >> 32) * UINT64_C(0x9e3779b97f4a7c15);
	return (canary ^ canary >> 29) | UINT64_C(0x8080808080808080);
}

/* As it lies in memory. */
static inline char heap_canary_byte(const uint64_t *canary, uintptr_t at)
{
	return ((const char *)canary)[at % sizeof(*canary)];
}

/* Between `from` and `to`, which is a multiple of 8. */
static inline void heap_canary_put(const struct sealmem_heap *h, char *from, const char *to)
{
	uint64_t canary = heap_canary(h, (uintptr_t)to);

	for (; (uintptr_t)from % sizeof(canary) != 0; from++)
		*from = heap_canary_byte(&canary, (uintptr_t)from);
	for (; from < to; from += sizeof(canary))
		memcpy(from, &canary, sizeof(canary));
}

/* The first byte that is not what it was; NULL if all are. */
HEAP_UNWATCHED static inline const char *heap_canary_changed(const struct sealmem_heap *h,
							     const char *from, const char *to)
{
	uint64_t canary = heap_canary(h, (uintptr_t)to);

	while (from < to && (uintptr_t)from % sizeof(canary) != 0 &&
	       *from == heap_canary_byte(&canary, (uintptr_t)from))
		from++;
	if ((uintptr_t)from % sizeof(canary) == 0)
		while (from < to && *(const uint64_t *)(const void *)from == canary)
			from += sizeof(canary);
	while (from < to && *from == heap_canary_byte(&canary, (uintptr_t)from))
		from++;
	return from < to ? from : NULL;
}

/* The first byte that is not zero; NULL if all are. Both ends are multiples of 8. */
HEAP_UNWATCHED static inline const char *heap_zeroes_changed(const char *from, const char *to)
{
	const uint64_t *word = (const uint64_t *)(const void *)from;

	while ((const char *)word < to && *word == 0)
		word++;
	from = (const char *)word;
	while (from < to && *from == 0)
		from++;
	return from < to ? from : NULL;
}

/* The compiler does not leave it out. */
static inline void heap_wipe(void *at, size_t size)
{
	memset(at, 0, size);
	__asm__ volatile("" : : "r"(at) : "memory");
}

#endif
