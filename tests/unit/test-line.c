/* SPDX-License-Identifier: MIT */

/*
 * The line that the library writes: numbers, names of strangers, and that writing it harms nobody.
 */

#include "tests/support/support.h"

#include "lib/line.h"

#include <signal.h>
#include <string.h>

static const char *text_of(struct line *line)
{
	ck_assert_uint_lt(line->length, sizeof(line->text));
	line->text[line->length] = '\0';
	return line->text;
}

START_TEST(numbers_and_offsets_are_put)
{
	struct line line = { 0 };

	line_put_number(&line, 0, 10);
	line_put_text(&line, " ");
	line_put_number(&line, UINT64_MAX, 10);
	line_put_text(&line, " ");
	line_put_number(&line, 0x7f00beef, 16);
	line_put_text(&line, " ");
	line_put_offset(&line, -24);
	ck_assert_str_eq(text_of(&line), "0 18446744073709551615 0x7f00beef -24");
}
END_TEST

START_TEST(a_name_is_escaped_and_cut)
{
	struct line line = { 0 };

	for (const char *at = "a\"b\x1b\\cdefgh"; *at != '\0'; at++)
		line_put_foreign(&line, *at, 12);
	line_end_foreign(&line);
	ck_assert_str_eq(text_of(&line), "a\\\"b\\x1b\\\\cd...");
	line_put_foreign(&line, 'x', 100);
	line_end_foreign(&line);
	ck_assert_str_eq(text_of(&line), "a\\\"b\\x1b\\\\cd...x");
}
END_TEST

START_TEST(a_line_that_is_full_takes_no_more)
{
	struct line line = { 0 };

	for (size_t i = 0; i < 2 * sizeof(line.text); i++)
		line_put_text(&line, "abc");
	ck_assert_uint_eq(line.length, sizeof(line.text));
}
END_TEST

START_TEST(a_reader_that_is_gone_raises_no_signal)
{
	struct line line = { 0 };
	int pipe[2];

	ck_assert_int_eq(pipe2(pipe, O_CLOEXEC), 0);
	close(pipe[0]);
	line_put_text(&line, "nobody reads this\n");
	line_write(&line, pipe[1]);
}
END_TEST

START_TEST(a_full_pipe_is_not_waited_for)
{
	static const char bytes[1 << 12];
	struct line line = { 0 };
	int pipe[2];

	ck_assert_int_eq(pipe2(pipe, O_CLOEXEC | O_NONBLOCK), 0);
	while (write(pipe[1], bytes, sizeof(bytes)) > 0)
		;
	ck_assert_int_eq(fcntl(pipe[1], F_SETFL, 0), 0);
	line_put_text(&line, "there is no room\n");
	line_write(&line, pipe[1]);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		numbers_and_offsets_are_put,	   a_name_is_escaped_and_cut,
		a_line_that_is_full_takes_no_more, a_reader_that_is_gone_raises_no_signal,
		a_full_pipe_is_not_waited_for,
	};

	return RUN_TESTS("line", tests);
}
