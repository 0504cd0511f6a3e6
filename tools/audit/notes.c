/* SPDX-License-Identifier: MIT */

/*
 * What a table for people says after its rows. The other forms of the answer have it in their rows or members.
 */

#include "tools/audit/notes.h"

#include "tools/audit/words.h"

#include "tools/common/stream.h"
#include "tools/common/text.h"
#include "lib/util.h"

static void note_print(const char *text, int indent)
{
	put_folded(stdout, text, indent, indent + 2, terminal_width());
}

static char *totals_note_format(const struct report *report)
{
	size_t count = report->audit->count;
	struct text_stream stream;

	text_begin(&stream);
	(void)fprintf(stream.out, "%zu process%s, ", count, count == 1 ? "" : "es");
	totals_print(stream.out, &report->totals);
	(void)fprintf(stream.out, "; %zu flagged", report->totals.flagged);
	if (report->totals.unknown > 0)
		(void)fprintf(stream.out, ", %zu with unknown guarantees", report->totals.unknown);
	return text_end(&stream);
}

void totals_note_print(const struct report *report)
{
	CLEANUP(free_text) char *text = totals_note_format(report);

	note_print(text, 0);
}

static void flag_meaning_print(const struct flag_row *flag)
{
	CLEANUP(free_text) char *text = NULL;
	struct text_stream stream;

	text_begin(&stream);
	(void)fprintf(stream.out, "%s: %s", flag->word, flag->meaning);
	text = text_end(&stream);
	note_print(text, 0);
}

/* Says it once, not for each process that has the memfd. */
static bool tells_of_sharing(const struct report_row *row)
{
	return row->shown && (row->memory->flags & 1u << FLAG_shared_unsealed) &&
	       row->file->holders[0].pid == row->process->pid;
}

static void sharing_print(const struct report_row *row)
{
	CLEANUP(free_text) char *text = NULL;
	struct text_stream stream;

	text_begin(&stream);
	row_name_print(stream.out, row);
	(void)fputs(": ", stream.out);
	row_holders_print(stream.out, row);
	text = text_end(&stream);
	note_print(text, 2);
}

static void sharings_print(const struct report_process *process)
{
	for (size_t i = 0; i < process->count; i++)
		if (tells_of_sharing(&process->rows[i]))
			sharing_print(&process->rows[i]);
}

static void missed_rule_print(const struct rule *rule)
{
	CLEANUP(free_text) char *text = NULL;
	struct text_stream stream;

	text_begin(&stream);
	(void)fputs("nothing matches the pattern of the rule ", stream.out);
	put_visible(stream.out, rule->text);
	(void)fputs(", so it is not met", stream.out);
	text = text_end(&stream);
	note_print(text, 0);
}

void notes_print(const struct report *report)
{
	(void)fputs("\n", stdout);
	totals_note_print(report);
	for (unsigned flag = 0; flag < FLAG_COUNT && report->rules->count == 0; flag++)
		if (report->totals.flags & 1u << flag)
			flag_meaning_print(&flag_rows[flag]);
	for (size_t i = 0; i < report->audit->count; i++)
		sharings_print(&report->processes[i]);
	for (size_t i = 0; i < report->rules->count; i++)
		if (report->results[i].missed)
			missed_rule_print(&report->rules->rows[i]);
}
