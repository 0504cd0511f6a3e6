/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_AUDIT_AUDIT_H
#define SEALMEM_AUDIT_AUDIT_H

#include "audit/flags.h"
#include "audit/guarantees.h"
#include "audit/known-files.h"
#include "audit/process.h"
#include "audit/procfs.h"
#include "audit/writers.h"

#include <time.h>

struct audit {
	struct procfs procfs;
	bool borrowed; /* the procfs */
	struct known_files files;
	struct writers writers;
	struct process *processes;
	size_t count;
	/* Of the processes that were asked for, those that are not among these. */
	size_t denied, ended, unreadable;
	bool all; /* every process was asked for */
	/* When it was begun, and when it was finished. */
	struct timespec begun, finished;
};

/* As procfs_open(). */
int audit_begin(struct audit *ret, const char *procfs);

/* Of a /proc that the caller has open, and keeps open until the audit is freed. */
void audit_begin_at(struct audit *ret, const struct procfs *procfs);

/* Reads one more process. Errors as process_read(). */
int audit_add(struct audit *audit, pid_t pid, unsigned needs);

/* As audit_add(), but a process that cannot be read is counted and is no error. What is left is lack of memory or of
 * descriptors. */
int audit_try(struct audit *audit, pid_t pid, unsigned needs);

/* To be called once all processes have been added: looks at who else has memfds that can be written to, and finds the
 * kinds, guarantees and flags. Fails out of memory or of descriptors. */
int audit_finish(struct audit *audit, unsigned needs);

void audit_free(struct audit *audit);

#endif
