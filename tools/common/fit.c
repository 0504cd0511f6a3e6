/* SPDX-License-Identifier: MIT */

/*
 * Tables in which no line is wrapped. A table of many columns is wider than most terminals, and a terminal that breaks
 * the lines leaves nothing in its column. ls(1) and ps(1) cut and leave out instead, and so does this. libsmartcols can
 * cut, but shows no mark where it has cut, and breaks lines when it cannot cut enough.
 */

#include "tools/common/fit.h"

#include "tools/common/errors.h"
#include "tools/common/text.h"
#include "lib/util.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

/* The characters that a tree has before the text of a branch. */
#define TREE_WIDTH 2

struct fit {
	struct libscols_table *table;
	const struct give *gives;
	size_t *widths; /* of the columns, without a cut */
	bool *left_out;
	size_t count, width;
};

static void free_fit(struct fit *fit)
{
	free(fit->widths);
	free(fit->left_out);
}

static size_t cell_width(const struct fit *fit, struct libscols_line *line, size_t column)
{
	size_t width = text_width(scols_cell_get_data(scols_line_get_cell(line, column)));
	struct libscols_column *c = scols_table_get_column(fit->table, column);

	return scols_column_is_tree(c) && scols_line_get_parent(line) != NULL ? width + TREE_WIDTH
									      : width;
}

static void free_iterator(struct libscols_iter **iterator)
{
	scols_free_iter(*iterator);
}

static size_t natural_width(const struct fit *fit, size_t column)
{
	CLEANUP(free_iterator) struct libscols_iter *i = need(scols_new_iter(SCOLS_ITER_FORWARD));
	struct libscols_column *c = scols_table_get_column(fit->table, column);
	size_t widest = text_width(scols_cell_get_data(scols_column_get_header(c)));
	struct libscols_line *line;

	while (scols_table_next_line(fit->table, i, &line) == 0) {
		size_t width = cell_width(fit, line, column);

		widest = width > widest ? width : widest;
	}
	return widest;
}

static size_t least_of(const struct fit *fit, size_t column)
{
	size_t least = fit->gives[column].least, width = fit->widths[column];

	return least > 0 && least < width ? least : width;
}

/* A blank is between two columns. */
static size_t least_of_all(const struct fit *fit)
{
	size_t sum = 0;

	for (size_t i = 0; i < fit->count; i++)
		sum += fit->left_out[i] ? 0 : least_of(fit, i) + 1;
	return sum > 0 ? sum - 1 : 0;
}

/* The next one to be left out; `count` if there is none. */
static size_t find_droppable(const struct fit *fit)
{
	size_t found = fit->count;

	for (size_t i = 0; i < fit->count; i++)
		if (!fit->left_out[i] && fit->gives[i].drop > 0 &&
		    (found == fit->count || fit->gives[i].drop < fit->gives[found].drop))
			found = i;
	return found;
}

static size_t find_last(const struct fit *fit)
{
	size_t last = fit->count;

	while (last > 0 && fit->left_out[last - 1])
		last--;
	return last - 1;
}

static void leave_out(struct fit *fit, size_t column)
{
	struct libscols_column *c = scols_table_get_column(fit->table, column);

	fit->left_out[column] = true;
	(void)scols_column_set_flags(c, scols_column_get_flags(c) | SCOLS_FL_HIDDEN);
}

/* One column always stays. */
static void leave_out_enough(struct fit *fit)
{
	while (least_of_all(fit) > fit->width) {
		size_t column = find_droppable(fit);

		if (column == fit->count)
			column = find_last(fit);
		if (column == 0)
			return;
		leave_out(fit, column);
	}
}

/* The width of a column if each that is cut has `fair` at most, and no column less than its least. */
static size_t width_with(const struct fit *fit, size_t column, size_t fair)
{
	size_t least = least_of(fit, column), width = fit->widths[column];

	if (fair < least)
		return least;
	return fair < width ? fair : width;
}

