/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_AUDIT_WRITERS_H
#define SEALMEM_AUDIT_WRITERS_H

#include "audit/process.h"

/* A part of a file that a mapping can write to. */
struct writer {
	struct file_id file;
	uint64_t start, end; /* in the file */
};

struct writers {
	struct writer *rows;
	size_t count, room;
	bool sorted;
};

/* Adds the shared and writable mappings of a process. -ENOMEM. */
int writers_add(struct writers *writers, const struct process *process);

/* To be called after the last writers_add(): notes at each executable mapping whether its memory is among these. */
void writers_find(struct writers *writers, struct process *process);

void writers_free(struct writers *writers);

#endif
