/* SPDX-License-Identifier: MIT */

/*
 * The report as JSON, for programs. sealmem-attack(1) names every member; --list leaves out the
 * members that a run would fill.
 */

#include "tools/attack/report.h"
#include "tools/common/errors.h"
#include "tools/common/output.h"

static struct json_object *describe_error(int error)
{
	return json_some_text(attack_error_name(error));
}

static void add_promises(struct json_object *column, const struct victim *victim)
{
	struct json_object *promises = json_list(column, "promises");

	for (unsigned target = 0; target < TARGET_COUNT; target++)
		if (victim_promises(victim, target))
			json_append(promises, json_text(attack_target_name(target)));
}

static struct json_object *describe_column(const struct attack_column *column, bool tried)
{
	struct json_object *object = need(json_object_new_object());

	json_add(object, "name", json_text(column->victim->name));
	json_add(object, "title", json_text(column->victim->title));
	json_add(object, "summary", json_text(column->victim->summary));
	add_promises(object, column->victim);
	if (!tried)
		return object;
	json_add(object, "given", json_boolean(column->available));
	json_add(object, "emulated", json_boolean(column->emulated));
	json_add(object, "error", describe_error(column->error));
	json_add(object, "reason", json_some_text(column->reason));
	return object;
}

static struct json_object *describe_attack(const struct attack *attack)
{
	struct json_object *object = need(json_object_new_object());

	json_add(object, "name", json_text(attack->name));
	json_add(object, "against", json_text(attack_target_name(attack->target)));
	json_add(object, "from", json_text(attack_vantage_name(attack->vantage)));
	json_add(object, "summary", json_text(attack->summary));
	json_add(object, "system_calls", json_text(attack->syscalls));
	json_add(object, "known_gap", json_text(attack->gap_reason));
	return object;
}

static struct json_object *describe_result(const struct result *result)
{
	struct json_object *object = need(json_object_new_object());

	json_add(object, "outcome", json_text(attack_outcome_name(result->outcome)));
	json_add(object, "error", describe_error(result->error));
	json_add(object, "reason", json_some_text(result->reason));
	return object;
}

static struct json_object *describe_cell(const struct attack_cell *cell, const char *column)
{
	static const char *const judgements[] = {
		[JUDGEMENT_PASSED] = "passed",
		[JUDGEMENT_UNPROMISED] = "not promised",
		[JUDGEMENT_BY_DESIGN] = "left open by design",
		[JUDGEMENT_BROKEN] = "broken",
	};
	struct json_object *object = describe_result(&cell->result);

	json_add(object, "column", json_text(column));
	json_add(object, "judgement", json_text(judgements[cell->judgement]));
	return object;
}

static void add_results(struct json_object *attack, const struct attack_report *report,
			const struct attack_row *row)
{
	struct json_object *results;

	json_add(attack, "unsealed", describe_result(&row->control));
	results = json_list(attack, "results");
	for (size_t i = 0; i < report->column_count; i++)
		if (report->columns[i].available)
			json_append(results,
				    describe_cell(&row->cells[i], report->columns[i].victim->name));
}

static struct json_object *describe_summary(const struct attack_summary *summary)
{
	struct json_object *object = need(json_object_new_object());

	json_add(object, "held", json_number(summary->held));
	json_add(object, "broken", json_number(summary->broken));
	json_add(object, "left_open_by_design", json_number(summary->by_design));
	json_add(object, "not_promised", json_number(summary->unpromised));
	json_add(object, "not_tried", json_number(summary->not_tried));
	return object;
}

static void print(const struct attack_report *report, bool tried)
{
	struct json_object *answer = answer_new("attack"), *list = json_list(answer, "columns");

	for (size_t i = 0; i < report->column_count; i++)
		json_append(list, describe_column(&report->columns[i], tried));
	list = json_list(answer, "attacks");
	for (size_t row = 0; row < report->row_count; row++) {
		struct json_object *attack = describe_attack(report->rows[row].attack);

		if (tried)
			add_results(attack, report, &report->rows[row]);
		json_append(list, attack);
	}
	if (tried)
		json_add(answer, "summary", describe_summary(&report->summary));
	answer_print(answer);
}

void attack_json_print(const struct attack_report *report)
{
	print(report, true);
}

void attack_json_print_list(const struct attack_report *report)
{
	print(report, false);
}
