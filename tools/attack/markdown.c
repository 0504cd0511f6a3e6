/* SPDX-License-Identifier: MIT */

/*
 * The report as a Markdown table, for documents. It shows every cell that was tried, and shows in
 * bold each one that did not hold.
 */

#include "tools/attack/report.h"

#include <stdio.h>

static void print_cell(const struct attack_cell *cell)
{
	const char *bold = cell->judgement == JUDGEMENT_PASSED ? "" : "**";
	char text[ATTACK_CELL_SIZE];

	attack_cell_format(text, sizeof(text), cell);
	(void)printf(" %s%s%s |", bold, text, bold);
}

static void print_row(const struct attack_report *report, const struct attack_row *row)
{
	const struct attack *attack = row->attack;
	char control[ATTACK_CELL_SIZE];

	attack_result_format(control, sizeof(control), &row->control);
	(void)printf("| `%s` | %s | %s | %s |", attack->name, attack_target_name(attack->target),
		     attack_vantage_name(attack->vantage), control);
	for (size_t i = 0; i < report->column_count; i++)
		if (report->columns[i].available)
			print_cell(&row->cells[i]);
	(void)puts("");
}

static void print_head(const struct attack_report *report)
{
	char title[ATTACK_TITLE_SIZE];

	(void)fputs("| attack | against | from | unsealed |", stdout);
	for (size_t i = 0; i < report->column_count; i++) {
		attack_title_format(title, &report->columns[i]);
		if (report->columns[i].available)
			(void)printf(" %s |", title);
	}
	(void)fputs("\n|---|---|---|---|", stdout);
	for (size_t i = 0; i < report->column_count; i++)
		(void)fputs(report->columns[i].available ? "---|" : "", stdout);
	(void)puts("");
}

void attack_markdown_print(const struct attack_report *report)
{
	print_head(report);
	for (size_t row = 0; row < report->row_count; row++)
		print_row(report, &report->rows[row]);
}
