/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_OUTSIDE_LEAVE_H
#define SEALMEM_OUTSIDE_LEAVE_H

#include "outside/stop.h"

/* Lets all threads go on as if nothing had been. */
void leave(struct stopped *stopped);

#endif
