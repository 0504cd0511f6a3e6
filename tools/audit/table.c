/* SPDX-License-Identifier: MIT */

/*
 * The audit as a table: a tree with a branch for each process, for people; or one line for each mapping
 * that says of which process it is, for awk. A column is a row in the table below.
 */

#include "tools/audit/views.h"

#include "tools/common/errors.h"
#include "tools/common/output.h"
#include "sealmem.h"
#include "tools/common/text.h"
#include "lib/util.h"

#include <stdlib.h>
#include <string.h>

static const struct table_column {
	const char *name;
	put_words *put;
	unsigned needs;
	bool right;
} columns[] = {
	{ "PID", put_pid, 0, true },
	{ "PROCESS", put_process, 0, false },
	{ "ADDRESS", put_address, 0, false },
	{ "END", put_end, 0, false },
	{ "SIZE", put_row_size, 0, true },
	{ "PERM", put_permissions, 0, false },
	{ "OFFSET", put_offset, 0, true },
	{ "DEVICE", put_device, 0, false },
	{ "INODE", put_inode, 0, true },
	{ "KIND", put_kind, NEED_OBJECTS, false },
	{ "SEALS", put_seals, NEED_VM | NEED_MEMFDS, false },
	{ "GUARANTEES", put_guarantees, NEED_ALL, false },
	{ "FLAGS", put_flags, NEED_ALL, false },
	{ "HOLDERS", put_holders, NEED_MEMFDS, false },
	{ "RULES", put_broken_rules, 0, false },
	{ "NAME", put_name, 0, false },
};

#define COLUMN_COUNT (sizeof(columns) / sizeof(*columns))

static const char usual[] = "ADDRESS,SIZE,PERM,KIND,SEALS,GUARANTEES,FLAGS,NAME";
static const char usual_raw[] = "PID,ADDRESS,SIZE,PERM,KIND,SEALS,GUARANTEES,FLAGS,NAME";
static const char usual_with_rules[] = "ADDRESS,SIZE,PERM,KIND,SEALS,GUARANTEES,RULES,NAME";
static const char usual_raw_with_rules[] = "PID,ADDRESS,SIZE,PERM,KIND,SEALS,GUARANTEES,RULES,NAME";

/* The columns to be shown. */
struct choice {
	const struct table_column **chosen;
	size_t count;
};

static void free_choice(struct choice *choice)
{
	free(choice->chosen);
}

static const struct table_column *find_column(const char *name, size_t length)
{
	for (size_t i = 0; i < COLUMN_COUNT; i++)
		if (strlen(columns[i].name) == length &&
		    strncasecmp(columns[i].name, name, length) == 0)
			return &columns[i];
	return NULL;
}

/* NULL, or the first name that is not a column's. */
static const char *choose(struct choice *choice, const char *names)
{
	for (;;) {
		size_t length = strcspn(names, ",");
		const struct table_column *column = find_column(names, length);

		if (column == NULL)
			return names;
		choice->chosen = need(
			reallocarray(choice->chosen, choice->count + 1, sizeof(*choice->chosen)));
		choice->chosen[choice->count++] = column;
		if (names[length] == '\0')
			return NULL;
		names += length + 1;
	}
}

int audit_columns_check(const char *names, unsigned *ret_needs, char **ret_fault)
{
	CLEANUP(free_choice) struct choice choice = { 0 };
	const char *fault = choose(&choice, names);

	if (fault != NULL) {
		*ret_fault = need(strndup(fault, strcspn(fault, ",")));
		return -EINVAL;
	}
	for (size_t i = 0; i < choice.count; i++)
		*ret_needs |= choice.chosen[i]->needs;
	return 0;
}

char *audit_columns_list(void)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = need(open_memstream(&text, &size));

	for (size_t i = 0; i < COLUMN_COUNT; i++)
		(void)fprintf(out, "%s%s", i > 0 ? " " : "", columns[i].name);
	if (fclose(out) != 0)
		(void)need(NULL);
	return text;
}

bool audit_report_shows(const struct audit_report *report, const struct view *view)
{
	if (view->row->descriptor >= 0 && view->row->mapped)
		return false;
	if (report->everything)
		return true;
	if (report->flagged_only && view->row->flags == 0)
		return false;
	return report->rules->count == 0 || breaks_a_rule(view);
}

static void each_row(const struct audit_report *report, const struct process *process,
		     const struct mappings *rows,
		     void (*act)(const struct view *view, void *argument), void *argument)
{
	struct view view = { report->audit, report->rules, process, NULL, report->raw };

	for (size_t i = 0; i < rows->count; i++) {
		view.row = &rows->rows[i];
		if (audit_report_shows(report, &view))
			act(&view, argument);
	}
}

void audit_report_each(const struct audit_report *report, const struct process *process,
		       void (*act)(const struct view *view, void *argument), void *argument)
{
	each_row(report, process, &process->mappings, act, argument);
	each_row(report, process, &process->descriptors, act, argument);
}

struct filling {
	struct libscols_table *table;
	const struct choice *choice;
	struct libscols_line *branch; /* of the process, once there is something on it */
	bool tree;
};

