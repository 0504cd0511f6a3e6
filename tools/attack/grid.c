/* SPDX-License-Identifier: MIT */

/*
 * The cells of the report, a row for each attack. With all columns the words of the cells need twice the width of a
 * usual terminal, and there is no column to leave out: a reader compares them. So where the words do not fit, each cell
 * is one character, and the legend has the words. Where that does not fit either, the last columns follow in a table of
 * their own.
 */

#include "tools/attack/report.h"

#include "attack/victims.h"

#include "lib/util.h"
#include "tools/common/errors.h"
#include "tools/common/fit.h"
#include "tools/common/output.h"

#include <stdio.h>
#include <stdlib.h>

/* The least of the name of an attack, on a terminal that has no room for the brief form either. */
#define LEAST_NAME 12

static const char *colour(const struct attack_cell *cell)
{
	static const char *const colours[] = {
		[JUDGEMENT_PASSED] = "green",
		[JUDGEMENT_UNPROMISED] = "red",
		[JUDGEMENT_BY_DESIGN] = "yellow",
		[JUDGEMENT_BROKEN] = "lightred",
	};

	return cell->result.outcome == OUTCOME_NOT_APPLICABLE ? "darkgray"
							      : colours[cell->judgement];
}

const char *attack_outcome_letter(enum outcome outcome)
{
	static const char *const letters[] = {
		[OUTCOME_HELD] = ".",	 [OUTCOME_NO_SEAL] = "s",	 [OUTCOME_FOUND] = "f",
		[OUTCOME_CHANGED] = "C", [OUTCOME_DESTROYED] = "D",	 [OUTCOME_HIDDEN] = "H",
		[OUTCOME_LEAKED] = "L",	 [OUTCOME_NOT_APPLICABLE] = "-", [OUTCOME_NO_VERDICT] = "?",
	};

	return letters[outcome];
}

/* The columns of the report that the table has, after the attack and the control. */
struct grid {
	const struct attack_report *report;
	bool brief;
	size_t *shown;
	size_t count;
};

static void free_grid(struct grid *grid)
{
	free(grid->shown);
}

static void find_available(struct grid *grid)
{
	const struct attack_report *report = grid->report;

	grid->shown = need(calloc(report->column_count + 1, sizeof(*grid->shown)));
	for (size_t i = 0; i < report->column_count; i++)
		if (report->columns[i].available)
			grid->shown[grid->count++] = i;
}

static void format_cell(const struct grid *grid, char ret[ATTACK_CELL_SIZE],
			const struct attack_cell *cell)
{
	if (grid->brief)
		(void)snprintf(ret, ATTACK_CELL_SIZE, "%s%s",
			       attack_outcome_letter(cell->result.outcome),
			       attack_judgement_mark(cell->judgement));
	else
		attack_cell_format(ret, ATTACK_CELL_SIZE, cell);
}

static void add_row(const struct grid *grid, struct libscols_table *table,
		    const struct attack_row *row)
{
	const struct attack_cell control = { .result = row->control };
	char(*cells)[ATTACK_CELL_SIZE] = need(calloc(grid->count + 1, ATTACK_CELL_SIZE));
	const char **texts = need(calloc(grid->count + 2, sizeof(*texts)));
	struct libscols_line *line;

	texts[0] = row->attack->name;
	texts[1] = cells[grid->count];
	format_cell(grid, cells[grid->count], &control);
	for (size_t i = 0; i < grid->count; i++) {
		format_cell(grid, cells[i], &row->cells[grid->shown[i]]);
		texts[i + 2] = cells[i];
	}
	line = table_row(table, texts);
	for (size_t i = 0; i < grid->count; i++)
		table_colour(line, i + 2, colour(&row->cells[grid->shown[i]]));
	free(texts);
	free(cells);
}

static struct libscols_table *make_table(const struct grid *grid)
{
	char(*titles)[ATTACK_TITLE_SIZE] = need(calloc(grid->count + 1, ATTACK_TITLE_SIZE));
	struct column *columns = need(calloc(grid->count + 2, sizeof(*columns)));
	struct libscols_table *table;

	columns[0].title = "ATTACK";
	columns[1].title = grid->brief ? control_shared.brief : control_shared.title;
	for (size_t i = 0; i < grid->count; i++) {
		const struct attack_column *column = &grid->report->columns[grid->shown[i]];

		attack_title_format(titles[i], column);
		columns[i + 2].title = grid->brief ? column->victim->brief : titles[i];
	}
	table = table_new(columns, grid->count + 2);
	for (size_t row = 0; row < grid->report->row_count; row++)
		add_row(grid, table, &grid->report->rows[row]);
	free(columns);
	free(titles);
	return table;
}

static void fit(const struct grid *grid, struct libscols_table *table, size_t width)
{
	struct give *gives = need(calloc(grid->count + 2, sizeof(*gives)));

	gives[0].least = LEAST_NAME;
	table_fit(table, gives, width);
	free(gives);
}

/* The first columns that fit the width, one at least. */
static struct grid first_that_fit(const struct grid *all, size_t width)
{
	struct grid part = *all;

	for (; part.count > 1; part.count--) {
		struct libscols_table *table = make_table(&part);
		bool fits = table_width(table) <= width;

		scols_unref_table(table);
		if (fits)
			break;
	}
	return part;
}

/* Columns that do not fit get a table of their own, after the others. */
static void print_parts(struct grid all, size_t width)
{
	const char *head = "";

	do {
		struct grid part = first_that_fit(&all, width);
		struct libscols_table *table = make_table(&part);

		(void)fputs(head, stdout);
		head = "\n";
		fit(&part, table, width);
		table_print(table);
		all.shown += part.count;
		all.count -= part.count;
	} while (all.count > 0);
}

size_t attack_grid_print(const struct attack_report *report, size_t width)
{
	CLEANUP(free_grid) struct grid grid = { .report = report };
	struct libscols_table *table;
	size_t needed;

	find_available(&grid);
	table = make_table(&grid);
	needed = table_width(table);
	if (needed <= width) {
		table_print(table);
		return 0;
	}
	scols_unref_table(table);
	grid.brief = true;
	print_parts(grid, width);
	return needed;
}
