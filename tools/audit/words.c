/* SPDX-License-Identifier: MIT */

/*
 * One function for each thing that the audit says about a row. A column of the table is one of these, and the picture
 * shows their words too, so that all forms of the answer agree.
 */

#include "tools/audit/words.h"

#include "tools/common/errors.h"
#include "tools/common/stream.h"
#include "include/sealmem.h"
#include "tools/common/text.h"
#include "lib/util.h"

#include <inttypes.h>
#include <string.h>
#include <sys/sysmacros.h>

const struct seal_word seal_words[SEAL_COUNT] = {
	{ F_SEAL_WRITE, "write" }, { F_SEAL_FUTURE_WRITE, "future-write" },
	{ F_SEAL_GROW, "grow" },   { F_SEAL_SHRINK, "shrink" },
	{ F_SEAL_EXEC, "exec" },   { F_SEAL_SEAL, "seal" },
};

const char *const hold_words[HOLD_COUNT] = {
	"mapping",
	"writable mapping",
	"descriptor",
	"writable descriptor",
};

/* Writes the words of a list with something between them. */
struct list {
	FILE *out;
	const char *between;
	bool begun;
};

static void begin_word(struct list *list)
{
	(void)fputs(list->begun ? list->between : "", list->out);
	list->begun = true;
}

static void word_print(struct list *list, const char *word)
{
	begin_word(list);
	(void)fputs(word, list->out);
}

void row_pid_print(FILE *out, const struct report_row *row)
{
	(void)fprintf(out, "%d", (int)row->process->pid);
}

static void escaped_print(FILE *out, const char *text)
{
	put_escaped(out, text, strlen(text));
}

void row_process_print(FILE *out, const struct report_row *row)
{
	escaped_print(out, row->process->name);
}

void row_exact_process_print(FILE *out, const struct report_row *row)
{
	(void)fputs(row->process->name, out);
}

void row_address_print(FILE *out, const struct report_row *row)
{
	if (row->mapping != NULL)
		(void)fprintf(out, "%" PRIx64, row->mapping->start);
	else
		(void)fprintf(out, "fd %d", row->open_file->descriptor);
}

void row_end_print(FILE *out, const struct report_row *row)
{
	if (row->mapping != NULL)
		(void)fprintf(out, "%" PRIx64, row->mapping->end);
}

void row_size_print(FILE *out, const struct report_row *row)
{
	size_print(out, report_row_size(row));
}

void row_exact_size_print(FILE *out, const struct report_row *row)
{
	(void)fprintf(out, "%" PRIu64, report_row_size(row));
}

/* Of an open file: what its descriptors allow. */
void row_permissions_print(FILE *out, const struct report_row *row)
{
	const struct mapping *mapping = row->mapping;

	if (mapping == NULL)
		(void)fputs(row->open_file->writable ? "rw-s" : "r--s", out);
	else
		(void)fprintf(out, "%c%c%c%c", mapping->protection & PROT_READ ? 'r' : '-',
			      mapping->protection & PROT_WRITE ? 'w' : '-',
			      mapping->protection & PROT_EXEC ? 'x' : '-',
			      mapping->shared ? 's' : 'p');
}

void row_kind_print(FILE *out, const struct report_row *row)
{
	(void)fputs(kind_rows[row->memory->kind].name, out);
}

void row_offset_print(FILE *out, const struct report_row *row)
{
	(void)fprintf(out, "%08" PRIx64, row->mapping != NULL ? row->mapping->offset : 0);
}

void row_device_print(FILE *out, const struct report_row *row)
{
	dev_t device = row->memory->file.device;

	(void)fprintf(out, "%02x:%02x", major(device), minor(device));
}

void row_inode_print(FILE *out, const struct report_row *row)
{
	(void)fprintf(out, "%" PRIu64, row->memory->file.inode);
}

void row_name_print(FILE *out, const struct report_row *row)
{
	escaped_print(out, row->memory->name);
}

void row_exact_name_print(FILE *out, const struct report_row *row)
{
	(void)fputs(row->memory->name, out);
}

static void file_seals_print(struct list *list, int seals)
{
	struct list names = { list->out, ",", false };

	begin_word(list);
	if (seals == SEALS_UNKNOWN)
		(void)fputs("unknown", list->out);
	else if (seals == 0)
		(void)fputs("none", list->out);
	for (size_t i = 0; seals > 0 && i < SEAL_COUNT; i++)
		if (seals & seal_words[i].seal)
			word_print(&names, seal_words[i].word);
}

void row_seals_print(FILE *out, const struct report_row *row)
{
	struct list list = { out, " ", false };

	if (row->mapping != NULL && row->mapping->vm & VM_SEALED)
		word_print(&list, "mseal");
	if (row->memory->seals != SEALS_NONE)
		file_seals_print(&list, row->memory->seals);
}

void row_guarantees_print(FILE *out, const struct report_row *row)
{
	struct list list = { out, " ", false };

	for (unsigned bit = 1; bit <= SEALMEM_GUARANTEES; bit <<= 1) {
		if (((row->memory->guarantees | row->memory->unknown) & bit) == 0)
			continue;
		word_print(&list, sealmem_guarantee_name(bit));
		if (row->memory->unknown & bit)
			(void)fputc('?', out);
	}
}

