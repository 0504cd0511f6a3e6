/* SPDX-License-Identifier: MIT */

/*
 * The battery on this machine. Other people's kernels differ from ours, by version, by build, by the
 * sandbox around them, and what protects memory on one does not on another. So the evidence is not a
 * table in a document but a command that makes the table: every attack, on every way to protect memory,
 * here and now, with an exit status that a script can act on.
 */

#include "tools/attack/report.h"
#include "attack/attack.h"
#include "tools/commands.h"
#include "tools/common/errors.h"
#include "tools/common/text.h"
#include "lib/util.h"

#include <fnmatch.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum format { TABLE, JSON, MARKDOWN };

struct options {
	/* Patterns; none means all. */
	const char **attacks, **columns;
	size_t attack_count, column_count;
	/* As getopt_long(3) sets them. */
	int format, list, no_progress;
	struct battery_settings settings;
};

static const char help_text[] =
	"Usage: sealmem attack [OPTION]...\n"
	"Tries every known way to change, move, read or hide memory against plain\n"
	"mprotect, plain mseal, a sealed memfd that is mapped private, and what sealmem\n"
	"seals. Each attack runs in a process of its own and is judged by reading the\n"
	"bytes back.\n"
	"\n"
	"  --only NAME      only this attack, a shell pattern; may be repeated\n"
	"  --column NAME    only this column; likewise\n"
	"  --list           show the attacks and the columns, and attack nothing\n"
	"  --json           answer in JSON\n"
	"  --markdown       answer as a Markdown table\n"
	"  --no-progress    do not show on standard error how far it is\n"
	"  --with-hwpoison  also the attack that takes pages of the machine out of use\n"
	"                   until it is started again\n"
	"  -h, --help       print this text\n"
	"\n"
	"As root more attacks are possible. Those of another process of the same user\n"
	"are then carried out by the user 65534.\n"
	"\n"
	"Exit status: 0 if every promise of sealmem held, 1 if one is broken, 2 usage or\n"
	"run-time error, 3 if nothing of sealmem can be tried here.\n";

static void add_pattern(const char ***patterns, size_t *count, const char *pattern)
{
	*patterns = need(realloc(*patterns, (*count + 1) * sizeof(**patterns)));
	(*patterns)[(*count)++] = pattern;
}

static bool matches(const char *const *patterns, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (fnmatch(patterns[i], name, 0) == 0)
			return true;
	return count == 0;
}

static bool matches_an_attack(const char *pattern)
{
	const struct attack *attack;

	for (size_t i = 0; (attack = battery_attack(i)) != NULL; i++)
		if (fnmatch(pattern, attack->name, 0) == 0)
			return true;
	return false;
}

static bool matches_a_column(const char *pattern)
{
	const struct victim *victim;

	for (size_t i = 0; (victim = battery_victim(i)) != NULL; i++)
		if (fnmatch(pattern, victim->name, 0) == 0)
			return true;
	return false;
}

/* A name that matches nothing would make a run that finds nothing wrong. */
static int check_patterns(const struct options *options)
{
	for (size_t i = 0; i < options->attack_count; i++)
		if (!matches_an_attack(options->attacks[i]))
			return complain("attack", EXIT_FAILED, "no attack is called '%s'",
					options->attacks[i]);
	for (size_t i = 0; i < options->column_count; i++)
		if (!matches_a_column(options->columns[i]))
			return complain("attack", EXIT_FAILED, "no column is called '%s'",
					options->columns[i]);
	return GO_ON;
}

