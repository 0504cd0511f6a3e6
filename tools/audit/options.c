/* SPDX-License-Identifier: MIT */

/*
 * The options of the audit: which processes, which rules, and which form of the answer. What they ask for is complete and
 * fits together, or there is one line that says why it does not.
 */

#include "tools/audit/options.h"

#include "tools/common/stream.h"
#include "tools/common/text.h"
#include "lib/util.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char help_text[] =
	"Usage: sealmem audit [OPTION]... PID...\n"
	"       sealmem audit [OPTION]... --all\n"
	"       sealmem audit [OPTION]... --self\n"
	"       sealmem audit [OPTION]... -- COMMAND [ARGUMENT]...\n"
	"Shows the mappings of a process: how they are sealed, which guarantees are in\n"
	"force, and flags for what is worth checking. With COMMAND, starts it and looks\n"
	"at it when it is about to exit; its output goes to standard error.\n"
	"\n"
	"  --all           every process that the audit may read\n"
	"  --self          this process\n"
	"  --require RULE  exit with 1 unless the rule is met, and show what breaks it;\n"
	"                  may be repeated; @FILE has a rule in each line\n"
	"  --flagged       show only mappings that have a flag\n"
	"  --summary       answer with one line for each process\n"
	"  --json          answer in JSON\n"
	"  --format FORM   answer in this form; see below\n"
	"  --quiet         answer with the exit status alone\n"
	"  --raw           a line for each mapping or process, for programs\n"
	"  --columns LIST  show these columns: names with commas between them\n"
	"  --svg FILE      also draw the address spaces, into a file\n"
	"  --watch SECONDS\n"
	"                  repeat, and show what has changed\n"
	"  --procfs DIR    read another /proc, or a copy of one\n"
	"  --no-progress   do not show the progress on standard error\n"
	"  -h, --help      print this text\n"
	"\n";

static const char exit_help[] =
	"Exit status: 0 if every rule is met, 1 if one is not, 2 usage or run-time error.\n";

static enum exit_status print_help(void)
{
	CLEANUP(free_text) char *columns = audit_columns_format();

	(void)help(help_text);
	(void)fputs("Forms:\n", stdout);
	for (size_t i = 0; i < VIEW_COUNT; i++)
		(void)printf("  %-16s %s\n", views[i].name, views[i].meaning);
	(void)fputs("Rules:\n", stdout);
	for (size_t i = 0; i < RULE_FORM_COUNT; i++)
		(void)printf("  %-37s  %s\n", rule_forms[i].usage, rule_forms[i].meaning);
	(void)fputs("Kinds: any", stdout);
	for (size_t i = 0; i < KIND_COUNT; i++)
		(void)printf(",%s%s", i % 12 == 7 ? "\n  " : " ", kind_rows[i].name);
	(void)fputs("\nFlags:\n", stdout);
	for (size_t i = 0; i < FLAG_COUNT; i++) {
		(void)printf("  %-16s ", flag_rows[i].word);
		put_folded(stdout, flag_rows[i].meaning, 0, 19, 80 - 19);
	}
	(void)fputs("Columns:\n", stdout);
	put_folded(stdout, columns, 2, 2, 80);
	(void)fputs("\n", stdout);
	return help(exit_help);
}

/* The manual describes rules; --help helps with those of the command line. */
static enum exit_status complain_of_rule(const char *text, const char *fault, bool in_file)
{
	return in_file ? complain("audit", EXIT_FAILED, "rule '%s': %s", text, fault)
		       : complain_of_usage("audit", EXIT_FAILED, "rule '%s': %s", text, fault);
}

static enum exit_status add_rule(struct options *options, const char *text, bool in_file)
{
	const char *fault = "";
	int err = rules_add(&options->rules, text, &fault);

	if (err == -EINVAL)
		return complain_of_rule(text, fault, in_file);
	if (err < 0)
		(void)need(NULL);
	options->needs |= options->rules.rows[options->rules.count - 1].needs;
	return EXIT_NOT_YET;
}

/* Removes a comment that begins with #, and the blanks around the rest. */
static char *trim(char *line)
{
	line[strcspn(line, "#\n")] = '\0';
	line += strspn(line, " \t\r");
	for (size_t length = strlen(line); length > 0 && strchr(" \t\r", line[length - 1]) != NULL;
	     length--)
		line[length - 1] = '\0';
	return line;
}

static enum exit_status add_line(struct options *options, char *line, size_t length)
{
	const char *text;

