/* SPDX-License-Identifier: MIT */

/*
 * A program that the tests link in every way there is, and seal while it runs. It answers lines on standard input:
 * "answer" with a number that is always the same, "try" with what an intruder can do to it, a line for each act.
 */

#include "tests/outside/acts.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A child inherits the seals, and can lose what it attacks. */
static int try_in_child(enum part part, enum act act)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(act_try(part, act));
	(void)waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void try_all(void)
{
	for (int part = 0; part < PARTS; part++)
		for (int act = 0; act < ACTS; act++) {
			int found = try_in_child((enum part)part, (enum act)act);

			(void)printf("%s of %s: %s\n", act_names[act], part_names[part],
				     found < 0			   ? "lost"
				     : (found & ~ACT_CHANGED) == 0 ? "done"
				     : found & ACT_CHANGED	   ? "changed"
								   : "refused");
		}
}

int main(void)
{
	char line[64];

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (strcmp(line, "try\n") == 0)
			try_all();
		(void)printf("%lu\n", act_compute());
	}
	return 0;
}