static int parse(struct options *ret, int argc, char **argv)
{
	const struct option options[] = {
		{ "only", required_argument, NULL, 'o' },
		{ "column", required_argument, NULL, 'c' },
		{ "list", no_argument, &ret->list, true },
		{ "json", no_argument, &ret->format, JSON },
		{ "markdown", no_argument, &ret->format, MARKDOWN },
		{ "no-progress", no_argument, &ret->no_progress, true },
		{ "with-hwpoison", no_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (c == 'h')
			return help(help_text);
		if (c == ':' || c == '?')
			return complain_of_option("attack", EXIT_FAILED, argv, c);
		if (c == 'o')
			add_pattern(&ret->attacks, &ret->attack_count, optarg);
		if (c == 'c')
			add_pattern(&ret->columns, &ret->column_count, optarg);
		if (c == 'w')
			ret->settings.dangerous = true;
	}
	if (optind < argc)
		return complain_of_argument("attack", argv[optind]);
	return check_patterns(ret);
}

static void choose_columns(struct attack_report *report, const struct options *options)
{
	const struct victim *victim;
	size_t count = 0;

	while (battery_victim(count) != NULL)
		count++;
	report->columns = need(calloc(count, sizeof(*report->columns)));
	for (size_t i = 0; (victim = battery_victim(i)) != NULL; i++)
		if (matches(options->columns, options->column_count, victim->name))
			report->columns[report->column_count++].victim = victim;
}

static void choose_attacks(struct attack_report *report, const struct options *options)
{
	const struct attack *attack;
	size_t count = 0;

	while (battery_attack(count) != NULL)
		count++;
	report->rows = need(calloc(count, sizeof(*report->rows)));
	for (size_t i = 0; (attack = battery_attack(i)) != NULL; i++) {
		struct attack_row *row = &report->rows[report->row_count];

		if (!matches(options->attacks, options->attack_count, attack->name))
			continue;
		row->attack = attack;
		row->results = need(calloc(report->column_count, sizeof(*row->results)));
		report->row_count++;
	}
}

static void show_progress(const struct options *options, const struct attack_report *report,
			  size_t row)
{
	if (options->no_progress || !takes_escapes(STDERR_FILENO))
		return;
	(void)fprintf(stderr, "\r\033[K");
	if (row < report->row_count)
		(void)fprintf(stderr, "%zu of %zu: %s", row + 1, report->row_count,
			      report->rows[row].attack->name);
	(void)fflush(stderr);
}

static void try_row(struct attack_row *row, const struct attack_report *report,
		    const struct battery_settings *settings)
{
	battery_try_control(&row->control, row->attack, settings);
	for (size_t i = 0; i < report->column_count; i++)
		if (report->columns[i].given)
			battery_try(&row->results[i], row->attack, report->columns[i].victim,
				    &row->control, settings);
}

static void carry_out(struct attack_report *report, const struct options *options)
{
	for (size_t i = 0; i < report->column_count; i++)
		battery_try_column(&report->columns[i], report->columns[i].victim,
				   &options->settings);
	for (size_t row = 0; row < report->row_count; row++) {
		show_progress(options, report, row);
		try_row(&report->rows[row], report, &options->settings);
	}
	show_progress(options, report, report->row_count);
}

static void print(const struct attack_report *report, int format)
{
	static void (*const prints[])(const struct attack_report *report) = {
		[TABLE] = attack_report_print,
		[JSON] = attack_report_print_json,
		[MARKDOWN] = attack_report_print_markdown,
	};

	prints[format](report);
}

static bool has_promises(const struct attack_report *report)
{
	for (size_t i = 0; i < report->column_count; i++)
		if (report->columns[i].victim->promises != 0)
			return true;
	return false;
}

/* A promise that nothing was tried on was not kept, and that is no answer. */
static int answer(const struct attack_report *report)
{
	struct attack_summary s = attack_report_summary(report);

	if (has_promises(report) && s.held + s.broken + s.by_design + s.unpromised == 0)
		return EXIT_LACKING;
	return s.broken == 0 ? EXIT_YES : EXIT_NO;
}

static void free_report(const struct attack_report *report)
{
	for (size_t row = 0; row < report->row_count; row++)
		free(report->rows[row].results);
	free(report->rows);
	free(report->columns);
}

static void free_options(const struct options *options)
{
	free(options->attacks);
	free(options->columns);
}

int cmd_attack(int argc, char **argv)
{
	CLEANUP(free_options) struct options options = { .settings = BATTERY_SETTINGS };
	CLEANUP(free_report) struct attack_report report = { 0 };
	int code = parse(&options, argc, argv);

	if (code != GO_ON)
		return code;
	choose_columns(&report, &options);
	choose_attacks(&report, &options);
	if (options.list) {
		if (options.format == JSON)
			attack_report_list_json(&report);
		else
			attack_report_list(&report);
		return EXIT_YES;
	}
	carry_out(&report, &options);
	print(&report, options.format);
	return answer(&report);
}
