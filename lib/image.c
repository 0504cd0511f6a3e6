/* SPDX-License-Identifier: MIT */

/*
 * Sealing the program itself: code, constants, and what the loader made read-only after it had filled in
 * the addresses (RELRO: the GOT, tables of functions, constructors).
 *
 * mseal(2) over RELRO is not enough. Its pages are private copies of a file's; MADV_DONTNEED throws the
 * copies away, sealed or not, and the file's come back, without the addresses. So their bytes move to a
 * sealed memfd that takes their place. One file serves all objects: what is spent per object is one
 * mmap(2) and one mseal(2), for this happens whenever a program is started. Code and constants are the
 * file's own bytes, which is what comes back, so their address is all that has to be sealed; unless a
 * relocation was written to them, or the caller minds /proc/PID/mem.
 *
 * All that can fail for want of something is done before the first page is replaced.
 */

#include "sealmem.h"

#include "lib/maps.h"
#include "lib/memfd.h"
#include "lib/address.h"
#include "lib/objects.h"
#include "lib/util.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#define IMAGE_FLAGS (SEALMEM_IMAGE_DEEP | SEALMEM_IMAGE_VDSO | SEALMEM_IMAGE_TRY)

enum kind { TEXT, READ_ONLY, RELRO, VDSO };

/* Pages that are sealed together. */
struct part {
	uintptr_t start, end;
	const struct object *object;
	enum kind kind;
	bool content;	/* the bytes are sealed as well */
	bool in_place;	/* and the mapping that is there has seen to it */
	off_t position; /* of the bytes, in the file */
};

struct image {
	unsigned flags;
	bool address;
	struct objects objects;
	struct part *parts; /* those of one object together and in order */
	size_t part_count, part_room;
	int fd;
	struct sealmem_image_report report;
	struct part few[4 * OBJECTS_FEW];
};

static void new_image(struct image *ret, unsigned flags)
{
	ret->flags = flags;
	ret->objects.list = NULL;
	ret->parts = ret->few;
	ret->part_room = sizeof(ret->few) / sizeof(*ret->few);
	ret->part_count = 0;
	ret->fd = -1;
	ret->report = (struct sealmem_image_report){ 0 };
}

static void free_image(struct image *image)
{
	objects_free(&image->objects);
	if (image->parts != image->few)
		free(image->parts);
	(void)close_fd(image->fd);
}

/* The loader rounds so, too: what does not fill a page is shared with data that stay writable. */
static uintptr_t page_floor(uintptr_t address)
{
	return address & ~(page_size() - 1);
}

static int make_room(struct image *image)
{
	size_t room = 2 * image->part_room;
	struct part *larger = calloc(room, sizeof(*larger));

	if (larger == NULL)
		return -ENOMEM;
	memcpy(larger, image->parts, image->part_count * sizeof(*larger));
	if (image->parts != image->few)
		free(image->parts);
	image->parts = larger;
	image->part_room = room;
	return 0;
}

/* RELRO lies behind the constants; its header is not always behind theirs. */
static int add_part(struct image *image, struct part part)
{
	int err = image->part_count < image->part_room ? 0 : make_room(image);
	struct part *at;

	if (err < 0)
		return err;
	at = image->parts + image->part_count++;
	for (; at > image->parts && at[-1].object == part.object && at[-1].start > part.start; at--)
		at[0] = at[-1];
	*at = part;
	return 0;
}

/* The part less what the object excludes, whole pages. */
static int add_parts(struct image *image, const struct object *object, struct part part)
{
	uintptr_t start, end, first = UINTPTR_MAX, last = 0;
	struct part rest = part;
	int err;

	if (part.start >= part.end)
		return 0;
	for (size_t next = 0; object_next_exclusion(object, &next, &start, &end);) {
		start = page_floor(start);
		end = page_round_up(end);
		if (start < part.end && end > part.start && start < first) {
			first = start;
			last = end;
		}
	}
	if (last == 0)
		return add_part(image, part);
	part.end = first;
	rest.start = last;
	err = part.start < part.end ? add_part(image, part) : 0;
	return err < 0 ? err : add_parts(image, object, rest);
}