static size_t sum_with(const struct fit *fit, size_t fair)
{
	size_t sum = 0;

	for (size_t i = 0; i < fit->count; i++)
		sum += fit->left_out[i] ? 0 : width_with(fit, i, fair) + 1;
	return sum - 1;
}

/* The greatest width to cut to with which all columns fit. */
static size_t find_fair(const struct fit *fit)
{
	size_t fair = 1;

	while (fair < fit->width && sum_with(fit, fair + 1) <= fit->width)
		fair++;
	return fair;
}

/* The length in bytes of the next character, and its width. The text is escaped, so it has only characters that take up
 * room. */
static size_t next_character(const char *text, size_t *ret_width)
{
	mbstate_t state = { 0 };
	wchar_t character;
	size_t left = strlen(text), size = mbrtowc(&character, text, left < 16 ? left : 16, &state);
	int columns = size > 0 && size <= left ? wcwidth(character) : 1;

	*ret_width = columns > 0 ? (size_t)columns : 0;
	return size > 0 && size <= left ? size : 1;
}

/* How many bytes at the beginning take at most `room` columns. */
static size_t fitting_length(const char *text, size_t room)
{
	size_t length = 0, used = 0, width;

	while (text[length] != '\0') {
		size_t size = next_character(text + length, &width);

		used += width;
		if (used > room)
			break;
		length += size;
	}
	return length;
}

/* Where the rest takes at most `room` columns. */
static const char *fitting_end(const char *text, size_t room)
{
	size_t left = text_width(text), width;

	while (left > room) {
		text += next_character(text, &width);
		left -= width;
	}
	return text;
}

/* What stands for the text that is cut off, one column wide. */
static const char *cut_mark(void)
{
	static const char mark[] = "\xe2\x80\xa6";

	return text_width(mark) == 1 ? mark : "+";
}

static void cut_cell(struct libscols_cell *cell, size_t width, bool keeps_end)
{
	const char *text = scols_cell_get_data(cell), *mark = cut_mark();
	CLEANUP(free_text) char *cut = NULL;
	int length;

	if (keeps_end)
		length = asprintf(&cut, "%s%s", mark, fitting_end(text, width - 1));
	else
		length = asprintf(&cut, "%.*s%s", (int)fitting_length(text, width - 1), text, mark);
	if (length < 0)
		(void)need(cut = NULL);
	if (scols_cell_set_data(cell, cut) < 0)
		(void)need(NULL);
}

static void cut_in_line(const struct fit *fit, struct libscols_line *line, size_t column,
			size_t width)
{
	struct libscols_cell *cell = scols_line_get_cell(line, column);
	size_t own = text_width(scols_cell_get_data(cell));
	size_t tree = cell_width(fit, line, column) - own;

	if (own + tree > width && width > tree + 1)
		cut_cell(cell, width - tree, fit->gives[column].keeps_end);
}

static void cut_column(const struct fit *fit, size_t column, size_t width)
{
	CLEANUP(free_iterator) struct libscols_iter *i = need(scols_new_iter(SCOLS_ITER_FORWARD));
	struct libscols_line *line;

	while (scols_table_next_line(fit->table, i, &line) == 0)
		cut_in_line(fit, line, column, width);
}

static void fit_all(struct fit *fit)
{
	size_t fair;

	leave_out_enough(fit);
	fair = find_fair(fit);
	for (size_t i = 0; i < fit->count; i++)
		if (!fit->left_out[i] && width_with(fit, i, fair) < fit->widths[i])
			cut_column(fit, i, width_with(fit, i, fair));
}

void table_fit(struct libscols_table *table, const struct give *gives, size_t width)
{
	size_t count = scols_table_get_ncols(table);
	CLEANUP(free_fit)
	struct fit fit = { .table = table, .gives = gives, .count = count, .width = width };

	if (width == 0)
		return;
	fit.widths = need(calloc(count, sizeof(*fit.widths)));
	fit.left_out = need(calloc(count, sizeof(*fit.left_out)));
	for (size_t i = 0; i < count; i++)
		fit.widths[i] = natural_width(&fit, i);
	fit_all(&fit);
}
