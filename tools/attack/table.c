/* SPDX-License-Identifier: MIT */

/*
 * What the battery found, in words. The table is made to be believed: it shows the control, without
 * which a "held" means nothing; it shows what nobody promised and what does not hold; and what could not
 * be tried is named under it with the reason, for an empty cell reads as a good one.
 */

#include "tools/attack/report.h"

#include "tools/common/errors.h"
#include "tools/common/output.h"
#include "tools/common/text.h"
#include "lib/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CELL_SIZE 64

enum judgement attack_report_judge(const struct attack_report *report, size_t row, size_t column)
{
	const struct attack_row *r = &report->rows[row];

	return battery_judge(r->attack, &report->columns[column], &r->results[column]);
}

static void count(struct attack_summary *summary, const struct result *result,
		  enum judgement judgement)
{
	summary->not_applicable += result->outcome == NOT_APPLICABLE;
	summary->held += judgement == PASSED && result->outcome != NOT_APPLICABLE;
	summary->unpromised += judgement == UNPROMISED;
	summary->by_design += judgement == BY_DESIGN;
	summary->broken += judgement == BROKEN;
}

struct attack_summary attack_report_summary(const struct attack_report *report)
{
	struct attack_summary summary = { 0 };

	for (size_t row = 0; row < report->row_count; row++)
		for (size_t i = 0; i < report->column_count; i++)
			if (report->columns[i].given && report->columns[i].victim->promises != 0)
				count(&summary, &report->rows[row].results[i],
				      attack_report_judge(report, row, i));
	return summary;
}

static const char *mark(enum judgement judgement)
{
	static const char *const marks[] = {
		[PASSED] = "",
		[UNPROMISED] = "",
		[BY_DESIGN] = "*",
		[BROKEN] = "!",
	};

	return marks[judgement];
}

static void print_cell(char ret[CELL_SIZE], const struct attack_report *report, size_t row,
		       size_t column)
{
	battery_print_result(ret, CELL_SIZE - 1, &report->rows[row].results[column]);
	(void)strcat(ret, mark(attack_report_judge(report, row, column)));
}

static void print_title(char ret[CELL_SIZE], const struct battery_column *column)
{
	(void)snprintf(ret, CELL_SIZE, "%s%s", column->victim->title,
		       column->emulated ? " emulated" : "");
}

static const char *colour(const struct result *result, enum judgement judgement)
{
	static const char *const colours[] = {
		[PASSED] = "green",
		[UNPROMISED] = "red",
		[BY_DESIGN] = "yellow",
		[BROKEN] = "lightred",
	};

	return result->outcome == NOT_APPLICABLE ? "darkgray" : colours[judgement];
}

/* Which columns of the report the table has, behind the attack and the control. */
static size_t given_columns(size_t *ret, const struct attack_report *report)
{
	size_t n = 0;

	for (size_t i = 0; i < report->column_count; i++)
		if (report->columns[i].given)
			ret[n++] = i;
	return n;
}

static void add_row(struct libscols_table *table, const struct attack_report *report, size_t row,
		    const size_t *shown, size_t n)
{
	const struct attack_row *r = &report->rows[row];
	char(*cells)[CELL_SIZE] = need(calloc(n + 1, CELL_SIZE));
	const char **texts = need(calloc(n + 2, sizeof(*texts)));
	struct libscols_line *line;

	texts[0] = r->attack->name;
	texts[1] = cells[n];
	battery_print_result(cells[n], CELL_SIZE, &r->control);
	for (size_t i = 0; i < n; i++) {
		print_cell(cells[i], report, row, shown[i]);
		texts[i + 2] = cells[i];
	}
	line = table_row(table, texts);
	for (size_t i = 0; i < n; i++)
		table_colour(
			line, i + 2,
			colour(&r->results[shown[i]], attack_report_judge(report, row, shown[i])));
	free(texts);
	free(cells);
}

static void print_table(const struct attack_report *report)
{
	size_t *shown = need(calloc(report->column_count + 1, sizeof(*shown)));
	size_t n = given_columns(shown, report);
	char(*titles)[CELL_SIZE] = need(calloc(n + 1, CELL_SIZE));
	struct column *columns = need(calloc(n + 2, sizeof(*columns)));
	struct libscols_table *table;

	columns[0].title = "ATTACK";
	columns[1].title = "unsealed";
	for (size_t i = 0; i < n; i++) {
		print_title(titles[i], &report->columns[shown[i]]);
		columns[i + 2].title = titles[i];
	}
	table = table_new(columns, n + 2);
	for (size_t row = 0; row < report->row_count; row++)
		add_row(table, report, row, shown, n);
	table_print(table);
	free(columns);
	free(titles);
	free(shown);
}

