/* SPDX-License-Identifier: MIT */

/* The forms of the answer. They all read what outside_seal() has stored, and judge nothing. */

#include "tools/seal/view.h"

#include "include/sealmem.h"
#include "tools/common/errors.h"
#include "tools/common/fit.h"
#include "tools/common/output.h"
#include "tools/common/stream.h"
#include "tools/common/size.h"
#include "tools/common/text.h"
#include "lib/util.h"

#include <inttypes.h>
#include <string.h>

struct total {
	uint64_t size;
	unsigned guarantees; /* that all of it has */
};

static unsigned guarantees_of(const struct answer *answer, const struct range *range)
{
	return answer->planned ? range->claimed : range->confirmed;
}

static struct total total_of(const struct answer *answer, const struct outside *process,
			     enum range_kind kind)
{
	struct total total = { 0, SEALMEM_GUARANTEES };

	for (size_t i = 0; i < process->plan.count; i++) {
		const struct range *range = &process->plan.ranges[i];

		if (range->kind != kind)
			continue;
		total.size += range->end - range->start;
		total.guarantees &= guarantees_of(answer, range);
	}
	return total.size > 0 ? total : (struct total){ 0 };
}

static void guarantees_print(FILE *out, unsigned guarantees)
{
	const char *between = "";

	if (guarantees == 0)
		(void)fputs("-", out);
	for (unsigned bit = 1; bit <= SEALMEM_GUARANTEES; bit <<= 1)
		if (guarantees & bit) {
			(void)fprintf(out, "%s%s", between, sealmem_guarantee_name(bit));
			between = "+";
		}
}

/* "ADDRESS 1.4 MiB" */
static char *total_format(const struct total *total)
{
	struct text_stream stream;

	text_begin(&stream);
	if (total->size == 0)
		(void)fputs("-", stream.out);
	else {
		guarantees_print(stream.out, total->guarantees);
		(void)fputs(" ", stream.out);
		size_print(stream.out, total->size);
	}
	return text_end(&stream);
}

/* RELRO that its loader leaves writable is no RELRO that is sealed. */
static char *relro_format(const struct outside *process, const struct total *total)
{
	bool open = false;

	for (size_t i = 0; i < process->plan.object_count; i++)
		open |= process->plan.objects[i].relro_open;
	return total->size == 0 && open ? need(strdup("writable")) : total_format(total);
}

static const char *state_word(const struct answer *answer, const struct outside *process)
{
	if (process->state == OUTSIDE_SEALED)
		return "sealed";
	if (process->state == OUTSIDE_PARTLY)
		return "partly";
	return process->refusal != REFUSAL_NONE ? "refused" : answer->planned ? "planned" : "empty";
}

/* A process that was left as it was has nothing to show. */
static bool has_ranges(const struct answer *answer, const struct outside *process)
{
	return process->state != OUTSIDE_UNTOUCHED ||
	       (answer->planned && process->refusal == REFUSAL_NONE);
}

static void add_process(struct libscols_table *table, const struct answer *answer,
			const struct outside *process)
{
	const bool shown = has_ranges(answer, process);
	struct total totals[RANGE_KINDS] = { 0 };
	CLEANUP(free_text) char *name = escape_format(process->name), *relro = NULL, *text = NULL;
	CLEANUP(free_text) char *read_only = NULL, *data = NULL;
	char pid[16], objects[32], held[32];

	for (size_t i = 0; i < RANGE_KINDS && shown; i++)
		totals[i] = total_of(answer, process, (enum range_kind)i);
	relro = relro_format(process, &totals[RANGE_RELRO]);
	text = total_format(&totals[RANGE_TEXT]);
	read_only = total_format(&totals[RANGE_READ_ONLY]);
	data = total_format(&totals[RANGE_DATA]);
	(void)snprintf(pid, sizeof(pid), "%d", (int)process->pid);
	(void)snprintf(objects, sizeof(objects), "%zu", shown ? process->plan.object_count : 0);
	(void)snprintf(held, sizeof(held), "%.2f ms", (double)process->nanoseconds / 1e6);
	(void)table_row(table,
			(const char *const[]){ pid, name, state_word(answer, process), objects,
					       relro, text, read_only, data, held });
}

void answer_table_print(const struct answer *answer)
{
	static const struct column columns[] = { { "PID", false },	 { "PROCESS", false },
						 { "STATE", false },	 { "OBJECTS", false },
						 { "RELRO", false },	 { "TEXT", false },
						 { "READ-ONLY", false }, { "DATA", false },
						 { "HELD", false } };
	static const struct give gives[] = { { 0 },	      { 8, 0, false }, { 0 },
					     { 0, 2, false }, { 0 },	       { 0 },
					     { 0, 3, false }, { 0, 4, false }, { 0, 1, false } };
	struct libscols_table *table = table_new(columns, sizeof(columns) / sizeof(*columns));

	for (size_t i = 0; i < answer->count; i++)
		add_process(table, answer, &answer->processes[i]);
	table_fit(table, gives, (size_t)terminal_width());
	table_print(table);
}

static void add_range(struct libscols_table *table, const struct answer *answer,
		      const struct outside *process, const struct range *range)
{
	CLEANUP(free_text)
	char *object = escape_format(process->plan.objects[range->object].name);
	CLEANUP(free_text) char *guarantees = NULL;
	char pid[16], start[20], end[20];
	struct text_stream stream;

	text_begin(&stream);
	guarantees_print(stream.out, guarantees_of(answer, range));
	guarantees = text_end(&stream);
	(void)snprintf(pid, sizeof(pid), "%d", (int)process->pid);
	(void)snprintf(start, sizeof(start), "%" PRIx64, range->start);
	(void)snprintf(end, sizeof(end), "%" PRIx64, range->end);
	(void)table_row(table, (const char *const[]){ pid, start, end, range_words[range->kind],
						      guarantees, object });
}

