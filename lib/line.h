/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_LIB_LINE_H
#define SEALMEM_LIB_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One line for a person, built where nothing may be called that takes a lock. */
struct line {
	size_t length;
	bool cut; /* the name that is being put did not fit */
	char text[512];
};

void line_put(struct line *line, const char *text, size_t length);
void line_put_text(struct line *line, const char *text);
void line_put_number(struct line *line, uint64_t value, unsigned base);
void line_put_offset(struct line *line, int64_t offset);

/* A byte of a name that a stranger may have chosen. There is room for it up to `end`. */
void line_put_foreign(struct line *line, char byte, size_t end);
void line_end_foreign(struct line *line);

/* Writes the line, but raises no signal, and does not wait for a reader. */
void line_write(const struct line *line, int fd);

#endif
