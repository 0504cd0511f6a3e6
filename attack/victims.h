/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_ATTACK_VICTIMS_H
#define SEALMEM_ATTACK_VICTIMS_H

#include "attack/attack.h"

struct sealmem_region;

/* The memory of a victim, and the handles that its owner keeps. */
struct memory {
	char *data;
	size_t size;
	int fd; /* -1 if there is none */
	struct sealmem_region *region;
	bool emulated;
};

/* Memory that is not sealed. */
extern const struct victim control_shared, control_private;

#endif
