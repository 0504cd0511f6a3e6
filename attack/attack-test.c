/* SPDX-License-Identifier: MIT */

/*
 * The battery without the command: a program that needs no library but ours, so that it runs static as
 * the only thing inside a kernel that was booted for it. It prints each row in one line, and counts
 * promises: passed where one held, failed where one was broken, skipped where it could not be tried.
 *
 * --control runs the control alone: is there an attack that no longer works? --with-hwpoison is for a
 * machine that is thrown away afterwards.
 */

#include "attack/attack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 16

struct count {
	unsigned passed, failed, skipped;
};

static size_t try_columns(struct battery_column columns[COLUMNS_MAX],
			  const struct battery_settings *settings)
{
	size_t count = 0;

	for (const struct victim *v; count < COLUMNS_MAX && (v = battery_victim(count)) != NULL;) {
		struct battery_column *column = &columns[count++];

		battery_try_column(column, v, settings);
		(void)printf("%-16s %s%s\n", v->name, v->summary,
			     column->emulated ? ", the address emulated" : "");
		if (!column->given)
			(void)printf("%-16s not here: %s %s\n", "", column->reason,
				     battery_error_name(column->error));
	}
	return count;
}

static const char *mark(enum judgement judgement)
{
	static const char *const marks[] = { "", "", "*", "!" };

	return marks[judgement];
}

static void add(struct count *count, const struct victim *victim, const struct result *result,
		enum judgement judgement)
{
	if (victim->promises == 0)
		return;
	count->passed += judgement == PASSED && result->outcome != NOT_APPLICABLE;
	count->skipped += result->outcome == NOT_APPLICABLE;
	count->failed += judgement == BROKEN;
}

static void try_cell(struct count *count, const struct attack *attack,
		     const struct battery_column *column, const struct result *control,
		     const struct battery_settings *settings)
{
	struct result result;
	enum judgement judgement;
	char text[64];

	battery_try(&result, attack, column->victim, control, settings);
	judgement = battery_judge(attack, column, &result);
	add(count, column->victim, &result, judgement);
	battery_print_result(text, sizeof(text), &result);
	(void)printf("  %s: %s%s", column->victim->name, text, mark(judgement));
	if (judgement == BROKEN || result.outcome == NO_VERDICT)
		(void)printf(" (%s)", result.reason);
}

static void try_row(struct count *count, const struct attack *attack,
		    const struct battery_column *columns, size_t n,
		    const struct battery_settings *settings)
{
	struct result control;
	char text[64];

	battery_try_control(&control, attack, settings);
	battery_print_result(text, sizeof(text), &control);
	(void)printf("%s: %s %s %s", attack->name, text, control.reason,
		     battery_error_name(control.error));
	for (size_t i = 0; i < n; i++)
		if (columns[i].given)
			try_cell(count, attack, &columns[i], &control, settings);
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
	struct battery_settings settings = BATTERY_SETTINGS;
	struct battery_column columns[COLUMNS_MAX];
	struct count count = { 0 };
	const struct attack *attack;
	size_t n;

	(void)argc;
	settings.dangerous = has_option(argv, "--with-hwpoison");
	n = has_option(argv, "--control") ? 0 : try_columns(columns, &settings);
	for (size_t i = 0; (attack = battery_attack(i)) != NULL; i++)
		try_row(&count, attack, columns, n, &settings);
	(void)printf("* left open by design   ! a promise broken\n");
	(void)printf("%u passed, %u failed, %u skipped\n", count.passed, count.failed,
		     count.skipped);
	return count.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
