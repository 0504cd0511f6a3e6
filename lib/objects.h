/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_OBJECTS_H
#define SEALMEM_OBJECTS_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A program or shared object that the loader has mapped. What it points at belongs to the loader. */
struct object {
	const char *path; /* "" for the program */
	uintptr_t bias;	  /* where it was loaded, less where it was linked to be */
	const ElfW(Phdr) * headers;
	size_t header_count;
	const ElfW(Dyn) * dynamic; /* NULL if it is linked statically */
	const char *strings;
	const char *name; /* by which others need it */
	bool chosen, first;
};

/* Most programs have fewer than this, and are then spared the allocation. */
#define OBJECTS_FEW 24

struct objects {
	struct object *list; /* in the order in which they were loaded */
	size_t count;
	struct object few[OBJECTS_FEW];
};

/* Those that are loaded now. -ENOMEM. */
int objects_find(struct objects *ret);

void objects_free(struct objects *objects);

/* Chooses what was mapped before the program began. dlclose(3) never unmaps that. */
void objects_choose_first(struct objects *objects);

/* Chooses the object with this dynamic section, and what it needs. */
void objects_choose_from(struct objects *objects, const ElfW(Dyn) * dynamic);

/* Whether there is an entry `tag` in the dynamic section, and its value. */
bool object_has(const struct object *object, ElfW(Sxword) tag, uintptr_t *ret);

/* The address of what an entry points at. */
uintptr_t object_address(const struct object *object, uintptr_t value);

/* What the kernel maps into every process: it is listed as an object. */
bool object_is_vdso(const struct object *object);

/* The pages that the object asks to be left alone. *next is 0 at first. Returns false after the last. */
bool object_next_exclusion(const struct object *object, size_t *next, uintptr_t *start,
			   uintptr_t *end);

#endif
