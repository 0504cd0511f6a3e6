/* SPDX-License-Identifier: MIT */

/*
 * The attacks of all families as one list, and the words for what an attack is after, where it
 * comes from and what it did.
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

const struct attack *attack_at(size_t index)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++) {
		if (index < families[i]->count)
			return &families[i]->attacks[index];
		index -= families[i]->count;
	}
	return NULL;
}

const struct attack *attack_find(const char *name)
{
	const struct attack *attack;

	for (size_t i = 0; (attack = attack_at(i)) != NULL; i++)
		if (strcmp(attack->name, name) == 0)
			return attack;
	return NULL;
}

const struct victim *victim_find(const char *name)
{
	const struct victim *victim;

	for (size_t i = 0; (victim = victim_at(i)) != NULL; i++)
		if (strcmp(victim->name, name) == 0)
			return victim;
	return NULL;
}

const char *attack_target_name(enum target target)
{
	static const char *const names[] = {
		[TARGET_CONTENT] = "content", [TARGET_ADDRESS] = "address",
		[TARGET_SECRECY] = "secrecy", [TARGET_AVAILABILITY] = "availability",
		[TARGET_ACCESS] = "access",   [TARGET_HEAP] = "heap",
	};

	return names[target];
}

const char *attack_vantage_name(enum vantage vantage)
{
	static const char *const names[] = {
		[VANTAGE_SELF] = "self",   [VANTAGE_BEFORE] = "before the seal",
		[VANTAGE_CHILD] = "child", [VANTAGE_SAME_USER] = "same-user process",
		[VANTAGE_ROOT] = "root",
	};

	return names[vantage];
}

const char *attack_outcome_name(enum outcome outcome)
{
	static const char *const names[] = {
		[OUTCOME_HELD] = "held",
		[OUTCOME_NO_SEAL] = "no seal",
		[OUTCOME_FOUND] = "found",
		[OUTCOME_CHANGED] = "CHANGED",
		[OUTCOME_DESTROYED] = "DESTROYED",
		[OUTCOME_HIDDEN] = "HIDDEN",
		[OUTCOME_LEAKED] = "LEAKED",
		[OUTCOME_NOT_APPLICABLE] = "n/a",
		[OUTCOME_NO_VERDICT] = "no verdict",
	};

	return names[outcome];
}

void attack_result_format(char *ret, size_t size, const struct result *result)
{
	bool tells = result->error != 0 &&
		     (result->outcome == OUTCOME_HELD || result->outcome == OUTCOME_NO_SEAL);

	(void)snprintf(ret, size, "%s%s%s", attack_outcome_name(result->outcome), tells ? " " : "",
		       tells ? attack_error_name(result->error) : "");
}
