/* SPDX-License-Identifier: MIT */

/* The functions of libsmartcols that the command uses. The library is loaded at the first call. */

#include "tools/common/library.h"

#include <libsmartcols.h>

static struct library smartcols = { .name = "libsmartcols.so.1" };

/* As its header has them. */
typedef size_t chunk_size(const struct libscols_column *column, const char *text, void *data);
typedef char *next_chunk(const struct libscols_column *column, char *text, void *data);

#define COLS(type, name, parameters, arguments) LATE(&smartcols, type, name, parameters, arguments)

COLS(struct libscols_table *, scols_new_table, (void), ())
LATE_VOID(&smartcols, scols_unref_table, (struct libscols_table * table), (table))
COLS(int, scols_print_table, (struct libscols_table * table), (table))
COLS(int, scols_table_enable_colors, (struct libscols_table * table, int enable), (table, enable))
COLS(int, scols_table_enable_noheadings, (struct libscols_table * table, int enable),
     (table, enable))
COLS(int, scols_table_enable_raw, (struct libscols_table * table, int enable), (table, enable))
COLS(int, scols_table_set_termforce, (struct libscols_table * table, int force), (table, force))
COLS(struct libscols_column *, scols_table_new_column,
     (struct libscols_table * table, const char *name, double hint, int flags),
     (table, name, hint, flags))
COLS(struct libscols_column *, scols_table_get_column, (struct libscols_table * table, size_t n),
     (table, n))
COLS(size_t, scols_table_get_ncols, (const struct libscols_table *table), (table))
COLS(struct libscols_line *, scols_table_new_line,
     (struct libscols_table * table, struct libscols_line *parent), (table, parent))
COLS(struct libscols_line *, scols_table_get_line, (struct libscols_table * table, size_t n),
     (table, n))
COLS(size_t, scols_table_get_nlines, (const struct libscols_table *table), (table))
COLS(int, scols_table_next_line,
     (struct libscols_table * table, struct libscols_iter *i, struct libscols_line **ret),
     (table, i, ret))
COLS(struct libscols_iter *, scols_new_iter, (int direction), (direction))
LATE_VOID(&smartcols, scols_free_iter, (struct libscols_iter * i), (i))
COLS(int, scols_column_get_flags, (const struct libscols_column *column), (column))
COLS(int, scols_column_set_flags, (struct libscols_column * column, int flags), (column, flags))
COLS(struct libscols_cell *, scols_column_get_header, (struct libscols_column * column), (column))
COLS(int, scols_column_is_tree, (const struct libscols_column *column), (column))
COLS(int, scols_column_is_wrap, (const struct libscols_column *column), (column))
COLS(int, scols_column_set_safechars, (struct libscols_column * column, const char *safe),
     (column, safe))
COLS(int, scols_column_set_wrapfunc,
     (struct libscols_column * column, chunk_size *size, next_chunk *next, void *data),
     (column, size, next, data))
COLS(size_t, scols_wrapnl_chunksize,
     (const struct libscols_column *column, const char *text, void *data), (column, text, data))
COLS(char *, scols_wrapnl_nextchunk, (const struct libscols_column *column, char *text, void *data),
     (column, text, data))
COLS(struct libscols_line *, scols_line_get_parent, (const struct libscols_line *line), (line))
COLS(struct libscols_cell *, scols_line_get_cell, (struct libscols_line * line, size_t n),
     (line, n))
COLS(int, scols_line_set_data, (struct libscols_line * line, size_t n, const char *text),
     (line, n, text))
COLS(int, scols_line_refer_data, (struct libscols_line * line, size_t n, char *text),
     (line, n, text))
COLS(const char *, scols_cell_get_data, (const struct libscols_cell *cell), (cell))
COLS(int, scols_cell_set_data, (struct libscols_cell * cell, const char *text), (cell, text))
COLS(int, scols_cell_set_color, (struct libscols_cell * cell, const char *color), (cell, color))
