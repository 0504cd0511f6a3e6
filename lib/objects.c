/* SPDX-License-Identifier: MIT */

/*
 * The objects of this process as the loader mapped them: the program, the shared objects, the loader
 * itself. One question decides whether an object may be sealed, and the loader does not answer it: can
 * dlclose(3) unmap this object? A sealed mapping that somebody means to unmap would stay, at an address
 * that the loader believes to be free.
 *
 * An object that was loaded before the program started is never unmapped. The loader keeps its objects
 * in the order of their loading: the program, the preloaded objects, the objects that those need, and
 * after all of them the objects that dlopen(3) loaded. So everything up to the last object that one of
 * the first needs was loaded at the start. Two objects can have one name, and one object can have several.
 * So nobody but the loader is asked which object a name stands for: it remembers under which names it
 * loaded each.
 *
 * Other threads load and unload meanwhile. While dl_iterate_phdr(3) calls, glibc holds the lock without
 * which no object is added to its list, or unmapped. Whatever is read of an object that may go is read then.
 * No function that loads may be called then, because a thread that loads has its locks in the other order.
 */

#include "lib/objects.h"

#include "lib/fork-gate.h"
#include "lib/notes.h"
#include "lib/util.h"

#include <dlfcn.h>
#include <elf.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

/* A program that is linked statically has no loader, and we should not bring one. */
#pragma weak dlopen
#pragma weak dlclose
#pragma weak dlinfo

/* A program that has no regions may lack the gate: see lib/trial.c. */
#pragma weak fork_gate_enter
#pragma weak fork_gate_leave

bool object_has(const struct object *object, ElfW(Sxword) tag, uintptr_t *ret)
{
	for (const ElfW(Dyn) *entry = object->dynamic; entry != NULL && entry->d_tag != DT_NULL;
	     entry++)
		if (entry->d_tag == tag) {
			*ret = entry->d_un.d_val;
			return true;
		}
	return false;
}

/* Some loaders replace the offset by the address, where they can, but not all of them and not
 * everywhere. */
uintptr_t object_address(const struct object *object, uintptr_t value)
{
	return value < object->bias ? object->bias + value : value;
}

struct errand {
	int (*run)(void *argument);
	void *argument;
	int answer;
};

/* musl calls without a lock. There it is ours that keeps two of us apart; and ThreadSanitizer knows of no lock but
 * ours. */
static int run_errand(struct dl_phdr_info *info, size_t size, void *data)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct errand *errand = data;

	(void)info;
	(void)size;
	(void)pthread_mutex_lock(&lock);
	errand->answer = errand->run(errand->argument);
	(void)pthread_mutex_unlock(&lock);
	return 1;
}

/* The lock of the loader is recursive, and every copy of this library in the process has the same. A child that is
 * forked meanwhile would find it locked for ever, so the gate comes first. */
int objects_locked(int (*run)(void *argument), void *argument)
{
	struct errand errand = { run, argument, -EOPNOTSUPP };

	if (fork_gate_enter != NULL)
		fork_gate_enter();
	(void)dl_iterate_phdr(run_errand, &errand);
	if (fork_gate_enter != NULL)
		fork_gate_leave();
	return errand.answer;
}

static bool is_vdso(const struct dl_phdr_info *info)
{
	uintptr_t vdso = getauxval(AT_SYSINFO_EHDR);

	for (size_t i = 0; vdso != 0 && i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD)
			return info->dlpi_addr + info->dlpi_phdr[i].p_vaddr == vdso;
	return false;
}

