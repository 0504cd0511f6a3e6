/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_AUDIT_VIEWS_H
#define SEALMEM_TOOLS_AUDIT_VIEWS_H

/*
 * The forms of the answer. Each prints a report that is complete, and decides nothing.
 */

#include "audit/report.h"

#include <stdio.h>

struct view_options {
	const char *columns; /* of a table: a list of names, or NULL for the usual ones */
	bool raw;	     /* of a table: for programs, without totals */
	bool one_line;	     /* of JSON */
};

typedef void view_printer(const struct report *report, const struct view_options *options);

/* Each view is one row: its name, which is the word after --format, and its function audit_NAME_print(). */
#define VIEWS(ROW)                                                                                 \
 ROW(table, "the mappings, for people", VIEW_REPEATS)                                              \
 ROW(summary, "a line for each process", VIEW_REPEATS)                                             \
 ROW(json, "all that is known, for programs", VIEW_REPEATS | VIEW_UTF8)                            \
 ROW(svg, "a picture of the address spaces", VIEW_UTF8)                                            \
 ROW(openmetrics, "numbers for a monitor", VIEW_UTF8)                                              \
 ROW(sarif, "findings for code scanning", VIEW_UTF8)                                               \
 ROW(junit, "a test case for each rule and process", VIEW_UTF8 | VIEW_NEEDS_RULE)

enum {
	VIEW_UTF8 = 1 << 0,	  /* its form has this encoding */
	VIEW_REPEATS = 1 << 1,	  /* several answers can follow one another */
	VIEW_NEEDS_RULE = 1 << 2, /* it says nothing without a rule */
};

struct view {
	const char *name, *meaning;
	view_printer *print;
	unsigned traits;
};

enum {
#define VIEW_NUMBER(name, meaning, traits) VIEW_##name,
	VIEWS(VIEW_NUMBER)
#undef VIEW_NUMBER
		VIEW_COUNT
};

extern const struct view views[VIEW_COUNT];

#define VIEW_DECLARATION(name, meaning, traits) view_printer audit_##name##_print;
VIEWS(VIEW_DECLARATION)
#undef VIEW_DECLARATION

/* NULL if there is no view of that name. */
const struct view *view_find(const char *name);

/* -EINVAL if one of the names is not the name of a column. *ret_fault is then that name, to be freed. *ret_needs is
 * what all of the columns need. */
int audit_columns_check(const char *columns, unsigned *ret_needs, char **ret_fault);

/* The names of all columns, with blanks between them; to be freed. */
char *audit_columns_format(void);

/* Draws the address spaces into a file. 0 or a negative errno. */
int audit_svg_draw(const struct report *report, const char *path);

#endif
