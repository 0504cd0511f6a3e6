/* SPDX-License-Identifier: MIT */

/*
 * Seals the image of programs that run already, from outside. This is for programs that cannot be preloaded, because they
 * are static or because they were started long ago. What it takes is in outside/; here are the options, the processes that
 * they mean, and the answer.
 */

#include "outside/outside.h"
#include "tools/commands.h"
#include "tools/common/errors.h"
#include "tools/seal/choose.h"
#include "tools/seal/view.h"
#include "tools/seal/watch.h"
#include "lib/util.h"

#include <getopt.h>
#include <stdlib.h>

struct options {
	struct choice choice;
	const char **arguments; /* that are no options */
	size_t argument_count;
	/* Truths, as getopt_long(3) sets them. */
	int deep, content_only, dry_run, one_thread, json, report, watch, enforce;
};

static const char help_text[] =
	"Usage: sealmem seal [OPTION]... PID...\n"
	"       sealmem seal [OPTION]... --all-matching PATTERN\n"
	"       sealmem seal [OPTION]... --unit NAME\n"
	"       sealmem seal --watch [--enforce] [--deep] [--json] PATTERN...\n"
	"Seals the image of processes that run already: code, constants and relocated\n"
	"data (RELRO) of the program and of its libraries. Libraries that it loads later\n"
	"are sealed by calling this again. With --watch: the image of programs that\n"
	"others start, as they start.\n"
	"\n"
	"  --all-matching PATTERN\n"
	"                  every process whose name matches, an extended regular\n"
	"                  expression as for pgrep\n"
	"  --unit NAME     every process of a unit of systemd, or of a control group\n"
	"  --deep          seal the bytes of code and constants too, not only their\n"
	"                  addresses\n"
	"  --content-only  seal bytes and no addresses, where the kernel has no mseal(2)\n"
	"  --dry-run       print what would be sealed, and change nothing\n"
	"  --one-thread    hold one thread and let the others run meanwhile; only for a\n"
	"                  program that does not unload libraries\n"
	"  --watch         seal each program whose path matches a PATTERN, such as\n"
	"                  '/usr/local/bin/*', until a signal ends this; for root\n"
	"  --enforce       with --watch: a program that is not sealed does not start\n"
	"  --report        answer with a line for each range\n"
	"  --json          answer in JSON\n"
	"  -h, --help      print this text\n"
	"\n"
	"Exit status: 0 if every process is sealed, or a signal ended --watch, 1 if one\n"
	"is not, 2 usage or run-time error, 3 the kernel lacks a feature.\n";

static enum exit_status check_watch(const struct options *options)
{
	if (options->choice.matching || options->choice.unit != NULL || options->dry_run ||
	    options->one_thread || options->report)
		return complain_of_usage("seal", EXIT_FAILED,
					 "--watch goes with --enforce, --deep and --json only");
	if (options->argument_count == 0)
		return complain_of_usage("seal", EXIT_FAILED,
					 "no program is given: name a PATTERN");
	return EXIT_NOT_YET;
}

static enum exit_status check_options(const struct options *options)
{
	bool named = options->argument_count > 0;
	bool meant = options->choice.matching || options->choice.unit != NULL;

	if (options->watch)
		return check_watch(options);
	if (options->enforce)
		return complain_of_usage("seal", EXIT_FAILED, "--enforce needs --watch");
	if (!named && !meant)
		return complain_of_usage(
			"seal", EXIT_FAILED,
			"no process is given: name a PID, --all-matching or --unit");
	if (named && meant)
		return complain_of_usage("seal", EXIT_FAILED,
					 "PIDs exclude --all-matching and --unit");
	if (options->json && options->report)
		return complain_of_usage("seal", EXIT_FAILED,
					 "--json and --report cannot be used together");
	return EXIT_NOT_YET;
}

static enum exit_status add_argument(struct options *options, const char *text)
{
	options->arguments = need(reallocarray(options->arguments, options->argument_count + 1,
					       sizeof(*options->arguments)));
	options->arguments[options->argument_count++] = text;
	return EXIT_NOT_YET;
}

static enum exit_status take_option(struct options *options, int c)
{
	if (c == 1)
		return add_argument(options, optarg);
	if (c == 'm')
		return choice_set_pattern(&options->choice, optarg);
	if (c == 'u')
		options->choice.unit = optarg;
	return EXIT_NOT_YET;
}

/* What the arguments are depends on an option that may come after them. */
static enum exit_status take_pids(struct options *options)
{
	enum exit_status code = EXIT_NOT_YET;

	for (size_t i = 0; i < options->argument_count && code == EXIT_NOT_YET && !options->watch;
	     i++)
		code = choice_add_pid(&options->choice, options->arguments[i]);
	return code == EXIT_NOT_YET ? check_options(options) : code;
}

