/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_FUZZ_PROMISE_H
#define SEALMEM_FUZZ_PROMISE_H

/* The promises that every target checks. */

#include <stdio.h>
#include <stdlib.h>

#define PROMISE(holds)                                                                             \
 do {                                                                                              \
  if (!(holds)) {                                                                                  \
   (void)fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #holds);                       \
   abort();                                                                                        \
  }                                                                                                \
 } while (0)

#endif