	if (strlen(line) < length)
		return complain("audit", EXIT_FAILED, "rule '%s': a zero byte follows", line);
	text = trim(line);
	return *text != '\0' ? add_rule(options, text, true) : EXIT_NOT_YET;
}

/* A file of rules that is empty by mistake must not pass as met. */
static enum exit_status add_rules_of_file(struct options *options, const char *path)
{
	CLEANUP(free_text) char *line = NULL;
	size_t room = 0, before = options->rules.count;
	FILE *in = fopen(path, "re");
	enum exit_status code = EXIT_NOT_YET;
	ssize_t length;

	if (in == NULL)
		return complain("audit", EXIT_FAILED, "cannot read '%s': %s", path,
				strerror(errno));
	while (code == EXIT_NOT_YET && (length = getline(&line, &room, in)) >= 0)
		code = add_line(options, line, (size_t)length);
	if (code == EXIT_NOT_YET && ferror(in))
		code = complain("audit", EXIT_FAILED, "cannot read '%s': %s", path,
				strerror(errno));
	if (code == EXIT_NOT_YET && options->rules.count == before)
		code = complain("audit", EXIT_FAILED,
				"there is no rule in '%s': write one on each line", path);
	(void)fclose(in);
	return code;
}

static enum exit_status add_pid(struct options *options, const char *text)
{
	char *end;
	long pid = strtol(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || pid <= 0 || pid > INT32_MAX)
		return complain_of_usage(
			"audit", EXIT_FAILED,
			"'%s' is not a PID: give a number, or write -- before a command", text);
	options->pids =
		need(reallocarray(options->pids, options->pid_count + 1, sizeof(*options->pids)));
	options->pids[options->pid_count++] = (pid_t)pid;
	return EXIT_NOT_YET;
}

/* The names of the forms of the answer, for a message. */
static char *forms_format(void)
{
	struct text_stream stream;

	text_begin(&stream);
	for (size_t i = 0; i < VIEW_COUNT; i++)
		(void)fprintf(stream.out, "%s%s", i > 0 ? ", " : "", views[i].name);
	return text_end(&stream);
}

static enum exit_status complain_of_form(const char *name)
{
	CLEANUP(free_text) char *forms = forms_format();

	return complain_of_usage("audit", EXIT_FAILED, "there is no form '%s': choose one of %s",
				 name, forms);
}

static enum exit_status complain_of_column(const char *name)
{
	CLEANUP(free_text) char *columns = audit_columns_format();

	return complain_of_usage("audit", EXIT_FAILED, "no column is called '%s': choose from %s",
				 name, columns);
}

static enum exit_status take_columns(struct options *options, const char *columns)
{
	CLEANUP(free_text) char *fault = NULL;

	options->columns = columns;
	if (audit_columns_check(columns, &options->needs, &fault) < 0)
		return complain_of_column(fault);
	return EXIT_NOT_YET;
}

static enum exit_status take_view(struct options *options, const char *name)
{
	const struct view *view = view_find(name);

	if (view == NULL)
		return complain_of_form(name);
	if (options->view != NULL && options->view != view)
		return complain_of_usage(
			"audit", EXIT_FAILED,
			"%s and %s exclude each other: choose one form of the answer",
			options->view->name, name);
	options->view = view;
	return EXIT_NOT_YET;
}

static enum exit_status take_interval(struct options *options, const char *text)
{
	char *end;

	options->interval = strtod(text, &end);
	if ((*text < '0' || *text > '9') || *end != '\0' || options->interval < 0.1 ||
	    options->interval > 1e6)
		return complain_of_usage("audit", EXIT_FAILED,
					 "'%s' is no interval: give seconds, 0.1 or more", text);
	return EXIT_NOT_YET;
}

static enum exit_status take_option(struct options *options, int c, const char *value)
{
	switch (c) {
	case 1:
		return add_pid(options, value);
	case 'q':
		return *value == '@' ? add_rules_of_file(options, value + 1)
				     : add_rule(options, value, false);
	case 'c':
		return take_columns(options, value);
	case 'f':
		return take_view(options, value);
	case 'j':
		return take_view(options, "json");
	case 'u':
		return take_view(options, "summary");
	case 'w':
		return take_interval(options, value);
	case 's':
		options->svg = value;
		return EXIT_NOT_YET;
	case 'p':
		options->procfs = value;
		return EXIT_NOT_YET;
	default:
		return EXIT_NOT_YET;
	}
}

