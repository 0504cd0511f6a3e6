/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_ATTACK_POOL_H
#define SEALMEM_ATTACK_POOL_H

#include "attack/victims.h"

/* A heap that checks nothing. */
extern const struct heap pool_heap;

#endif
