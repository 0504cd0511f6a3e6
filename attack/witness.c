/* SPDX-License-Identifier: MIT */

/*
 * What an attack did, found by reading. Every call may succeed and do nothing, or fail after it did what
 * it should not: the errno decides nothing here, the bytes do. They are read through the pointer that
 * the program has, in the program's own process.
 *
 * The pattern is computed wherever it is needed, never stored: what an attacker holds that matches it
 * came out of the memory. The last page is not part of it. It was never written and must read as
 * zeroes: a hole in the file, which an attacker could try to fill.
 */

#include "attack/witness.h"

#include "attack/guard.h"
#include "attack/raw.h"

#include <string.h>
#include <time.h>

/* Eight letters from a to p. The steps of splitmix64: every seed and place gives others. */
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
		return UNREADABLE;
	return look.same ? INTACT : DIFFERENT;
}

enum sight look_at_filled(const struct scene *scene)
{
	return look_until(scene, filled(scene));
}

enum sight look(const struct scene *scene)
{
	return look_until(scene, scene->size / sizeof(uint64_t));
}

/* What became of the bytes. */
static enum outcome read_back(const struct attack *attack, struct scene *scene)
{
	enum sight sight = look(scene);
	bool hidden = sight == UNREADABLE && attack->undo != NULL;

	if (hidden) {
		attack->undo(scene);
		sight = look(scene);
	}
	if (sight == INTACT)
		return hidden ? HIDDEN : HELD;
	/* An attack on the address leaves the old bytes alone, wherever they are now. */
	return sight == UNREADABLE || attack->target == ADDRESS ? DESTROYED : CHANGED;
}

enum outcome witness_say(const struct attack *attack, struct scene *scene)
{
	enum outcome outcome = read_back(attack, scene);

	if (outcome != HELD)
		return outcome;
	if (witness_recognises(scene, scene->loot, scene->stolen))
		return LEAKED;
	return scene->seen;
}
