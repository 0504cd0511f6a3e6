/* SPDX-License-Identifier: MIT */

/*
 * The audit for programs: everything that is known, in words of one meaning each. Addresses are strings in hex,
 * because a JSON number cannot hold them. The answer says that something is unknown and never leaves it out.
 */

#include "tools/audit/views.h"
#include "tools/audit/words.h"

#include "tools/common/errors.h"
#include "tools/common/output.h"
#include "include/sealmem.h"
#include "tools/common/stream.h"
#include "tools/common/text.h"
#include "lib/util.h"

#include <inttypes.h>

static struct json_object *json_hex(uint64_t number)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "0x%" PRIx64, number);
	return json_text(text);
}

static void add_words(struct json_object *object, const char *name, row_printer *print,
		      const struct report_row *row)
{
	CLEANUP(free_text) char *text = row_format(print, row);

	json_add(object, name, json_text(text));
}

static void add_guarantees(struct json_object *object, const char *name, unsigned bits)
{
	struct json_object *list = json_list(object, name);

	for (unsigned bit = 1; bit <= SEALMEM_GUARANTEES; bit <<= 1)
		if (bits & bit)
			json_append(list, json_text(sealmem_guarantee_name(bit)));
}

static void add_flags(struct json_object *object, unsigned flags)
{
	struct json_object *list = json_list(object, "flags");

	for (unsigned flag = 0; flag < FLAG_COUNT; flag++)
		if (flags & 1u << flag)
			json_append(list, json_text(flag_rows[flag].word));
}

static struct json_object *mseal_of(const struct mapping *mapping)
{
	if (mapping == NULL || !mapping->vm_known)
		return NULL;
	return json_boolean(mapping->vm & VM_SEALED);
}

/* null if it is no memfd, or if the seals are unknown. */
static void add_seals(struct json_object *object, const struct report_row *row)
{
	struct json_object *list;
	int seals = row->memory->seals;

	json_add(object, "mseal", mseal_of(row->mapping));
	json_add(object, "seals_known", json_boolean(seals != SEALS_UNKNOWN));
	if (seals < 0) {
		json_add(object, "seals", NULL);
		return;
	}
	list = json_list(object, "seals");
	for (size_t i = 0; i < SEAL_COUNT; i++)
		if (seals & seal_words[i].seal)
			json_append(list, json_text(seal_words[i].word));
}

/* A rule may have bytes that are no UTF-8. */
static struct json_object *json_rule(const struct rule *rule)
{
	CLEANUP(free_text) char *text = visible_format(rule->text);

	return json_text(text);
}

static void add_rules(struct json_object *object, const struct report_row *row)
{
	struct json_object *list = json_list(object, "broken_rules");

	for (size_t i = 0; i < row->rules->count; i++)
		if (row->breaks[i])
			json_append(list, json_rule(&row->rules->rows[i]));
}

static void add_escaped(struct json_object *object, const char *name, const char *text)
{
	CLEANUP(free_text) char *escaped = escaped_format(text);

	json_add(object, name, json_text(escaped));
}

static struct json_object *describe_holder(const struct holder *holder)
{
	struct json_object *object = need(json_object_new_object()), *how;

	json_add(object, "pid", json_number((uint64_t)holder->pid));
	add_escaped(object, "name", holder->name);
	how = json_list(object, "how");
	for (unsigned i = 0; i < HOLD_COUNT; i++)
		if (holder->how & 1u << i)
			json_append(how, json_text(hold_words[i]));
	return object;
}

static void add_holders(struct json_object *object, const struct known_file *file)
{
	struct json_object *list = json_list(object, "holders");

	for (size_t i = 0; file != NULL && i < file->holder_count; i++)
		json_append(list, describe_holder(&file->holders[i]));
}

static void add_place(struct json_object *object, const struct report_row *row)
{
	const struct mapping *mapping = row->mapping;
	const struct open_file *file = row->open_file;

	json_add(object, "start", mapping != NULL ? json_hex(mapping->start) : NULL);
	json_add(object, "end", mapping != NULL ? json_hex(mapping->end) : NULL);
	json_add(object, "descriptor",
		 file != NULL ? json_number((uint64_t)file->descriptor) : NULL);
	json_add(object, "thread",
		 file != NULL && file->thread != 0 ? json_number((uint64_t)file->thread) : NULL);
	json_add(object, "size", json_number(report_row_size(row)));
	json_add(object, "offset", json_hex(mapping != NULL ? mapping->offset : 0));
}

