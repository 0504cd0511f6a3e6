/* SPDX-License-Identifier: MIT */

/*
 * The attacks without the command: a program that needs no library but ours. It can be linked
 * statically, and run as the only program of a kernel that was booted for it. It prints a line for
 * each row, and counts promises: one that held has passed, one that is broken has failed, one that
 * could not be tried is skipped. A line AGAINST for each promise counts the attacks on memory that makes this promise:
 * tests/kernels keeps them.
 *
 * --control runs the control alone, and so shows an attack that no longer works. --with-hwpoison is
 * for a machine that is discarded afterwards.
 */

#include "attack/attack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The attacks that challenge one promise, on victims that make it; and what broke it, whatever it was after. */
struct against {
	struct attack_summary summary;
	unsigned unclear; /* of what counts as broken: the trial itself failed */
};

struct tally {
	struct attack_summary all;
	struct against of[TARGET_COUNT];
};

static size_t count_victims(void)
{
	size_t count = 0;

	while (victim_at(count) != NULL)
		count++;
	return count;
}

static size_t try_columns(struct attack_column *columns, const struct attack_settings *settings)
{
	const struct victim *v;
	size_t count;

	for (count = 0; (v = victim_at(count)) != NULL; count++) {
		struct attack_column *column = &columns[count];

		attack_try_column(column, v, settings);
		(void)printf("%-16s %s%s\n", v->name, v->summary,
			     column->emulated ? ", with an emulated address" : "");
		if (!column->available)
			(void)printf("%-16s not here: %s %s\n", "", column->reason,
				     attack_error_name(column->error));
	}
	return count;
}

/* The promise that a cell is about; TARGET_COUNT if none. */
static enum target challenged(const struct attack *attack, const struct victim *victim,
			      const struct attack_cell *cell)
{
	if (victim_promises(victim, attack->target) || cell->result.outcome == OUTCOME_NO_VERDICT)
		return attack->target;
	if (cell->judgement != JUDGEMENT_BROKEN)
		return TARGET_COUNT;
	return attack->accesses && victim_promises(victim, TARGET_ACCESS) ? TARGET_ACCESS
									  : TARGET_CONTENT;
}

static void count(struct tally *tally, const struct attack *attack,
		  const struct attack_column *column, const struct attack_cell *cell)
{
	enum target target = challenged(attack, column->victim, cell);

	attack_summary_add(&tally->all, column, cell);
	if (target == TARGET_COUNT)
		return;
	attack_summary_add(&tally->of[target].summary, column, cell);
	tally->of[target].unclear +=
		cell->judgement == JUDGEMENT_BROKEN && cell->result.outcome == OUTCOME_NO_VERDICT;
}

static void print_tally(const struct tally *tally)
{
	for (unsigned target = 0; target < TARGET_COUNT; target++) {
		const struct against *against = &tally->of[target];
		const struct attack_summary *of = &against->summary;

		(void)printf("AGAINST %s held %u open %u broken %u unclear %u untried %u\n",
			     attack_target_name(target), of->held, of->by_design,
			     of->broken - against->unclear, against->unclear, of->not_tried);
	}
}

static void try_cell(struct tally *tally, const struct attack *attack,
		     const struct attack_column *column, const struct result *control,
		     const struct attack_settings *settings)
{
	struct attack_cell cell;
	char text[ATTACK_CELL_SIZE];

	attack_try_cell(&cell, attack, column, control, settings);
	count(tally, attack, column, &cell);
	attack_cell_format(text, sizeof(text), &cell);
	(void)printf("  %s: %s", column->victim->name, text);
	if (cell.judgement == JUDGEMENT_BROKEN || cell.result.outcome == OUTCOME_NO_VERDICT)
		(void)printf(" (%s)", cell.result.reason);
}

static void try_row(struct tally *tally, const struct attack *attack,
		    const struct attack_column *columns, size_t n,
		    const struct attack_settings *settings)
{
	struct result control;
	char text[ATTACK_CELL_SIZE];

	attack_try_control(&control, attack, settings);
	attack_result_format(text, sizeof(text), &control);
	(void)printf("%s: %s %s %s", attack->name, text, control.reason,
		     attack_error_name(control.error));
	for (size_t i = 0; i < n; i++)
		if (columns[i].available)
			try_cell(tally, attack, &columns[i], &control, settings);
	(void)putchar('\n');
	(void)fflush(stdout);
}

static bool has_option(char **argv, const char *option)
{
	for (; *argv != NULL; argv++)
		if (strcmp(*argv, option) == 0)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	struct attack_settings settings = ATTACK_SETTINGS;
	struct attack_column *columns = calloc(count_victims() + 1, sizeof(*columns));
	struct tally tally = { 0 };
	const struct attack *attack;
	size_t n;

	(void)argc;
	if (columns == NULL)
		return EXIT_FAILURE;
	settings.dangerous = has_option(argv, "--with-hwpoison");
	n = has_option(argv, "--control") ? 0 : try_columns(columns, &settings);
	for (size_t i = 0; (attack = attack_at(i)) != NULL; i++)
		try_row(&tally, attack, columns, n, &settings);
	(void)printf("* left open by design   ! a broken promise\n");
	print_tally(&tally);
	(void)printf("%u passed, %u failed, %u skipped\n", tally.all.held, tally.all.broken,
		     tally.all.not_tried);
	free(columns);
	return tally.all.broken == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
