/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_OUTSIDE_CHANGE_H
#define SEALMEM_OUTSIDE_CHANGE_H

#include "lib/sys.h"
#include "outside/enter.h"

/* What was done. */
struct change {
	int file; /* the sealed file, as a descriptor of this process; -1 if there is none */
	struct sys_file identity;
	size_t replaced; /* ranges of the plan that were replaced, or passed by */
	bool sealed;	 /* at least one address is sealed: what is done stays */
	bool rolled_back;
};

/* Carries out the plan. After a refusal, either everything is as it was, or `sealed` says that it is not. */
enum refusal change_make(struct change *ret, struct helper *helper, const struct target *target,
			 const struct plan *plan);

void change_free(const struct change *change);

#endif
