/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_OUTSIDE_CHANGE_H
#define SEALMEM_OUTSIDE_CHANGE_H

#include "lib/sys.h"
#include "outside/enter.h"
#include "outside/prepare.h"

/* What was done. */
struct change {
	int file; /* the sealed file, as a descriptor of this process; -1 if there is none */
	struct sys_file identity;
	bool sealed;	 /* at least one address is sealed: what is done stays */
	bool not_passed; /* nothing was done, because the file that was prepared did not get there */
};

/* Carries out the plan, and lets the helper exit. `prepared` is a file that has the bytes, or NULL. After a refusal,
 * either everything is as it was, or `sealed` says that it is not. */
enum refusal change_make(struct change *ret, struct helper *helper, const struct target *target,
			 const struct plan *plan, const struct prepared *prepared);

void change_free(const struct change *change);

#endif
