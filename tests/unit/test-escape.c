/* SPDX-License-Identifier: MIT */

/*
 * Bytes as a terminal shows them: every byte there is.
 */

#include "tests/support/support.h"

#include "lib/escape.h"

#include <string.h>

static const char *escaped(unsigned char byte)
{
	static char text[ESCAPE_MAX + 1];

	memset(text, 0, sizeof(text));
	ck_assert_uint_le(escape_byte(text, byte), ESCAPE_MAX);
	return text;
}

START_TEST(a_printable_character_stays)
{
	for (unsigned byte = ' '; byte < 0x7f; byte++)
		if (byte != '\\') {
			ck_assert_uint_eq(strlen(escaped((unsigned char)byte)), 1);
			ck_assert_int_eq(*escaped((unsigned char)byte), (int)byte);
		}
}
END_TEST

START_TEST(another_byte_becomes_an_escape)
{
	static const struct {
		unsigned char byte;
		const char *text;
	} escapes[] = {
		{ '\\', "\\\\" }, { '\n', "\\n" },   { '\t', "\\t" },	{ '\r', "\\r" },
		{ 0, "\\x00" },	  { 0x1b, "\\x1b" }, { 0x7f, "\\x7f" }, { 0xff, "\\xff" },
	};

	for (size_t i = 0; i < sizeof(escapes) / sizeof(*escapes); i++)
		ck_assert_str_eq(escaped(escapes[i].byte), escapes[i].text);
}
END_TEST

START_TEST(an_escape_has_only_printable_characters)
{
	for (unsigned byte = 0; byte < 256; byte++)
		for (const char *at = escaped((unsigned char)byte); *at != '\0'; at++)
			ck_assert(*at >= ' ' && *at < 0x7f);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		a_printable_character_stays,
		another_byte_becomes_an_escape,
		an_escape_has_only_printable_characters,
	};

	return RUN_TESTS("escape", tests);
}
