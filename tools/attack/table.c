/* SPDX-License-Identifier: MIT */

/*
 * The report for a person. The table shows the control, because "held" means nothing without it. It
 * shows the attacks that nobody promised to stop and that do get through. An empty cell would read
 * as a good one, so each attack that could not be tried is named below the table, with the reason.
 */

#include "tools/attack/report.h"

#include "attack/victims.h"

#include "lib/util.h"
#include "tools/common/errors.h"
#include "tools/common/output.h"
#include "tools/common/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The width of the lines if the output is no terminal: a report of some hundred lines is for a person also in a file or a
 * mail. */
#define USUAL_WIDTH 80

static int line_width(void)
{
	int width = terminal_width();

	return width > 0 ? width : USUAL_WIDTH;
}

static const struct {
	enum outcome outcome;
	const char *meaning;
} outcomes[] = {
	{ OUTCOME_HELD,
	  "intact: the kernel refused the attack, with this errno, or it did nothing" },
	{ OUTCOME_NO_SEAL, "intact: the seal was refused while the attack held the memory" },
	{ OUTCOME_FOUND, "the heap noticed it: it wrote one line, and ended the program" },
	{ OUTCOME_CHANGED, "the bytes are not the same" },
	{ OUTCOME_DESTROYED, "the memory cannot be read, or other memory is in its place" },
	{ OUTCOME_HIDDEN, "the memory could not be read for a while, or children do not get it" },
	{ OUTCOME_LEAKED, "the attacker has read the bytes" },
	{ OUTCOME_NOT_APPLICABLE, "the attack could not be tried, see below" },
	{ OUTCOME_NO_VERDICT, "the trial itself failed" },
};

static const struct {
	enum judgement judgement;
	const char *meaning;
} judgements[] = {
	{ JUDGEMENT_BY_DESIGN, "left open by design, see below" },
	{ JUDGEMENT_BROKEN, "a broken promise" },
};

/* Where words begin, where in the brief form what stands for them does, and how much room they have. */
#define INDENT	   2
#define SIGN_ROOM  5
#define TITLE_ROOM 14

static int hang_of_notes(bool brief)
{
	return INDENT + (brief ? SIGN_ROOM : 0) + TITLE_ROOM;
}

/* What the word means, beside it. */
static void print_note(bool brief, const char *sign, const char *word, const char *meaning)
{
	CLEANUP(free_text) char *line = NULL;

	if (asprintf(&line, "%-*s%-*s %s", brief ? SIGN_ROOM : 0, brief ? sign : "", TITLE_ROOM - 1,
		     word, meaning) < 0)
		(void)need(line = NULL);
	put_folded(stdout, line, INDENT, hang_of_notes(brief), line_width());
}

static void print_legend(bool brief)
{
	for (size_t i = 0; i < sizeof(outcomes) / sizeof(*outcomes); i++)
		print_note(brief, attack_outcome_letter(outcomes[i].outcome),
			   attack_outcome_name(outcomes[i].outcome), outcomes[i].meaning);
	print_note(brief, control_shared.brief, control_shared.title,
		   "the same attack where nothing is sealed: it has to succeed there to count");
	for (size_t i = 0; i < sizeof(judgements) / sizeof(*judgements); i++) {
		const char *mark = attack_judgement_mark(judgements[i].judgement);

		print_note(brief, mark, brief ? "" : mark, judgements[i].meaning);
	}
}

static void print_column(const struct attack_column *column, bool brief)
{
	CLEANUP(free_text) char *line = NULL;
	char title[ATTACK_TITLE_SIZE];

	attack_title_format(title, column);
	print_note(brief, column->victim->brief, title, column->victim->summary);
	if (column->available)
		return;
	if (asprintf(&line, "not here: %s%s%s", column->reason, column->error != 0 ? ": " : "",
		     column->error != 0 ? strerror(-column->error) : "") < 0)
		(void)need(line = NULL);
	put_folded(stdout, line, hang_of_notes(brief), hang_of_notes(brief), line_width());
}

static void print_columns(const struct attack_report *report, bool brief)
{
	(void)puts("\nColumns:");
	for (size_t i = 0; i < report->column_count; i++)
		print_column(&report->columns[i], brief);
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

	put_folded(stdout, text, indent, indent, line_width());
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
	CLEANUP(free_text) char *head = NULL;
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
	if (asprintf(&head, "%s (%s):", reason, columns.text) < 0)
		(void)need(head = NULL);
	put_folded(stdout, head, INDENT, INDENT + 2, line_width());
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
	CLEANUP(free_text) char *line = NULL;
	char text[ATTACK_CELL_SIZE];

	attack_cell_format(text, sizeof(text), cell);
	if (asprintf(&line, "%s, %s: %s%s%s", row->attack->name, column->victim->title, text,
		     *reason != '\0' ? ", " : "", reason) < 0)
		(void)need(line = NULL);
	put_folded(stdout, line, INDENT, INDENT + 2, line_width());
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
	CLEANUP(free_text) char *line = NULL;

	if (asprintf(&line,
		     "%zu attacks on what we seal: %u held, %u promises broken, %u left open by "
		     "design, %u not promised and not held, %u not tried",
		     report->row_count, s->held, s->broken, s->by_design, s->unpromised,
		     s->not_tried) < 0)
		(void)need(line = NULL);
	(void)puts("");
	put_folded(stdout, line, 0, INDENT, line_width());
}

void attack_table_print(const struct attack_report *report)
{
	size_t needed = attack_grid_print(report, (size_t)line_width());
	bool brief = needed > 0;

	(void)puts("");
	if (brief)
		(void)printf("With COLUMNS=%zu each cell is a word, with its errno:\n", needed);
	print_legend(brief);
	print_columns(report, brief);
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
		if (victim_promises(victim, target))
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