/* There is one way to give the processes. */
static enum exit_status check_targets(const struct options *options)
{
	int targets = options->all + options->self + (options->pid_count > 0) +
		      (options->command != NULL);

	if (targets == 0)
		return complain_of_usage(
			"audit", EXIT_FAILED,
			"no process is given: name a PID, --all, --self, or -- COMMAND");
	if (targets > 1)
		return complain_of_usage("audit", EXIT_FAILED,
					 "PIDs, --all, --self and a command exclude each other");
	if (options->procfs != NULL && (options->self || options->command != NULL))
		return complain_of_usage("audit", EXIT_FAILED, "--procfs is for PIDs and --all");
	if (options->interval > 0 && options->command != NULL)
		return complain_of_usage("audit", EXIT_FAILED,
					 "--watch is for processes that run already");
	return EXIT_NOT_YET;
}

/* And one form of the answer. */
static enum exit_status check_form(const struct options *options)
{
	const struct view *view = options->view;
	bool is_table = view == &views[VIEW_table], is_summary = view == &views[VIEW_summary];

	if (options->columns != NULL && !is_table)
		return complain_of_usage("audit", EXIT_FAILED, "%s excludes --columns", view->name);
	if (options->raw && !is_table && !is_summary)
		return complain_of_usage("audit", EXIT_FAILED, "%s excludes --raw", view->name);
	if ((view->traits & VIEW_NEEDS_RULE) && options->rules.count == 0)
		return complain_of_usage("audit", EXIT_FAILED, "%s needs a rule: give --require",
					 view->name);
	if (options->interval > 0 && (!(view->traits & VIEW_REPEATS) || options->raw ||
				      options->quiet || options->svg != NULL))
		return complain_of_usage(
			"audit", EXIT_FAILED,
			"--watch is for table, summary and json, without --raw, --quiet "
			"and --svg");
	return EXIT_NOT_YET;
}

/* --quiet chooses no form, so nothing else may. */
static enum exit_status choose_form(struct options *options)
{
	if (options->quiet && (options->view != NULL || options->raw || options->columns != NULL))
		return complain_of_usage("audit", EXIT_FAILED,
					 "--quiet excludes a form of the answer");
	if (options->view == NULL)
		options->view = &views[VIEW_table];
	return check_form(options);
}

/* Totals, a picture and --flagged say something about everything. Some columns need less, and the rules have said what
 * they need. */
static void find_needs(struct options *options)
{
	bool part = options->quiet || (options->raw && options->columns != NULL);

	if (!part || options->svg != NULL || options->flagged_only)
		options->needs = NEED_ALL;
}

static enum exit_status check_options(struct options *options)
{
	enum exit_status code = check_targets(options);

	if (code == EXIT_NOT_YET)
		code = choose_form(options);
	find_needs(options);
	return code;
}

enum exit_status options_parse(struct options *ret, int argc, char **argv)
{
	const struct option options[] = {
		{ "all", no_argument, &ret->all, true },
		{ "self", no_argument, &ret->self, true },
		{ "require", required_argument, NULL, 'q' },
		{ "flagged", no_argument, &ret->flagged_only, true },
		{ "summary", no_argument, NULL, 'u' },
		{ "json", no_argument, NULL, 'j' },
		{ "format", required_argument, NULL, 'f' },
		{ "quiet", no_argument, &ret->quiet, true },
		{ "raw", no_argument, &ret->raw, true },
		{ "columns", required_argument, NULL, 'c' },
		{ "svg", required_argument, NULL, 's' },
		{ "watch", required_argument, NULL, 'w' },
		{ "procfs", required_argument, NULL, 'p' },
		{ "no-progress", no_argument, &ret->no_progress, true },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	enum exit_status code = EXIT_NOT_YET;
	int c;

	/* In order, so that the words after -- are a command, and those before are not. */
	while (code == EXIT_NOT_YET && (c = getopt_long(argc, argv, "-:h", options, NULL)) != -1) {
		if (c == 'h')
			return print_help();
		if (c == ':' || c == '?')
			return complain_of_option("audit", EXIT_FAILED, argv, c);
		code = take_option(ret, c, optarg);
	}
	if (code != EXIT_NOT_YET)
		return code;
	if (optind < argc)
		ret->command = argv + optind;
	return check_options(ret);
}

void options_free(struct options *options)
{
	free(options->pids);
	rules_free(&options->rules);
}
