/* SPDX-License-Identifier: MIT */

/*
 * What somebody requires of a process, for an exit status. The words are those of the other tables, and this file
 * looks them up there: a rule can require a new kind, guarantee or flag without a new line here. A rule is strict
 * where it could be silent: it does not allow what is unknown, and a rule that names mappings by a pattern is
 * broken by a process that has none of them.
 *
 * A rule only reads the row that it judges, and keeps no count. So it can be asked in any order, and as often as one
 * likes; the counting is in report.c.
 */

#include "audit/rules.h"

#include "audit/flags.h"
#include "audit/lines.h"
#include "audit/process.h"
#include "include/sealmem.h"

#include "lib/util.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

static bool is_word(const char *text, size_t length, const char *word)
{
	return strlen(word) == length && strncmp(text, word, length) == 0;
}

static unsigned kinds_called(const char *text, size_t length)
{
	if (is_word(text, length, "any"))
		return (1u << KIND_COUNT) - 1;
	for (unsigned kind = 0; kind < KIND_COUNT; kind++)
		if (is_word(text, length, kind_rows[kind].name))
			return 1u << kind;
	return 0;
}

static unsigned guarantee_called(const char *text, size_t length)
{
	for (unsigned bit = 1; bit <= SEALMEM_GUARANTEES; bit <<= 1)
		if (is_word(text, length, sealmem_guarantee_name(bit)))
			return bit;
	return 0;
}

static const char *parse_flag(struct rule *rule, const char *text)
{
	const char *word = text + strlen("no-");

	for (unsigned flag = 0; flag < FLAG_COUNT; flag++) {
		if (strcmp(word, flag_rows[flag].word) != 0)
			continue;
		rule->flags = 1u << flag | flag_rows[flag].doubts;
		rule->needs = flag_rows[flag].needs;
		return NULL;
	}
	return "no such flag";
}

static const char *parse_guarantees(struct rule *rule, const char *words)
{
	for (;;) {
		size_t length = strcspn(words, ",");
		unsigned guarantee = guarantee_called(words, length);

		if (guarantee == 0)
			return "no such guarantee";
		rule->guarantees |= guarantee;
		if (words[length] == '\0')
			return NULL;
		words += length + 1;
	}
}

/* Splits at the last colon, because a pattern may have some. */
static const char *parse_kind(struct rule *rule, const char *text)
{
	const char *colon = strrchr(text, ':');
	size_t length = strcspn(text, "=:");

	if (colon == NULL)
		return "neither no-FLAG nor KIND:GUARANTEE";
	rule->kinds = kinds_called(text, length);
	if (rule->kinds == 0)
		return "no such kind of mapping";
	if (rule->kinds & 1u << KIND_RELRO)
		rule->flags = 1u << FLAG_relro_unknown;
	rule->needs = NEED_ALL;
	if (text[length] == '=')
		rule->pattern = strndup(text + length + 1, (size_t)(colon - text) - length - 1);
	return parse_guarantees(rule, colon + 1);
}

static bool is_of_flag(const char *text)
{
	return begins_with(text, "no-");
}

static bool has_pattern(const char *text)
{
	return !is_of_flag(text) && text[strcspn(text, "=:")] == '=';
}

static bool is_of_kind(const char *text)
{
	return !is_of_flag(text) && !has_pattern(text);
}

/* Every text fits one of them. */
const struct rule_form rule_forms[RULE_FORM_COUNT] = {
	{ "KIND:GUARANTEE[,GUARANTEE]...", "mappings of this kind have these", is_of_kind,
	  parse_kind },
	{ "KIND=PATTERN:GUARANTEE[,GUARANTEE]...", "the same by name, and one must match",
	  has_pattern, parse_kind },
	{ "no-FLAG", "no mapping has this flag", is_of_flag, parse_flag },
};

static const struct rule_form *form_of(const char *text)
{
	const struct rule_form *form = rule_forms;

	while (!form->fits(text))
		form++;
	return form;
}

const struct rule_form *rule_form_of(const struct rule *rule)
{
	return form_of(rule->text);
}

static void free_rule(struct rule *rule)
{
	free(rule->text);
	free(rule->pattern);
}

static bool has_rule(const struct rules *rules, const char *text)
{
	for (size_t i = 0; i < rules->count; i++)
		if (strcmp(rules->rows[i].text, text) == 0)
			return true;
	return false;
}

int rules_add(struct rules *rules, const char *text, const char **ret_fault)
{
	CLEANUP(free_rule) struct rule rule = { .text = strdup(text) };
	struct rule *more = reallocarray(rules->rows, rules->count + 1, sizeof(*more));
	const char *fault;

	if (more == NULL)
		return -ENOMEM;
	rules->rows = more;
	if (has_rule(rules, text))
		return 0;
	fault = form_of(text)->parse(&rule, text);
	if (fault != NULL) {
		*ret_fault = fault;
		return -EINVAL;
	}
	if (rule.text == NULL || (strchr(text, '=') != NULL && rule.pattern == NULL))
		return -ENOMEM;
	more[rules->count++] = rule;
	rule = (struct rule){ 0 };
	return 0;
}

void rules_free(struct rules *rules)
{
	for (size_t i = 0; i < rules->count; i++)
		free_rule(&rules->rows[i]);
	free(rules->rows);
	*rules = (struct rules){ 0 };
}

bool rule_is_about(const struct rule *rule, const struct memory *memory)
{
	return (rule->kinds & 1u << memory->kind) &&
	       (rule->pattern == NULL || fnmatch(rule->pattern, memory->name, 0) == 0);
}

bool rule_allows(const struct rule *rule, const struct memory *memory)
{
	if (memory->flags & rule->flags)
		return false;
	return !rule_is_about(rule, memory) ||
	       (memory->guarantees & rule->guarantees) == rule->guarantees;
}

bool rule_needs_match(const struct rule *rule)
{
	return rule->pattern != NULL;
}
