/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_OUTSIDE_VERIFY_H
#define SEALMEM_OUTSIDE_VERIFY_H

#include "outside/change.h"

/* Has the audit look at the process, and stores in each range which of its claims the audit confirms. */
enum refusal verify(struct plan *plan, const struct procfs *procfs, pid_t pid,
		    const struct change *change);

#endif
