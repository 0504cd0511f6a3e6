/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_AUDIT_RULES_H
#define SEALMEM_AUDIT_RULES_H

#include "audit/mapping.h"

/*
 * "KIND:GUARANTEE,GUARANTEE"          every mapping of the kind has the guarantees; "any" is every kind
 * "KIND=PATTERN:GUARANTEE,GUARANTEE"  those whose name matches a shell pattern; one has to
 * "no-FLAG"                           no mapping has the flag
 */
struct rule {
	char *text;
	char *pattern;	     /* or NULL */
	unsigned kinds;	     /* 1 << enum kind */
	unsigned guarantees; /* 0: it is about flags */
	unsigned flags;	     /* 1 << enum flag; of any mapping, not only of these kinds */
	unsigned needs;
	size_t matched; /* mappings that it was applied to */
};

struct rules {
	struct rule *rows;
	size_t count;
};

/* -EINVAL if it is no rule; *ret_fault, a static text, then says why. -ENOMEM. */
int rules_add(struct rules *rules, const char *text, const char **ret_fault);

void rules_free(struct rules *rules);

/* Whether the mapping is as the rule wants it. What is unknown is not. */
bool rule_allows(struct rule *rule, const struct mapping *mapping);

/* Whether the rule names mappings of which there have to be some, and there were none. */
bool rule_missed(const struct rule *rule);

#endif
