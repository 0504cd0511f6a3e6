/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_PLAIN_LIBSMARTCOLS_H
#define SEALMEM_TOOLS_PLAIN_LIBSMARTCOLS_H

/*
 * What the command needs of libsmartcols, for a command that is one file: Debian has no static libsmartcols. The names and
 * meanings are those of the library, so that the rest of the command does not know which of the two it has.
 * Differences: no width of the terminal, no groups, and a tree has one level of branches.
 */

#include <stddef.h>

struct libscols_table;
struct libscols_column;
struct libscols_line;
struct libscols_cell;
struct libscols_iter;

enum {
	SCOLS_FL_TREE = 1 << 1,
	SCOLS_FL_RIGHT = 1 << 2,
	SCOLS_FL_HIDDEN = 1 << 5,
	SCOLS_FL_WRAP = 1 << 6,
};

enum { SCOLS_ITER_FORWARD };
enum { SCOLS_TERMFORCE_NEVER = 1 };

struct libscols_table *scols_new_table(void);
void scols_unref_table(struct libscols_table *table);
int scols_table_enable_colors(struct libscols_table *table, int enable);
int scols_table_enable_raw(struct libscols_table *table, int enable);
int scols_table_enable_noheadings(struct libscols_table *table, int enable);
int scols_table_set_termforce(struct libscols_table *table, int force);
size_t scols_table_get_ncols(const struct libscols_table *table);
size_t scols_table_get_nlines(const struct libscols_table *table);
int scols_print_table(struct libscols_table *table);

struct libscols_column *scols_table_new_column(struct libscols_table *table, const char *title,
					       double width, int flags);
struct libscols_column *scols_table_get_column(struct libscols_table *table, size_t index);
struct libscols_cell *scols_column_get_header(struct libscols_column *column);
int scols_column_get_flags(const struct libscols_column *column);
int scols_column_set_flags(struct libscols_column *column, int flags);
int scols_column_is_tree(const struct libscols_column *column);
int scols_column_is_wrap(const struct libscols_column *column);

/* How the library finds the lines of a cell that has several: this one knows no other way. */
#define scols_wrapnl_chunksize NULL
#define scols_wrapnl_nextchunk NULL
int scols_column_set_wrapfunc(struct libscols_column *column, const void *size, const void *next,
			      void *data);
int scols_column_set_safechars(struct libscols_column *column, const char *safe);

struct libscols_line *scols_table_new_line(struct libscols_table *table,
					   struct libscols_line *parent);
struct libscols_line *scols_table_get_line(struct libscols_table *table, size_t index);
struct libscols_line *scols_line_get_parent(const struct libscols_line *line);
struct libscols_cell *scols_line_get_cell(struct libscols_line *line, size_t index);
/* A copy of the data, or the data itself, to be freed with the table. */
int scols_line_set_data(struct libscols_line *line, size_t index, const char *data);
int scols_line_refer_data(struct libscols_line *line, size_t index, char *data);

const char *scols_cell_get_data(const struct libscols_cell *cell);
int scols_cell_set_data(struct libscols_cell *cell, const char *data);
int scols_cell_set_color(struct libscols_cell *cell, const char *colour);

struct libscols_iter *scols_new_iter(int direction);
void scols_free_iter(struct libscols_iter *iterator);
/* 0 and the next line; 1 if there is none. */
int scols_table_next_line(struct libscols_table *table, struct libscols_iter *iterator,
			  struct libscols_line **ret);

#endif
