/* SPDX-License-Identifier: MIT */

/*
 * How large a ring of io_setup(2) can be. io_destroy(2) unmaps as many bytes as the ring had when it was made, whatever
 * lies there now, and a filter sees the address of the ring and not its size.
 *
 * A ring that exists need not be seen in /proc/self/maps: its pages may have been unmapped, moved or covered. But the
 * kernel counts the events of every ring on the machine until the ring is destroyed. No single one can be for more.
 */

#include "lib/rings.h"

#include "lib/number.h"
#include "lib/util.h"

/* The kernel's structures: struct aio_ring, struct io_event. */
#define HEADER_SIZE 32
#define EVENT_SIZE  32

/* The kernel makes room for twice the events, because processors keep some for themselves, and for two more. */
uint64_t rings_size(uint32_t events)
{
	return HEADER_SIZE + EVENT_SIZE * (2 * (uint64_t)events + 2);
}

/* A ring for fewer events has room for so many of each processor that the machine may get. */
#define EVENTS_OF_PROCESSOR 4

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

uint32_t rings_events(void)
{
	int processors = sys_processors();
	uint64_t counted, limit, events;

	if (processors < 0 || number_read("/proc/sys/fs/aio-nr", 1, &counted) < 0 ||
	    number_read("/proc/sys/fs/aio-max-nr", 1, &limit) < 0)
		return RINGS_EVENTS_MAX;
	events = larger(larger(counted, limit), EVENTS_OF_PROCESSOR * (uint64_t)processors);
	return events < RINGS_EVENTS_MAX ? (uint32_t)events : RINGS_EVENTS_MAX;
}
