/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_AUDIT_GUARANTEES_H
#define SEALMEM_AUDIT_GUARANTEES_H

#include "audit/process.h"

/* What makes the bytes of a memfd final, and what the exec seal adds. */
bool is_write_sealed(int seals);
bool is_exec_sealed(int seals);

/* Sets `guarantees` and `unknown` of each mapping and descriptor. Needs their kinds. */
void guarantees_find(struct process *process);

#endif