void answer_ranges_print(const struct answer *answer)
{
	static const struct column columns[] = { { "PID", false },	  { "ADDRESS", false },
						 { "END", false },	  { "KIND", false },
						 { "GUARANTEES", false }, { "OBJECT", false } };
	static const struct give gives[] = { { 0 }, { 0 }, { 0, 1, false },
					     { 0 }, { 0 }, { 8, 0, true } };
	struct libscols_table *table = table_new(columns, sizeof(columns) / sizeof(*columns));

	for (size_t i = 0; i < answer->count; i++)
		for (size_t j = 0; j < answer->processes[i].plan.count; j++)
			if (has_ranges(answer, &answer->processes[i]))
				add_range(table, answer, &answer->processes[i],
					  &answer->processes[i].plan.ranges[j]);
	table_fit(table, gives, (size_t)terminal_width());
	table_print(table);
}

static struct json_object *json_hex(uint64_t number)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "0x%" PRIx64, number);
	return json_text(text);
}

static void add_guarantees(struct json_object *object, const char *name, unsigned guarantees)
{
	struct json_object *list = json_list(object, name);

	for (unsigned bit = 1; bit <= SEALMEM_GUARANTEES; bit <<= 1)
		if (guarantees & bit)
			json_append(list, json_text(sealmem_guarantee_name(bit)));
}

static void add_escaped(struct json_object *object, const char *name, const char *text)
{
	CLEANUP(free_text) char *escaped = escape_format(text);

	json_add(object, name, json_text(escaped));
}

static struct json_object *describe_range(const struct answer *answer,
					  const struct outside *process, const struct range *range)
{
	struct json_object *object = need(json_object_new_object());

	json_add(object, "start", json_hex(range->start));
	json_add(object, "end", json_hex(range->end));
	json_add(object, "kind", json_text(range_words[range->kind]));
	add_escaped(object, "object", process->plan.objects[range->object].name);
	add_guarantees(object, "planned", range->claimed);
	add_guarantees(object, "guarantees", answer->planned ? 0 : range->confirmed);
	return object;
}

static struct json_object *describe_object(const struct plan_object *plan)
{
	struct json_object *object = need(json_object_new_object());

	add_escaped(object, "name", plan->name);
	json_add(object, "start", json_hex(plan->start));
	json_add(object, "end", json_hex(plan->end));
	json_add(object, "excluding", json_boolean(plan->excluding));
	json_add(object, "marked", json_boolean(plan->marked));
	json_add(object, "relro_writable", json_boolean(plan->relro_open));
	return object;
}

static struct json_object *describe(const struct answer *answer, const struct outside *process)
{
	struct json_object *object = need(json_object_new_object()), *list;
	const struct refusal_row *refusal = &refusal_rows[process->refusal];
	const bool shown = has_ranges(answer, process);

	json_add(object, "pid", json_number((uint64_t)process->pid));
	add_escaped(object, "name", process->name);
	json_add(object, "state", json_text(state_word(answer, process)));
	json_add(object, "reason", json_text(refusal->word));
	json_add(object, "message", json_text(refusal->text));
	json_add(object, "threads_held", json_number(process->threads));
	json_add(object, "nanoseconds_held", json_number((uint64_t)process->nanoseconds));
	list = json_list(object, "objects");
	for (size_t i = 0; i < process->plan.object_count && shown; i++)
		json_append(list, describe_object(&process->plan.objects[i]));
	list = json_list(object, "ranges");
	for (size_t i = 0; i < process->plan.count && shown; i++)
		json_append(list, describe_range(answer, process, &process->plan.ranges[i]));
	return object;
}

void answer_json_print(const struct answer *answer)
{
	struct json_object *object = answer_new("seal");
	struct json_object *list;

	json_add(object, "dry_run", json_boolean(answer->planned));
	list = json_list(object, "processes");
	for (size_t i = 0; i < answer->count; i++)
		json_append(list, describe(answer, &answer->processes[i]));
	answer_print(object);
}

void process_line_print(FILE *out, const struct outside *process)
{
	const struct answer answer = { 0 };
	const char *between = "";

	for (size_t i = 0; i < RANGE_KINDS; i++) {
		struct total total = total_of(&answer, process, (enum range_kind)i);
		CLEANUP(free_text) char *text = total_format(&total);

		if (total.size == 0)
			continue;
		(void)fprintf(out, "%s%s %s", between, range_words[i], text);
		between = ", ";
	}
	(void)fprintf(out, "%sin %.2f ms", between, (double)process->nanoseconds / 1e6);
}

void process_json_add(struct json_object *object, const struct outside *process)
{
	const struct answer answer = { 0 };
	struct json_object *parts;

	add_escaped(object, "name", process->name);
	json_add(object, "nanoseconds", json_number((uint64_t)process->nanoseconds));
	parts = json_list(object, "parts");
	for (size_t i = 0; i < RANGE_KINDS; i++) {
		struct total total = total_of(&answer, process, (enum range_kind)i);
		struct json_object *part = need(json_object_new_object());

		json_add(part, "kind", json_text(range_words[i]));
		json_add(part, "size", json_number(total.size));
		add_guarantees(part, "guarantees", total.guarantees);
		json_append(parts, part);
	}
}
