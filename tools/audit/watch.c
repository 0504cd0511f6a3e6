/* SPDX-License-Identifier: MIT */

/*
 * An audit that is repeated. vmstat(8) and pidstat(1) append one answer after another, and clear no screen, so that the
 * output can go to a file. An audit of a machine has thousands of lines, and hardly any of them changes. So after the
 * first answer a table has the changed lines only. Sizes are not compared: heaps grow all the time.
 */

#include "tools/audit/watch.h"

#include "tools/audit/notes.h"
#include "tools/audit/words.h"
#include "tools/common/errors.h"
#include "tools/common/fit.h"
#include "tools/common/output.h"
#include "tools/common/stream.h"
#include "tools/common/text.h"
#include "lib/util.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Texts, one for each line that is shown, in the order of strcmp(3). The cells of a line have a tab between them; names
 * are escaped and have none. */
struct lines {
	char **rows;
	size_t count, room;
};

struct watch {
	struct timespec interval;
	sigset_t ends;
	bool begun;
	struct lines last;
	char *skipped;
};

static void free_lines(struct lines *lines)
{
	for (size_t i = 0; i < lines->count; i++)
		free(lines->rows[i]);
	free(lines->rows);
	*lines = (struct lines){ 0 };
}

static bool is_ignored(int signal)
{
	struct sigaction action;

	return sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

struct watch *watch_new(double seconds)
{
	static const int ends[] = { SIGINT, SIGTERM };
	struct watch *watch = need(calloc(1, sizeof(*watch)));

	watch->interval.tv_sec = (time_t)seconds;
	watch->interval.tv_nsec = (long)((seconds - (double)watch->interval.tv_sec) * 1e9);
	(void)sigemptyset(&watch->ends);
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		if (!is_ignored(ends[i]))
			(void)sigaddset(&watch->ends, ends[i]);
	(void)sigprocmask(SIG_BLOCK, &watch->ends, NULL);
	return watch;
}

void watch_free(struct watch **watch)
{
	free_lines(&(*watch)->last);
	free((*watch)->skipped);
	free(*watch);
}

bool watch_has_begun(const struct watch *watch)
{
	return watch->begun;
}

/* Another signal, such as that of a child, interrupts it. */
bool watch_wait(const struct watch *watch)
{
	struct timespec end, now, left = watch->interval;

	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += left.tv_sec;
	end.tv_nsec += left.tv_nsec;
	for (;;) {
		if (sigtimedwait(&watch->ends, NULL, &left) > 0)
			return false;
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
		left = (struct timespec){ end.tv_sec - now.tv_sec, end.tv_nsec - now.tv_nsec };
		for (; left.tv_nsec < 0; left.tv_nsec += 1000000000)
			left.tv_sec--;
		for (; left.tv_nsec >= 1000000000; left.tv_nsec -= 1000000000)
			left.tv_sec++;
		if (left.tv_sec < 0 || (left.tv_sec == 0 && left.tv_nsec == 0))
			return true;
	}
}

static void add_line(struct lines *lines, char *text)
{
	if (lines->count == lines->room) {
		lines->room = lines->room > 0 ? 2 * lines->room : 64;
		lines->rows = need(reallocarray(lines->rows, lines->room, sizeof(*lines->rows)));
	}
	lines->rows[lines->count++] = text;
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void process_cells_print(FILE *out, const struct report_process *process)
{
	CLEANUP(free_text) char *name = escaped_format(process->process->name);

	(void)fprintf(out, "%d\t%s", (int)process->process->pid, name);
}

static const struct give row_gives[] = {
	{ 0 },		 { 0 },		  { .least = 8 },
	{ 0 },		 { .drop = 2 },	  { .drop = 1 },
	{ .least = 12 }, { .least = 12 }, { .least = 12, .keeps_end = true },
};

static char *row_line_format(const struct report *report, const struct report_process *process,
			     const struct report_row *row)
{
	row_printer *const cells[] = {
		row_address_print,
		row_permissions_print,
		row_kind_print,
		row_guarantees_print,
		report->rules->count > 0 ? row_broken_rules_print : row_flags_print,
		row_name_print,
	};
	struct text_stream stream;

	text_begin(&stream);
	process_cells_print(stream.out, process);
	for (size_t i = 0; i < sizeof(cells) / sizeof(*cells); i++) {
		(void)fputc('\t', stream.out);
		cells[i](stream.out, row);
	}
	return text_end(&stream);
}

static void add_rows(struct lines *lines, const struct report *report,
		     const struct report_process *process)
{
	for (size_t i = 0; i < process->count; i++)
		if (process->rows[i].shown)
			add_line(lines, row_line_format(report, process, &process->rows[i]));
}

static const struct give process_gives[] = {
	{ 0 }, { 0 }, { .least = 8 }, { 0 }, { .least = 12 },
};

static char *process_line_format(const struct report *report, const struct report_process *process)
{
	const struct totals *totals = &process->totals;
	struct text_stream stream;

	text_begin(&stream);
	process_cells_print(stream.out, process);
	if (report->rules->count > 0) {
		(void)fprintf(stream.out, "\t%zu broken\t", totals->broken);
		process_rules_print(stream.out, process, report->rules);
	} else {
		(void)fprintf(stream.out, "\t%zu flagged\t", totals->flagged);
		process_flags_print(stream.out, process);
	}
	return text_end(&stream);
}

static void find_lines(struct lines *ret, const struct report *report, bool rows)
{
	for (size_t i = 0; i < report->audit->count; i++) {
		const struct report_process *process = &report->processes[i];

		if (rows)
			add_rows(ret, report, process);
		else if (report_process_is_shown(report, process))
			add_line(ret, process_line_format(report, process));
	}
	if (ret->count > 0)
		qsort(ret->rows, ret->count, sizeof(*ret->rows), compare_lines);
}

static void add_change(struct libscols_table *table, const char *sign, const char *line)
{
	struct libscols_line *added = need(scols_table_new_line(table, NULL));
	CLEANUP(free_text) char *copy = need(strdup(line));
	char *cell = copy;

	if (scols_line_set_data(added, 0, sign) < 0)
		(void)need(NULL);
	for (size_t i = 1; i < scols_table_get_ncols(table); i++)
		if (scols_line_set_data(added, i, strsep(&cell, "\t")) < 0)
			(void)need(NULL);
	table_colour(added, 0, *sign == '+' ? "green" : "red");
}

/* Walks through both lists at once. */
static void add_changes(struct libscols_table *table, const struct lines *before,
			const struct lines *now)
{
	size_t b = 0, n = 0;

	while (b < before->count || n < now->count) {
		int order = b == before->count ? 1
			    : n == now->count  ? -1
					       : strcmp(before->rows[b], now->rows[n]);

		if (order < 0)
			add_change(table, "-", before->rows[b]);
		else if (order > 0)
			add_change(table, "+", now->rows[n]);
		b += order <= 0;
		n += order >= 0;
	}
}

static struct libscols_table *new_changes(size_t count)
{
	struct column *titles = need(calloc(count, sizeof(*titles)));
	struct libscols_table *table;

	for (size_t i = 0; i < count; i++)
		titles[i].title = "";
	table = table_new(titles, count);
	(void)scols_table_enable_noheadings(table, true);
	free(titles);
	return table;
}

static void time_print(const struct report *report)
{
	CLEANUP(free_text) char *time = time_format(&report->audit->finished);

	(void)puts(time);
}

static void changes_print(const struct lines *before, const struct lines *now,
			  const struct report *report, bool rows)
{
	const struct give *gives = rows ? row_gives : process_gives;
	size_t count = rows ? sizeof(row_gives) / sizeof(*row_gives)
			    : sizeof(process_gives) / sizeof(*process_gives);
	struct libscols_table *table = new_changes(count);

	add_changes(table, before, now);
	if (scols_table_get_nlines(table) > 0) {
		(void)puts("");
		time_print(report);
		table_fit(table, gives, (size_t)terminal_width());
		table_print(table);
		totals_note_print(report);
	} else {
		scols_unref_table(table);
	}
}

/* A table or a summary. */
static void lines_print(struct watch *watch, const struct report *report, const struct view *view,
			const struct view_options *options)
{
	bool rows = view == &views[VIEW_table];
	struct lines now = { 0 };

	find_lines(&now, report, rows);
	if (watch->begun) {
		changes_print(&watch->last, &now, report, rows);
	} else {
		time_print(report);
		view->print(report, options);
	}
	free_lines(&watch->last);
	watch->last = now;
}

void watch_print(struct watch *watch, const struct report *report, const struct view *view,
		 const struct view_options *options)
{
	if (view == &views[VIEW_json])
		view->print(report, options);
	else
		lines_print(watch, report, view, options);
	watch->begun = true;
}

bool watch_is_new_to_say(struct watch *watch, const struct report *report)
{
	char *skipped = skipped_format(report);
	bool new = watch->skipped == NULL || strcmp(watch->skipped, skipped) != 0;

	free(watch->skipped);
	watch->skipped = skipped;
	return new;
}
