/* SPDX-License-Identifier: MIT */

/*
 * What is sealed, shown from outside. A program that seals its memory says so itself, and one that should
 * says nothing; so the kernel is asked, of any process, in any state, and the answer is in the same
 * words as the demand was. With rules it is a yes or no, for a test or a monitor to act on.
 */

#include "tools/audit/views.h"
#include "tools/audit/until-exit.h"
#include "tools/commands.h"
#include "tools/common/errors.h"
#include "tools/common/text.h"
#include "lib/util.h"

#include <getopt.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

struct options {
	int all, self, json, no_progress; /* truths, as getopt_long(3) sets them */
	pid_t *pids;
	size_t pid_count;
	char **command;
	const char *procfs, *svg;
	unsigned needs;
	struct rules rules;
	struct audit_report report;
};

static const char help_text[] =
	"Usage: sealmem audit [OPTION]... PID...\n"
	"       sealmem audit [OPTION]... --all\n"
	"       sealmem audit [OPTION]... --self\n"
	"       sealmem audit [OPTION]... -- COMMAND [ARGUMENT]...\n"
	"Shows what is mapped in a process, what of it is sealed, which guarantees that\n"
	"gives, and what deserves a look. COMMAND is started, and audited when it is\n"
	"about to end; what it prints goes to standard error.\n"
	"\n"
	"  --all           every process that may be read\n"
	"  --self          this process\n"
	"  --require RULE  exit with 1, and show what breaks it, unless the rule is met;\n"
	"                  may be repeated; @FILE has a rule in each line\n"
	"  --flagged       show only what deserves a look\n"
	"  --json          answer in JSON\n"
	"  --raw           answer in lines of one mapping each\n"
	"  --columns LIST  which columns, names with commas between them\n"
	"  --svg FILE      also draw the address spaces, into a file\n"
	"  --procfs DIR    read another /proc, or a copy of one\n"
	"  --no-progress   do not show on standard error how far it is\n"
	"  -h, --help      print this text\n"
	"\n";

static const char exit_help[] =
	"Exit status: 0 if every rule is met, 1 if one is not, 2 usage or run-time error.\n";

