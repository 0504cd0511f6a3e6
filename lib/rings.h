/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_RINGS_H
#define SEALMEM_RINGS_H

#include <stdint.h>

/* io_setup(2) makes no ring for more events, wherever its limit stands. */
#define RINGS_EVENTS_MAX (UINT32_C(1) << 22)

/* How many bytes io_destroy(2) unmaps at most, of a ring that was made for so many events. */
uint64_t rings_size(uint32_t events);

/*
 * The most events for which a ring was made that exists now, in any process, or for which one can be made as the limit
 * stands now. RINGS_EVENTS_MAX where /proc does not tell.
 */
uint32_t rings_events(void);

#endif
