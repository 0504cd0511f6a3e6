/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_PLAIN_TABLE_H
#define SEALMEM_TOOLS_PLAIN_TABLE_H

#include "tools/plain/libsmartcols.h"

#include <stdbool.h>

struct libscols_cell {
	char *data;	    /* NULL: nothing */
	const char *colour; /* NULL: that of the terminal */
};

struct libscols_column {
	struct libscols_cell header;
	int flags;
};

struct libscols_line {
	struct libscols_line *parent; /* NULL: it is no branch */
	struct libscols_cell *cells;
};

struct libscols_table {
	struct libscols_column **columns;
	struct libscols_line **lines;
	size_t column_count, line_count;
	bool colours, raw, no_headings;
};

struct libscols_iter {
	size_t next;
};

#endif
