/* SPDX-License-Identifier: MIT */

/*
 * The report for a person. The table shows the control, because "held" means nothing without it. It
 * shows the attacks that nobody promised to stop and that do get through. An empty cell would read
 * as a good one, so each attack that could not be tried is named below the table, with the reason.
 */

#include "tools/attack/report.h"

#include "lib/util.h"
#include "tools/common/errors.h"
#include "tools/common/output.h"
#include "tools/common/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* The columns of the report that the table has, after the attack and the control. */
static size_t find_available(size_t *ret, const struct attack_report *report)
{
	size_t n = 0;

	for (size_t i = 0; i < report->column_count; i++)
		if (report->columns[i].available)
			ret[n++] = i;
	return n;
}

static void add_row(struct libscols_table *table, const struct attack_row *row, const size_t *shown,
		    size_t n)
{
	char(*cells)[ATTACK_CELL_SIZE] = need(calloc(n + 1, ATTACK_CELL_SIZE));
	const char **texts = need(calloc(n + 2, sizeof(*texts)));
	struct libscols_line *line;

	texts[0] = row->attack->name;
	texts[1] = cells[n];
	attack_result_format(cells[n], ATTACK_CELL_SIZE, &row->control);
	for (size_t i = 0; i < n; i++) {
		attack_cell_format(cells[i], ATTACK_CELL_SIZE, &row->cells[shown[i]]);
		texts[i + 2] = cells[i];
	}
	line = table_row(table, texts);
	for (size_t i = 0; i < n; i++)
		table_colour(line, i + 2, colour(&row->cells[shown[i]]));
	free(texts);
	free(cells);
}

static void print_table(const struct attack_report *report)
{
	size_t *shown = need(calloc(report->column_count + 1, sizeof(*shown)));
	size_t n = find_available(shown, report);
	char(*titles)[ATTACK_TITLE_SIZE] = need(calloc(n + 1, ATTACK_TITLE_SIZE));
	struct column *columns = need(calloc(n + 2, sizeof(*columns)));
	struct libscols_table *table;

	columns[0].title = "ATTACK";
	columns[1].title = "unsealed";
	for (size_t i = 0; i < n; i++) {
		attack_title_format(titles[i], &report->columns[shown[i]]);
		columns[i + 2].title = titles[i];
	}
	table = table_new(columns, n + 2);
	for (size_t row = 0; row < report->row_count; row++)
		add_row(table, &report->rows[row], shown, n);
	table_print(table);
	free(columns);
	free(titles);
	free(shown);
}

static const struct {
	const char *word;
	const char *meaning;
} legend[] = {
	{ "held", "intact: the kernel refused the attack with this errno, or it did nothing" },
	{ "no seal", "intact: the seal was refused while the attack held the memory" },
	{ "CHANGED", "the bytes are not the same" },
	{ "DESTROYED", "the memory cannot be read, or other memory is in its place" },
	{ "HIDDEN", "the memory could not be read for a while, or children do not get it" },
	{ "LEAKED", "the attacker has read the bytes" },
	{ "n/a", "the attack could not be tried, see below" },
	{ "unsealed", "the same attack where nothing is sealed: it has to succeed there to count" },
	{ "*", "left open by design, see below" },
	{ "!", "a broken promise" },
};

static void print_note(const char *head, const char *text)
{
	int width = terminal_width();

	(void)printf("  %-14s", head);
	put_folded(stdout, text, 0, 16, width > 16 ? width - 16 : 0);
}

static void print_legend(void)
{
	for (size_t i = 0; i < sizeof(legend) / sizeof(*legend); i++)
		print_note(legend[i].word, legend[i].meaning);
}

static void print_column(const struct attack_column *column)
{
	char title[ATTACK_TITLE_SIZE];

	attack_title_format(title, column);
	print_note(title, column->victim->summary);
	if (!column->available)
		(void)printf("%*snot here: %s%s%s\n", 16, "", column->reason,
			     column->error != 0 ? ": " : "",
			     column->error != 0 ? strerror(-column->error) : "");
}

static void print_columns(const struct attack_report *report)
{
	(void)puts("\nColumns:");
	for (size_t i = 0; i < report->column_count; i++)
		print_column(&report->columns[i]);
}

/* A list of words as one text, "a, b, c". */
struct list {
	FILE *out;
	char *text;
	size_t size;
};

static void list_begin(struct list *list)
{
	list->out = need(open_memstream(&list->text, &list->size));
}

static void list_add(struct list *list, const char *word)
{
	(void)fprintf(list->out, "%s%s", ftell(list->out) > 0 ? ", " : "", word);
}

static void list_end(struct list *list)
{
	if (fclose(list->out) != 0)
		(void)need(NULL);
}

static void print_indented(const char *text)
{
	const int indent = 6;

	put_folded(stdout, text, indent, indent, terminal_width());
}

static bool was_absent(const struct attack_report *report, size_t row, size_t column,
		       const char *reason)
{
	const struct result *result = &report->rows[row].cells[column].result;

	return report->columns[column].available && result->outcome == OUTCOME_NOT_APPLICABLE &&
	       strcmp(result->reason, reason) == 0;
}

static bool absent_in_column(const struct attack_report *report, size_t column, const char *reason)
{
	for (size_t row = 0; row < report->row_count; row++)
		if (was_absent(report, row, column, reason))
			return true;
	return false;
}

static bool absent_in_row(const struct attack_report *report, size_t row, const char *reason)
{
	for (size_t i = 0; i < report->column_count; i++)
		if (was_absent(report, row, i, reason))
			return true;
	return false;
}

