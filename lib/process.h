/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_PROCESS_H
#define SEALMEM_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Which process something belongs to. */
struct process {
	uint64_t memory; /* which address space, of those that fork(2) made of one another */
	pid_t id;
};

struct process process_this(void);

/* A number of the memory of this process, and another one in a child that has a copy: without a system call, where the
 * kernel clears a page in children. */
uint64_t process_memory(void);

/* Whether this process has the memory of that one, and is no child that was given a copy of it. */
bool process_has_memory_of(const struct process *process);

/* Whether this is that process, and not one that shares its memory either (vfork(2), CLONE_VM). */
bool process_is(const struct process *process);

#endif
