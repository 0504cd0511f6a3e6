/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_AUDIT_RULES_H
#define SEALMEM_AUDIT_RULES_H

#include "audit/memory.h"

#include <stddef.h>

struct rule;

/* How a rule is written. A new form is a row in rules.c: the help and every answer follow. */
struct rule_form {
	const char *usage, *meaning;
	bool (*fits)(const char *text);
	/* Returns what is wrong with the text, or NULL. */
	const char *(*parse)(struct rule *rule, const char *text);
};

#define RULE_FORM_COUNT 3
extern const struct rule_form rule_forms[RULE_FORM_COUNT];

struct rule {
	char *text;
	char *pattern;	     /* of names, or NULL */
	unsigned kinds;	     /* 1 << enum kind */
	unsigned guarantees; /* that memory of these kinds must have */
	unsigned flags;	     /* 1 << enum flag; that no memory may have, of these kinds or not */
	unsigned needs;	     /* what process_read() has to find out for it */
};

struct rules {
	struct rule *rows;
	size_t count;
};

/* A rule that is there already is not added again. -EINVAL if the text is no rule; *ret_fault, a static text, then says why. -ENOMEM. */
int rules_add(struct rules *rules, const char *text, const char **ret_fault);

void rules_free(struct rules *rules);

const struct rule_form *rule_form_of(const struct rule *rule);

/* Whether the rule demands guarantees of this memory. */
bool rule_is_about(const struct rule *rule, const struct memory *memory);

/* Whether the memory is as the rule demands. If that is unknown, it is not. */
bool rule_allows(const struct rule *rule, const struct memory *memory);

/* Whether the rule demands that there is memory that it is about. */
bool rule_needs_match(const struct rule *rule);

#endif
