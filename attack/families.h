/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_ATTACK_FAMILIES_H
#define SEALMEM_ATTACK_FAMILIES_H

#include "attack/attack.h"

/* The families of attacks, each a file of that name, in the order in which they are shown. */
#define FAMILIES(ROW)                                                                              \
 ROW(store)                                                                                        \
 ROW(madvise)                                                                                      \
 ROW(descriptor)                                                                                   \
 ROW(userfaultfd)                                                                                  \
 ROW(io_uring)                                                                                     \
 ROW(before_seal)                                                                                  \
 ROW(address)                                                                                      \
 ROW(fork)                                                                                         \
 ROW(same_user)                                                                                    \
 ROW(ptrace)                                                                                       \
 ROW(watch)                                                                                        \
 ROW(root)                                                                                         \
 ROW(read)                                                                                         \
 ROW(closed)                                                                                       \
 ROW(heap)

#define DECLARE(name) extern const struct family family_##name;
FAMILIES(DECLARE)
#undef DECLARE

#endif
