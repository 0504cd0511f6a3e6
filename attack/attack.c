/* SPDX-License-Identifier: MIT */

/*
 * The tables of the battery as one: the attacks of all families in a row, the words for what they do
 * and find, and what a finding means for a promise.
 */

#include "attack/attack.h"

#include "attack/families.h"

#include <stdio.h>
#include <string.h>

static const struct family *const families[] = {
#define FAMILY_ROW(name) &family_##name,
	FAMILIES(FAMILY_ROW)
#undef FAMILY_ROW
};

const struct attack *battery_attack(size_t index)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++) {
		if (index < families[i]->count)
			return &families[i]->attacks[index];
		index -= families[i]->count;
	}
	return NULL;
}

const struct attack *battery_find_attack(const char *name)
{
	const struct attack *attack;

	for (size_t i = 0; (attack = battery_attack(i)) != NULL; i++)
		if (strcmp(attack->name, name) == 0)
			return attack;
	return NULL;
}

const struct victim *battery_find_victim(const char *name)
{
	const struct victim *victim;

	for (size_t i = 0; (victim = battery_victim(i)) != NULL; i++)
		if (strcmp(victim->name, name) == 0)
			return victim;
	return NULL;
}

const char *battery_target_name(enum target target)
{
	static const char *const names[] = {
		[CONTENT] = "content",
		[ADDRESS] = "address",
		[SECRECY] = "secrecy",
		[AVAILABILITY] = "availability",
	};

	return names[target];
}

const char *battery_vantage_name(enum vantage vantage)
{
	static const char *const names[] = {
		[SELF] = "self",   [BEFORE] = "before the seal",
		[CHILD] = "child", [SAME_USER] = "same-user process",
		[ROOT] = "root",
	};

	return names[vantage];
}

const char *battery_outcome_name(enum outcome outcome)
{
	static const char *const names[] = {
		[HELD] = "held",	   [NO_SEAL] = "no seal",	[CHANGED] = "CHANGED",
		[DESTROYED] = "DESTROYED", [HIDDEN] = "HIDDEN",		[LEAKED] = "LEAKED",
		[NOT_APPLICABLE] = "n/a",  [NO_VERDICT] = "no verdict",
	};

	return names[outcome];
}

const char *battery_error_name(int error)
{
	const char *name = error != 0 ? strerrorname_np(-error) : "";

	return name != NULL ? name : "?";
}

void battery_print_result(char *ret, size_t size, const struct result *result)
{
	bool tells = result->error != 0 && (result->outcome == HELD || result->outcome == NO_SEAL);

	(void)snprintf(ret, size, "%s%s%s", battery_outcome_name(result->outcome), tells ? " " : "",
		       tells ? battery_error_name(result->error) : "");
}

static unsigned gaps_of(const struct battery_column *column)
{
	unsigned gaps = GAP_ANY;

	if (column->emulated)
		gaps |= GAP_EMULATED;
	if (column->victim->filtered)
		gaps |= GAP_FILTERED;
	return gaps;
}

/* Whatever an attack was after: other bytes break the promise that they cannot change. */
static bool promised(const struct attack *attack, const struct victim *victim, enum outcome outcome)
{
	return victim->promises & (1u << attack->target) ||
	       (outcome == CHANGED && victim->promises & (1u << CONTENT));
}

enum judgement battery_judge(const struct attack *attack, const struct battery_column *column,
			     const struct result *result)
{
	switch (result->outcome) {
	case HELD:
	case NO_SEAL:
	case NOT_APPLICABLE:
		return PASSED;
	case NO_VERDICT:
		return column->victim->promises != 0 ? BROKEN : UNPROMISED;
	default:
		if (!promised(attack, column->victim, result->outcome))
			return UNPROMISED;
		return attack->gaps & gaps_of(column) ? BY_DESIGN : BROKEN;
	}
}
