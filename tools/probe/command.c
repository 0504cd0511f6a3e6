/* SPDX-License-Identifier: MIT */

/*
 * Shows which guarantees this machine supports. A user whose program was refused a guarantee runs this first,
 * and pastes the output into a bug report. It says which guarantees are supported and by which mechanism,
 * why the others are not, how to change that, and which settings have an influence.
 */

#include "attack/attack.h"
#include "tools/commands.h"
#include "tools/common/errors.h"
#include "tools/common/output.h"
#include "include/sealmem.h"
#include "tools/probe/require.h"
#include "tools/probe/settings.h"
#include "lib/util.h"
#include "tools/common/verdict.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

/* There is one verdict for each guarantee, in the order of their bits. */
#define VERDICTS __builtin_popcount(SEALMEM_GUARANTEES)

static void find_verdicts(struct verdict verdicts[VERDICTS])
{
	for (unsigned i = 0; i < VERDICTS; i++)
		verdict_find(&verdicts[i], 1u << i);
}

static void print_guarantees(const struct verdict verdicts[VERDICTS])
{
	static const struct column columns[] = {
		{ "GUARANTEE", false },
		{ "SUPPORTED", false },
		{ "HOW, OR WHY NOT", true },
		{ "WHAT TO DO", true },
	};
	struct libscols_table *table = table_new(columns, sizeof(columns) / sizeof(*columns));

	for (const struct verdict *v = verdicts; v < verdicts + VERDICTS; v++) {
		bool supported = v->error == 0;
		const char *texts[] = { sealmem_guarantee_name(v->guarantee),
					supported ? "yes" : "no", supported ? v->by : v->why,
					v->todo };

		table_colour(table_row(table, texts), 1, supported ? "green" : "red");
	}
	table_print(table);
}

static void print_settings(void)
{
	static const struct column columns[] = {
		{ "SETTING", false },
		{ "VALUE", true },
		{ "EFFECT", true },
	};
	struct libscols_table *table = table_new(columns, sizeof(columns) / sizeof(*columns));

	for (size_t i = 0; i < settings_count(); i++) {
		struct setting setting;
		char value[96];

		settings_read(&setting, i);
		setting_format(value, sizeof(value), &setting);
		(void)table_row(table,
				(const char *const[]){ setting.name, value, setting.effect });
	}
	table_print(table);
}

static struct json_object *describe_verdict(const struct verdict *v)
{
	struct json_object *object = need(json_object_new_object());
	bool supported = v->error == 0;

	json_add(object, "name", json_text(sealmem_guarantee_name(v->guarantee)));
	json_add(object, "given", json_boolean(supported));
	json_add(object, "by", json_text(supported ? v->by : NULL));
	json_add(object, "error", json_text(supported ? NULL : attack_error_name(v->error)));
	json_add(object, "why_not", json_some_text(v->why));
	json_add(object, "what_to_do", json_some_text(v->todo));
	return object;
}

static struct json_object *setting_value(const struct setting *s)
{
	if (s->state != SETTING_FOUND)
		return NULL;
	if (!s->is_number)
		return json_text(s->word);
	if (s->number == UINT64_MAX)
		return json_text("unlimited");
	return json_number(s->number);
}

static struct json_object *describe_setting(size_t index)
{
	static const char *const states[] = { "found", "absent", "unset", "unreadable" };
	struct json_object *object = need(json_object_new_object());
	struct setting setting;

	settings_read(&setting, index);
	json_add(object, "name", json_text(setting.name));
	json_add(object, "state", json_text(states[setting.state]));
	json_add(object, "value", setting_value(&setting));
	json_add(object, "effect", json_some_text(setting.effect));
	return object;
}

static void add_requirement(struct json_object *answer, const struct requirement *requirement)
{
	struct json_object *required = json_list(answer, "required");

	for (unsigned bit = 1; bit <= SEALMEM_GUARANTEES; bit <<= 1)
		if (requirement->guarantees & bit)
			json_append(required, json_text(sealmem_guarantee_name(bit)));
	json_add(answer, "met", json_boolean(requirement->met));
}

