/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_ATTACK_REPORT_H
#define SEALMEM_TOOLS_ATTACK_REPORT_H

/*
 * Every attack on every column, judged and counted. The views (table, Markdown, JSON) and the exit
 * status read this and decide nothing themselves.
 */

#include "attack/attack.h"

#include <stddef.h>

/* An attack, and what it did to each column. */
struct attack_row {
	const struct attack *attack;
	struct result control;
	struct attack_cell *cells; /* one for each column; empty if the column is unavailable */
};

struct attack_report {
	struct attack_column *columns;
	size_t column_count;
	struct attack_row *rows;
	size_t row_count;
	struct attack_summary summary;
};

/* Columns come before rows. */
void attack_report_add_column(struct attack_report *report, const struct victim *victim);
void attack_report_add_row(struct attack_report *report, const struct attack *attack);

/* Columns come before rows here too. */
void attack_report_try_columns(struct attack_report *report,
			       const struct attack_settings *settings);
void attack_report_try_row(struct attack_report *report, size_t row,
			   const struct attack_settings *settings);

/* Every row, several at a time where there are processors for it, and counts the cells. `tell` is called before each. */
typedef void attack_progress(const struct attack_report *report, size_t row, void *data);
void attack_report_try_rows(struct attack_report *report, const struct attack_settings *settings,
			    attack_progress *tell, void *data);
void attack_report_count(struct attack_report *report);

/* Whether any column promises something. */
bool attack_report_has_promises(const struct attack_report *report);

void attack_report_free(struct attack_report *report);

/* "+ADDRESS emulated" */
#define ATTACK_TITLE_SIZE 64
void attack_title_format(char ret[ATTACK_TITLE_SIZE], const struct attack_column *column);

/* Prints the attacks and their cells in lines of `width` columns. Returns 0, or the width that the words need if they are
 * in the brief form, of letters. */
size_t attack_grid_print(const struct attack_report *report, size_t width);

/* What stands for an outcome in the brief form. */
const char *attack_outcome_letter(enum outcome outcome);

/* The views. */
void attack_table_print(const struct attack_report *report);
void attack_markdown_print(const struct attack_report *report);
void attack_json_print(const struct attack_report *report);

/* The attacks and the columns of a report that has tried nothing. */
void attack_table_print_list(const struct attack_report *report);
void attack_json_print_list(const struct attack_report *report);

#endif
