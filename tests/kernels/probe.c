/* SPDX-License-Identifier: MIT */

/*
 * `sealmem probe` on a kernel: what the command says of each guarantee, held against what a region gets that demands
 * it, and its exit status against both. That a kernel lacks a guarantee is no failure of the command; to say so where
 * it is given, or not to say so where it is not, is one. So a guarantee counts as passed where it is given, as
 * skipped where it is not, with the reason that people read; and as failed where the two disagree. Where it advises to
 * allow the emulation of mseal(2), that has to be possible.
 */

#include "include/sealmem.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct count {
	unsigned passed, failed, skipped;
	bool lacks_address, advises_emulation;
};

static bool is_given(unsigned guarantee)
{
	unsigned demanded = guarantee | (guarantee == SEALMEM_SECRECY ? 0 : SEALMEM_CONTENT);
	struct sealmem_region *region = NULL;
	int err = sealmem_region_new_from(&region, "probe", "x", 1, demanded);

	(void)sealmem_region_free(region);
	return err == 0;
}

static unsigned guarantee_named(const char *name)
{
	for (unsigned bit = 1; bit <= SEALMEM_GUARANTEES; bit <<= 1)
		if (strcmp(sealmem_guarantee_name(bit), name) == 0)
			return bit;
	return 0;
}

/* A row of the command's table: a guarantee, "yes" or "no", by what or why not. */
static unsigned judge_row(struct count *count, char *row)
{
	char name[16], answer[8], reason[160] = "";
	unsigned guarantee;
	bool said;

	if (sscanf(row, "%15s %7s %159[^\n]", name, answer, reason) < 2)
		return 0;
	guarantee = guarantee_named(name);
	if (guarantee == 0)
		return 0;
	said = strcmp(answer, "yes") == 0;
	if (said != is_given(guarantee)) {
		count->failed++;
		printf("FAIL %s: it says %s, and that is wrong\n", name, answer);
	} else if (said) {
		count->passed++;
	} else {
		count->skipped++;
		printf("SKIP %s: %s\n", name, reason);
	}
	return guarantee;
}

static unsigned judge_rows(struct count *count, FILE *rows)
{
	unsigned judged = 0;
	char *row = NULL, *advice;
	size_t size = 0, width = 0;

	while (getline(&row, &size, rows) > 0) {
		(void)fputs(row, stdout);
		count->lacks_address |= strncmp(row, "ADDRESS   no", 12) == 0;
		count->advises_emulation |= strstr(row, "sealmem_allow_emulation") != NULL;
		advice = strstr(row, "WHAT TO DO");
		if (advice != NULL)
			width = (size_t)(advice - row);
		else if (width < strlen(row))
			row[width] = '\0';
		judged |= judge_row(count, row);
	}
	free(row);
	return judged;
}

static FILE *start(const char *command, pid_t *ret)
{
	int ends[2];

	if (pipe(ends) < 0)
		return NULL;
	*ret = fork();
	if (*ret == 0) {
		(void)dup2(ends[1], STDOUT_FILENO);
		(void)execl(command, command, "probe", (char *)NULL);
		_exit(127);
	}
	(void)close(ends[1]);
	return fdopen(ends[0], "r");
}

static bool ended_with(pid_t pid, int expected)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return false;
	if (WIFEXITED(status) && WEXITSTATUS(status) == expected)
		return true;
	printf("FAIL the wait status is %#x, not exit status %d\n", (unsigned)status, expected);
	return false;
}

/* At the end, because it changes what this process gets. */
static void judge_advice(struct count *count)
{
	bool possible = count->lacks_address && sealmem_allow_emulation() == 0;

	if (count->advises_emulation == possible)
		return;
	count->failed++;
	printf("FAIL it %s to allow the emulation of mseal(2)\n",
	       possible ? "does not advise" : "advises");
}

int main(int argc, char **argv)
{
	struct count count = { 0 };
	pid_t pid = -1;
	FILE *rows;

	setvbuf(stdout, NULL, _IOLBF, 0);
	rows = argc == 2 ? start(argv[1], &pid) : NULL;
	if (rows == NULL) {
		(void)fprintf(stderr, "usage: probe COMMAND\n");
		return 2;
	}
	if (judge_rows(&count, rows) != SEALMEM_GUARANTEES) {
		count.failed++;
		printf("FAIL not every guarantee has a row\n");
	}
	if (!ended_with(pid, count.skipped > 0 ? 1 : 0))
		count.failed++;
	judge_advice(&count);
	printf("%u passed, %u failed, %u skipped\n", count.passed, count.failed, count.skipped);
	return count.failed == 0 ? 0 : 1;
}
