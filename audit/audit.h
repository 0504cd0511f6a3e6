/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_AUDIT_AUDIT_H
#define SEALMEM_AUDIT_AUDIT_H

#include "audit/flags.h"
#include "audit/guarantees.h"
#include "audit/known-files.h"
#include "audit/process.h"
#include "audit/procfs.h"
#include "audit/rules.h"

#define GUARANTEE_COUNT 7

/* Bytes of address space. */
struct audit_totals {
	size_t mappings;
	uint64_t bytes;
	uint64_t guaranteed[GUARANTEE_COUNT]; /* by guarantee, in the order of their bits */
	uint64_t unguaranteed;
	size_t flagged;
};

struct audit {
	struct procfs procfs;
	struct known_files files;
	struct process *processes;
	size_t count;
	/* Of all that were asked for, those that are not among them. */
	size_t denied, ended, unreadable;
};

/* Reads one process more. Errors as process_read(). */
int audit_add(struct audit *audit, pid_t pid, unsigned needs);

/* As audit_add(), but counts what cannot be read; want of memory and of descriptors are left. */
int audit_try(struct audit *audit, pid_t pid, unsigned needs);

/* When all have been added: looks at who else has memfds that can be written to, and judges. Want of
 * memory or of descriptors. */
int audit_finish(struct audit *audit, unsigned needs);

void audit_total(const struct process *process, struct audit_totals *totals);

void audit_free(struct audit *audit);

#endif