/* "REASON, in COLUMNS:" and the attacks. */
static void print_absence(const struct attack_report *report, const char *reason)
{
	struct list columns, attacks;

	list_begin(&columns);
	list_begin(&attacks);
	for (size_t i = 0; i < report->column_count; i++)
		if (absent_in_column(report, i, reason))
			list_add(&columns, report->columns[i].victim->title);
	for (size_t row = 0; row < report->row_count; row++)
		if (absent_in_row(report, row, reason))
			list_add(&attacks, report->rows[row].attack->name);
	list_end(&columns);
	list_end(&attacks);
	(void)printf("  %s (%s):\n", reason, columns.text);
	print_indented(attacks.text);
	free(columns.text);
	free(attacks.text);
}

/* Whether no cell before this one, by rows, has its reason. */
static bool is_first(const struct attack_report *report, size_t row, size_t column,
		     const char *reason)
{
	for (size_t r = 0; r < row; r++)
		if (absent_in_row(report, r, reason))
			return false;
	for (size_t i = 0; i < column; i++)
		if (was_absent(report, row, i, reason))
			return false;
	return true;
}

static void print_absences(const struct attack_report *report)
{
	const char *head = "\nNot tried (n/a):\n";

	for (size_t row = 0; row < report->row_count; row++) {
		for (size_t i = 0; i < report->column_count; i++) {
			const char *reason = report->rows[row].cells[i].result.reason;

			if (!was_absent(report, row, i, reason) ||
			    !is_first(report, row, i, reason))
				continue;
			(void)fputs(head, stdout);
			head = "";
			print_absence(report, reason);
		}
	}
}

static bool is_judged(const struct attack_report *report, size_t row, size_t column,
		      enum judgement judgement)
{
	return report->columns[column].available &&
	       report->rows[row].cells[column].judgement == judgement;
}

static bool has_judgement(const struct attack_report *report, size_t row, enum judgement judgement)
{
	for (size_t i = 0; i < report->column_count; i++)
		if (is_judged(report, row, i, judgement))
			return true;
	return false;
}

static void print_gaps(const struct attack_report *report)
{
	const char *head = "\nLeft open by design (*):\n";

	for (size_t row = 0; row < report->row_count; row++) {
		const struct attack *attack = report->rows[row].attack;

		if (!has_judgement(report, row, JUDGEMENT_BY_DESIGN))
			continue;
		(void)printf("%s  %s:\n", head, attack->name);
		head = "";
		print_indented(attack->gap_reason);
	}
}

static void print_breach(const struct attack_row *row, const struct attack_column *column,
			 const struct attack_cell *cell)
{
	const char *reason = cell->result.reason;
	char text[ATTACK_CELL_SIZE];

	attack_cell_format(text, sizeof(text), cell);
	(void)printf("  %s, %s: %s%s%s\n", row->attack->name, column->victim->title, text,
		     *reason != '\0' ? ", " : "", reason);
}

static void print_breaches(const struct attack_report *report)
{
	if (report->summary.broken > 0)
		(void)fputs("\nBroken promises (!):\n", stdout);
	for (size_t row = 0; row < report->row_count; row++)
		for (size_t i = 0; i < report->column_count; i++)
			if (is_judged(report, row, i, JUDGEMENT_BROKEN))
				print_breach(&report->rows[row], &report->columns[i],
					     &report->rows[row].cells[i]);
}

static void print_summary(const struct attack_report *report)
{
	const struct attack_summary *s = &report->summary;

	(void)printf("\n%zu attacks on what we seal: %u held, %u promises broken, %u left open by "
		     "design, %u not promised and not held, %u not tried\n",
		     report->row_count, s->held, s->broken, s->by_design, s->unpromised,
		     s->not_tried);
}

void attack_table_print(const struct attack_report *report)
{
	print_table(report);
	(void)puts("");
	print_legend();
	print_columns(report);
	print_absences(report);
	print_gaps(report);
	print_breaches(report);
	print_summary(report);
}

static void list_attacks(const struct attack_report *report)
{
	static const struct column columns[] = {
		{ "ATTACK", false }, { "AGAINST", false },     { "FROM", false },
		{ "WHAT", true },    { "SYSTEM CALLS", true },
	};
	struct libscols_table *table = table_new(columns, sizeof(columns) / sizeof(*columns));

	for (size_t row = 0; row < report->row_count; row++) {
		const struct attack *a = report->rows[row].attack;
		const char *const texts[] = { a->name, attack_target_name(a->target),
					      attack_vantage_name(a->vantage), a->summary,
					      a->syscalls };

		(void)table_row(table, texts);
	}
	table_print(table);
}

static void list_column(struct libscols_table *table, const struct victim *victim)
{
	struct list promises;

	list_begin(&promises);
	for (unsigned target = 0; target < TARGET_COUNT; target++)
		if (victim->promises & (1u << target))
			list_add(&promises, attack_target_name(target));
	list_end(&promises);
	(void)table_row(table, (const char *const[]){ victim->name, victim->title, victim->summary,
						      promises.text });
	free(promises.text);
}

static void list_columns(const struct attack_report *report)
{
	static const struct column columns[] = {
		{ "COLUMN", false },
		{ "TITLE", false },
		{ "WHAT", true },
		{ "PROMISES", true },
	};
	struct libscols_table *table = table_new(columns, sizeof(columns) / sizeof(*columns));

	for (size_t i = 0; i < report->column_count; i++)
		list_column(table, report->columns[i].victim);
	table_print(table);
}

void attack_table_print_list(const struct attack_report *report)
{
	list_attacks(report);
	(void)puts("");
	list_columns(report);
}
