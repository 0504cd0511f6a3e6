/* SPDX-License-Identifier: MIT */

/*
 * XML that any parser accepts, whatever the names in it are. XML forbids most control characters, even as references, and
 * bytes that are no UTF-8.
 */

#include "tools/common/xml.h"

#include "tools/common/stream.h"
#include "tools/common/text.h"
#include "lib/util.h"

/* U+FFFE and U+FFFF are no characters of XML, and take up no room on a terminal either. */
void xml_print(FILE *out, const char *text)
{
	static const char *const entities[128] = {
		['&'] = "&amp;",
		['<'] = "&lt;",
		['>'] = "&gt;",
		['"'] = "&quot;",
	};
	CLEANUP(free_text) char *visible = visible_format(text);

	for (const char *c = visible; *c != '\0'; c++)
		if ((unsigned char)*c < 128 && entities[(unsigned char)*c] != NULL)
			(void)fputs(entities[(unsigned char)*c], out);
		else
			(void)fputc(*c, out);
}
