/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_BATTERY_FAMILIES_H
#define SEALMEM_BATTERY_FAMILIES_H

#include "attack/attack.h"

/* The families of attacks, each a file of that name, in the order in which they are shown. */
#define FAMILIES(ROW)                                                                              \
 ROW(stores)                                                                                       \
 ROW(advice)                                                                                       \
 ROW(descriptors)                                                                                  \
 ROW(faults)                                                                                       \
 ROW(rings)                                                                                        \
 ROW(earlier)                                                                                      \
 ROW(addresses)                                                                                    \
 ROW(children)                                                                                     \
 ROW(others)                                                                                       \
 ROW(tracers)                                                                                      \
 ROW(roots)                                                                                        \
 ROW(readers)

#define DECLARE(name) extern const struct family family_##name;
FAMILIES(DECLARE)
#undef DECLARE

#endif
