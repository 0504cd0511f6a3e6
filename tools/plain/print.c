/* SPDX-License-Identifier: MIT */

/* Prints a table: columns as wide as their widest cell, with a blank between two of them. */

#include "tools/plain/table.h"

#include "tools/common/text.h"

#include <ctype.h>
#include <langinfo.h>
#include <stdio.h>
#include <string.h>

/* The columns of the table that are shown, with their widths. */
#define MOST_COLUMNS 32
struct layout {
	const struct libscols_table *table;
	size_t shown[MOST_COLUMNS], widths[MOST_COLUMNS], count;
};

static const struct {
	const char *name, *sequence;
} colours[] = {
	{ "bold", "\033[1m" }, { "darkgray", "\033[1;30m" }, { "green", "\033[32m" },
	{ "red", "\033[31m" }, { "yellow", "\033[33m" },
};

static const char *colour_sequence(const char *name)
{
	for (size_t i = 0; name != NULL && i < sizeof(colours) / sizeof(*colours); i++)
		if (strcmp(colours[i].name, name) == 0)
			return colours[i].sequence;
	return NULL;
}

/* What a branch has before its text. */
static const char *tree_mark(bool last)
{
	if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		return last ? "`-" : "|-";
	return last ? "\xe2\x94\x94\xe2\x94\x80" : "\xe2\x94\x9c\xe2\x94\x80";
}

/* No sibling follows. */
static bool is_last_branch(const struct libscols_table *table, size_t line)
{
	for (size_t i = line + 1; i < table->line_count; i++)
		if (table->lines[i]->parent == table->lines[line]->parent)
			return false;
	return true;
}

static const char *mark_of(const struct libscols_table *table, size_t line, size_t column)
{
	if (!scols_column_is_tree(table->columns[column]) || table->lines[line]->parent == NULL)
		return "";
	return tree_mark(is_last_branch(table, line));
}

/* Where line `number` of the text begins, and its length; NULL if it has fewer. */
static const char *text_line(const char *text, size_t number, size_t *ret_length)
{
	for (; text != NULL && number > 0; number--) {
		text = strchr(text, '\n');
		text = text != NULL ? text + 1 : NULL;
	}
	*ret_length = text != NULL ? strcspn(text, "\n") : 0;
	return text;
}

static size_t width_of_line(const char *text, size_t length)
{
	char *copy = strndup(text, length);
	size_t width = copy != NULL ? text_width(copy) : length;

	free_text(&copy);
	return width;
}

static size_t width_of(const char *text)
{
	size_t widest = 0, length;
	const char *line;

	for (size_t i = 0; (line = text_line(text, i, &length)) != NULL; i++) {
		size_t width = width_of_line(line, length);

		widest = width > widest ? width : widest;
	}
	return widest;
}

static size_t column_width(const struct libscols_table *table, size_t column)
{
	size_t widest = table->no_headings ? 0 : width_of(table->columns[column]->header.data);

	for (size_t i = 0; i < table->line_count; i++) {
		size_t width = width_of(table->lines[i]->cells[column].data) +
			       text_width(mark_of(table, i, column));

		widest = width > widest ? width : widest;
	}
	return widest;
}

static void lay_out(struct layout *ret, const struct libscols_table *table)
{
	*ret = (struct layout){ .table = table };
	for (size_t i = 0; i < table->column_count && ret->count < MOST_COLUMNS; i++)
		if (!(table->columns[i]->flags & SCOLS_FL_HIDDEN)) {
			ret->shown[ret->count] = i;
			ret->widths[ret->count++] = column_width(table, i);
		}
}

/* One line of one cell. The last column has no blanks at its end. */
static void print_piece(const struct layout *layout, size_t at, const char *mark, const char *text,
			size_t length, const char *colour)
{
	const struct libscols_column *column = layout->table->columns[layout->shown[at]];
	const char *sequence = layout->table->colours ? colour_sequence(colour) : NULL;
	size_t width = text_width(mark) + (text != NULL ? width_of_line(text, length) : 0);
	size_t left = layout->widths[at] > width ? layout->widths[at] - width : 0;
	bool right = (column->flags & SCOLS_FL_RIGHT) != 0, last = at + 1 == layout->count;

	printf("%s%*s%s%.*s%*s%s%s", sequence != NULL ? sequence : "", right ? (int)left : 0, "",
	       mark, (int)length, text != NULL ? text : "", right || last ? 0 : (int)left, "",
	       sequence != NULL ? "\033[0m" : "", last ? "" : " ");
}

static size_t count_lines(const struct layout *layout, const struct libscols_cell *cells)
{
	size_t most = 1, length;

	for (size_t i = 0; i < layout->count; i++)
		while (text_line(cells[layout->shown[i]].data, most, &length) != NULL)
			most++;
	return most;
}

static void print_line(const struct layout *layout, size_t line)
{
	const struct libscols_cell *cells = layout->table->lines[line]->cells;
	size_t lines = count_lines(layout, cells), length;

	for (size_t i = 0; i < lines; i++) {
		for (size_t at = 0; at < layout->count; at++) {
			size_t column = layout->shown[at];
			const char *text = text_line(cells[column].data, i, &length);

			print_piece(layout, at, i == 0 ? mark_of(layout->table, line, column) : "",
				    text, length, cells[column].colour);
		}
		(void)putchar('\n');
	}
}

static void print_headings(const struct layout *layout)
{
	for (size_t at = 0; at < layout->count; at++) {
		const char *title = layout->table->columns[layout->shown[at]]->header.data;

		print_piece(layout, at, "", title, strlen(title), NULL);
	}
	(void)putchar('\n');
}

/* For programs: a blank separates two cells, so one in a cell is written as a number. */
static void print_raw(const char *text)
{
	for (; text != NULL && *text != '\0'; text++)
		if (isblank((unsigned char)*text) || iscntrl((unsigned char)*text) || *text == '\\')
			printf("\\x%02x", (unsigned char)*text);
		else
			(void)putchar(*text);
}

static void print_raw_line(const struct layout *layout, const struct libscols_cell *cells)
{
	for (size_t at = 0; at < layout->count; at++) {
		if (at > 0)
			(void)putchar(' ');
		print_raw(cells != NULL ? cells[layout->shown[at]].data
					: layout->table->columns[layout->shown[at]]->header.data);
	}
	(void)putchar('\n');
}

int scols_print_table(struct libscols_table *table)
{
	struct layout layout;

	lay_out(&layout, table);
	if (table->raw) {
		print_raw_line(&layout, NULL);
		for (size_t i = 0; i < table->line_count; i++)
			print_raw_line(&layout, table->lines[i]->cells);
		return 0;
	}
	if (!table->no_headings)
		print_headings(&layout);
	for (size_t i = 0; i < table->line_count; i++)
		print_line(&layout, i);
	return 0;
}