/* Such code was written to, and is brought back unrelocated like RELRO. */
static bool has_text_relocations(const struct object *object)
{
	uintptr_t flags;

	return object_has(object, DT_TEXTREL, &flags) ||
	       (object_has(object, DT_FLAGS, &flags) && flags & DF_TEXTREL);
}

static int add_segment(struct image *image, const struct object *object, const ElfW(Phdr) * header)
{
	uintptr_t start = object->bias + header->p_vaddr;
	struct part part = { .start = page_floor(start), .object = object };

	if (header->p_type == PT_GNU_RELRO) {
		part.end = page_floor(start + header->p_memsz);
		part.kind = RELRO;
		part.content = true;
	} else if (header->p_type == PT_LOAD && !(header->p_flags & PF_W)) {
		part.end = page_round_up(start + header->p_memsz);
		part.kind = header->p_flags & PF_X ? TEXT : READ_ONLY;
		part.content = image->flags & SEALMEM_IMAGE_DEEP || has_text_relocations(object);
	}
	return add_parts(image, object, part);
}

static bool has_exclusion(const struct object *object)
{
	uintptr_t start, end;
	size_t next = 0;

	return object_next_exclusion(object, &next, &start, &end);
}

/* Of functions that are looked up at their first call, the loader stores the addresses later. */
static bool has_writable_got(const struct object *object)
{
	const ElfW(Rela) * first; /* like ElfW(Rel), it begins with the place */
	uintptr_t relocations, slot;

	if (!object_has(object, DT_JMPREL, &relocations))
		return false;
	first = (const void *)object_address(object, relocations);
	slot = object->bias + first->r_offset;
	for (size_t i = 0; i < object->header_count; i++) {
		const ElfW(Phdr) *header = &object->headers[i];

		if (header->p_type == PT_GNU_RELRO && slot >= object->bias + header->p_vaddr &&
		    slot < page_floor(object->bias + header->p_vaddr + header->p_memsz))
			return false;
	}
	return true;
}

static int add_object(struct image *image, const struct object *object)
{
	int err = 0;

	image->report.objects++;
	image->report.lazy += has_writable_got(object);
	image->report.excluding += has_exclusion(object);
	for (size_t i = 0; i < object->header_count && err == 0; i++)
		err = add_segment(image, object, &object->headers[i]);
	return err;
}

static int add_objects(struct image *image)
{
	int err = 0;

	for (size_t i = 0; i < image->objects.count && err == 0; i++) {
		const struct object *object = &image->objects.list[i];

		if (object->chosen)
			err = add_object(image, object);
		else
			image->report.left += !object_is_vdso(object);
	}
	return err;
}

static bool is_kernels(const char *name)
{
	return strcmp(name, "[vdso]") == 0 || strncmp(name, "[vvar", 5) == 0;
}

static int add_vdso(struct image *image)
{
	CLEANUP(maps_close) struct maps maps = { .fd = -1 };
	struct maps_entry entry;
	int err = maps_open(&maps);

	while (err == 0 && (err = maps_next(&maps, &entry)) > 0) {
		struct part part = { .start = entry.start, .end = entry.end, .kind = VDSO };

		err = is_kernels(entry.name) ? add_part(image, part) : 0;
	}
	return err == -ENOENT || err == -EACCES ? -EOPNOTSUPP : not_given(err);
}

static size_t part_size(const struct part *part)
{
	return part->end - part->start;
}

static void *part_address(const struct part *part)
{
	return (void *)part->start; /* NOLINT: the loader speaks of addresses as numbers */
}

/* Returns the size of the file that is to take the place of the parts. */
static size_t place_contents(struct image *image)
{
	size_t size = 0;

	for (size_t i = 0; i < image->part_count; i++)
		if (image->parts[i].content) {
			image->parts[i].position = (off_t)size;
			size += part_size(&image->parts[i]);
		}
	return size;
}

static int fill_contents(const struct image *image)
{
	int err = 0;

	for (size_t i = 0; i < image->part_count && err == 0; i++) {
		const struct part *part = &image->parts[i];

		if (part->content)
			err = memfd_write(image->fd, part_address(part), part_size(part),
					  (size_t)part->position);
	}
	return err;
}