static enum exit_status parse(struct options *ret, int argc, char **argv)
{
	const struct option options[] = {
		{ "all-matching", required_argument, NULL, 'm' },
		{ "unit", required_argument, NULL, 'u' },
		{ "watch", no_argument, &ret->watch, true },
		{ "enforce", no_argument, &ret->enforce, true },
		{ "deep", no_argument, &ret->deep, true },
		{ "content-only", no_argument, &ret->content_only, true },
		{ "dry-run", no_argument, &ret->dry_run, true },
		{ "one-thread", no_argument, &ret->one_thread, true },
		{ "report", no_argument, &ret->report, true },
		{ "json", no_argument, &ret->json, true },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	enum exit_status code = EXIT_NOT_YET;
	int c;

	while (code == EXIT_NOT_YET && (c = getopt_long(argc, argv, "-:h", options, NULL)) != -1) {
		if (c == 'h')
			return help(help_text);
		if (c == ':' || c == '?')
			return complain_of_option("seal", EXIT_FAILED, argv, c);
		code = take_option(ret, c);
	}
	for (; code == EXIT_NOT_YET && optind < argc; optind++)
		code = add_argument(ret, argv[optind]);
	return code == EXIT_NOT_YET ? take_pids(ret) : code;
}

static unsigned flags_of(const struct options *options)
{
	return (options->deep ? OUTSIDE_DEEP : 0) | (options->one_thread ? OUTSIDE_ONE_THREAD : 0) |
	       (options->dry_run ? OUTSIDE_DRY_RUN : 0) |
	       (options->content_only ? OUTSIDE_CONTENT_ONLY : 0);
}

/* A process that was only meant may exit before its turn. */
static bool is_worth_saying(const struct options *options, const struct outside *process)
{
	bool meant = options->choice.matching || options->choice.unit != NULL;

	return !(meant && process->refusal == REFUSAL_GONE && process->state == OUTSIDE_UNTOUCHED);
}

static void seal_one(struct answer *answer, const struct options *options, pid_t pid)
{
	struct outside *process;

	answer->processes = need(
		reallocarray(answer->processes, answer->count + 1, sizeof(*answer->processes)));
	process = &answer->processes[answer->count];
	outside_seal(process, pid, flags_of(options));
	if (is_worth_saying(options, process))
		answer->count++;
	else
		outside_free(process);
}

static void seal_all(struct answer *answer, struct options *options)
{
	size_t next = 0;

	(void)choice_find_more(&options->choice);
	while (next < options->choice.count) {
		seal_one(answer, options, options->choice.pids[next++]);
		if (next == options->choice.count && !options->dry_run)
			(void)choice_find_more(&options->choice);
	}
}

static void complain_of(const struct outside *process)
{
	const char *partly = process->state == OUTSIDE_PARTLY ? "sealed in part: " : "";

	(void)complain("seal", EXIT_NO, "process %d%s%s%s: %s%s", (int)process->pid,
		       *process->name != '\0' ? " (" : "", process->name,
		       *process->name != '\0' ? ")" : "", partly,
		       refusal_rows[process->refusal].text);
}

/* The status that says most: a lack, and then a process that is not sealed. */
static enum exit_status judge(const struct answer *answer)
{
	enum exit_status code = answer->count > 0 ? EXIT_YES : EXIT_NO;

	for (size_t i = 0; i < answer->count; i++) {
		enum refusal refusal = answer->processes[i].refusal;

		if (refusal == REFUSAL_NO_MSEAL)
			return EXIT_LACKING;
		if (refusal != REFUSAL_NONE)
			code = EXIT_NO;
	}
	return code;
}

static bool is_shown(const struct answer *answer)
{
	for (size_t i = 0; i < answer->count; i++)
		if (answer->processes[i].refusal == REFUSAL_NONE ||
		    answer->processes[i].state != OUTSIDE_UNTOUCHED)
			return true;
	return false;
}

static void print(const struct answer *answer, const struct options *options)
{
	if (options->json)
		answer_json_print(answer);
	else if (is_shown(answer) && (options->report || options->dry_run))
		answer_ranges_print(answer);
	else if (is_shown(answer))
		answer_table_print(answer);
	for (size_t i = 0; i < answer->count; i++)
		if (answer->processes[i].refusal != REFUSAL_NONE)
			complain_of(&answer->processes[i]);
	if (answer->count == 0)
		(void)complain("seal", EXIT_NO, "there is no such process");
}

static void free_answer(struct answer *answer)
{
	for (size_t i = 0; i < answer->count; i++)
		outside_free(&answer->processes[i]);
	free(answer->processes);
}

static void free_options(struct options *options)
{
	choice_free(&options->choice);
	free(options->arguments);
}

static void free_order(struct watch_order *order)
{
	patterns_free(&order->patterns);
}

static enum exit_status watch_for(const struct options *options)
{
	CLEANUP(free_order)
	struct watch_order order = {
		.pattern_count = options->argument_count,
		.deep = options->deep,
		.enforce = options->enforce,
		.json = options->json,
	};
	enum exit_status code = EXIT_NOT_YET;

	for (size_t i = 0; i < options->argument_count && code == EXIT_NOT_YET; i++)
		code = patterns_add(&order.patterns, options->arguments[i]);
	return code == EXIT_NOT_YET ? watch(&order) : code;
}

enum exit_status cmd_seal(int argc, char **argv)
{
	CLEANUP(free_options) struct options options = { 0 };
	CLEANUP(free_answer) struct answer answer = { 0 };
	enum exit_status code = parse(&options, argc, argv);

	if (code != EXIT_NOT_YET)
		return code;
	if (options.watch)
		return watch_for(&options);
	seal_all(&answer, &options);
	answer.planned = options.dry_run;
	print(&answer, &options);
	return judge(&answer);
}
