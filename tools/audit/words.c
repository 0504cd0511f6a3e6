/* SPDX-License-Identifier: MIT */

/*
 * One function for each thing that is said of a mapping. A column of the table is one of these, and
 * the picture shows what they say, so that all forms of the answer agree.
 */

#include "tools/audit/words.h"

#include "tools/common/errors.h"
#include "sealmem.h"
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

static void next_word(struct list *list)
{
	(void)fputs(list->begun ? list->between : "", list->out);
	list->begun = true;
}

static void put_word(struct list *list, const char *word)
{
	next_word(list);
	(void)fputs(word, list->out);
}

void put_pid(FILE *out, const struct view *view)
{
	(void)fprintf(out, "%d", (int)view->process->pid);
}

static void put_text(FILE *out, const struct view *view, const char *text)
{
	if (view->exact)
		(void)fputs(text, out);
	else
		put_escaped(out, text, strlen(text));
}

void put_process(FILE *out, const struct view *view)
{
	put_text(out, view, view->process->name);
}

void put_address(FILE *out, const struct view *view)
{
	if (view->row->descriptor >= 0)
		(void)fprintf(out, "fd %d", view->row->descriptor);
	else
		(void)fprintf(out, "%" PRIx64, view->row->start);
}

void put_end(FILE *out, const struct view *view)
{
	if (view->row->descriptor < 0)
		(void)fprintf(out, "%" PRIx64, view->row->end);
}

void put_size(FILE *out, uint64_t bytes)
{
	static const char units[] = "KMGTPE";
	double size = (double)bytes / 1024;
	size_t unit = 0;

	while (size >= 1024 && units[unit + 1] != '\0') {
		size /= 1024;
		unit++;
	}
	if (bytes % 1024 != 0 && bytes < 1024)
		(void)fprintf(out, "%" PRIu64, bytes);
	else
		(void)fprintf(out, unit > 0 && size < 100 ? "%.1f%c" : "%.0f%c", size, units[unit]);
}

void put_row_size(FILE *out, const struct view *view)
{
	uint64_t bytes = view->row->end - view->row->start;

	if (view->exact)
		(void)fprintf(out, "%" PRIu64, bytes);
	else
		put_size(out, bytes);
}

void put_permissions(FILE *out, const struct view *view)
{
	int protection = view->row->protection;

	(void)fprintf(out, "%c%c%c%c", protection & PROT_READ ? 'r' : '-',
		      protection & PROT_WRITE ? 'w' : '-', protection & PROT_EXEC ? 'x' : '-',
		      view->row->shared ? 's' : 'p');
}

void put_kind(FILE *out, const struct view *view)
{
	(void)fputs(kind_rows[view->row->kind].name, out);
}

void put_offset(FILE *out, const struct view *view)
{
	(void)fprintf(out, "%08" PRIx64, view->row->offset);
}

void put_device(FILE *out, const struct view *view)
{
	dev_t device = view->row->file.device;

	(void)fprintf(out, "%02x:%02x", major(device), minor(device));
}

void put_inode(FILE *out, const struct view *view)
{
	(void)fprintf(out, "%" PRIu64, view->row->file.inode);
}

void put_name(FILE *out, const struct view *view)
{
	put_text(out, view, view->row->name);
}

static void put_file_seals(struct list *list, int seals)
{
	struct list names = { list->out, ",", false };

	next_word(list);
	if (seals == SEALS_UNKNOWN)
		(void)fputs("unknown", list->out);
	else if (seals == 0)
		(void)fputs("none", list->out);
	for (size_t i = 0; seals > 0 && i < SEAL_COUNT; i++)
		if (seals & seal_words[i].seal)
			put_word(&names, seal_words[i].word);
}

void put_seals(FILE *out, const struct view *view)
{
	struct list list = { out, " ", false };

	if (view->row->vm & VM_SEALED)
		put_word(&list, "mseal");
	if (view->row->seals != SEALS_NONE)
		put_file_seals(&list, view->row->seals);
}