/*
 * Mapped from the descriptor that wrote it, which saves opening another, where the kernel gives that. It is asked
 * elsewhere first: on old ones a refusal comes when the pages that were to be replaced are gone.
 */
static int choose_descriptor(struct image *image)
{
	memfd_try_writer(image->fd);
	return memfd_writer_will_do() ? 0 : memfd_make_readonly(&image->fd);
}

static int copy_contents(struct image *image)
{
	size_t size = place_contents(image);
	int err;

	if (size == 0)
		return 0;
	image->fd = memfd_new("image", size);
	if (image->fd < 0)
		return image->fd;
	err = fill_contents(image);
	if (err == 0)
		err = memfd_seal(image->fd);
	if (err == 0)
		err = choose_descriptor(image);
	return err == 0 ? memfd_check(image->fd) : err;
}

static int protection_of(const struct part *part)
{
	return part->kind == TEXT ? PROT_READ | PROT_EXEC : PROT_READ;
}

static int map_over(const struct image *image, const struct part *part, int flags)
{
	void *same;

	return sys_mmap_part(&same, part_address(part), part_size(part), protection_of(part),
			     flags | MAP_FIXED, image->fd, part->position);
}

/* Sealed by an earlier call, or by somebody who sealed private pages: then their bytes never can be. */
static int check_sealed_before(const struct part *part)
{
	CLEANUP(maps_close) struct maps maps = { .fd = -1 };
	struct maps_entry entry;
	int err = maps_open(&maps);

	while (err == 0 && (err = maps_next(&maps, &entry)) > 0) {
		if (entry.start <= part->start && entry.end >= part->end)
			return entry.shared && strstr(entry.name, MEMFD_PREFIX "image") ? 0
											: -EPERM;
		err = 0;
	}
	return err < 0 ? err : -ENOMEM;
}

/* Every kernel refuses with EPERM where the pages are sealed already. */
static int replace_part(struct image *image, struct part *part)
{
	int err = map_over(image, part, MAP_SHARED | MAP_POPULATE);

	if (err == -EPERM && address_is_sealed(part_address(part))) {
		err = check_sealed_before(part);
		part->in_place = err == 0;
		return err;
	}
	return not_given(err);
}

/* Back to private pages with the same bytes. What mseal(2) has sealed meanwhile stays as it is. */
static int go_back(const struct image *image, size_t count)
{
	int err = 0;

	for (size_t i = 0; i < count; i++) {
		const struct part *part = &image->parts[i];

		if (part->content && !part->in_place && map_over(image, part, MAP_PRIVATE) < 0 &&
		    sys_mapped(part_address(part), part_size(part)) < 0)
			err = -ENOTRECOVERABLE;
	}
	return err;
}

static int replace_contents(struct image *image)
{
	for (size_t i = 0; i < image->part_count; i++) {
		struct part *part = &image->parts[i];
		int err = part->content ? replace_part(image, part) : 0;
		bool lost = err < 0 && err != -EPERM;

		if (err < 0)
			return go_back(image, lost ? i + 1 : i) < 0 ? -ENOTRECOVERABLE : err;
	}
	return 0;
}

/* The next parts that lie side by side. */
static struct sealmem_extent next_extent(const struct image *image, size_t *next)
{
	const struct part *first = &image->parts[(*next)++];
	uintptr_t end = first->end;

	while (*next < image->part_count && image->parts[*next].start == end)
		end = image->parts[(*next)++].end;
	return (struct sealmem_extent){ part_address(first), end - first->start };
}

static int seal_addresses(const struct image *image)
{
	struct sealmem_extent extents[SEALMEM_EXTENTS_MAX];
	int err = 0;

	for (size_t next = 0; next < image->part_count && err == 0;) {
		size_t count = 0;

		while (next < image->part_count && count < SEALMEM_EXTENTS_MAX)
			extents[count++] = next_extent(image, &next);
		err = address_seal_many(extents, count);
	}
	return err;
}

