/* SPDX-License-Identifier: MIT */

/*
 * What this machine can give. The first thing that somebody needs who was refused a guarantee, and the
 * first thing to paste into a report about it: what is given and by what, why not where it is not,
 * what to do, and the settings that have a say in it.
 */

#include "tools/commands.h"
#include "tools/common/errors.h"
#include "tools/common/output.h"
#include "sealmem.h"
#include "tools/probe/settings.h"
#include "lib/util.h"
#include "tools/common/verdict.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

/* One for each guarantee, in the order of their bits. */
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
		{ "GIVEN", false },
		{ "BY, OR WHY NOT", true },
		{ "WHAT TO DO", true },
	};
	struct libscols_table *table = table_new(columns, sizeof(columns) / sizeof(*columns));

	for (const struct verdict *v = verdicts; v < verdicts + VERDICTS; v++) {
		bool given = v->error == 0;
		const char *texts[] = { sealmem_guarantee_name(v->guarantee), given ? "yes" : "no",
					given ? v->by : v->why, v->todo };

		table_colour(table_row(table, texts), 1, given ? "green" : "red");
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
		settings_print(value, sizeof(value), &setting);
		(void)table_row(table,
				(const char *const[]){ setting.name, value, setting.effect });
	}
	table_print(table);
}

static struct json_object *describe_verdict(const struct verdict *v)
{
	struct json_object *object = need(json_object_new_object());
	bool given = v->error == 0;

	json_add(object, "name", json_text(sealmem_guarantee_name(v->guarantee)));
	json_add(object, "given", json_boolean(given));
	json_add(object, "by", json_text(given ? v->by : NULL));
	json_add(object, "error", json_text(given ? NULL : strerrorname_np(-v->error)));
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

static void print_json(const struct verdict verdicts[VERDICTS])
{
	struct json_object *answer = answer_new("probe");
	struct json_object *guarantees = json_list(answer, "guarantees");
	struct json_object *settings = json_list(answer, "settings");

	for (size_t i = 0; i < VERDICTS; i++)
		json_append(guarantees, describe_verdict(&verdicts[i]));
	for (size_t i = 0; i < settings_count(); i++)
		json_append(settings, describe_setting(i));
	answer_print(answer);
}

static const char help_text[] =
	"Usage: sealmem probe [--json]\n"
	"Shows which guarantees this machine gives to this process, found by trying each:\n"
	"by what they are given; why they are not, and what to do about it; and the\n"
	"settings that matter.\n"
	"\n"
	"  --json      answer in JSON\n"
	"  -h, --help  print this text\n"
	"\n"
	"Exit status: 0 if every guarantee is given, 1 if one is not, 2 usage or run-time\n"
	"error. A script that needs certain ones asks for them:\n"
	"\n"
	"  sealmem probe --json |\n"
	"      jq -e '.guarantees[] | select(.name == \"ADDRESS\").given'\n";

static int parse(int *json, int argc, char **argv)
{
	const struct option options[] = {
		{ "json", no_argument, json, true },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (c == 'h')
			return help(help_text);
		if (c != 0)
			return complain_of_option("probe", EXIT_FAILED, argv, c);
	}
	return optind < argc ? complain_of_argument("probe", argv[optind]) : GO_ON;
}

static int answer(const struct verdict verdicts[VERDICTS])
{
	for (size_t i = 0; i < VERDICTS; i++)
		if (verdicts[i].error != 0)
			return EXIT_NO;
	return EXIT_YES;
}

int cmd_probe(int argc, char **argv)
{
	struct verdict verdicts[VERDICTS];
	int json = false, code = parse(&json, argc, argv);

	if (code != GO_ON)
		return code;
	find_verdicts(verdicts);
	if (json) {
		print_json(verdicts);
	} else {
		print_guarantees(verdicts);
		(void)puts("");
		print_settings();
	}
	return answer(verdicts);
}
