/* SPDX-License-Identifier: MIT */

/*
 * The judgement says what an outcome means for a promise. It is made once, when the outcome is
 * known, and stored beside it. So the table, the Markdown, the JSON and the exit status cannot
 * disagree.
 */

#include "attack/attack.h"

#include <stdio.h>

static unsigned gaps_of(const struct attack_column *column)
{
	unsigned gaps = GAP_ANY;

	if (column->emulated)
		gaps |= GAP_EMULATED;
	if (column->victim->filtered)
		gaps |= GAP_FILTERED;
	if (victim_promises(column->victim, TARGET_ACCESS))
		gaps |= GAP_CLOSED;
	return gaps;
}

/* Changed bytes break the promise of CONTENT, also when the attack was after something else. */
static bool promised(const struct attack *attack, const struct victim *victim, enum outcome outcome)
{
	return victim_promises(victim, attack->target) ||
	       (outcome == OUTCOME_CHANGED && victim_promises(victim, TARGET_CONTENT)) ||
	       (attack->accesses && victim_promises(victim, TARGET_ACCESS));
}

enum judgement attack_judge(const struct attack *attack, const struct attack_column *column,
			    const struct result *result)
{
	switch (result->outcome) {
	case OUTCOME_HELD:
	case OUTCOME_NO_SEAL:
	case OUTCOME_FOUND:
	case OUTCOME_NOT_APPLICABLE:
		return JUDGEMENT_PASSED;
	case OUTCOME_NO_VERDICT:
		return column->victim->promises != 0 ? JUDGEMENT_BROKEN : JUDGEMENT_UNPROMISED;
	default:
		if (!promised(attack, column->victim, result->outcome))
			return JUDGEMENT_UNPROMISED;
		return attack->gaps & gaps_of(column) ? JUDGEMENT_BY_DESIGN : JUDGEMENT_BROKEN;
	}
}

void attack_try_cell(struct attack_cell *ret, const struct attack *attack,
		     const struct attack_column *column, const struct result *control,
		     const struct attack_settings *settings)
{
	attack_try(&ret->result, attack, column->victim, control, settings);
	ret->judgement = attack_judge(attack, column, &ret->result);
}

const char *attack_judgement_mark(enum judgement judgement)
{
	static const char *const marks[] = {
		[JUDGEMENT_PASSED] = "",
		[JUDGEMENT_UNPROMISED] = "",
		[JUDGEMENT_BY_DESIGN] = "*",
		[JUDGEMENT_BROKEN] = "!",
	};

	return marks[judgement];
}

void attack_cell_format(char *ret, size_t size, const struct attack_cell *cell)
{
	char text[ATTACK_CELL_SIZE - 1];

	attack_result_format(text, sizeof(text), &cell->result);
	(void)snprintf(ret, size, "%s%s", text, attack_judgement_mark(cell->judgement));
}

void attack_summary_add(struct attack_summary *summary, const struct attack_column *column,
			const struct attack_cell *cell)
{
	bool tried = cell->result.outcome != OUTCOME_NOT_APPLICABLE;

	if (column->victim->promises == 0)
		return;
	summary->not_tried += !tried;
	summary->held += tried && cell->judgement == JUDGEMENT_PASSED;
	summary->unpromised += cell->judgement == JUDGEMENT_UNPROMISED;
	summary->by_design += cell->judgement == JUDGEMENT_BY_DESIGN;
	summary->broken += cell->judgement == JUDGEMENT_BROKEN;
}
