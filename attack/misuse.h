/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_ATTACK_MISUSE_H
#define SEALMEM_ATTACK_MISUSE_H

/*
 * A program with a mistake that an attacker uses, on a new heap of the victim's kind, in a process of its own: the heap
 * may end it.
 */

#include "attack/scan.h"
#include "attack/scene.h"

struct misuse {
	struct scene *scene;
	const struct heap *heap;
	void *handle;
	struct secret secret; /* in the object */
	size_t size;	      /* of each object */
	/* In the order of their addresses, where objects share pages. An object that was freed is NULL. */
	char *before, *object, *after;
	char *freed; /* what `object` was */
	int error;   /* that the act met: a negative errno, or 0 */
	bool harmed; /* the act has changed something, which the heap has to notice */
};

/* The size of the objects: for attack.argument. */
enum { MISUSE_SMALL, MISUSE_LARGE };

/*
 * Makes three objects, closes the heap if the victim's is closed, acts, and goes on as a program does: it frees an
 * object, allocates others, and checks the heap. What the act loads, it reports itself, by saw().
 *
 * The errno that the act met, or -EFAULT if it faulted. 0 with OUTCOME_FOUND seen if the heap noticed: one line that names
 * it, and abort(3). 0 with OUTCOME_CHANGED seen if it did not, although the act has harmed it. -ECHILD if the process
 * ended in another way.
 */
int misuse_try(struct scene *scene, void (*act)(struct misuse *misuse));

/* Frees the object, as its owner does. */
void misuse_free(struct misuse *misuse);

#endif
