/* SPDX-License-Identifier: MIT */

/*
 * The audit as a table. For people it is a tree with a branch for each process. For awk it is one line for each
 * mapping, and the line names its process. A column is a row in the table below.
 */

#include "tools/audit/notes.h"
#include "tools/audit/views.h"
#include "tools/audit/words.h"

#include "tools/common/errors.h"
#include "tools/common/fit.h"
#include "tools/common/output.h"
#include "tools/common/stream.h"
#include "include/sealmem.h"
#include "tools/common/text.h"
#include "lib/util.h"

#include <stdlib.h>
#include <string.h>

static const struct table_column {
	const char *name;
	row_printer *print, *raw_print;
	unsigned needs;
	bool right;
	struct give give;
} columns[] = {
	{ "PID", row_pid_print, row_pid_print, 0, true, { 0 } },
	{ "PROCESS", row_process_print, row_exact_process_print, 0, false, { .least = 8 } },
	{ "ADDRESS", row_address_print, row_address_print, 0, false, { 0 } },
	{ "END", row_end_print, row_end_print, 0, false, { 0 } },
	{ "SIZE", row_size_print, row_exact_size_print, 0, true, { .drop = 4 } },
	{ "PERM", row_permissions_print, row_permissions_print, 0, false, { .drop = 3 } },
	{ "OFFSET", row_offset_print, row_offset_print, 0, true, { 0 } },
	{ "DEVICE", row_device_print, row_device_print, 0, false, { 0 } },
	{ "INODE", row_inode_print, row_inode_print, 0, true, { 0 } },
	{ "KIND", row_kind_print, row_kind_print, NEED_OBJECTS, false, { .drop = 2 } },
	{ "SEALS",
	  row_seals_print,
	  row_seals_print,
	  NEED_VM | NEED_MEMFDS,
	  false,
	  { .least = 8, .drop = 1 } },
	{ "GUARANTEES",
	  row_guarantees_print,
	  row_guarantees_print,
	  NEED_ALL,
	  false,
	  { .least = 12 } },
	{ "FLAGS", row_flags_print, row_flags_print, NEED_ALL, false, { .least = 14 } },
	{ "MARK", row_mark_print, row_mark_print, NEED_OBJECTS, false, { 0 } },
	{ "HOLDERS",
	  row_holders_print,
	  row_exact_holders_print,
	  NEED_MEMFDS,
	  false,
	  { .least = 14 } },
	{ "RULES", row_broken_rules_print, row_broken_rules_print, 0, false, { .least = 14 } },
	{ "NAME",
	  row_name_print,
	  row_exact_name_print,
	  0,
	  false,
	  { .least = 15, .keeps_end = true } },
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

static void free_gives(struct give **gives)
{
	free(*gives);
}

static const struct table_column *find_column(const char *name, size_t length)
{
	for (size_t i = 0; i < COLUMN_COUNT; i++)
		if (strlen(columns[i].name) == length &&
		    strncasecmp(columns[i].name, name, length) == 0)
			return &columns[i];
	return NULL;
}

/* NULL, or the first name that is not the name of a column. */
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

char *audit_columns_format(void)
{
	struct text_stream stream;

	text_begin(&stream);
	for (size_t i = 0; i < COLUMN_COUNT; i++)
		(void)fprintf(stream.out, "%s%s", i > 0 ? " " : "", columns[i].name);
	return text_end(&stream);
}

struct filling {
	struct libscols_table *table;
	const struct choice *choice;
	bool raw;
	struct text_stream cell;
};

static void colour_cell(struct libscols_line *line, size_t column, row_printer *print,
			const struct memory *memory)
{
	if (print == row_flags_print || print == row_broken_rules_print)
		table_colour(line, column, "red");
	else if (print == row_guarantees_print)
		table_colour(line, column, memory->unknown != 0 ? "yellow" : "green");
	else if (print == row_seals_print && memory->seals == SEALS_UNKNOWN)
		table_colour(line, column, "yellow");
}

static struct libscols_line *new_branch(struct libscols_table *table, const struct process *process)
{
	struct libscols_line *line = need(scols_table_new_line(table, NULL));
	CLEANUP(free_text) char *name = escaped_format(process->name), *title = NULL;

	if (asprintf(&title, "%d %s%s", (int)process->pid, name,
		     process->changed ? " (changing)" : "") < 0)
		(void)need(title = NULL);
	for (size_t i = 0; i < scols_table_get_ncols(table); i++)
		if (scols_line_set_data(line, i, i == 0 ? title : "") < 0)
			(void)need(NULL);
	table_colour(line, 0, "bold");
	return line;
}

static void add_line(struct filling *filling, struct libscols_line *branch,
		     const struct report_row *row)
{
	struct libscols_line *line = need(scols_table_new_line(filling->table, branch));

	for (size_t i = 0; i < filling->choice->count; i++) {
		const struct table_column *column = filling->choice->chosen[i];
		row_printer *print = filling->raw ? column->raw_print : column->print;

		print(filling->cell.out, row);
		if (scols_line_refer_data(line, i, text_take(&filling->cell)) < 0)
			(void)need(NULL);
		colour_cell(line, i, print, row->memory);
	}
}

/* A branch needs something to show on it. */
static void add_process(struct filling *filling, const struct report_process *process)
{
	struct libscols_line *branch = NULL;

	for (size_t i = 0; i < process->count; i++) {
		const struct report_row *row = &process->rows[i];

		if (!row->shown)
			continue;
		if (!filling->raw && branch == NULL)
			branch = new_branch(filling->table, process->process);
		add_line(filling, branch, row);
	}
}

static const char *names_of_columns(const struct report *report, const struct view_options *options)
{
	if (options->columns != NULL)
		return options->columns;
	if (report->rules->count > 0)
		return options->raw ? usual_raw_with_rules : usual_with_rules;
	return options->raw ? usual_raw : usual;
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

static void free_iterator(struct libscols_iter **iterator)
{
	scols_free_iter(*iterator);
}

/* A branch has its title in the first column. It may be cut, and the addresses below it not. */
static size_t least_of_first(struct libscols_table *table)
{
	CLEANUP(free_iterator) struct libscols_iter *i = need(scols_new_iter(SCOLS_ITER_FORWARD));
	struct libscols_line *line;
	size_t least = 1;

	while (scols_table_next_line(table, i, &line) == 0) {
		size_t width = text_width(scols_cell_get_data(scols_line_get_cell(line, 0))) + 2;

		if (scols_line_get_parent(line) != NULL && width > least)
			least = width;
	}
	return least;
}

/* Whoever has chosen columns wants to see them. */
static void fit(struct libscols_table *table, const struct choice *choice, bool chosen)
{
	CLEANUP(free_gives) struct give *gives = need(calloc(choice->count, sizeof(*gives)));

	for (size_t i = 0; i < choice->count; i++) {
		gives[i] = choice->chosen[i]->give;
		gives[i].drop = chosen ? 0 : gives[i].drop;
	}
	if (gives[0].least == 0)
		gives[0].least = least_of_first(table);
	table_fit(table, gives, (size_t)terminal_width());
}

void audit_table_print(const struct report *report, const struct view_options *options)
{
	CLEANUP(free_choice) struct choice choice = { 0 };
	struct filling filling = { .choice = &choice, .raw = options->raw };

	(void)choose(&choice, names_of_columns(report, options));
	filling.table = new_table(&choice, options->raw);
	text_begin(&filling.cell);
	for (size_t i = 0; i < report->audit->count; i++)
		add_process(&filling, &report->processes[i]);
	free(text_end(&filling.cell));
	if (!options->raw)
		fit(filling.table, &choice, options->columns != NULL);
	table_print(filling.table);
	if (!options->raw)
		notes_print(report);
}