static const ElfW(Dyn) * find_dynamic(const struct dl_phdr_info *info)
{
	for (size_t i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
			return (const void *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
	return NULL;
}

struct listing {
	struct objects *objects;
	size_t room, seen;
};

static int list_object(struct dl_phdr_info *info, size_t size, void *data)
{
	struct listing *listing = data;
	struct objects *objects = listing->objects;

	(void)size;
	if (listing->seen++ >= listing->room)
		return 0;
	objects->list[objects->count++] = (struct object){
		.path = info->dlpi_name != NULL ? info->dlpi_name : "",
		.bias = info->dlpi_addr,
		.headers = info->dlpi_phdr,
		.header_count = info->dlpi_phnum,
		.dynamic = find_dynamic(info),
		.vdso = is_vdso(info),
	};
	return 0;
}

/* What glibc 2.35 and later keep for debuggers. DT_DEBUG of the program leads to the first; the others exist
 * only where the version says so. */
struct namespace
{
	struct r_debug debug;
	const struct namespace *next;
};

static const struct namespace *first_namespace(const struct objects *objects)
{
	uintptr_t value;
	const struct namespace *first;

	if (objects->count == 0 || !object_has(&objects->list[0], DT_DEBUG, &value) || value == 0)
		return NULL;
	first = (const void *)value;
	return first->debug.r_version >= 2 ? first : NULL;
}

static size_t find_dynamic_in(const struct objects *objects, const ElfW(Dyn) * dynamic)
{
	size_t i = 0;

	while (i < objects->count && objects->list[i].dynamic != dynamic)
		i++;
	return i;
}

/* The loader is in every namespace, and so is what one shares with another. */
static size_t count_elsewhere(const struct objects *objects)
{
	size_t count = 0;

	for (const struct namespace *n = first_namespace(objects); n != NULL; n = n->next)
		for (const struct link_map *map = n->debug.r_map; map != NULL; map = map->l_next)
			count += find_dynamic_in(objects, map->l_ld) == objects->count;
	return count;
}

static int list_all(void *argument)
{
	struct listing *listing = argument;

	listing->seen = listing->objects->count = 0;
	(void)dl_iterate_phdr(list_object, listing);
	if (listing->seen > listing->room)
		return -EAGAIN;
	listing->objects->elsewhere = count_elsewhere(listing->objects);
	return 0;
}

/* Under the lock of the loader nothing is allocated, so there has to be room before. */
int objects_find(struct objects *ret)
{
	struct listing listing = { .objects = ret, .room = OBJECTS_FEW };
	int err;

	ret->list = ret->few;
	while ((err = objects_locked(list_all, &listing)) == -EAGAIN) {
		listing.room = listing.seen + OBJECTS_FEW;
		objects_free(ret);
		ret->list = calloc(listing.room, sizeof(*ret->list));
		if (ret->list == NULL)
			return -ENOMEM;
	}
	return err;
}

void objects_free(struct objects *objects)
{
	if (objects->list != objects->few)
		free(objects->list);
	objects->list = NULL;
}

/* The path of the object, of which the directory is its $ORIGIN. */
static const char *path_of(const struct object *object)
{
	const char *program = (const char *)getauxval(AT_EXECFN);

	return object->path[0] != '\0' || program == NULL ? object->path : program;
}

/* The loader would take $ORIGIN for the directory of this library. Other words with $ are the same for all. */
static const char *expand(const struct object *object, const char *name, char ret[PATH_MAX])
{
	static const char *const words[] = { "$ORIGIN", "${ORIGIN}" };
	const char *path = path_of(object), *slash = strrchr(path, '/');

	for (size_t i = 0; i < sizeof(words) / sizeof(*words) && slash != NULL; i++) {
		size_t length = strlen(words[i]);

		if (strncmp(name, words[i], length) == 0 &&
		    snprintf(ret, PATH_MAX, "%.*s%s", (int)(slash - path), path, name + length) <
			    PATH_MAX)
			return ret;
	}
	return name;
}

static const struct link_map *map_of(void *handle)
{
	struct link_map *map = NULL;

	return dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 ? map : NULL;
}

/* Loads nothing. */
static void *refer(const char *name, int mode)
{
	return dlopen != NULL ? dlopen(name, RTLD_LAZY | RTLD_NOLOAD | mode) : NULL;
}

/* The first object in the list of the loader that has the name: the one that it took when it loaded the object that
 * needs it, and that cannot go before that. */
const ElfW(Dyn) * objects_ask_loader(const struct object *object, const char *name)
{
	char expanded[PATH_MAX];
	void *handle = refer(expand(object, name, expanded), 0);
	const struct link_map *map;

	if (handle == NULL)
		return NULL;
	map = map_of(handle);
	(void)dlclose(handle);
	return map != NULL ? map->l_ld : NULL;
}

/* Each name is resolved once. */
static int find_needed(struct objects *objects, const struct object *object, const char *name,
		       objects_resolver *resolve, size_t *ret)
{
	const ElfW(Dyn) * dynamic;

	for (size_t i = 0; i < objects->count; i++)
		if (objects->list[i].known_as != NULL &&
		    strcmp(objects->list[i].known_as, name) == 0) {
			*ret = i;
			return 0;
		}
	dynamic = resolve(object, name);
	*ret = dynamic != NULL ? find_dynamic_in(objects, dynamic) : objects->count;
	if (*ret == objects->count)
		return -ENOENT;
	if (strchr(name, '/') == NULL)
		objects->list[*ret].known_as = name;
	return 0;
}

/* The place in the list of what the object needs, from the entry *next of its dynamic section on: 1 and the place, 0
 * after the last one, or -ENOENT. */
static int next_needed(struct objects *objects, const struct object *object, size_t *next,
		       objects_resolver *resolve, size_t *ret)
{
	const char *strings;
	uintptr_t value;
	int err;

	if (!object_has(object, DT_STRTAB, &value))
		return 0;
	strings = (const char *)object_address(object, value);
	while (object->dynamic[*next].d_tag != DT_NULL) {
		const ElfW(Dyn) *entry = &object->dynamic[(*next)++];

		if (entry->d_tag != DT_NEEDED)
			continue;
		err = find_needed(objects, object, strings + entry->d_un.d_val, resolve, ret);
		return err < 0 ? err : 1;
	}
	return 0;
}

static bool is_loader(const struct object *object)
{
	uintptr_t loader = getauxval(AT_BASE);

	return loader != 0 && object->bias == loader;
}

/* What the object needs was loaded at the start, too, and so was everything before that. */
static int reach(struct objects *objects, const struct object *object, objects_resolver *resolve,
		 size_t *last)
{
	size_t next = 0, found;
	int err;

	while ((err = next_needed(objects, object, &next, resolve, &found)) > 0)
		*last = found > *last ? found : *last;
	return err;
}

/* In another namespace of the loader (dlmopen(3)), everything can be unloaded. */
static bool is_program(const struct object *object)
{
	return object->path[0] == '\0' || (uintptr_t)object->headers == getauxval(AT_PHDR);
}

int objects_choose_first(struct objects *objects, objects_resolver *resolve)
{
	size_t last = 0;
	int err = objects->count > 0 && is_program(&objects->list[0]) ? 0 : -ENOENT;

	for (size_t i = 0; i < objects->count; i++)
		if (is_loader(&objects->list[i]))
			last = i;
	for (size_t i = 0; i <= last && i < objects->count && err == 0; i++) {
		struct object *object = &objects->list[i];

		object->first = object->chosen = !object->vdso;
		if (!object->vdso)
			err = reach(objects, object, resolve, &last);
	}
	return err;
}

static int choose(struct objects *objects, size_t chosen, objects_resolver *resolve)
{
	size_t next = 0, found;
	int err;

	if (objects->list[chosen].chosen || objects->list[chosen].first)
		return 0;
	objects->list[chosen].chosen = true;
	while ((err = next_needed(objects, &objects->list[chosen], &next, resolve, &found)) > 0) {
		err = choose(objects, found, resolve);
		if (err < 0)
			break;
	}
	return err;
}

int objects_choose_loaded(struct objects *objects, const ElfW(Dyn) * dynamic,
			  objects_resolver *resolve)
{
	size_t found = find_dynamic_in(objects, dynamic);

	for (size_t i = 0; i < objects->count; i++)
		objects->list[i].chosen = false;
	return found < objects->count ? choose(objects, found, resolve) : -ENOENT;
}

/* Another object can have the name: one of this namespace, if the handle is of another. */
int object_hold(struct object_reference *ret, void *handle)
{
	const struct link_map *map = handle != NULL && dlinfo != NULL ? map_of(handle) : NULL;

	if (map == NULL)
		return -EINVAL;
	*ret = (struct object_reference){ refer(map->l_name, 0), map };
	if (ret->handle != NULL && map_of(ret->handle) == map)
		return 0;
	object_release(ret);
	ret->handle = NULL;
	return -ENOENT;
}

/* What a program closes too often would go in spite of a reference, so the object is marked. If the mark fails, out of
 * memory, the reference has to do. */
void object_keep(struct object_reference *reference)
{
	void *marked = refer(reference->map->l_name, RTLD_NODELETE);

	if (marked == NULL)
		reference->handle = NULL;
	else
		(void)dlclose(marked);
}

void object_release(const struct object_reference *reference)
{
	if (reference->handle != NULL)
		(void)dlclose(reference->handle);
}

static struct notes notes_of(const struct object *object, const ElfW(Phdr) * segment)
{
	return (struct notes){
		.bytes = (const unsigned char *)(object->bias + segment->p_vaddr),
		.size = segment->p_memsz,
		.align = segment->p_align,
		.word = sizeof(void *),
		.big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__,
	};
}

/* The exclusion number `wanted` of a segment of notes, or how many there are. */
static bool find_exclusion(const struct object *object, const ElfW(Phdr) * segment, size_t *wanted,
			   uintptr_t *start, uintptr_t *end)
{
	struct notes notes = notes_of(object, segment);
	int64_t distance;
	struct note note;
	uint64_t size;

	while (notes_next(&notes, &note)) {
		if (!note_excludes(&notes, &note, &distance, &size) || (*wanted)-- > 0)
			continue;
		*start = (uintptr_t)note.contents + (uintptr_t)distance;
		*end = *start + (uintptr_t)size;
		return true;
	}
	return false;
}

static bool find_mutable(const struct object *object, const ElfW(Phdr) * segment, size_t *wanted,
			 uintptr_t *start, uintptr_t *end)
{
	if ((*wanted)-- > 0)
		return false;
	*start = object->bias + segment->p_vaddr;
	*end = *start + segment->p_memsz;
	return true;
}

bool object_next_exclusion(const struct object *object, size_t *next, uintptr_t *start,
			   uintptr_t *end)
{
	size_t wanted = *next;

	for (size_t i = 0; i < object->header_count; i++) {
		const ElfW(Phdr) *header = &object->headers[i];

		if ((header->p_type == PT_NOTE &&
		     find_exclusion(object, header, &wanted, start, end)) ||
		    (segment_is_mutable(header->p_type) &&
		     find_mutable(object, header, &wanted, start, end))) {
			++*next;
			return true;
		}
	}
	return false;
}

bool object_asks_for_seal(const struct object *object)
{
	struct note note;

	for (size_t i = 0; i < object->header_count; i++) {
		struct notes notes = notes_of(object, &object->headers[i]);

		if (object->headers[i].p_type != PT_NOTE)
			continue;
		while (notes_next(&notes, &note))
			if (note_asks_for_seal(&notes, &note))
				return true;
	}
	return false;
}
