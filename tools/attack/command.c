/* SPDX-License-Identifier: MIT */

/*
 * The attacks on this machine. Kernels differ by version, by build and by the sandbox around a
 * program, and a protection that holds on one may not hold on another. So the evidence is not a
 * table in a document but a command that makes the table: every attack on every way to protect
 * memory, here and now, with an exit status for scripts.
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

enum format { FORMAT_TABLE, FORMAT_JSON, FORMAT_MARKDOWN };

struct options {
	/* Patterns; none means all. */
	const char **attacks, **columns;
	size_t attack_count, column_count;
	/* As getopt_long(3) sets them. */
	int format, list, no_progress;
	struct attack_settings settings;
};

static const char help_text[] =
	"Usage: sealmem attack [OPTION]...\n"
	"Tries every known way to change, move, read or hide memory against plain\n"
	"mprotect, plain mseal, a sealed memfd that is mapped private, and what sealmem\n"
	"seals. Each attack runs in a process of its own. Then the command reads the\n"
	"bytes back and judges the attack by them.\n"
	"\n"
	"  --only NAME      try only this attack; a shell pattern, may be repeated\n"
	"  --column NAME    try only this column; a shell pattern, may be repeated\n"
	"  --list           show the attacks and the columns, and attack nothing\n"
	"  --json           answer in JSON\n"
	"  --markdown       answer as a Markdown table\n"
	"  --no-progress    do not show progress on standard error\n"
	"  --with-hwpoison  try also the attack that takes pages of the machine out of\n"
	"                   use until its next start\n"
	"  -h, --help       print this text\n"
	"\n"
	"Root can try more attacks. User 65534 then carries out those that come from\n"
	"another process of the same user.\n"
	"\n"
	"Exit status: 0 if every promise of sealmem held, 1 if one is broken, 2 usage or\n"
	"run-time error, 3 if no column of sealmem can be tried here.\n";

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

	for (size_t i = 0; (attack = attack_at(i)) != NULL; i++)
		if (fnmatch(pattern, attack->name, 0) == 0)
			return true;
	return false;
}

static bool matches_a_column(const char *pattern)
{
	const struct victim *victim;

	for (size_t i = 0; (victim = victim_at(i)) != NULL; i++)
		if (fnmatch(pattern, victim->name, 0) == 0)
			return true;
	return false;
}

/* A run of nothing finds nothing wrong, so a name that matches nothing is an error. */
static int check_patterns(const struct options *options)
{
	for (size_t i = 0; i < options->attack_count; i++)
		if (!matches_an_attack(options->attacks[i]))
			return complain_of_usage("attack", EXIT_FAILED,
						 "no attack is called '%s': --list shows them",
						 options->attacks[i]);
	for (size_t i = 0; i < options->column_count; i++)
		if (!matches_a_column(options->columns[i]))
			return complain_of_usage("attack", EXIT_FAILED,
						 "no column is called '%s': --list shows them",
						 options->columns[i]);
	return EXIT_NOT_YET;
}

static int parse(struct options *ret, int argc, char **argv)
{
	const struct option options[] = {
		{ "only", required_argument, NULL, 'o' },
		{ "column", required_argument, NULL, 'c' },
		{ "list", no_argument, &ret->list, true },
		{ "json", no_argument, &ret->format, FORMAT_JSON },
		{ "markdown", no_argument, &ret->format, FORMAT_MARKDOWN },
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

static void choose(struct attack_report *report, const struct options *options)
{
	const struct attack *attack;
	const struct victim *victim;

	for (size_t i = 0; (victim = victim_at(i)) != NULL; i++)
		if (matches(options->columns, options->column_count, victim->name))
			attack_report_add_column(report, victim);
	for (size_t i = 0; (attack = attack_at(i)) != NULL; i++)
		if (matches(options->attacks, options->attack_count, attack->name))
			attack_report_add_row(report, attack);
}

static void show_progress(const struct attack_report *report, size_t row, void *data)
{
	const struct options *options = data;

	if (options->no_progress || !takes_escapes(STDERR_FILENO))
		return;
	(void)fprintf(stderr, "\r\033[K");
	if (row < report->row_count)
		(void)fprintf(stderr, "%zu of %zu: %s", row + 1, report->row_count,
			      report->rows[row].attack->name);
	(void)fflush(stderr);
}

static void carry_out(struct attack_report *report, struct options *options)
{
	attack_report_try_columns(report, &options->settings);
	attack_report_try_rows(report, &options->settings, show_progress, options);
	show_progress(report, report->row_count, options);
}

static void print(const struct attack_report *report, int format)
{
	static void (*const views[])(const struct attack_report *report) = {
		[FORMAT_TABLE] = attack_table_print,
		[FORMAT_JSON] = attack_json_print,
		[FORMAT_MARKDOWN] = attack_markdown_print,
	};

	views[format](report);
}

static void print_list(const struct attack_report *report, int format)
{
	if (format == FORMAT_JSON)
		attack_json_print_list(report);
	else
		attack_table_print_list(report);
}

/* If no attack was tried on any promise, there is no answer. */
static int exit_code(const struct attack_report *report)
{
	const struct attack_summary *s = &report->summary;

	if (attack_report_has_promises(report) &&
	    s->held + s->broken + s->by_design + s->unpromised == 0)
		return EXIT_LACKING;
	return s->broken == 0 ? EXIT_YES : EXIT_NO;
}

static void free_options(const struct options *options)
{
	free(options->attacks);
	free(options->columns);
}

enum exit_status cmd_attack(int argc, char **argv)
{
	CLEANUP(free_options) struct options options = { .settings = ATTACK_SETTINGS };
	CLEANUP(attack_report_free) struct attack_report report = { 0 };
	int code = parse(&options, argc, argv);

	if (code != EXIT_NOT_YET)
		return code;
	choose(&report, &options);
	if (options.list) {
		print_list(&report, options.format);
		return EXIT_YES;
	}
	carry_out(&report, &options);
	print(&report, options.format);
	return exit_code(&report);
}