void put_guarantees(FILE *out, const struct view *view)
{
	struct list list = { out, " ", false };

	for (unsigned bit = 1; bit <= SEALMEM_GUARANTEES; bit <<= 1) {
		if (((view->row->guarantees | view->row->unknown) & bit) == 0)
			continue;
		put_word(&list, sealmem_guarantee_name(bit));
		if (view->row->unknown & bit)
			(void)fputc('?', out);
	}
}

void put_flags(FILE *out, const struct view *view)
{
	struct list list = { out, " ", false };

	for (unsigned flag = 0; flag < FLAG_COUNT; flag++)
		if (view->row->flags & 1u << flag)
			put_word(&list, flag_rows[flag].word);
}

static void put_holder(struct list *list, const struct holder *holder)
{
	struct list hows = { list->out, ", ", false };

	next_word(list);
	(void)fprintf(list->out, "%d ", (int)holder->pid);
	put_escaped(list->out, holder->name, strlen(holder->name));
	(void)fputs(" (", list->out);
	for (unsigned i = 0; i < HOLD_COUNT; i++)
		/* What is writable is not said twice. */
		if ((holder->how & 1u << i) && !(i % 2 == 0 && (holder->how & 1u << (i + 1))))
			put_word(&hows, hold_words[i]);
	(void)fputc(')', list->out);
}

void put_holders(FILE *out, const struct view *view)
{
	const struct known_file *file = known_files_find(&view->audit->files, view->row->file);
	struct list list = { out, ", ", false };

	for (size_t i = 0; file != NULL && i < file->holder_count; i++)
		put_holder(&list, &file->holders[i]);
}

void put_broken_rules(FILE *out, const struct view *view)
{
	struct list list = { out, " ", false };

	for (size_t i = 0; i < view->rules->count; i++)
		if (!rule_allows(&view->rules->rows[i], view->row))
			put_word(&list, view->rules->rows[i].text);
}

bool breaks_a_rule(const struct view *view)
{
	bool broken = false;

	/* All of them, for each counts what it was applied to. */
	for (size_t i = 0; i < view->rules->count; i++)
		broken = !rule_allows(&view->rules->rows[i], view->row) || broken;
	return broken;
}

char *text_of(put_words *put, const struct view *view)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = need(open_memstream(&text, &size));

	put(out, view);
	if (fclose(out) != 0)
		(void)need(NULL);
	return text;
}

struct audit_totals totals_of(const struct audit *audit)
{
	struct audit_totals totals = { 0 };

	for (size_t i = 0; i < audit->count; i++)
		audit_total(&audit->processes[i], &totals);
	return totals;
}

void put_totals(FILE *out, const struct audit *audit, const struct process *process)
{
	struct audit_totals totals = { 0 };

	if (process != NULL)
		audit_total(process, &totals);
	else
		totals = totals_of(audit);
	(void)fprintf(out, "%zu mappings, ", totals.mappings);
	put_size(out, totals.bytes);
	(void)fputs(":", out);
	for (unsigned i = 0; i < GUARANTEE_COUNT; i++) {
		(void)fprintf(out, " %s ", sealmem_guarantee_name(1u << i));
		put_size(out, totals.guaranteed[i]);
		(void)fputc(',', out);
	}
	(void)fputs(" none of them ", out);
	put_size(out, totals.unguaranteed);
}

void put_skipped(FILE *out, const struct audit *audit)
{
	const struct {
		size_t count;
		const char *why;
	} skipped[] = {
		{ audit->denied, "may not be read" },
		{ audit->ended, "ended meanwhile" },
		{ audit->unreadable, "could not be read" },
	};
	struct list list = { out, ", ", false };

	for (size_t i = 0; i < sizeof(skipped) / sizeof(*skipped); i++) {
		if (skipped[i].count == 0)
			continue;
		next_word(&list);
		(void)fprintf(out, "%zu %s", skipped[i].count, skipped[i].why);
	}
}
