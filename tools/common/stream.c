/* SPDX-License-Identifier: MIT */

/*
 * A text that is written piece by piece, by the functions that print. A failure means that memory ran out, and ends the
 * program.
 */

#include "tools/common/stream.h"

#include "tools/common/errors.h"
#include "tools/common/text.h"

#include <string.h>

void text_begin(struct text_stream *ret)
{
	ret->text = NULL;
	ret->out = need(open_memstream(&ret->text, &ret->size));
}

char *text_take(struct text_stream *stream)
{
	char *text;

	if (fflush(stream->out) != 0)
		(void)need(NULL);
	text = need(strndup(stream->text, stream->size));
	if (fseeko(stream->out, 0, SEEK_SET) != 0)
		(void)need(NULL);
	return text;
}

char *text_end(struct text_stream *stream)
{
	if (fclose(stream->out) != 0)
		(void)need(NULL);
	return stream->text;
}

char *visible_format(const char *text)
{
	struct text_stream stream;

	text_begin(&stream);
	put_visible(stream.out, text);
	return text_end(&stream);
}

char *escape_format(const char *text)
{
	struct text_stream stream;

	text_begin(&stream);
	put_escaped(stream.out, text, strlen(text));
	return text_end(&stream);
}