void row_flags_print(FILE *out, const struct report_row *row)
{
	struct list list = { out, " ", false };

	for (unsigned flag = 0; flag < FLAG_COUNT; flag++)
		if (row->memory->flags & 1u << flag)
			word_print(&list, flag_rows[flag].word);
}

void row_mark_print(FILE *out, const struct report_row *row)
{
	(void)fputs(row->mapping != NULL ? mark_words[row->mapping->mark] : "", out);
}

/* A process that holds it for writing holds it: "writable mapping" needs no "mapping" beside it. */
static bool says_more(unsigned how, unsigned i)
{
	return i % 2 != 0 || !(how & 1u << (i + 1));
}

static void exact_print(FILE *out, const char *text)
{
	(void)fputs(text, out);
}

typedef void name_printer(FILE *out, const char *name);

static void holder_print(struct list *list, const struct holder *holder, name_printer *print)
{
	struct list hows = { list->out, ", ", false };

	begin_word(list);
	(void)fprintf(list->out, "%d ", (int)holder->pid);
	print(list->out, holder->name);
	(void)fputs(" (", list->out);
	for (unsigned i = 0; i < HOLD_COUNT; i++)
		if ((holder->how & 1u << i) && says_more(holder->how, i))
			word_print(&hows, hold_words[i]);
	(void)fputc(')', list->out);
}

static void holders_print(FILE *out, const struct report_row *row, name_printer *print)
{
	struct list list = { out, ", ", false };

	for (size_t i = 0; row->file != NULL && i < row->file->holder_count; i++)
		holder_print(&list, &row->file->holders[i], print);
}

void row_holders_print(FILE *out, const struct report_row *row)
{
	holders_print(out, row, escaped_print);
}

void row_exact_holders_print(FILE *out, const struct report_row *row)
{
	holders_print(out, row, exact_print);
}

/* A shell pattern may have backslashes. */
static void rule_word_print(struct list *list, const struct rule *rule)
{
	begin_word(list);
	put_visible(list->out, rule->text);
}

void row_broken_rules_print(FILE *out, const struct report_row *row)
{
	struct list list = { out, " ", false };

	for (size_t i = 0; i < row->rules->count; i++)
		if (row->breaks[i])
			rule_word_print(&list, &row->rules->rows[i]);
}

void row_description_print(FILE *out, const struct report_row *row)
{
	row_permissions_print(out, row);
	(void)fputc(' ', out);
	row_kind_print(out, row);
	(void)fputc(' ', out);
	row_size_print(out, row);
	(void)fputs(" at ", out);
	row_address_print(out, row);
	if (*row->memory->name != '\0')
		(void)fputc(' ', out);
	row_name_print(out, row);
}

char *row_format(row_printer *print, const struct report_row *row)
{
	struct text_stream stream;

	text_begin(&stream);
	print(stream.out, row);
	return text_end(&stream);
}

char *escaped_format(const char *bytes)
{
	struct text_stream stream;

	text_begin(&stream);
	escaped_print(stream.out, bytes);
	return text_end(&stream);
}

void process_flags_print(FILE *out, const struct report_process *process)
{
	struct list list = { out, " ", false };

	for (unsigned flag = 0; flag < FLAG_COUNT; flag++)
		if (process->totals.flags & 1u << flag)
			word_print(&list, flag_rows[flag].word);
}

void process_rules_print(FILE *out, const struct report_process *process, const struct rules *rules)
{
	struct list list = { out, " ", false };

	for (size_t i = 0; i < rules->count; i++)
		if (process->broken[i] > 0)
			rule_word_print(&list, &rules->rows[i]);
}

void totals_print(FILE *out, const struct totals *totals)
{
	(void)fprintf(out, "%zu mappings, ", totals->mappings);
	size_print(out, totals->bytes);
	(void)fputs(":", out);
	for (unsigned i = 0; i < GUARANTEE_COUNT; i++) {
		(void)fprintf(out, " %s ", sealmem_guarantee_name(1u << i));
		size_print(out, totals->guaranteed[i]);
		(void)fputc(',', out);
	}
	(void)fputs(" none of them ", out);
	size_print(out, totals->unguaranteed);
}

void skipped_print(FILE *out, const struct report *report)
{
	const struct audit *audit = report->audit;
	const struct {
		size_t count;
		const char *why;
	} skipped[] = {
		{ audit->denied, "may not be read" },
		{ audit->ended, "exited in between" },
		{ audit->unreadable, "could not be read" },
	};
	struct list list = { out, ", ", false };

	for (size_t i = 0; i < sizeof(skipped) / sizeof(*skipped); i++) {
		if (skipped[i].count == 0)
			continue;
		begin_word(&list);
		(void)fprintf(out, "%zu %s", skipped[i].count, skipped[i].why);
	}
	if (report->hidden)
		word_print(&list, "others are hidden (hidepid)");
}

char *skipped_format(const struct report *report)
{
	struct text_stream stream;

	text_begin(&stream);
	skipped_print(stream.out, report);
	return text_end(&stream);
}

char *time_format(const struct timespec *time)
{
	char text[32];
	struct tm utc;

	if (gmtime_r(&time->tv_sec, &utc) == NULL ||
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
		*text = '\0';
	return need(strdup(text));
}
