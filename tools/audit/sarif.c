/* SPDX-License-Identifier: MIT */

/*
 * The audit as findings in SARIF 2.1.0, for code scanning in CI. With rules, a finding is a mapping that breaks one, and an
 * error. Without rules it is a mapping that has a flag, and a warning. Memory is not a line of a file: so the
 * location is an address, a file where there is one, and a logical location with the process. Addresses and PIDs differ
 * between two runs. The fingerprint has none of them, so that a reader can tell an old finding from a new one.
 */

#include "tools/audit/views.h"
#include "tools/audit/words.h"

#include "tools/common/errors.h"
#include "tools/common/output.h"
#include "tools/common/stream.h"
#include "tools/common/text.h"
#include "include/sealmem.h"
#include "lib/util.h"

#include <string.h>

/* What may be found: a rule, or a flag if there are no rules. */
struct finding {
	const struct report *report;
	size_t index;
};

static bool are_rules(const struct report *report)
{
	return report->rules->count > 0;
}

static size_t count_findings(const struct report *report)
{
	return are_rules(report) ? report->rules->count : FLAG_COUNT;
}

static const char *level_of(const struct report *report)
{
	return are_rules(report) ? "error" : "warning";
}

static bool has_finding(const struct report_row *row, const struct finding *finding)
{
	return are_rules(finding->report) ? row->breaks[finding->index]
					  : (row->memory->flags & 1u << finding->index) != 0;
}

static char *id_format(const struct finding *finding)
{
	if (are_rules(finding->report))
		return visible_format(finding->report->rules->rows[finding->index].text);
	return visible_format(flag_rows[finding->index].word);
}

static const char *meaning_of(const struct finding *finding)
{
	if (!are_rules(finding->report))
		return flag_rows[finding->index].meaning;
	return rule_form_of(&finding->report->rules->rows[finding->index])->meaning;
}

/* {"text": TEXT} */
static void add_message(struct json_object *object, const char *name, const char *text)
{
	json_add(json_member(object, name), "text", json_text(text));
}

static struct json_object *describe_finding(const struct finding *finding)
{
	static const char help[] =
		"A mapping that is listed here was seen at the time of the audit. "
		"sealmem-audit(1) explains rules, kinds, flags and guarantees: "
		"an unknown guarantee or flag breaks a rule.";
	struct json_object *object = need(json_object_new_object());
	CLEANUP(free_text) char *id = id_format(finding);

	json_add(object, "id", json_text(id));
	add_message(object, "shortDescription", meaning_of(finding));
	add_message(object, "fullDescription", meaning_of(finding));
	add_message(object, "help", help);
	json_add(json_member(object, "defaultConfiguration"), "level",
		 json_text(level_of(finding->report)));
	return object;
}

static void add_driver(struct json_object *run, const struct report *report)
{
	struct json_object *driver = json_member(json_member(run, "tool"), "driver");
	struct json_object *rules;

	json_add(driver, "name", json_text("sealmem audit"));
	json_add(driver, "version", json_text(SEALMEM_VERSION));
	rules = json_list(driver, "rules");
	for (size_t i = 0; i < count_findings(report); i++)
		json_append(rules, describe_finding(&(struct finding){ report, i }));
}

static void add_notification(struct json_object *list, const char *text)
{
	struct json_object *notification = need(json_object_new_object());

	json_add(notification, "level", json_text("warning"));
	add_message(notification, "message", text);
	json_append(list, notification);
}

static void add_invocation(struct json_object *run, const struct report *report)
{
	struct json_object *list = json_list(run, "invocations");
	struct json_object *invocation = need(json_object_new_object());
	CLEANUP(free_text) char *begun = time_format(&report->audit->begun);
	CLEANUP(free_text) char *finished = time_format(&report->audit->finished);
	CLEANUP(free_text) char *skipped = skipped_format(report);

	json_append(list, invocation);
	json_add(invocation, "executionSuccessful", json_boolean(true));
	json_add(invocation, "startTimeUtc", json_text(begun));
	json_add(invocation, "endTimeUtc", json_text(finished));
	list = json_list(invocation, "toolExecutionNotifications");
	if (*skipped != '\0')
		add_notification(list, skipped);
}

/* Whether the name of the row is the path of a file, which nobody has deleted. */
static bool has_path(const struct report_row *row)
{
	static const char deleted[] = " (deleted)";
	const char *name = row->memory->name;
	size_t length = strlen(name);

	if (*name != '/' || !has_file(row->memory->file) || row->memory->seals != SEALS_NONE ||
	    row->memory->kind == KIND_SECRET)
		return false;
	return length < strlen(deleted) || strcmp(name + length - strlen(deleted), deleted) != 0;
}

/* As a URI has it: other characters become %NN. */
static char *uri_format(const char *path)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "-._~/";
	struct text_stream stream;

	text_begin(&stream);
	(void)fputs("file://", stream.out);
	for (; *path != '\0'; path++)
		(void)fprintf(stream.out, strchr(plain, *path) != NULL ? "%c" : "%%%02X",
			      (unsigned char)*path);
	return text_end(&stream);
}

