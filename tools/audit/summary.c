/* SPDX-License-Identifier: MIT */

/*
 * The audit with one line for each process, for somebody who runs a machine and wants to know which process to look at.
 */

#include "tools/audit/notes.h"
#include "tools/audit/views.h"
#include "tools/audit/words.h"

#include "tools/common/errors.h"
#include "tools/common/fit.h"
#include "tools/common/output.h"
#include "tools/common/stream.h"
#include "tools/common/text.h"
#include "include/sealmem.h"
#include "lib/util.h"

#include <inttypes.h>

/* What a cell is printed from. */
struct cell {
	const struct report *report;
	const struct report_process *process;
	bool raw;
};

typedef void cell_printer(FILE *out, const struct cell *cell);

static void pid_print(FILE *out, const struct cell *cell)
{
	(void)fprintf(out, "%d", (int)cell->process->process->pid);
}

static void name_print(FILE *out, const struct cell *cell)
{
	const char *name = cell->process->process->name;
	CLEANUP(free_text) char *escaped = escaped_format(name);

	(void)fputs(cell->raw ? name : escaped, out);
}

static void user_print(FILE *out, const struct cell *cell)
{
	(void)fprintf(out, "%u", (unsigned)cell->process->process->user);
}

static void rows_print(FILE *out, const struct cell *cell)
{
	(void)fprintf(out, "%zu", cell->process->totals.mappings);
}

static void bytes_print(FILE *out, const struct cell *cell, uint64_t bytes)
{
	if (cell->raw)
		(void)fprintf(out, "%" PRIu64, bytes);
	else
		size_print(out, bytes);
}

static void all_bytes_print(FILE *out, const struct cell *cell)
{
	bytes_print(out, cell, cell->process->totals.bytes);
}

#define GUARANTEED(name, index)                                                                    \
 static void name##_print(FILE *out, const struct cell *cell)                                      \
 {                                                                                                 \
  bytes_print(out, cell, cell->process->totals.guaranteed[index]);                                 \
 }
GUARANTEED(content, 0)
GUARANTEED(address, 1)
GUARANTEED(secrecy, 2)
GUARANTEED(noswap, 3)
#undef GUARANTEED

static void unknown_print(FILE *out, const struct cell *cell)
{
	(void)fprintf(out, "%zu", cell->process->totals.unknown);
}

static void flagged_print(FILE *out, const struct cell *cell)
{
	(void)fprintf(out, "%zu", cell->process->totals.flagged);
}

static void flags_print(FILE *out, const struct cell *cell)
{
	process_flags_print(out, cell->process);
}

static void broken_print(FILE *out, const struct cell *cell)
{
	(void)fprintf(out, "%zu", cell->process->totals.broken);
}

static void rules_print(FILE *out, const struct cell *cell)
{
	process_rules_print(out, cell->process, cell->report->rules);
}

enum wanted { ALWAYS, WITH_RULES, WITHOUT_RULES };

static const struct summary_column {
	const char *title;
	cell_printer *print;
	bool right;
	enum wanted wanted;
	struct give give;
} all_columns[] = {
	{ "PID", pid_print, true, ALWAYS, { 0 } },
	{ "USER", user_print, true, ALWAYS, { .drop = 2 } },
	{ "PROCESS", name_print, false, ALWAYS, { .least = 8 } },
	{ "MAPPINGS", rows_print, true, ALWAYS, { .drop = 1 } },
	{ "SIZE", all_bytes_print, true, ALWAYS, { .drop = 5 } },
	{ "CONTENT", content_print, true, ALWAYS, { .drop = 8 } },
	{ "ADDRESS", address_print, true, ALWAYS, { .drop = 7 } },
	{ "SECRECY", secrecy_print, true, ALWAYS, { .drop = 6 } },
	{ "NOSWAP", noswap_print, true, ALWAYS, { .drop = 4 } },
	{ "UNKNOWN", unknown_print, true, ALWAYS, { .drop = 3 } },
	{ "FLAGGED", flagged_print, true, WITHOUT_RULES, { 0 } },
	{ "FLAGS", flags_print, false, WITHOUT_RULES, { .least = 14 } },
	{ "BROKEN", broken_print, true, WITH_RULES, { 0 } },
	{ "RULES", rules_print, false, WITH_RULES, { .least = 14 } },
};

#define COLUMN_COUNT (sizeof(all_columns) / sizeof(*all_columns))

struct summary {
	struct libscols_table *table;
	const struct summary_column *columns[COLUMN_COUNT];
	size_t count;
};

static void choose_columns(struct summary *summary, const struct report *report)
{
	enum wanted wanted = report->rules->count > 0 ? WITH_RULES : WITHOUT_RULES;

	for (size_t i = 0; i < COLUMN_COUNT; i++)
		if (all_columns[i].wanted == ALWAYS || all_columns[i].wanted == wanted)
			summary->columns[summary->count++] = &all_columns[i];
}

static void make_table(struct summary *summary, bool raw)
{
	struct column titles[COLUMN_COUNT] = { 0 };

	for (size_t i = 0; i < summary->count; i++)
		titles[i].title = summary->columns[i]->title;
	summary->table = table_new(titles, summary->count);
	(void)scols_table_enable_raw(summary->table, raw);
	for (size_t i = 0; i < summary->count; i++)
		(void)scols_column_set_flags(scols_table_get_column(summary->table, i),
					     summary->columns[i]->right ? SCOLS_FL_RIGHT : 0);
}

static void add_cell(struct libscols_line *line, size_t column, cell_printer *print,
		     const struct cell *cell)
{
	struct text_stream stream;

	text_begin(&stream);
	print(stream.out, cell);
	if (scols_line_refer_data(line, column, text_end(&stream)) < 0)
		(void)need(NULL);
	if (print == flags_print || print == rules_print)
		table_colour(line, column, "red");
}

static void add_process(const struct summary *summary, const struct cell *cell)
{
	struct libscols_line *line = need(scols_table_new_line(summary->table, NULL));

	for (size_t i = 0; i < summary->count; i++)
		add_cell(line, i, summary->columns[i]->print, cell);
}

static void fit_summary(const struct summary *summary)
{
	struct give gives[COLUMN_COUNT];

	for (size_t i = 0; i < summary->count; i++)
		gives[i] = summary->columns[i]->give;
	table_fit(summary->table, gives, (size_t)terminal_width());
}

void audit_summary_print(const struct report *report, const struct view_options *options)
{
	struct summary summary = { 0 };

	choose_columns(&summary, report);
	make_table(&summary, options->raw);
	for (size_t i = 0; i < report->audit->count; i++) {
		const struct cell cell = { report, &report->processes[i], options->raw };

		if (report_process_is_shown(report, cell.process))
			add_process(&summary, &cell);
	}
	if (!options->raw)
		fit_summary(&summary);
	table_print(summary.table);
	if (!options->raw)
		notes_print(report);
}
