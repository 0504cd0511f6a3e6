/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TESTS_OUTSIDE_VICTIM_H
#define SEALMEM_TESTS_OUTSIDE_VICTIM_H

/*
 * A process that is sealed from outside: a child of the test, which does what it is told, and says what came of it. What
 * somebody inside of it could do is tried in children of its own, which inherit the seals: so it stays as it is.
 */

#include "tests/outside/acts.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct victim {
	pid_t pid;
	int to, from; /* pipes */
};

struct outcome {
	int err; /* 0 if the act was done, or its errno */
	bool intact;
};

/* Set in `begin`: it never waits for an order, and does this all the time. */
extern void (*victim_meanwhile)(void);

/* Starts one. `begin` runs in it first, if it is not NULL. */
struct victim victim_start(void (*begin)(void *argument), void *argument);

/* Has it try the act. */
struct outcome victim_try(const struct victim *victim, enum part part, enum act act);

/* What it computes, by calls through its relocated data: the same number every time. */
unsigned long victim_answer(const struct victim *victim);

/* Runs `act` in it, and returns what that returns. */
long victim_run(const struct victim *victim, long (*act)(void));

/* Ends it, and fails the test if it ended otherwise before. */
void victim_end(const struct victim *victim);

#endif
