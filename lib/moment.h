/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_LIB_MOMENT_H
#define SEALMEM_LIB_MOMENT_H

/*
 * The moments in which memory is mapped and lacks a guarantee still: from mmap(2) to madvise(2), and, of
 * secret memory, for as long as a descriptor of it exists.
 */

#include "lib/util.h"

struct moment {
	unsigned guarantees;
};

/*
 * Of `guarantees`: NOFORK lets no fork(2) happen until the end of the moment; with NODUMP the process is not
 * dumpable until then: it leaves no core dump, and no process of the same user takes its descriptors. Signals wait until the
 * end, but for faults. The thread that begins a moment ends it. -EOPNOTSUPP where prctl(2) is forbidden.
 */
int moment_begin(struct moment *ret, unsigned guarantees);
void moment_end(struct moment *moment);

#endif