static const struct {
	const char *word;
	const char *meaning;
} legend[] = {
	{ "held", "intact: the attack was refused, with this errno, or did nothing" },
	{ "no seal", "intact: the seal was refused while the attack had a hold of the memory" },
	{ "CHANGED", "other bytes" },
	{ "DESTROYED", "cannot be read, or other memory is in its place" },
	{ "HIDDEN", "could not be read for a while, or is kept from children" },
	{ "LEAKED", "the attacker has read the bytes" },
	{ "n/a", "could not be tried, see below" },
	{ "unsealed", "the same attack where nothing is sealed: it has to succeed there to count" },
	{ "*", "left open by design, see below" },
	{ "!", "a promise that is broken" },
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

static void print_columns(const struct attack_report *report)
{
	(void)puts("\nColumns:");
	for (size_t i = 0; i < report->column_count; i++) {
		const struct battery_column *column = &report->columns[i];
		char title[CELL_SIZE];

		print_title(title, column);
		print_note(title, column->victim->summary);
		if (!column->given)
			(void)printf("%*snot here: %s%s%s\n", 16, "", column->reason,
				     column->error != 0 ? ": " : "",
				     column->error != 0 ? strerror(-column->error) : "");
	}
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

static void print_indented(const char *text, int indent)
{
	int width = terminal_width();

	put_folded(stdout, text, indent, indent, width);
}

static bool was_absent(const struct attack_report *report, size_t row, size_t column,
		       const char *reason)
{
	const struct result *result = &report->rows[row].results[column];

	return report->columns[column].given && result->outcome == NOT_APPLICABLE &&
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
	print_indented(attacks.text, 6);
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
			const char *reason = report->rows[row].results[i].reason;

			if (!was_absent(report, row, i, reason) ||
			    !is_first(report, row, i, reason))
				continue;
			(void)fputs(head, stdout);
			head = "";
			print_absence(report, reason);
		}
	}
}

static bool has_judgement(const struct attack_report *report, size_t row, enum judgement judgement)
{
	for (size_t i = 0; i < report->column_count; i++)
		if (report->columns[i].given && attack_report_judge(report, row, i) == judgement)
			return true;
	return false;
}

static void print_gaps(const struct attack_report *report)
{
	const char *head = "\nLeft open by design (*):\n";

	for (size_t row = 0; row < report->row_count; row++) {
		const struct attack *attack = report->rows[row].attack;

		if (!has_judgement(report, row, BY_DESIGN))
			continue;
		(void)printf("%s  %s:\n", head, attack->name);
		head = "";
		print_indented(attack->gap_reason, 6);
	}
}

static void print_breach(const struct attack_report *report, size_t row, size_t column)
{
	const struct result *result = &report->rows[row].results[column];
	char cell[CELL_SIZE];

	print_cell(cell, report, row, column);
	(void)printf("  %s, %s: %s%s%s\n", report->rows[row].attack->name,
		     report->columns[column].victim->title, cell,
		     *result->reason != '\0' ? ", " : "", result->reason);
}

static void print_breaches(const struct attack_report *report)
{
	const char *head = "\nBroken promises (!):\n";

	for (size_t row = 0; row < report->row_count; row++) {
		if (!has_judgement(report, row, BROKEN))
			continue;
		(void)fputs(head, stdout);
		head = "";
		for (size_t i = 0; i < report->column_count; i++)
			if (report->columns[i].given &&
			    attack_report_judge(report, row, i) == BROKEN)
				print_breach(report, row, i);
	}
}

static void print_summary(const struct attack_report *report)
{
	struct attack_summary s = attack_report_summary(report);

	(void)printf("\n%zu attacks on what we seal: %u held, %u promises broken, %u left open by "
		     "design, %u not promised and not held, %u not tried\n",
		     report->row_count, s.held, s.broken, s.by_design, s.unpromised,
		     s.not_applicable);
}

void attack_report_print(const struct attack_report *report)
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

static void print_markdown_row(const struct attack_report *report, size_t row)
{
	const struct attack_row *r = &report->rows[row];
	char cell[CELL_SIZE];

	battery_print_result(cell, sizeof(cell), &r->control);
	(void)printf("| `%s` | %s | %s | %s |", r->attack->name,
		     battery_target_name(r->attack->target),
		     battery_vantage_name(r->attack->vantage), cell);
	for (size_t i = 0; i < report->column_count; i++) {
		bool held;

		if (!report->columns[i].given)
			continue;
		held = attack_report_judge(report, row, i) == PASSED;
		print_cell(cell, report, row, i);
		(void)printf(" %s%s%s |", held ? "" : "**", cell, held ? "" : "**");
	}
	(void)puts("");
}

void attack_report_print_markdown(const struct attack_report *report)
{
	char title[CELL_SIZE];

	(void)fputs("| attack | against | from | unsealed |", stdout);
	for (size_t i = 0; i < report->column_count; i++) {
		print_title(title, &report->columns[i]);
		if (report->columns[i].given)
			(void)printf(" %s |", title);
	}
	(void)fputs("\n|---|---|---|---|", stdout);
	for (size_t i = 0; i < report->column_count; i++)
		(void)fputs(report->columns[i].given ? "---|" : "", stdout);
	(void)puts("");
	for (size_t row = 0; row < report->row_count; row++)
		print_markdown_row(report, row);
}

