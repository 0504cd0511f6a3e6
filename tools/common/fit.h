/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_COMMON_FIT_H
#define SEALMEM_TOOLS_COMMON_FIT_H

#include <libsmartcols.h>
#include <stdbool.h>
#include <stddef.h>

/* How a column gives way where the terminal is narrow. */
struct give {
	size_t least; /* it may be cut to this many characters; 0: it is not cut */
	unsigned
		drop; /* it may be left out: the column with the lowest number first; 0: it is not */
	bool keeps_end; /* the end of its text says more than the beginning */
};

/* Makes each line of the table at most `width` columns wide, 0 meaning any width: cuts long cells, leaves out columns
 * and, if nothing else helps, the columns at the right. There is one of `gives` for each column. */
void table_fit(struct libscols_table *table, const struct give *gives, size_t width);

#endif
