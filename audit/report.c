/* SPDX-License-Identifier: MIT */

/*
 * Rows and judgement, computed once. If every printer judged for itself, an option that is about printing could
 * change a total or an exit status. Here everything is decided before the first line is printed.
 *
 * An open file that is also mapped has no row of its own, because its mappings have one.
 */

#include "audit/report.h"

#include "lib/util.h"

#include <stdlib.h>

uint64_t report_row_size(const struct report_row *row)
{
	return row->mapping != NULL ? row->mapping->end - row->mapping->start
				    : row->open_file->size;
}

bool report_process_is_shown(const struct report *report, const struct report_process *process)
{
	return process->totals.shown > 0 || (report->rules->count == 0 && !report->by_flags);
}

static size_t count_rows(const struct audit *audit)
{
	size_t count = 0;

	for (size_t i = 0; i < audit->count; i++)
		count += audit->processes[i].mappings.count + audit->processes[i].open_files.count;
	return count;
}

static void add_mapping(struct report_process *process, const struct mapping *mapping)
{
	process->rows[process->count++] = (struct report_row){
		.process = process->process,
		.memory = &mapping->memory,
		.mapping = mapping,
	};
}

static void add_open_file(struct report_process *process, const struct open_file *file)
{
	process->rows[process->count++] = (struct report_row){
		.process = process->process,
		.memory = &file->memory,
		.open_file = file,
	};
}

static void add_rows(struct report_process *ret)
{
	const struct process *process = ret->process;

	for (size_t i = 0; i < process->mappings.count; i++)
		add_mapping(ret, &process->mappings.rows[i]);
	for (size_t i = 0; i < process->open_files.count; i++)
		if (!process->open_files.rows[i].mapped)
			add_open_file(ret, &process->open_files.rows[i]);
}

static void judge_row(struct report *report, struct report_process *process, struct report_row *row)
{
	const struct rules *rules = report->rules;

	row->file = known_files_find(&report->audit->files, row->memory->file);
	row->rules = rules;
	for (size_t i = 0; i < rules->count; i++) {
		const struct rule *rule = &rules->rows[i];

		row->breaks[i] = !rule_allows(rule, row->memory);
		row->broken |= row->breaks[i];
		process->broken[i] += row->breaks[i];
		report->results[i].broken += row->breaks[i];
		report->results[i].matched += rule_is_about(rule, row->memory);
	}
	row->shown = (rules->count == 0 || row->broken) &&
		     (!report->by_flags || row->memory->flags != 0);
}

static void add_bytes(struct totals *totals, const struct memory *memory, uint64_t bytes)
{
	totals->mappings++;
	totals->bytes += bytes;
	totals->unguaranteed += memory->guarantees == 0 ? bytes : 0;
	for (unsigned i = 0; i < GUARANTEE_COUNT; i++)
		totals->guaranteed[i] += memory->guarantees & 1u << i ? bytes : 0;
}

static void add_to_totals(struct totals *totals, const struct report_row *row)
{
	if (row->mapping != NULL)
		add_bytes(totals, row->memory, report_row_size(row));
	totals->flagged += row->memory->flags != 0;
	totals->unknown += row->memory->unknown != 0;
	totals->flags |= row->memory->flags;
	totals->broken += row->broken;
	totals->shown += row->shown;
	for (unsigned flag = 0; flag < FLAG_COUNT; flag++)
		totals->with_flag[flag] += (row->memory->flags & 1u << flag) != 0;
}

static void count_process(struct report *report, const struct report_process *process)
{
	report->changed += process->process->changed;
	report->flagged += process->totals.flags != 0;
	for (unsigned flag = 0; flag < FLAG_COUNT; flag++)
		report->with_flag[flag] += process->totals.with_flag[flag] > 0;
	for (size_t i = 0; i < report->rules->count; i++)
		report->results[i].processes += process->broken[i] > 0;
}

static void judge_process(struct report *report, struct report_process *process, bool *breaks)
{
	for (size_t i = 0; i < process->count; i++) {
		struct report_row *row = &process->rows[i];

		row->breaks = breaks + i * report->rules->count;
		judge_row(report, process, row);
		add_to_totals(&process->totals, row);
		add_to_totals(&report->totals, row);
	}
	count_process(report, process);
}

/* What a process has that could not be read is unknown. With --all such a process is no error. */
static void judge_unread(struct report *report)
{
	const struct audit *audit = report->audit;

	report->unread = audit->denied + audit->unreadable;
	report->hidden = audit->all && audit->procfs.hides;
	report->met = report->rules->count == 0 || (report->unread == 0 && !report->hidden);
}

static void judge_rules(struct report *report)
{
	judge_unread(report);
	for (size_t i = 0; i < report->rules->count; i++) {
		struct rule_result *result = &report->results[i];

		result->missed = rule_needs_match(&report->rules->rows[i]) && result->matched == 0;
		result->met = result->broken == 0 && !result->missed && report->unread == 0 &&
			      !report->hidden;
		report->met = report->met && result->met;
	}
}

/* One more than is needed, because calloc(3) may answer NULL for none. */
static int make_room(struct report *report, size_t rows)
{
	report->processes = calloc(report->audit->count + 1, sizeof(*report->processes));
	report->rows = calloc(rows + 1, sizeof(*report->rows));
	report->breaks = calloc(rows + 1, report->rules->count + 1);
	report->broken = calloc((report->audit->count + 1) * (report->rules->count + 1),
				sizeof(*report->broken));
	report->results = calloc(report->rules->count + 1, sizeof(*report->results));
	if (report->processes == NULL || report->rows == NULL || report->breaks == NULL ||
	    report->broken == NULL || report->results == NULL)
		return -ENOMEM;
	return 0;
}

int report_new(struct report *ret, const struct audit *audit, const struct rules *rules,
	       bool flagged_only)
{
	CLEANUP(report_free)
	struct report report = { .audit = audit, .rules = rules, .by_flags = flagged_only };
	size_t done = 0;

	if (make_room(&report, count_rows(audit)) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < audit->count; i++) {
		struct report_process *process = &report.processes[i];

		process->process = &audit->processes[i];
		process->rows = report.rows + done;
		process->broken = report.broken + i * rules->count;
		add_rows(process);
		judge_process(&report, process, report.breaks + done * rules->count);
		done += process->count;
	}
	judge_rules(&report);
	*ret = report;
	report = (struct report){ 0 };
	return 0;
}

void report_free(struct report *report)
{
	free(report->processes);
	free(report->rows);
	free(report->breaks);
	free(report->broken);
	free(report->results);
	*report = (struct report){ 0 };
}
