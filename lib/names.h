/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_NAMES_H
#define SEALMEM_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* How many memories can have a name at the same time. */
#define NAMES_MAX 512

/* Memory of the library, and the inaccessible pages that belong to it. */
struct names_memory {
	uintptr_t start, end;
	size_t before, after; /* bytes of inaccessible pages */
	bool sealed;
	bool shared; /* a shared mapping, as all regions are */
	bool heap;   /* pieces of memory, with inaccessible pages between them */
	pid_t owner; /* the one process that has it; 0 if its children have it too */
};

/* Remembers a memory and its name, which is copied. Returns what the functions below take, -1 if there is no room. */
int names_add(const struct names_memory *memory, const char *name);

/* The memory has changed. Does nothing for -1, as the next one. */
void names_change(int id, const struct names_memory *memory);

void names_remove(int id);

/* Looks for the memory that an address belongs to: its id, or -1. Safe in a signal handler, also in one that
 * interrupts the functions above. */
int names_find(uintptr_t address, struct names_memory *ret);

/* The name, which lasts as long as the memory is remembered. */
const char *names_text(int id);

#endif