static int print_help(void)
{
	CLEANUP(free_text) char *columns = audit_columns_list();

	(void)help(help_text);
	(void)fputs("Rules:\n"
		    "  KIND:GUARANTEE[,GUARANTEE]...          mappings of this kind have these\n"
		    "  KIND=PATTERN:GUARANTEE[,GUARANTEE]...  and there is one of such a name\n"
		    "  no-FLAG                                no mapping has this flag\n"
		    "Kinds: any",
		    stdout);
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

static int add_rule(struct options *options, const char *text)
{
	const char *fault = "";
	int err = rules_add(&options->rules, text, &fault);

	if (err == -EINVAL)
		return complain("audit", EXIT_FAILED, "rule '%s': %s", text, fault);
	if (err < 0)
		(void)need(NULL);
	options->needs |= options->rules.rows[options->rules.count - 1].needs;
	return GO_ON;
}

/* Without what is behind a # and the blanks around. */
static char *trim(char *line)
{
	line[strcspn(line, "#\n")] = '\0';
	line += strspn(line, " \t\r");
	for (size_t length = strlen(line); length > 0 && strchr(" \t\r", line[length - 1]) != NULL;
	     length--)
		line[length - 1] = '\0';
	return line;
}

static int add_line(struct options *options, char *line, size_t length)
{
	const char *text;

	if (strlen(line) < length)
		return complain("audit", EXIT_FAILED, "rule '%s': a zero byte follows", line);
	text = trim(line);
	return *text != '\0' ? add_rule(options, text) : GO_ON;
}

/* A file that has lost its contents would require nothing. */
static int add_rules_of_file(struct options *options, const char *path)
{
	CLEANUP(free_text) char *line = NULL;
	size_t room = 0, before = options->rules.count;
	FILE *in = fopen(path, "re");
	int code = GO_ON;
	ssize_t length;

	if (in == NULL)
		return complain("audit", EXIT_FAILED, "cannot read '%s': %s", path,
				strerror(errno));
	while (code == GO_ON && (length = getline(&line, &room, in)) >= 0)
		code = add_line(options, line, (size_t)length);
	if (code == GO_ON && ferror(in))
		code = complain("audit", EXIT_FAILED, "cannot read '%s': %s", path,
				strerror(errno));
	if (code == GO_ON && options->rules.count == before)
		code = complain("audit", EXIT_FAILED, "there is no rule in '%s'", path);
	(void)fclose(in);
	return code;
}

static int add_pid(struct options *options, const char *text)
{
	char *end;
	long pid = strtol(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || pid <= 0 || pid > INT32_MAX)
		return complain("audit", EXIT_FAILED, "'%s' is not a PID", text);
	options->pids =
		need(reallocarray(options->pids, options->pid_count + 1, sizeof(*options->pids)));
	options->pids[options->pid_count++] = (pid_t)pid;
	return GO_ON;
}

static int take_columns(struct options *options, const char *columns)
{
	CLEANUP(free_text) char *fault = NULL;

	options->report.columns = columns;
	if (audit_columns_check(columns, &options->needs, &fault) < 0)
		return complain("audit", EXIT_FAILED, "no column is called '%s'", fault);
	return GO_ON;
}

static int take_option(struct options *options, int c, const char *value)
{
	switch (c) {
	case 1:
		return add_pid(options, value);
	case 'q':
		return *value == '@' ? add_rules_of_file(options, value + 1)
				     : add_rule(options, value);
	case 'c':
		return take_columns(options, value);
	case 's':
		options->svg = value;
		return GO_ON;
	case 'p':
		options->procfs = value;
		return GO_ON;
	default:
		return GO_ON;
	}
}

/* One way to say which processes, and one form. */
static int check_options(struct options *options)
{
	int targets = options->all + options->self + (options->pid_count > 0) +
		      (options->command != NULL);

	if (targets == 0)
		return complain("audit", EXIT_FAILED, "which process?");
	if (targets > 1)
		return complain("audit", EXIT_FAILED,
				"PIDs, --all, --self and a command exclude each other");
	if (options->json && (options->report.raw || options->report.columns != NULL))
		return complain("audit", EXIT_FAILED, "--json has neither --raw nor --columns");
	if (options->procfs != NULL && (options->self || options->command != NULL))
		return complain("audit", EXIT_FAILED, "--procfs is for PIDs and --all");
	if (options->report.columns == NULL || options->svg != NULL || options->report.flagged_only)
		options->needs = NEED_ALL;
	return GO_ON;
}

static int parse(struct options *ret, int argc, char **argv)
{
	const struct option options[] = {
		{ "all", no_argument, &ret->all, true },
		{ "self", no_argument, &ret->self, true },
		{ "require", required_argument, NULL, 'q' },
		{ "flagged", no_argument, &ret->report.flagged_only, true },
		{ "json", no_argument, &ret->json, true },
		{ "raw", no_argument, &ret->report.raw, true },
		{ "columns", required_argument, NULL, 'c' },
		{ "svg", required_argument, NULL, 's' },
		{ "procfs", required_argument, NULL, 'p' },
		{ "no-progress", no_argument, &ret->no_progress, true },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c, code = GO_ON;

	/* In order, so that what stands behind -- is a command and what stands before is not. */
	while (code == GO_ON && (c = getopt_long(argc, argv, "-:h", options, NULL)) != -1) {
		if (c == 'h')
			return print_help();
		if (c == ':' || c == '?')
			return complain_of_option("audit", EXIT_FAILED, argv, c);
		code = take_option(ret, c, optarg);
	}
	if (code != GO_ON)
		return code;
	if (optind < argc)
		ret->command = argv + optind;
	return check_options(ret);
}

/* Often enough to be seen, seldom enough to cost nothing. */
static void show_progress(const struct options *options, ssize_t done, ssize_t count)
{
	if (options->no_progress || !takes_escapes(STDERR_FILENO) ||
	    (done % 16 != 0 && done < count))
		return;
	(void)fprintf(stderr, "\r\033[K");
	if (done < count)
		(void)fprintf(stderr, "%zd of %zd processes", done, count);
	(void)fflush(stderr);
}

static int complain_of_process(pid_t pid, int err)
{
	const char *why = err == -ENODATA   ? "it has no memory of its own"
			  : err == -ENOENT  ? "there is no such process"
			  : err == -EBADMSG ? "its files are not what a kernel writes"
					    : strerror(-err);

	return complain("audit", EXIT_FAILED, "process %d: %s", (int)pid, why);
}

static int read_pids(struct audit *audit, const pid_t *pids, size_t count, unsigned needs)
{
	for (size_t i = 0; i < count; i++) {
		int err = audit_add(audit, pids[i], needs);

		if (err < 0)
			return complain_of_process(pids[i], err);
	}
	return GO_ON;
}

static int read_all(struct audit *audit, const struct options *options)
{
	CLEANUP(free_pids) pid_t *pids = NULL;
	ssize_t count = procfs_list(&audit->procfs, &pids);
	int err = 0;

	if (count < 0)
		return complain("audit", EXIT_FAILED, "cannot list processes: %s",
				strerror((int)-count));
	for (ssize_t i = 0; i < count && err == 0; i++) {
		show_progress(options, i, count);
		err = audit_try(audit, pids[i], options->needs);
	}
	show_progress(options, count, count);
	if (err < 0)
		return complain("audit", EXIT_FAILED, "cannot go on: %s", strerror(-err));
	/* Every rule is met by no process. */
	if (audit->count == 0)
		return complain("audit", EXIT_FAILED, "no process could be read");
	return GO_ON;
}

static int finish(struct audit *audit, const struct options *options)
{
	int err = audit_finish(audit, options->needs);

	if (err < 0)
		return complain("audit", EXIT_FAILED, "cannot look at other processes: %s",
				strerror(-err));
	return GO_ON;
}

static int read_command(struct audit *audit, const struct options *options)
{
	pid_t pid = start_and_stop(options->command);
	int code;

	if (pid == -ECHILD)
		return complain("audit", EXIT_FAILED, "'%s' was killed before it could be read",
				options->command[0]);
	if (pid < 0)
		return complain("audit", EXIT_FAILED, "cannot start '%s': %s", options->command[0],
				strerror(-pid));
	code = read_pids(audit, &pid, 1, options->needs);
	if (code == GO_ON)
		code = finish(audit, options);
	let_end(pid);
	return code;
}

static int read_processes(struct audit *audit, const struct options *options)
{
	const pid_t self = getpid();
	int code;

	if (options->command != NULL)
		return read_command(audit, options);
	if (options->all)
		code = read_all(audit, options);
	else if (options->self)
		code = read_pids(audit, &self, 1, options->needs);
	else
		code = read_pids(audit, options->pids, options->pid_count, options->needs);
	return code == GO_ON ? finish(audit, options) : code;
}

static void count_row(const struct view *view, void *count)
{
	(void)view;
	++*(size_t *)count;
}

/* Every rule is applied to every row, so that each knows what it was applied to. */
static int judge(const struct audit_report *report)
{
	const struct audit_report wanted = { .audit = report->audit, .rules = report->rules };
	size_t offending = 0;

	if (report->rules->count == 0)
		return EXIT_YES;
	for (size_t i = 0; i < report->audit->count; i++)
		audit_report_each(&wanted, &report->audit->processes[i], count_row, &offending);
	for (size_t i = 0; i < report->rules->count; i++)
		offending += rule_missed(&report->rules->rows[i]);
	return offending == 0 ? EXIT_YES : EXIT_NO;
}

static void say_what_was_skipped(const struct audit *audit)
{
	if (audit->denied + audit->ended + audit->unreadable == 0)
		return;
	(void)fputs("sealmem: audit: of the processes ", stderr);
	put_skipped(stderr, audit);
	(void)fputs("\n", stderr);
}

static int answer(const struct options *options)
{
	int code = judge(&options->report), err;

	if (options->svg != NULL) {
		err = audit_report_draw(&options->report, options->svg);
		if (err < 0)
			return complain("audit", EXIT_FAILED, "cannot write '%s': %s", options->svg,
					strerror(-err));
	}
	if (options->json)
		audit_report_print_json(&options->report);
	else
		audit_report_print(&options->report);
	say_what_was_skipped(options->report.audit);
	return code;
}

static void free_options(struct options *options)
{
	free(options->pids);
	rules_free(&options->rules);
}

int cmd_audit(int argc, char **argv)
{
	CLEANUP(free_options) struct options options = { 0 };
	CLEANUP(audit_free) struct audit audit = { .procfs.directory = -1 };
	int code = parse(&options, argc, argv), err;

	if (code != GO_ON)
		return code;
	/* What JSON and pictures are written in. */
	if (options.json || options.svg != NULL)
		(void)setlocale(LC_CTYPE, "C.UTF-8");
	err = procfs_open(&audit.procfs, options.procfs);
	if (err < 0)
		return complain("audit", EXIT_FAILED, "cannot read '%s': %s",
				options.procfs != NULL ? options.procfs : "/proc",
				err == -ENODEV ? "it is not mounted" : strerror(-err));
	code = read_processes(&audit, &options);
	if (code != GO_ON)
		return code;
	options.report.audit = &audit;
	options.report.rules = &options.rules;
	return answer(&options);
}
