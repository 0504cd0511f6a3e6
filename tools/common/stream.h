/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_COMMON_STREAM_H
#define SEALMEM_TOOLS_COMMON_STREAM_H

#include <stddef.h>
#include <stdio.h>

/* What is printed to `out` becomes a text. */
struct text_stream {
	FILE *out;
	char *text;
	size_t size;
};

/* Not copied or moved until its end. */
void text_begin(struct text_stream *ret);

/* The text so far, to be freed. The stream is empty again: of many short texts, only the first costs a stream. */
char *text_take(struct text_stream *stream);

/* The text, to be freed. */
char *text_end(struct text_stream *stream);

/* What put_visible() prints; to be freed. */
char *visible_format(const char *text);

/* What put_escaped() prints; to be freed. */
char *escape_format(const char *text);

#endif
