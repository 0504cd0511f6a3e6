/* SPDX-License-Identifier: MIT */

/* The lines and columns of a table; print.c prints them. */

#include "tools/plain/table.h"

#include <stdlib.h>
#include <string.h>

struct libscols_table *scols_new_table(void)
{
	return calloc(1, sizeof(struct libscols_table));
}

static void free_line(struct libscols_line *line, size_t cells)
{
	for (size_t i = 0; line->cells != NULL && i < cells; i++)
		free(line->cells[i].data);
	free(line->cells);
	free(line);
}

void scols_unref_table(struct libscols_table *table)
{
	for (size_t i = 0; i < table->line_count; i++)
		free_line(table->lines[i], table->column_count);
	for (size_t i = 0; i < table->column_count; i++) {
		free(table->columns[i]->header.data);
		free(table->columns[i]);
	}
	free(table->lines);
	free(table->columns);
	free(table);
}

int scols_table_enable_colors(struct libscols_table *table, int enable)
{
	table->colours = enable;
	return 0;
}

int scols_table_enable_raw(struct libscols_table *table, int enable)
{
	table->raw = enable;
	return 0;
}

int scols_table_enable_noheadings(struct libscols_table *table, int enable)
{
	table->no_headings = enable;
	return 0;
}

int scols_table_set_termforce(struct libscols_table *table, int force)
{
	(void)table;
	return force == SCOLS_TERMFORCE_NEVER ? 0 : -1;
}

size_t scols_table_get_ncols(const struct libscols_table *table)
{
	return table->column_count;
}

size_t scols_table_get_nlines(const struct libscols_table *table)
{
	return table->line_count;
}

/* Room for one more pointer in a list. */
static bool grow(void *list, size_t count)
{
	void **old = *(void ***)list, **more = reallocarray(old, count + 1, sizeof(*more));

	if (more != NULL)
		*(void ***)list = more;
	return more != NULL;
}

struct libscols_column *scols_table_new_column(struct libscols_table *table, const char *title,
					       double width, int flags)
{
	struct libscols_column *column = calloc(1, sizeof(*column));

	(void)width;
	if (column == NULL || scols_cell_set_data(&column->header, title) < 0 ||
	    !grow(&table->columns, table->column_count)) {
		free(column);
		return NULL;
	}
	column->flags = flags;
	table->columns[table->column_count++] = column;
	return column;
}

struct libscols_column *scols_table_get_column(struct libscols_table *table, size_t index)
{
	return table->columns[index];
}

struct libscols_cell *scols_column_get_header(struct libscols_column *column)
{
	return &column->header;
}

int scols_column_get_flags(const struct libscols_column *column)
{
	return column->flags;
}

int scols_column_set_flags(struct libscols_column *column, int flags)
{
	column->flags = flags;
	return 0;
}

int scols_column_is_tree(const struct libscols_column *column)
{
	return (column->flags & SCOLS_FL_TREE) != 0;
}

int scols_column_is_wrap(const struct libscols_column *column)
{
	return (column->flags & SCOLS_FL_WRAP) != 0;
}

int scols_column_set_wrapfunc(struct libscols_column *column, const void *size, const void *next,
			      void *data)
{
	(void)column, (void)size, (void)next, (void)data;
	return 0;
}

int scols_column_set_safechars(struct libscols_column *column, const char *safe)
{
	(void)column, (void)safe;
	return 0;
}

struct libscols_line *scols_table_new_line(struct libscols_table *table,
					   struct libscols_line *parent)
{
	struct libscols_line *line = calloc(1, sizeof(*line));

	if (line != NULL)
		line->cells = calloc(table->column_count, sizeof(*line->cells));
	if (line == NULL || line->cells == NULL || !grow(&table->lines, table->line_count)) {
		if (line != NULL)
			free_line(line, 0);
		return NULL;
	}
	line->parent = parent;
	table->lines[table->line_count++] = line;
	return line;
}

struct libscols_line *scols_table_get_line(struct libscols_table *table, size_t index)
{
	return table->lines[index];
}

struct libscols_line *scols_line_get_parent(const struct libscols_line *line)
{
	return line->parent;
}

struct libscols_cell *scols_line_get_cell(struct libscols_line *line, size_t index)
{
	return &line->cells[index];
}

int scols_line_set_data(struct libscols_line *line, size_t index, const char *data)
{
	return scols_cell_set_data(&line->cells[index], data);
}

int scols_line_refer_data(struct libscols_line *line, size_t index, char *data)
{
	free(line->cells[index].data);
	line->cells[index].data = data;
	return 0;
}

const char *scols_cell_get_data(const struct libscols_cell *cell)
{
	return cell->data;
}

int scols_cell_set_data(struct libscols_cell *cell, const char *data)
{
	char *copy = data != NULL ? strdup(data) : NULL;

	if (data != NULL && copy == NULL)
		return -1;
	free(cell->data);
	cell->data = copy;
	return 0;
}

int scols_cell_set_color(struct libscols_cell *cell, const char *colour)
{
	cell->colour = colour;
	return 0;
}

struct libscols_iter *scols_new_iter(int direction)
{
	(void)direction;
	return calloc(1, sizeof(struct libscols_iter));
}

void scols_free_iter(struct libscols_iter *iterator)
{
	free(iterator);
}

int scols_table_next_line(struct libscols_table *table, struct libscols_iter *iterator,
			  struct libscols_line **ret)
{
	if (iterator->next == table->line_count)
		return 1;
	*ret = table->lines[iterator->next++];
	return 0;
}