static int seal_parts(struct image *image)
{
	int err = copy_contents(image);

	if (err == 0)
		err = replace_contents(image);
	if (err < 0)
		return err;
	err = image->address ? seal_addresses(image) : 0;
	if (err < 0 && go_back(image, image->part_count) < 0)
		return -ENOTRECOVERABLE;
	return err;
}

/* What holds for a kind of page is what holds for each of them. */
static void write_report(struct image *image, struct sealmem_image_report *ret)
{
	struct sealmem_image_pages *all[] = { &image->report.text, &image->report.read_only,
					      &image->report.relro, &image->report.vdso };

	for (size_t i = 0; i < image->part_count; i++) {
		const struct part *part = &image->parts[i];
		unsigned given = (part->content ? SEALMEM_CONTENT : 0) |
				 (image->address ? SEALMEM_ADDRESS : 0);
		struct sealmem_image_pages *pages = all[part->kind];

		pages->guarantees = pages->size == 0 ? given : pages->guarantees & given;
		pages->size += part_size(part);
	}
	if (ret != NULL)
		*ret = image->report;
}

static int check_demand(struct image *image)
{
	int err;

	if (image->flags & ~IMAGE_FLAGS)
		return -EINVAL;
	err = address_given();
	image->address = err == 0;
	return image->flags & SEALMEM_IMAGE_TRY && err == -EOPNOTSUPP ? 0 : err;
}

static int seal_chosen(struct image *image, struct sealmem_image_report *ret)
{
	int err = add_objects(image);

	if (err == 0 && image->flags & SEALMEM_IMAGE_VDSO && image->address)
		err = add_vdso(image);
	if (err == 0)
		err = seal_parts(image);
	if (err == 0)
		write_report(image, ret);
	return err;
}

EXPORT int sealmem_seal_image(unsigned flags, struct sealmem_image_report *ret)
{
	CLEANUP(free_image) struct image image;
	int err;

	new_image(&image, flags);
	err = check_demand(&image);
	if (err == 0)
		err = objects_find(&image.objects);
	if (err < 0)
		return err;
	objects_choose_first(&image.objects);
	return seal_chosen(&image, ret);
}

/* A program that is linked statically has no loader, and should not be given one by us. */
#pragma weak dlopen
#pragma weak dlclose
#pragma weak dlinfo

/*
 * By the name that the loader has for it. The loader answers when no other thread is loading, so the
 * object is complete.
 */
static int pin(const struct object *object)
{
	void *handle = dlopen(object->path, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);

	if (handle == NULL)
		return -ENOENT;
	(void)dlclose(handle);
	return 0;
}

/* What was there at the start has no need of it. */
static int pin_chosen(struct image *image)
{
	int err = 0;

	for (size_t i = 0; i < image->objects.count && err == 0; i++)
		if (image->objects.list[i].chosen)
			err = pin(&image->objects.list[i]);
	return err;
}

/* Both in one list: what was there at the start is then taken out again. */
static void choose_loaded(struct objects *objects, const ElfW(Dyn) * dynamic)
{
	objects_choose_first(objects);
	for (size_t i = 0; i < objects->count; i++)
		objects->list[i].first = objects->list[i].chosen;
	objects_choose_from(objects, dynamic);
	for (size_t i = 0; i < objects->count; i++)
		objects->list[i].chosen &= !objects->list[i].first;
}

EXPORT int sealmem_seal_loaded(void *handle, unsigned flags, struct sealmem_image_report *ret)
{
	CLEANUP(free_image) struct image image;
	struct link_map *map = NULL;
	int err;

	new_image(&image, flags);
	err = handle != NULL && dlinfo != NULL ? check_demand(&image) : -EINVAL;
	if (err < 0)
		return err;
	if (dlinfo(handle, RTLD_DI_LINKMAP, &map) < 0)
		return -EINVAL;
	err = objects_find(&image.objects);
	if (err < 0)
		return err;
	choose_loaded(&image.objects, map->l_ld);
	err = pin_chosen(&image);
	return err < 0 ? err : seal_chosen(&image, ret);
}