static struct json_object *describe_error(int error)
{
	return json_some_text(battery_error_name(error));
}

static struct json_object *describe_column(const struct battery_column *column, bool tried)
{
	struct json_object *object = need(json_object_new_object()), *promises;

	json_add(object, "name", json_text(column->victim->name));
	json_add(object, "title", json_text(column->victim->title));
	json_add(object, "summary", json_text(column->victim->summary));
	promises = json_list(object, "promises");
	for (unsigned target = 0; target < TARGETS; target++)
		if (column->victim->promises & (1u << target))
			json_append(promises, json_text(battery_target_name(target)));
	if (!tried)
		return object;
	json_add(object, "given", json_boolean(column->given));
	json_add(object, "emulated", json_boolean(column->emulated));
	json_add(object, "error", describe_error(column->error));
	json_add(object, "reason", json_some_text(column->reason));
	return object;
}

static struct json_object *describe_attack(const struct attack *attack)
{
	struct json_object *object = need(json_object_new_object());

	json_add(object, "name", json_text(attack->name));
	json_add(object, "against", json_text(battery_target_name(attack->target)));
	json_add(object, "from", json_text(battery_vantage_name(attack->vantage)));
	json_add(object, "summary", json_text(attack->summary));
	json_add(object, "system_calls", json_text(attack->syscalls));
	json_add(object, "known_gap", json_text(attack->gap_reason));
	return object;
}

static struct json_object *describe_result(const struct result *result)
{
	struct json_object *object = need(json_object_new_object());

	json_add(object, "outcome", json_text(battery_outcome_name(result->outcome)));
	json_add(object, "error", describe_error(result->error));
	json_add(object, "reason", json_some_text(result->reason));
	return object;
}

static void describe_results(struct json_object *attack, const struct attack_report *report,
			     size_t row)
{
	static const char *const judgements[] = {
		[PASSED] = "passed",
		[UNPROMISED] = "not promised",
		[BY_DESIGN] = "left open by design",
		[BROKEN] = "broken",
	};
	struct json_object *results = json_list(attack, "results");

	for (size_t i = 0; i < report->column_count; i++) {
		struct json_object *object;

		if (!report->columns[i].given)
			continue;
		object = describe_result(&report->rows[row].results[i]);
		json_add(object, "column", json_text(report->columns[i].victim->name));
		json_add(object, "judgement",
			 json_text(judgements[attack_report_judge(report, row, i)]));
		json_append(results, object);
	}
}

static struct json_object *describe_summary(const struct attack_report *report)
{
	struct json_object *object = need(json_object_new_object());
	struct attack_summary summary = attack_report_summary(report);

	json_add(object, "held", json_number(summary.held));
	json_add(object, "broken", json_number(summary.broken));
	json_add(object, "left_open_by_design", json_number(summary.by_design));
	json_add(object, "not_promised", json_number(summary.unpromised));
	json_add(object, "not_tried", json_number(summary.not_applicable));
	return object;
}

static void print_json(const struct attack_report *report, bool tried)
{
	struct json_object *answer = answer_new("attack"), *list = json_list(answer, "columns");

	for (size_t i = 0; i < report->column_count; i++)
		json_append(list, describe_column(&report->columns[i], tried));
	list = json_list(answer, "attacks");
	for (size_t row = 0; row < report->row_count; row++) {
		struct json_object *attack = describe_attack(report->rows[row].attack);

		if (tried) {
			json_add(attack, "unsealed", describe_result(&report->rows[row].control));
			describe_results(attack, report, row);
		}
		json_append(list, attack);
	}
	if (tried)
		json_add(answer, "summary", describe_summary(report));
	answer_print(answer);
}

void attack_report_print_json(const struct attack_report *report)
{
	print_json(report, true);
}

void attack_report_list_json(const struct attack_report *report)
{
	print_json(report, false);
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

		(void)table_row(table,
				(const char *const[]){ a->name, battery_target_name(a->target),
						       battery_vantage_name(a->vantage), a->summary,
						       a->syscalls });
	}
	table_print(table);
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

	for (size_t i = 0; i < report->column_count; i++) {
		const struct victim *v = report->columns[i].victim;
		struct list promises;

		list_begin(&promises);
		for (unsigned target = 0; target < TARGETS; target++)
			if (v->promises & (1u << target))
				list_add(&promises, battery_target_name(target));
		list_end(&promises);
		(void)table_row(table, (const char *const[]){ v->name, v->title, v->summary,
							      promises.text });
		free(promises.text);
	}
	table_print(table);
}

void attack_report_list(const struct attack_report *report)
{
	list_attacks(report);
	(void)puts("");
	list_columns(report);
}