static void colour_cell(struct libscols_line *line, size_t column, const struct table_column *what,
			const struct mapping *row)
{
	if (what->put == put_flags || what->put == put_broken_rules)
		table_colour(line, column, "red");
	else if (what->put == put_guarantees)
		table_colour(line, column, row->unknown != 0 ? "yellow" : "green");
	else if (what->put == put_seals && row->seals == SEALS_UNKNOWN)
		table_colour(line, column, "yellow");
}

static struct libscols_line *new_branch(struct libscols_table *table, const struct view *view)
{
	struct libscols_line *line = need(scols_table_new_line(table, NULL));
	CLEANUP(free_text) char *name = text_of(put_process, view), *title = NULL;

	if (asprintf(&title, "%d %s%s", (int)view->process->pid, name,
		     view->process->changed ? " (changing)" : "") < 0)
		(void)need(title = NULL);
	for (size_t i = 0; i < scols_table_get_ncols(table); i++)
		if (scols_line_set_data(line, i, i == 0 ? title : "") < 0)
			(void)need(NULL);
	table_colour(line, 0, "bold");
	return line;
}

static void add_line(const struct view *view, void *argument)
{
	struct filling *filling = argument;
	struct libscols_line *line;

	if (filling->tree && filling->branch == NULL)
		filling->branch = new_branch(filling->table, view);
	line = need(scols_table_new_line(filling->table, filling->branch));
	for (size_t i = 0; i < filling->choice->count; i++) {
		const struct table_column *column = filling->choice->chosen[i];

		if (scols_line_refer_data(line, i, text_of(column->put, view)) < 0)
			(void)need(NULL);
		colour_cell(line, i, column, view->row);
	}
}

static const char *names_of_columns(const struct audit_report *report)
{
	if (report->columns != NULL)
		return report->columns;
	if (report->rules->count > 0)
		return report->raw ? usual_raw_with_rules : usual_with_rules;
	return report->raw ? usual_raw : usual;
}

static struct libscols_table *new_table(const struct choice *choice, bool raw)
{
	struct column *titles = need(calloc(choice->count, sizeof(*titles)));
	struct libscols_table *table;

	for (size_t i = 0; i < choice->count; i++)
		titles[i].title = choice->chosen[i]->name;
	table = table_new(titles, choice->count);
	(void)scols_table_enable_raw(table, raw);
	for (size_t i = 0; i < choice->count; i++) {
		int flags = choice->chosen[i]->right ? SCOLS_FL_RIGHT : 0;

		(void)scols_column_set_flags(scols_table_get_column(table, i),
					     i == 0 && !raw ? SCOLS_FL_TREE : flags);
	}
	free(titles);
	return table;
}

static void print_flag_meanings(const struct audit *audit)
{
	unsigned seen = 0;

	for (size_t i = 0; i < audit->count; i++) {
		for (size_t k = 0; k < audit->processes[i].mappings.count; k++)
			seen |= audit->processes[i].mappings.rows[k].flags;
		for (size_t k = 0; k < audit->processes[i].descriptors.count; k++)
			seen |= audit->processes[i].descriptors.rows[k].flags;
	}
	for (unsigned flag = 0; flag < FLAG_COUNT; flag++)
		if (seen & 1u << flag)
			(void)printf("%s: %s\n", flag_rows[flag].word, flag_rows[flag].meaning);
}

static void print_sharing(const struct view *view, void *argument)
{
	const struct known_file *file = known_files_find(&view->audit->files, view->row->file);
	CLEANUP(free_text) char *name = NULL, *holders = NULL;

	(void)argument;
	/* Once, not for each that has it. */
	if ((view->row->flags & 1u << FLAG_shared_unsealed) == 0 ||
	    file->holders[0].pid != view->process->pid)
		return;
	name = text_of(put_name, view);
	holders = text_of(put_holders, view);
	(void)printf("  %s: %s\n", name, holders);
}

static void print_summary(const struct audit *audit)
{
	(void)printf("\n%zu process%s, ", audit->count, audit->count == 1 ? "" : "es");
	put_totals(stdout, audit, NULL);
	(void)printf("; %zu flagged\n", totals_of(audit).flagged);
}

/* Where a table for people ends. The other forms have it in their rows. */
static void print_notes(const struct audit_report *report)
{
	print_summary(report->audit);
	if (report->rules->count == 0)
		print_flag_meanings(report->audit);
	for (size_t i = 0; i < report->audit->count; i++)
		audit_report_each(report, &report->audit->processes[i], print_sharing, NULL);
	for (size_t i = 0; i < report->rules->count; i++)
		if (rule_missed(&report->rules->rows[i]))
			(void)printf("nothing matches the rule %s\n", report->rules->rows[i].text);
}

void audit_report_print(const struct audit_report *report)
{
	CLEANUP(free_choice) struct choice choice = { 0 };
	struct filling filling = { .choice = &choice, .tree = !report->raw };

	(void)choose(&choice, names_of_columns(report));
	filling.table = new_table(&choice, report->raw);
	for (size_t i = 0; i < report->audit->count; i++) {
		filling.branch = NULL;
		audit_report_each(report, &report->audit->processes[i], add_line, &filling);
	}
	table_print(filling.table);
	if (!report->raw)
		print_notes(report);
}
