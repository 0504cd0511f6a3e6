/* SPDX-License-Identifier: MIT */

/*
 * The witness finds what an attack did, by reading. A call may succeed and do nothing, or fail
 * after it has done harm. So the bytes decide, not the errno. They are read through the pointer
 * that the program has, in the program's own process.
 *
 * The pattern is computed wherever it is needed and never stored: if an attacker holds bytes that
 * match it, they came out of the memory. The last page has no pattern. Nobody has written to it, so
 * it must read as zeroes. It is a hole in the file, which an attacker could try to fill.
 */

#include "attack/witness.h"

#include "attack/guard.h"
#include "attack/raw.h"

#include <string.h>
#include <time.h>

/* Eight letters from a to p, by the steps of splitmix64: each seed and place gives other
 * letters. */
static uint64_t pattern(uint64_t seed, size_t word)
{
	uint64_t x = seed + (word + 1) * 0x9e3779b97f4a7c15u;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return (x & 0x0f0f0f0f0f0f0f0fu) + 0x6161616161616161u;
}

/* In words of the pattern. */
static size_t filled(const struct scene *scene)
{
	return (scene->size - scene->page) / sizeof(uint64_t);
}

uint64_t witness_seed(void)
{
	uint64_t seed = 0;
	struct timespec now;

	if (attempt(SYS_getrandom, &seed, sizeof(seed), 0) == sizeof(seed))
		return seed;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_nsec ^ (uint64_t)getpid() << 32;
}

void witness_fill(const struct scene *scene)
{
	uint64_t *words = (uint64_t *)(void *)scene->data;

	for (size_t i = 0; i < filled(scene); i++)
		words[i] = pattern(scene->seed, i);
}

bool witness_recognises(const struct scene *scene, const char *bytes, size_t size)
{
	const size_t enough = 4;
	uint64_t word;

	if (size < enough * sizeof(word))
		return false;
	for (size_t i = 0; i < enough; i++) {
		memcpy(&word, bytes + i * sizeof(word), sizeof(word));
		if (word != pattern(scene->seed, i))
			return false;
	}
	return true;
}

struct look {
	const struct scene *scene;
	size_t end;
	bool same;
};

static void compare(void *argument)
{
	struct look *look = argument;
	const volatile uint64_t *words = (const volatile uint64_t *)(const void *)look->scene->data;
	size_t i;

	look->same = true;
	for (i = 0; i < filled(look->scene); i++)
		if (words[i] != pattern(look->scene->seed, i))
			look->same = false;
	for (; i < look->end; i++)
		if (words[i] != 0)
			look->same = false;
}

static enum sight look_until(const struct scene *scene, size_t end)
{
	struct look look = { .scene = scene, .end = end };

	if (guarded(compare, &look) < 0)
		return SIGHT_UNREADABLE;
	return look.same ? SIGHT_INTACT : SIGHT_DIFFERENT;
}

enum sight look_at_filled(const struct scene *scene)
{
	return look_until(scene, filled(scene));
}

enum sight look(const struct scene *scene)
{
	return look_until(scene, scene->size / sizeof(uint64_t));
}

/* The fate of the bytes. */
static enum outcome read_back(const struct attack *attack, struct scene *scene)
{
	enum sight sight = look(scene);
	bool hidden = sight == SIGHT_UNREADABLE && attack->undo != NULL;

	if (hidden) {
		attack->undo(scene);
		sight = look(scene);
	}
	if (sight == SIGHT_INTACT)
		return hidden ? OUTCOME_HIDDEN : OUTCOME_HELD;
	/* An attack on the address does not touch the old bytes, wherever they are now. */
	return sight == SIGHT_UNREADABLE || attack->target == TARGET_ADDRESS ? OUTCOME_DESTROYED
									     : OUTCOME_CHANGED;
}

/* Of an object that was freed only a leak counts. */
enum outcome witness_say(const struct attack *attack, struct scene *scene)
{
	enum outcome outcome = scene->victim->gone ? OUTCOME_HELD : read_back(attack, scene);

	if (outcome != OUTCOME_HELD)
		return outcome;
	if (witness_recognises(scene, scene->loot, scene->stolen))
		return OUTCOME_LEAKED;
	return scene->seen;
}
