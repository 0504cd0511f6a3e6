/* SPDX-License-Identifier: MIT */

/*
 * libsmartcols and json-c, used in the same way by every command: where a table breaks its lines, when it has
 * colour, how a JSON answer begins. ANSWER_VERSION increases when a program that reads the present form
 * could no longer read the new one.
 */

#include "tools/common/output.h"

#include "tools/common/errors.h"
#include "include/sealmem.h"
#include "tools/common/text.h"
#include "lib/util.h"

#include <stdio.h>

#define ANSWER_VERSION 1

/* If a column that folds would get less room than this, the terminal breaks the lines instead. */
#define NARROWEST 12

/* libsmartcols breaks lines in the middle of words. So it does not learn the width of the terminal, and
 * receives cells that are folded already. */
struct libscols_table *table_new(const struct column *columns, size_t count)
{
	struct libscols_table *table = need(scols_new_table());

	(void)scols_table_enable_colors(table, wants_colour());
	(void)scols_table_set_termforce(table, SCOLS_TERMFORCE_NEVER);
	for (size_t i = 0; i < count; i++) {
		int flags = columns[i].folds ? SCOLS_FL_WRAP : 0;
		struct libscols_column *column =
			need(scols_table_new_column(table, columns[i].title, 0, flags));

		(void)scols_column_set_wrapfunc(column, scols_wrapnl_chunksize,
						scols_wrapnl_nextchunk, NULL);
		/* The cells are escaped already. */
		(void)scols_column_set_safechars(column, "\n\\");
	}
	return table;
}

struct libscols_line *table_row(struct libscols_table *table, const char *const *texts)
{
	struct libscols_line *line = need(scols_table_new_line(table, NULL));

	for (size_t i = 0; i < scols_table_get_ncols(table); i++)
		if (scols_line_set_data(line, i, texts[i]) < 0)
			(void)need(NULL);
	return line;
}

void table_colour(struct libscols_line *line, size_t column, const char *colour)
{
	(void)scols_cell_set_color(scols_line_get_cell(line, column), colour);
}

static bool folds(struct libscols_table *table, size_t column)
{
	return scols_column_is_wrap(scols_table_get_column(table, column));
}

static size_t natural_width(struct libscols_table *table, size_t column)
{
	struct libscols_column *c = scols_table_get_column(table, column);
	size_t width = text_width(scols_cell_get_data(scols_column_get_header(c)));

	for (size_t i = 0; i < scols_table_get_nlines(table); i++) {
		struct libscols_line *line = scols_table_get_line(table, i);
		size_t cell = text_width(scols_cell_get_data(scols_line_get_cell(line, column)));

		width = cell > width ? cell : width;
	}
	return width;
}

/* A blank is between two columns. */
size_t table_width(struct libscols_table *table)
{
	size_t count = scols_table_get_ncols(table), sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += natural_width(table, i) + (i > 0);
	return sum;
}

/* One round of sharing `room`. A column that does not fold, or needs at most `fair`, takes the width that it
 * needs. The others share the rest equally. */
static size_t share(struct libscols_table *table, size_t room, size_t fair)
{
	size_t sharing = 0;

	for (size_t i = 0; i < scols_table_get_ncols(table); i++) {
		size_t width = natural_width(table, i);

		if (folds(table, i) && width > fair)
			sharing++;
		else
			room -= width < room ? width : room;
	}
	return sharing > 0 ? room / sharing : fair;
}

/* The largest width of a column that folds, on this terminal. 0 means any width. */
static size_t fair_width(struct libscols_table *table)
{
	size_t gaps = scols_table_get_ncols(table) - 1;
	size_t room = (size_t)terminal_width(), fair = 0, before;

	if (room <= gaps)
		return 0;
	do {
		before = fair;
		fair = share(table, room - gaps, fair);
	} while (fair > before);
	return fair >= NARROWEST ? fair : 0;
}

static void fold_cell(struct libscols_cell *cell, size_t width)
{
	CLEANUP(free_text) char *text = NULL;
	size_t size = 0;
	FILE *out = need(open_memstream(&text, &size));

	put_folded(out, scols_cell_get_data(cell), 0, 0, (int)width);
	if (fclose(out) != 0)
		(void)need(NULL);
	if (size > 0)
		text[size - 1] = '\0';
	if (scols_cell_set_data(cell, text) < 0)
		(void)need(NULL);
}

static void fold_column(struct libscols_table *table, size_t column, size_t width)
{
	for (size_t i = 0; i < scols_table_get_nlines(table); i++) {
		struct libscols_line *line = scols_table_get_line(table, i);

		fold_cell(scols_line_get_cell(line, column), width);
	}
}

static bool any_folds(struct libscols_table *table)
{
	for (size_t i = 0; i < scols_table_get_ncols(table); i++)
		if (folds(table, i))
			return true;
	return false;
}

/* Few lines have cells that fold: a line is found by going through all before it. */
void table_print(struct libscols_table *table)
{
	size_t width = any_folds(table) ? fair_width(table) : 0;

	for (size_t i = 0; width > 0 && i < scols_table_get_ncols(table); i++)
		if (folds(table, i))
			fold_column(table, i, width);
	if (scols_print_table(table) < 0)
		(void)need(NULL);
	scols_unref_table(table);
}

struct json_object *json_text(const char *text)
{
	return text != NULL ? need(json_object_new_string(text)) : NULL;
}

struct json_object *json_some_text(const char *text)
{
	return json_text(*text != '\0' ? text : NULL);
}

struct json_object *json_number(uint64_t number)
{
	return need(json_object_new_uint64(number));
}

struct json_object *json_boolean(bool truth)
{
	return need(json_object_new_boolean(truth));
}

void json_add(struct json_object *object, const char *name, struct json_object *value)
{
	if (json_object_object_add(object, name, value) < 0)
		(void)need(NULL);
}

struct json_object *json_list(struct json_object *object, const char *name)
{
	struct json_object *list = need(json_object_new_array());

	json_add(object, name, list);
	return list;
}

struct json_object *json_member(struct json_object *object, const char *name)
{
	struct json_object *member = need(json_object_new_object());

	json_add(object, name, member);
	return member;
}

void json_append(struct json_object *list, struct json_object *value)
{
	if (json_object_array_add(list, value) < 0)
		(void)need(NULL);
}

struct json_object *answer_new(const char *command)
{
	struct json_object *answer = need(json_object_new_object());

	json_add(answer, "version", need(json_object_new_int(ANSWER_VERSION)));
	json_add(answer, "command", json_text(command));
	json_add(answer, "sealmem", json_text(SEALMEM_VERSION));
	return answer;
}

static void print_in_form(struct json_object *answer, int form)
{
	const char *text =
		json_object_to_json_string_ext(answer, form | JSON_C_TO_STRING_NOSLASHESCAPE);

	if (text == NULL)
		(void)need(NULL);
	(void)puts(text);
	(void)json_object_put(answer);
}

void answer_print(struct json_object *answer)
{
	print_in_form(answer, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED);
}

void answer_line_print(struct json_object *answer)
{
	print_in_form(answer, JSON_C_TO_STRING_PLAIN);
}