/* null if it asks for nothing, and for an open file. */
static void add_mark(struct json_object *object, const struct mapping *mapping)
{
	bool marked = mapping != NULL && mapping->mark != MARK_NONE;

	json_add(object, "mark", marked ? json_text(mark_words[mapping->mark]) : NULL);
}

static struct json_object *describe_row(const struct report_row *row)
{
	struct json_object *object = need(json_object_new_object());

	add_place(object, row);
	add_words(object, "permissions", row_permissions_print, row);
	add_words(object, "device", row_device_print, row);
	json_add(object, "inode", json_number(row->memory->file.inode));
	add_words(object, "kind", row_kind_print, row);
	add_words(object, "name", row_name_print, row);
	add_mark(object, row->mapping);
	add_seals(object, row);
	add_guarantees(object, "guarantees", row->memory->guarantees);
	add_guarantees(object, "unknown", row->memory->unknown);
	add_flags(object, row->memory->flags);
	add_holders(object, row->file);
	add_rules(object, row);
	return object;
}

static void add_totals(struct json_object *object, const struct totals *totals)
{
	json_add(object, "mappings", json_number(totals->mappings));
	json_add(object, "flagged", json_number(totals->flagged));
	json_add(object, "unknown", json_number(totals->unknown));
	json_add(object, "bytes", json_number(totals->bytes));
	for (unsigned i = 0; i < GUARANTEE_COUNT; i++)
		json_add(object, sealmem_guarantee_name(1u << i),
			 json_number(totals->guaranteed[i]));
	json_add(object, "none", json_number(totals->unguaranteed));
}

static struct json_object *describe_process(const struct report_process *shown)
{
	const struct process *process = shown->process;
	struct json_object *object = need(json_object_new_object()), *rows;

	json_add(object, "pid", json_number((uint64_t)process->pid));
	json_add(object, "parent", json_number((uint64_t)process->parent));
	json_add(object, "user", json_number(process->user));
	add_escaped(object, "name", process->name);
	json_add(object, "changed", json_boolean(process->changed));
	json_add(object, "descriptors_known", json_boolean(process->open_files_known));
	add_totals(json_member(object, "summary"), &shown->totals);
	rows = json_list(object, "mappings");
	for (size_t i = 0; i < shown->count; i++)
		if (shown->rows[i].shown)
			json_append(rows, describe_row(&shown->rows[i]));
	return object;
}

static struct json_object *describe_totals(const struct report *report)
{
	struct json_object *object = need(json_object_new_object());

	json_add(object, "processes", json_number(report->audit->count));
	add_totals(object, &report->totals);
	return object;
}

static struct json_object *describe_skipped(const struct report *report)
{
	const struct audit *audit = report->audit;
	struct json_object *object = need(json_object_new_object());

	json_add(object, "denied", json_number(audit->denied));
	json_add(object, "ended", json_number(audit->ended));
	json_add(object, "unreadable", json_number(audit->unreadable));
	json_add(object, "hidden", json_boolean(report->hidden));
	return object;
}

static void add_rule_results(struct json_object *answer, const struct report *report)
{
	struct json_object *list = json_list(answer, "rules");

	for (size_t i = 0; i < report->rules->count; i++) {
		const struct rule_result *result = &report->results[i];
		struct json_object *object = need(json_object_new_object());

		json_append(list, object);
		json_add(object, "rule", json_rule(&report->rules->rows[i]));
		json_add(object, "met", json_boolean(result->met));
		json_add(object, "broken", json_number(result->broken));
		json_add(object, "processes", json_number(result->processes));
	}
}

void audit_json_print(const struct report *report, const struct view_options *options)
{
	struct json_object *answer = answer_new("audit");
	CLEANUP(free_text) char *time = time_format(&report->audit->finished);
	struct json_object *processes, *missed;

	json_add(answer, "time", json_text(time));
	processes = json_list(answer, "processes");

	for (size_t i = 0; i < report->audit->count; i++)
		json_append(processes, describe_process(&report->processes[i]));
	missed = json_list(answer, "missed_rules");
	for (size_t i = 0; i < report->rules->count; i++)
		if (report->results[i].missed)
			json_append(missed, json_rule(&report->rules->rows[i]));
	add_rule_results(answer, report);
	json_add(answer, "met", json_boolean(report->met));
	json_add(answer, "summary", describe_totals(report));
	json_add(answer, "skipped", describe_skipped(report));
	if (options->one_line)
		answer_line_print(answer);
	else
		answer_print(answer);
}
