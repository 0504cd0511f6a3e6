/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_OBJECTS_H
#define SEALMEM_OBJECTS_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A program or shared object that the loader has mapped. The pointers lead into memory of the object and of the
 * loader. They hold for an object that was there from the start, and for one that somebody holds. Another thread can
 * unload any other object at any time.
 */
struct object {
	const char *path; /* "" for the program */
	uintptr_t bias;	  /* where it was loaded, less where it was linked to be */
	const ElfW(Phdr) * headers;
	size_t header_count;
	const ElfW(Dyn) * dynamic; /* NULL if it is linked statically */
	const char *known_as;	   /* a name by which the loader found it, or NULL */
	bool vdso;		   /* the kernel maps this one into every process */
	bool first; /* mapped before the program started: dlclose(3) never unmaps it */
	bool chosen;
};

/* Most programs have fewer than this, and are then spared the allocation. */
#define OBJECTS_FEW 24

struct objects {
	struct object *list; /* in the order in which they were loaded */
	size_t count;
	size_t elsewhere; /* other objects, in other namespaces of the loader */
	struct object few[OBJECTS_FEW];
};

/* Lists the objects of this namespace that are loaded now. glibc shows other namespaces from 2.35 on. -ENOMEM. */
int objects_find(struct objects *ret);

void objects_free(struct objects *objects);

/* The dynamic section of the object that `object` needs by that name, or NULL. */
typedef const ElfW(Dyn) * objects_resolver(const struct object *object, const char *name);

/* Asks the loader. The object that needs it is held. */
objects_resolver objects_ask_loader;

/* Sets `first` and `chosen` for those that were mapped before the program started. -ENOENT if a needed object is not
 * found, or this library is in another namespace of the loader than the program. */
int objects_choose_first(struct objects *objects, objects_resolver *resolve);

/*
 * Chooses the object with this dynamic section, which is held, and the objects that it needs, but none that was there
 * from the start. -ENOENT if one of them is not in the list.
 */
int objects_choose_loaded(struct objects *objects, const ElfW(Dyn) * dynamic,
			  objects_resolver *resolve);

/* A reference to an object that dlopen(3) loaded. Until it is released, nobody unloads the object or what it needs. */
struct object_reference {
	void *handle;
	const struct link_map *map;
};

/* For a handle of dlopen(3). -EINVAL if it is none. -ENOENT if the loader does not find the object by its name in this
 * namespace. */
int object_hold(struct object_reference *ret, void *handle);

/* From now on the object stays, whatever dlclose(3) is told. The reference is given up. */
void object_keep(struct object_reference *reference);

void object_release(const struct object_reference *reference);

/*
 * Runs it while no other thread of this process loads or unloads an object, forks, or is in here. It calls nothing of
 * the loader but dl_iterate_phdr(3).
 */
int objects_locked(int (*run)(void *argument), void *argument);

/* Whether there is an entry `tag` in the dynamic section, and its value. */
bool object_has(const struct object *object, ElfW(Sxword) tag, uintptr_t *ret);

/* The address that an entry points at. */
uintptr_t object_address(const struct object *object, uintptr_t value);

/* The pages that the object asks to leave alone. *next is 0 at first. Returns false after the last. */
bool object_next_exclusion(const struct object *object, size_t *next, uintptr_t *start,
			   uintptr_t *end);

/* Whether the linker has marked it to be sealed as a whole (-z memory-seal). */
bool object_asks_for_seal(const struct object *object);

#endif
