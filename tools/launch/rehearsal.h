/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_LAUNCH_REHEARSAL_H
#define SEALMEM_TOOLS_LAUNCH_REHEARSAL_H

#include <stdbool.h>
#include <stddef.h>

/* What is rehearsed. */
struct rehearsal {
	const char *loader; /* the path that the program names */
	int program;	    /* a descriptor that is open for reading */
	const char *object; /* in LD_PRELOAD */
};

/* Stores what the loader, with the environment of this process, would load into the program: as ldd(1) prints it, with
 * a name at the beginning of each line. */
void rehearse_all(const struct rehearsal *rehearsal, char *answer, size_t size);

/* Whether the loader, with the environment of this process, loads the object into the program. If not, stores
 * the reason that the loader gives. */
bool rehearse(const struct rehearsal *rehearsal, char *reason, size_t size);

#endif
