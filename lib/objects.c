/* SPDX-License-Identifier: MIT */

/*
 * The objects of this process as the loader mapped them: the program, the shared objects, the loader
 * itself. One question decides what may be sealed, and the loader does not answer it: can dlclose(3)
 * unmap this one? A sealed mapping that somebody means to unmap would stay, at an address that the loader
 * believes to be free.
 *
 * What was loaded before the program began is never unmapped. The loader keeps its objects in the
 * order of their loading: the program, what was preloaded, what those need, and behind all that what came
 * by dlopen(3). So everything up to the last object that one of the first needs was there at the start.
 * Names are compared as the loader does it. A name that we fail to match leaves an object unsealed, and
 * never the other way round.
 */

#include "lib/objects.h"

#include "lib/util.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

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

/* Loaders write the address over the offset where they can, but not all of them and not everywhere. */
uintptr_t object_address(const struct object *object, uintptr_t value)
{
	return value < object->bias ? object->bias + value : value;
}

bool object_is_vdso(const struct object *object)
{
	uintptr_t vdso = getauxval(AT_SYSINFO_EHDR);

	for (size_t i = 0; vdso != 0 && i < object->header_count; i++)
		if (object->headers[i].p_type == PT_LOAD)
			return object->bias + object->headers[i].p_vaddr == vdso;
	return false;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static void read_dynamic(struct object *object)
{
	uintptr_t value;

	for (size_t i = 0; i < object->header_count; i++)
		if (object->headers[i].p_type == PT_DYNAMIC)
			object->dynamic = (const void *)(object->bias + object->headers[i].p_vaddr);
	if (object_has(object, DT_STRTAB, &value))
		object->strings = (const char *)object_address(object, value);
	if (object->strings != NULL && object_has(object, DT_SONAME, &value))
		object->name = object->strings + value;
	else
		object->name = last_part(object->path);
}

static int count_object(struct dl_phdr_info *info, size_t size, void *count)
{
	(void)info;
	(void)size;
	++*(size_t *)count;
	return 0;
}

struct filling {
	struct objects *objects;
	size_t room;
};

static int add_object(struct dl_phdr_info *info, size_t size, void *data)
{
	struct filling *filling = data;
	struct object *object = &filling->objects->list[filling->objects->count];

	(void)size;
	if (filling->objects->count == filling->room)
		return -EAGAIN;
	*object = (struct object){
		.path = info->dlpi_name != NULL ? info->dlpi_name : "",
		.bias = info->dlpi_addr,
		.headers = info->dlpi_phdr,
		.header_count = info->dlpi_phnum,
	};
	read_dynamic(object);
	filling->objects->count++;
	return 0;
}

static int find_once(struct objects *ret)
{
	struct filling filling = { .objects = ret };
	int err;

	(void)dl_iterate_phdr(count_object, &filling.room);
	ret->count = 0;
	ret->list =
		filling.room <= OBJECTS_FEW ? ret->few : calloc(filling.room, sizeof(*ret->list));
	if (ret->list == NULL)
		return -ENOMEM;
	err = dl_iterate_phdr(add_object, &filling);
	if (err < 0)
		objects_free(ret);
	return err;
}

/* Another thread may load one between the counting and the filling. */
int objects_find(struct objects *ret)
{
	int err;

	do
		err = find_once(ret);
	while (err == -EAGAIN);
	return err;
}

void objects_free(struct objects *objects)
{
	if (objects->list != objects->few)
		free(objects->list);
	objects->list = NULL;
}

/* The loader takes the first one of that name. */
static size_t find_needed(const struct objects *objects, const char *needed)
{
	const char *file = last_part(needed);
	size_t i = 0;

	while (i < objects->count && strcmp(objects->list[i].name, file) != 0)
		i++;
	if (i < objects->count)
		return i;
	for (i = 0; i < objects->count; i++)
		if (strcmp(last_part(objects->list[i].path), file) == 0)
			break;
	return i;
}

/* The place in the list of what the object needs, from the entry *next of its dynamic section on. */
static bool next_needed(const struct objects *objects, const struct object *object, size_t *next,
			size_t *ret)
{
	if (object->dynamic == NULL || object->strings == NULL)
		return false;
	for (; object->dynamic[*next].d_tag != DT_NULL; ++*next) {
		if (object->dynamic[*next].d_tag != DT_NEEDED)
			continue;
		*ret = find_needed(objects,
				   object->strings + object->dynamic[(*next)++].d_un.d_val);
		if (*ret < objects->count)
			return true;
		--*next;
	}
	return false;
}

static bool is_loader(const struct object *object)
{
	uintptr_t loader = getauxval(AT_BASE);

	return loader != 0 && object->bias == loader;
}

void objects_choose_first(struct objects *objects)
{
	size_t last = 0, found;

	for (size_t i = 0; i < objects->count; i++)
		if (is_loader(&objects->list[i]))
			last = i;
	for (size_t i = 0; i <= last && i < objects->count; i++) {
		size_t next = 0;

		objects->list[i].chosen = !object_is_vdso(&objects->list[i]);
		while (next_needed(objects, &objects->list[i], &next, &found))
			last = found > last ? found : last;
	}
}

static void choose(struct objects *objects, size_t chosen)
{
	size_t next = 0, found;

	if (objects->list[chosen].chosen)
		return;
	objects->list[chosen].chosen = true;
	while (next_needed(objects, &objects->list[chosen], &next, &found))
		choose(objects, found);
}

void objects_choose_from(struct objects *objects, const ElfW(Dyn) * dynamic)
{
	for (size_t i = 0; i < objects->count; i++)
		if (objects->list[i].dynamic == dynamic)
			choose(objects, i);
}

/* SEALMEM_IMAGE_EXCLUDE() writes these: what is excluded begins so many bytes from the field. */
#define NOTE_NAME "sealmem"
#define NOTE_TYPE 1
struct exclusion {
	int64_t distance;
	uint64_t size;
};

/* Name and contents are padded to four bytes, whatever the alignment of the segment says but for eight. */
static size_t padded(size_t size, size_t align)
{
	align = align == 8 ? 8 : 4;
	return (size + align - 1) & ~(align - 1);
}

static bool read_exclusion(const ElfW(Nhdr) * note, const char *contents, uintptr_t *start,
			   uintptr_t *end)
{
	struct exclusion exclusion;

	if (note->n_type != NOTE_TYPE || note->n_namesz != sizeof(NOTE_NAME) ||
	    note->n_descsz != sizeof(exclusion) ||
	    memcmp(note + 1, NOTE_NAME, sizeof(NOTE_NAME)) != 0)
		return false;
	memcpy(&exclusion, contents, sizeof(exclusion));
	*start = (uintptr_t)contents + (uintptr_t)exclusion.distance;
	*end = *start + exclusion.size;
	return true;
}

/* The exclusion number `wanted` of a segment of notes, or how many there are. */
static bool find_exclusion(const struct object *object, const ElfW(Phdr) * segment, size_t *wanted,
			   uintptr_t *start, uintptr_t *end)
{
	const char *at = (const char *)(object->bias + segment->p_vaddr);
	const char *last = at + segment->p_memsz;

	while ((size_t)(last - at) >= sizeof(ElfW(Nhdr))) {
		const ElfW(Nhdr) *note = (const void *)at;
		size_t name = padded(sizeof(*note) + note->n_namesz, segment->p_align);
		size_t size = padded(name + note->n_descsz, segment->p_align);

		if (size > (size_t)(last - at))
			break;
		if (read_exclusion(note, at + name, start, end) && (*wanted)-- == 0)
			return true;
		at += size;
	}
	return false;
}

bool object_next_exclusion(const struct object *object, size_t *next, uintptr_t *start,
			   uintptr_t *end)
{
	size_t wanted = *next;

	for (size_t i = 0; i < object->header_count; i++)
		if (object->headers[i].p_type == PT_NOTE &&
		    find_exclusion(object, &object->headers[i], &wanted, start, end)) {
			++*next;
			return true;
		}
	return false;
}
