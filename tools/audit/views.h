/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_AUDIT_REPORT_H
#define SEALMEM_AUDIT_REPORT_H

#include "tools/audit/words.h"

/* What is shown, and how. */
struct audit_report {
	const struct audit *audit;
	struct rules *rules;
	const char *columns; /* a list of names, or NULL for the usual ones */
	int raw;	     /* one line for each mapping, for programs */
	int flagged_only;
	bool everything; /* also what rules and flagged_only would leave out */
};

/* -EINVAL if a name is no column's; *ret_fault is it then, to be freed. *ret is what all of them need. */
int audit_columns_check(const char *columns, unsigned *ret_needs, char **ret_fault);

/* The names of all columns, with blanks between them; to be freed. */
char *audit_columns_list(void);

void audit_report_print(const struct audit_report *report);
void audit_report_print_json(const struct audit_report *report);

/* The address spaces, drawn. 0 or a negative errno. */
int audit_report_draw(const struct audit_report *report, const char *path);

/* Whether the row is among those to be shown: with rules, those that break one. */
bool audit_report_shows(const struct audit_report *report, const struct view *view);

/* Calls `act` for each mapping, and each open memfd that is not mapped. */
void audit_report_each(const struct audit_report *report, const struct process *process,
		       void (*act)(const struct view *view, void *argument), void *argument);

#endif
