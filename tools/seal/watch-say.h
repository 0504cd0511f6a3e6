/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_SEAL_WATCH_SAY_H
#define SEALMEM_TOOLS_SEAL_WATCH_SAY_H

#include "outside/outside.h"
#include "tools/seal/watch-decide.h"
#include "tools/seal/watch-pattern.h"

/*
 * The lines of `seal --watch`: what is sealed on standard output, what failed on standard error, or all of it as JSON on
 * standard output. Whoever reads them may be waiting at the gate. So a line is lost when nobody takes it in time.
 */

/* The path of an open file. */
struct program_path {
	char text[4096];
};

struct program_path program_path(int file);

struct watch_line {
	bool json;
	int patience; /* milliseconds */
	pid_t pid;
	const char *program; /* its path */
};

void say_ready(bool json, size_t patterns);
void say_sealed(const struct watch_line *line, const struct outside *process);
/* `reason` is a word for programs and a sentence. */
void say_failure(const struct watch_line *line, enum watch_fate fate, bool partly,
		 const struct refusal_row *reason);

#endif
