/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_AUDIT_GUARANTEES_H
#define SEALMEM_AUDIT_GUARANTEES_H

#include "audit/known-files.h"

/* Whether the seals are known and have this one. */
bool is_write_sealed(int seals);
bool is_exec_sealed(int seals);

/* Sets `guarantees` and `unknown` of each mapping and open file. Needs their kinds, and who holds which secret memory. */
void guarantees_find(struct process *process, const struct known_files *files);

#endif
