/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_ATTACK_REPORT_H
#define SEALMEM_ATTACK_REPORT_H

#include "attack/attack.h"

/* An attack, and what it did to each column. */
struct attack_row {
	const struct attack *attack;
	struct result control;
	struct result *results;
};

/* Every attack on every column. Columns that cannot be had have no results. */
struct attack_report {
	struct battery_column *columns;
	size_t column_count;
	struct attack_row *rows;
	size_t row_count;
};

/* Results of columns that promise something. */
struct attack_summary {
	unsigned held, broken, by_design, unpromised, not_applicable;
};

struct attack_summary attack_report_summary(const struct attack_report *report);

enum judgement attack_report_judge(const struct attack_report *report, size_t row, size_t column);

void attack_report_print(const struct attack_report *report);
void attack_report_print_markdown(const struct attack_report *report);
void attack_report_print_json(const struct attack_report *report);

/* The attacks and the columns, without a result. */
void attack_report_list(const struct attack_report *report);
void attack_report_list_json(const struct attack_report *report);

#endif
