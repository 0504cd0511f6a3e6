/* SPDX-License-Identifier: MIT */

/*
 * The rows and columns of a run, filled in one after the other. Each cell is judged when it is
 * tried, and counted once.
 */

#include "tools/attack/report.h"

#include "tools/common/errors.h"

#include <stdio.h>
#include <stdlib.h>

void attack_report_add_column(struct attack_report *report, const struct victim *victim)
{
	const size_t size = (report->column_count + 1) * sizeof(*report->columns);

	report->columns = need(realloc(report->columns, size));
	report->columns[report->column_count++] = (struct attack_column){ .victim = victim };
}

void attack_report_add_row(struct attack_report *report, const struct attack *attack)
{
	const size_t size = (report->row_count + 1) * sizeof(*report->rows);
	struct attack_row row = { .attack = attack };

	row.cells = need(calloc(report->column_count + 1, sizeof(*row.cells)));
	report->rows = need(realloc(report->rows, size));
	report->rows[report->row_count++] = row;
}

void attack_report_try_columns(struct attack_report *report, const struct attack_settings *settings)
{
	for (size_t i = 0; i < report->column_count; i++)
		attack_try_column(&report->columns[i], report->columns[i].victim, settings);
}

void attack_report_try_row(struct attack_report *report, size_t row,
			   const struct attack_settings *settings)
{
	struct attack_row *r = &report->rows[row];

	attack_try_control(&r->control, r->attack, settings);
	for (size_t i = 0; i < report->column_count; i++) {
		const struct attack_column *column = &report->columns[i];

		if (!column->available)
			continue;
		attack_try_cell(&r->cells[i], r->attack, column, &r->control, settings);
	}
}

void attack_report_count(struct attack_report *report)
{
	for (size_t row = 0; row < report->row_count; row++)
		for (size_t i = 0; i < report->column_count; i++)
			if (report->columns[i].available)
				attack_summary_add(&report->summary, &report->columns[i],
						   &report->rows[row].cells[i]);
}

bool attack_report_has_promises(const struct attack_report *report)
{
	for (size_t i = 0; i < report->column_count; i++)
		if (report->columns[i].victim->promises != 0)
			return true;
	return false;
}

void attack_report_free(struct attack_report *report)
{
	for (size_t row = 0; row < report->row_count; row++)
		free(report->rows[row].cells);
	free(report->rows);
	free(report->columns);
}

void attack_title_format(char ret[ATTACK_TITLE_SIZE], const struct attack_column *column)
{
	(void)snprintf(ret, ATTACK_TITLE_SIZE, "%s%s", column->victim->title,
		       column->emulated ? " emulated" : "");
}