static void print_json(const struct verdict verdicts[VERDICTS],
		       const struct requirement *requirement)
{
	struct json_object *answer = answer_new("probe");
	struct json_object *guarantees = json_list(answer, "guarantees");
	struct json_object *settings = json_list(answer, "settings");

	for (size_t i = 0; i < VERDICTS; i++)
		json_append(guarantees, describe_verdict(&verdicts[i]));
	for (size_t i = 0; i < settings_count(); i++)
		json_append(settings, describe_setting(i));
	add_requirement(answer, requirement);
	answer_print(answer);
}

static const char help_text[] =
	"Usage: sealmem probe [OPTION]...\n"
	"       sealmem probe [OPTION]... --require GUARANTEE...\n"
	"Tries each guarantee, and shows which of them this machine supports for this\n"
	"process. For an unsupported guarantee it says why, and what to do. It also\n"
	"shows the settings that matter.\n"
	"\n"
	"  --require GUARANTEE...\n"
	"              answer for these guarantees alone, in one line\n"
	"  --json      answer in JSON\n"
	"  --quiet     answer with the exit status alone\n"
	"  -h, --help  print this text\n"
	"\n"
	"Exit status: 0 if every guarantee is supported, or every one that is required,\n"
	"and all of these at once; 1 if not; 2 usage or run-time error. A script that\n"
	"needs some guarantees can ask for them:\n"
	"\n"
	"  sealmem probe --require CONTENT ADDRESS || exit 1\n";

struct options {
	int json, quiet; /* truths, as getopt_long(3) sets them */
	struct requirement requirement;
};

static enum exit_status require(struct options *options, const char *names)
{
	const char *fault = requirement_add(&options->requirement, names);

	if (fault != NULL)
		return complain_of_usage(
			"probe", EXIT_FAILED,
			"'%.*s' is no guarantee: they are CONTENT, ADDRESS, SECRECY, NOSWAP, "
			"NODUMP, NOFORK and GUARDS",
			(int)strcspn(fault, ","), fault);
	return EXIT_NOT_YET;
}

/* The words after --require are guarantees too. */
static enum exit_status take_arguments(struct options *options, int argc, char **argv)
{
	enum exit_status code = EXIT_NOT_YET;

	if (optind < argc && options->requirement.guarantees == 0)
		return complain_of_argument("probe", argv[optind]);
	for (int i = optind; i < argc && code == EXIT_NOT_YET; i++)
		code = require(options, argv[i]);
	if (code == EXIT_NOT_YET && options->json && options->quiet)
		code = complain_of_usage("probe", EXIT_FAILED, "--quiet excludes --json");
	return code;
}

static enum exit_status parse(struct options *ret, int argc, char **argv)
{
	const struct option options[] = {
		{ "require", required_argument, NULL, 'r' },
		{ "json", no_argument, &ret->json, true },
		{ "quiet", no_argument, &ret->quiet, true },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	enum exit_status code = EXIT_NOT_YET;
	int c;

	while (code == EXIT_NOT_YET && (c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (c == 'h')
			return help(help_text);
		if (c == 'r')
			code = require(ret, optarg);
		else if (c != 0)
			return complain_of_option("probe", EXIT_FAILED, argv, c);
	}
	return code == EXIT_NOT_YET ? take_arguments(ret, argc, argv) : code;
}

static bool are_all_supported(const struct verdict verdicts[VERDICTS])
{
	for (size_t i = 0; i < VERDICTS; i++)
		if (verdicts[i].error != 0)
			return false;
	return true;
}

static void print(const struct verdict verdicts[VERDICTS], const struct options *options)
{
	if (options->json) {
		print_json(verdicts, &options->requirement);
	} else if (options->requirement.guarantees != 0) {
		requirement_print(&options->requirement, verdicts);
	} else {
		print_guarantees(verdicts);
		(void)puts("");
		print_settings();
	}
}

enum exit_status cmd_probe(int argc, char **argv)
{
	struct verdict verdicts[VERDICTS];
	struct options options = { 0 };
	enum exit_status code = parse(&options, argc, argv);

	if (code != EXIT_NOT_YET)
		return code;
	find_verdicts(verdicts);
	if (options.requirement.guarantees != 0)
		requirement_judge(&options.requirement, verdicts);
	else
		options.requirement.met = are_all_supported(verdicts);
	if (!options.quiet)
		print(verdicts, &options);
	return options.requirement.met ? EXIT_YES : EXIT_NO;
}
