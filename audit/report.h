/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_AUDIT_REPORT_H
#define SEALMEM_AUDIT_REPORT_H

/*
 * What an audit answers: its rows, and the judgement on them. Table, JSON, picture and exit status only read it.
 */

#include "audit/audit.h"
#include "audit/rules.h"

#define GUARANTEE_COUNT 7

struct totals {
	size_t mappings;
	/* Bytes of address space. */
	uint64_t bytes;
	uint64_t guaranteed[GUARANTEE_COUNT]; /* by guarantee, in the order of their bits */
	uint64_t unguaranteed;
	/* Rows: mappings, and files that are only open. */
	size_t flagged;
	size_t unknown; /* at least one guarantee is unknown */
	unsigned flags; /* that at least one of them has */
	size_t with_flag[FLAG_COUNT];
	size_t broken; /* they break a rule */
	size_t shown;  /* see report_row */
};

/* A mapping, or a file that is only open. */
struct report_row {
	const struct process *process;
	const struct memory *memory;
	const struct mapping *mapping;	   /* NULL for an open file */
	const struct open_file *open_file; /* NULL for a mapping */
	const struct known_file *file;	   /* who has it; NULL if the audit did not look into it */
	const struct rules *rules;
	bool *breaks; /* for each rule */
	bool broken;  /* it breaks one of them */
	bool shown;   /* in a table and in JSON; a picture shows all */
};

struct report_process {
	const struct process *process;
	struct report_row *rows;
	size_t count;
	struct totals totals;
	size_t *broken; /* rows, for each rule */
};

struct rule_result {
	size_t matched, broken; /* rows */
	size_t processes;	/* that have a row which breaks it */
	bool missed;		/* it needs a match and there is none */
	bool met; /* by all that was read, and nothing was left out that may break it */
};

struct report {
	const struct audit *audit;
	const struct rules *rules;
	struct report_process *processes; /* as many as the audit has, in its order */
	struct report_row *rows;	  /* of all processes */
	bool *breaks;
	size_t *broken;		     /* of all processes */
	struct rule_result *results; /* for each rule */
	struct totals totals;
	size_t with_flag[FLAG_COUNT]; /* processes */
	size_t flagged, changed;      /* processes */
	size_t unread; /* processes that may break a rule, and that the audit could not read */
	bool hidden;   /* there may be more of these, which /proc does not show */
	bool met;      /* every rule */
	bool by_flags; /* it shows nothing without a flag */
};

/* Whether anything of the process is shown: all of it, if neither rules nor flags choose. */
bool report_process_is_shown(const struct report *report, const struct report_process *process);

/* Judges an audit that is finished. With rules, it shows the rows that break one; with `flagged_only`, of these the
 * rows that have a flag. -ENOMEM. */
int report_new(struct report *ret, const struct audit *audit, const struct rules *rules,
	       bool flagged_only);

void report_free(struct report *report);

/* How many bytes the row has. */
uint64_t report_row_size(const struct report_row *row);

#endif
