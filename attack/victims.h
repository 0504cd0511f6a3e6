/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_ATTACK_VICTIMS_H
#define SEALMEM_ATTACK_VICTIMS_H

#include "attack/attack.h"

struct sealmem_heap;
struct sealmem_region;

/* The memory of a victim, and the handles that its owner keeps. */
struct memory {
	char *data;
	size_t size;
	int fd; /* -1 if there is none */
	struct sealmem_region *region;
	struct sealmem_heap *heap;
	unsigned guarantees; /* of the victim */
	bool emulated;
};

/* How objects come and go. All but new() take what new() made. */
struct heap {
	int (*new)(void **ret, unsigned guarantees);
	void *(*alloc)(void *heap, size_t size);
	void (*dealloc)(void *heap, void *object);
	int (*check)(void *heap);
	int (*close)(void *heap);
	int (*open)(void *heap);
};

/* Before the owner looks at its memory, or uses it. */
void memory_reveal(const struct memory *memory);

/* Memory that is not sealed. */
extern const struct victim control_shared, control_private;

#endif
