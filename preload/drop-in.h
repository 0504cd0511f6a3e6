/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_PRELOAD_DROP_IN_H
#define SEALMEM_PRELOAD_DROP_IN_H

#include "include/sealmem.h"

#include <stdatomic.h>

#include <stdbool.h>

/* What the objects share that stand in for the secret memory of another library. */

/* Words with commas between them: what the heaps have to be. */
#define DROP_IN_VARIABLE "SEALMEM_SECRET_HEAP"

/* The objects contain these bytes, so that no other is taken for one of them. */
#define DROP_IN_MARK "sealmem:preload:secret-heap:" SEALMEM_VERSION

enum {
	DROP_IN_SECRECY = 1,
	DROP_IN_START = 2,  /* it begins by itself, before main() if the library is there */
	DROP_IN_REPORT = 4, /* and says so */
};

/* The bits of the variable. An unknown word counts when the heap is made. */
unsigned drop_in_wanted(void);

/* Makes a heap that ends where the memory of the machine does, or RLIMIT_MEMLOCK: with NOSWAP and NODUMP, or with
 * SECRECY if the variable has that word. -EINVAL if it has a word that is unknown. Otherwise as sealmem_heap_new(). */
int drop_in_heap(struct sealmem_heap **ret, const char *name);

/* Makes that heap, unless another thread has: it is in *made from then on, for good. */
int drop_in_share(_Atomic(struct sealmem_heap *) *made, const char *name);

/* Whether the object, or in the case of a small one the address, is in the heap. One that is corrupted is not asked, and
 * has every object: nothing happens to them. */
bool drop_in_has(struct sealmem_heap *h, const void *object);

/* After the heap was made because of DROP_IN_START: ends the program if it could not be. Reports if that is wanted. */
void drop_in_begin(const char *what, int err, const struct sealmem_heap *h);

#endif
