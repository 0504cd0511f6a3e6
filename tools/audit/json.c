/* SPDX-License-Identifier: MIT */

/*
 * The audit for programs: everything that is known, in words of one meaning each. Addresses are strings in
 * hex, for a JSON number cannot hold them; what cannot be told is said to be unknown and never left out.
 */

#include "tools/audit/views.h"

#include "tools/common/errors.h"
#include "tools/common/output.h"
#include "sealmem.h"
#include "tools/common/text.h"
#include "lib/util.h"

#include <inttypes.h>

static struct json_object *json_hex(uint64_t number)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "0x%" PRIx64, number);
	return json_text(text);
}

static void add_words(struct json_object *object, const char *name, put_words *put,
		      const struct view *view)
{
	CLEANUP(free_text) char *text = text_of(put, view);

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

/* null for what is no memfd. */
static void add_seals(struct json_object *object, const struct mapping *row)
{
	struct json_object *list;

	json_add(object, "mseal", row->vm_known ? json_boolean(row->vm & VM_SEALED) : NULL);
	json_add(object, "seals_known", json_boolean(row->seals != SEALS_UNKNOWN));
	if (row->seals < 0) {
		json_add(object, "seals", NULL);
		return;
	}
	list = json_list(object, "seals");
	for (size_t i = 0; i < SEAL_COUNT; i++)
		if (row->seals & seal_words[i].seal)
			json_append(list, json_text(seal_words[i].word));
}

static void add_rules(struct json_object *object, const struct view *view)
{
	struct json_object *list = json_list(object, "broken_rules");

	for (size_t i = 0; i < view->rules->count; i++)
		if (!rule_allows(&view->rules->rows[i], view->row))
			json_append(list, json_text(view->rules->rows[i].text));
}

static struct json_object *describe_holder(const struct holder *holder)
{
	struct process process = { 0 };
	const struct view view = { .process = &process };
	struct json_object *object = need(json_object_new_object()), *how;

	(void)snprintf(process.name, sizeof(process.name), "%s", holder->name);
	json_add(object, "pid", json_number((uint64_t)holder->pid));
	add_words(object, "name", put_process, &view);
	how = json_list(object, "how");
	for (unsigned i = 0; i < HOLD_COUNT; i++)
		if (holder->how & 1u << i)
			json_append(how, json_text(hold_words[i]));
	return object;
}

static void add_holders(struct json_object *object, const struct view *view)
{
	const struct known_file *file = known_files_find(&view->audit->files, view->row->file);
	struct json_object *list = json_list(object, "holders");

	for (size_t i = 0; file != NULL && i < file->holder_count; i++)
		json_append(list, describe_holder(&file->holders[i]));
}

static void add_place(struct json_object *object, const struct mapping *row)
{
	bool mapped = row->descriptor < 0;

	json_add(object, "start", mapped ? json_hex(row->start) : NULL);
	json_add(object, "end", mapped ? json_hex(row->end) : NULL);
	json_add(object, "descriptor", mapped ? NULL : json_number((uint64_t)row->descriptor));
	json_add(object, "size", json_number(row->end - row->start));
	json_add(object, "offset", json_hex(row->offset));
}

static void add_row(const struct view *view, void *list)
{
	struct json_object *object = need(json_object_new_object());
	const struct mapping *row = view->row;

	add_place(object, row);
	add_words(object, "permissions", put_permissions, view);
	add_words(object, "device", put_device, view);
	json_add(object, "inode", json_number(row->file.inode));
	add_words(object, "kind", put_kind, view);
	add_words(object, "name", put_name, view);
	add_seals(object, row);
	add_guarantees(object, "guarantees", row->guarantees);
	add_guarantees(object, "unknown", row->unknown);
	add_flags(object, row->flags);
	add_holders(object, view);
	add_rules(object, view);
	json_append(list, object);
}

static struct json_object *describe_process(const struct audit_report *report,
					    const struct process *process)
{
	const struct view view = { .process = process };
	struct json_object *object = need(json_object_new_object());

	json_add(object, "pid", json_number((uint64_t)process->pid));
	json_add(object, "parent", json_number((uint64_t)process->parent));
	json_add(object, "user", json_number(process->user));
	add_words(object, "name", put_process, &view);
	json_add(object, "changed", json_boolean(process->changed));
	json_add(object, "descriptors_known", json_boolean(process->descriptors_known));
	audit_report_each(report, process, add_row, json_list(object, "mappings"));
	return object;
}

static struct json_object *describe_totals(const struct audit *audit)
{
	struct json_object *object = need(json_object_new_object());
	struct audit_totals totals = totals_of(audit);

	json_add(object, "processes", json_number(audit->count));
	json_add(object, "mappings", json_number(totals.mappings));
	json_add(object, "flagged", json_number(totals.flagged));
	json_add(object, "bytes", json_number(totals.bytes));
	for (unsigned i = 0; i < GUARANTEE_COUNT; i++)
		json_add(object, sealmem_guarantee_name(1u << i),
			 json_number(totals.guaranteed[i]));
	json_add(object, "none", json_number(totals.unguaranteed));
	return object;
}

static struct json_object *describe_skipped(const struct audit *audit)
{
	struct json_object *object = need(json_object_new_object());

	json_add(object, "denied", json_number(audit->denied));
	json_add(object, "ended", json_number(audit->ended));
	json_add(object, "unreadable", json_number(audit->unreadable));
	return object;
}

void audit_report_print_json(const struct audit_report *report)
{
	struct json_object *answer = answer_new("audit");
	struct json_object *processes = json_list(answer, "processes"), *missed;

	for (size_t i = 0; i < report->audit->count; i++)
		json_append(processes, describe_process(report, &report->audit->processes[i]));
	missed = json_list(answer, "missed_rules");
	for (size_t i = 0; i < report->rules->count; i++)
		if (rule_missed(&report->rules->rows[i]))
			json_append(missed, json_text(report->rules->rows[i].text));
	json_add(answer, "summary", describe_totals(report->audit));
	json_add(answer, "skipped", describe_skipped(report->audit));
	answer_print(answer);
}