static void add_place(struct json_object *location, const struct report_row *row)
{
	struct json_object *place, *address;

	if (row->mapping == NULL && !has_path(row))
		return;
	place = json_member(location, "physicalLocation");
	if (row->mapping != NULL) {
		address = json_member(place, "address");
		json_add(address, "absoluteAddress", json_number(row->mapping->start));
		json_add(address, "length", json_number(report_row_size(row)));
	}
	if (has_path(row)) {
		CLEANUP(free_text) char *uri = uri_format(row->memory->name);

		json_add(json_member(place, "artifactLocation"), "uri", json_text(uri));
	}
}

/* "server[1234]/7f0000001000" */
static void add_logical_place(struct json_object *location, const struct report_row *row)
{
	struct json_object *list = json_list(location, "logicalLocations");
	struct json_object *place = need(json_object_new_object());
	CLEANUP(free_text) char *process = escaped_format(row->process->name);
	CLEANUP(free_text) char *address = row_format(row_address_print, row);
	CLEANUP(free_text) char *name = row_format(row_name_print, row);
	CLEANUP(free_text) char *full = NULL;

	if (asprintf(&full, "%s[%d]/%s", process, (int)row->process->pid, address) < 0)
		(void)need(full = NULL);
	json_append(list, place);
	json_add(place, "name",
		 json_text(*name != '\0' ? name : kind_rows[row->memory->kind].name));
	json_add(place, "fullyQualifiedName", json_text(full));
	json_add(place, "kind", json_text("memory"));
}

static char *message_format(const struct report_row *row, const struct finding *finding)
{
	struct text_stream stream;
	CLEANUP(free_text) char *id = id_format(finding);

	text_begin(&stream);
	(void)fprintf(stream.out, "process %d (", (int)row->process->pid);
	row_process_print(stream.out, row);
	(void)fputs("): ", stream.out);
	row_description_print(stream.out, row);
	(void)fprintf(stream.out,
		      are_rules(finding->report) ? " breaks the rule %s" : " is flagged %s", id);
	return text_end(&stream);
}

/* What stays the same when the program is started again. */
static char *fingerprint_format(const struct report_row *row)
{
	struct text_stream stream;

	text_begin(&stream);
	row_process_print(stream.out, row);
	(void)fputc(' ', stream.out);
	row_kind_print(stream.out, row);
	(void)fputc(' ', stream.out);
	row_permissions_print(stream.out, row);
	(void)fputc(' ', stream.out);
	row_name_print(stream.out, row);
	return text_end(&stream);
}

static struct json_object *new_result(const struct finding *finding, const char *message)
{
	struct json_object *result = need(json_object_new_object());
	CLEANUP(free_text) char *id = id_format(finding);

	json_add(result, "ruleId", json_text(id));
	json_add(result, "ruleIndex", json_number(finding->index));
	json_add(result, "level", json_text(level_of(finding->report)));
	add_message(result, "message", message);
	return result;
}

static struct json_object *describe_row(const struct report_row *row, const struct finding *finding)
{
	CLEANUP(free_text) char *message = message_format(row, finding);
	CLEANUP(free_text) char *fingerprint = fingerprint_format(row);
	struct json_object *result = new_result(finding, message);
	struct json_object *location = need(json_object_new_object());

	json_append(json_list(result, "locations"), location);
	add_place(location, row);
	add_logical_place(location, row);
	json_add(json_member(result, "partialFingerprints"), "sealmemMapping/v1",
		 json_text(fingerprint));
	return result;
}

static void add_row(struct json_object *results, const struct report *report,
		    const struct report_row *row)
{
	for (size_t i = 0; i < count_findings(report); i++) {
		const struct finding finding = { report, i };

		if (row->shown && has_finding(row, &finding))
			json_append(results, describe_row(row, &finding));
	}
}

static void add_missed(struct json_object *results, const struct report *report)
{
	for (size_t i = 0; i < report->rules->count; i++) {
		const struct finding finding = { report, i };
		CLEANUP(free_text) char *id = id_format(&finding), *message = NULL;

		if (!report->results[i].missed)
			continue;
		if (asprintf(&message,
			     "nothing matches the pattern of the rule %s, so it is not met",
			     id) < 0)
			(void)need(message = NULL);
		json_append(results, new_result(&finding, message));
	}
}

static struct json_object *describe_run(const struct report *report)
{
	struct json_object *run = need(json_object_new_object()), *results;

	add_driver(run, report);
	add_invocation(run, report);
	results = json_list(run, "results");
	for (size_t i = 0; i < report->audit->count; i++)
		for (size_t row = 0; row < report->processes[i].count; row++)
			add_row(results, report, &report->processes[i].rows[row]);
	add_missed(results, report);
	return run;
}

void audit_sarif_print(const struct report *report, const struct view_options *options)
{
	struct json_object *log = need(json_object_new_object());

	json_add(log, "$schema", json_text("https://json.schemastore.org/sarif-2.1.0.json"));
	json_add(log, "version", json_text("2.1.0"));
	json_append(json_list(log, "runs"), describe_run(report));
	if (options->one_line)
		answer_line_print(log);
	else
		answer_print(log);
}
