/* SPDX-License-Identifier: MIT */

/*
 * Seals the program itself: code, constants, and the pages that the loader made read-only after it
 * filled in the addresses (RELRO: the GOT, tables of functions, constructors).
 *
 * mseal(2) over RELRO is not enough. Its pages are private copies of the pages of a file. MADV_DONTNEED
 * drops the copies, sealed or not, and the pages of the file come back, without the addresses. So the
 * bytes of RELRO move to a sealed memfd that takes their place. One file serves all objects, because
 * this happens whenever a program starts: each object costs one mmap(2) and one mseal(2). Code and
 * constants are the bytes of the file itself, and those come back. So only their addresses have to be
 * sealed, unless a relocation was written to them, or the caller is concerned about /proc/PID/mem.
 *
 * Where the linker's mark asks for it (-z memory-seal), the addresses of what the program writes to are sealed as well.
 *
 * Everything that can fail out of a lack of memory, descriptors or mappings is done before the first
 * page is replaced.
 */

#include "include/sealmem.h"

#include "lib/confirm.h"
#include "lib/maps.h"
#include "lib/memfd.h"
#include "lib/address.h"
#include "lib/objects.h"
#include "lib/reason.h"
#include "lib/tracer.h"
#include "lib/util.h"

#include <stdlib.h>
#include <string.h>

#define IMAGE_FLAGS (SEALMEM_IMAGE_DEEP | SEALMEM_IMAGE_VDSO | SEALMEM_IMAGE_TRY)

enum kind { KIND_TEXT, KIND_READ_ONLY, KIND_RELRO, KIND_VDSO, KIND_DATA };

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
	int maps; /* to ask what is mapped in the end, if addresses are sealed */
	struct sys_file file;
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
	ret->maps = -1;
	ret->report = (struct sealmem_image_report){ 0 };
}

static void free_image(struct image *image)
{
	objects_free(&image->objects);
	if (image->parts != image->few)
		free(image->parts);
	(void)close_fd(image->fd);
	(void)close_fd(image->maps);
}

/* The loader rounds in the same way: the rest of a page is shared with data that stay writable. */
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

/* RELRO lies after the constants, but its header does not always come after theirs. */
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

/* The part without the memory that the object excludes, in whole pages. */
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

/* Where the loader has protected what it relocated. Empty if there is nothing. */
static struct part relro_of(const struct object *object)
{
	struct part part = { .object = object, .kind = KIND_RELRO, .content = true };

	for (size_t i = 0; i < object->header_count; i++) {
		const ElfW(Phdr) *header = &object->headers[i];
		uintptr_t start = object->bias + header->p_vaddr;

		if (header->p_type != PT_GNU_RELRO)
			continue;
		part.start = page_floor(start);
		part.end = page_floor(start + header->p_memsz);
	}
	return part;
}

/* What the program writes to, before RELRO and after it. Only the address can be sealed. */
static int add_data(struct image *image, const struct object *object, struct part part)
{
	struct part relro = relro_of(object), before = part, after = part;
	int err;

	part.kind = before.kind = after.kind = KIND_DATA;
	if (relro.start >= relro.end || relro.start >= part.end || relro.end <= part.start)
		return add_parts(image, object, part);
	before.end = relro.start;
	after.start = relro.end;
	err = add_parts(image, object, before);
	return err < 0 ? err : add_parts(image, object, after);
}

/* Such code was written to, and would come back unrelocated, like RELRO. */
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

	if (header->p_type == PT_GNU_RELRO)
		return add_parts(image, object, relro_of(object));
	if (header->p_type != PT_LOAD)
		return 0;
	part.end = page_round_up(start + header->p_memsz);
	if (header->p_flags & PF_W)
		return object_asks_for_seal(object) ? add_data(image, object, part) : 0;
	part.kind = header->p_flags & PF_X ? KIND_TEXT : KIND_READ_ONLY;
	part.content = image->flags & SEALMEM_IMAGE_DEEP || has_text_relocations(object);
	return add_parts(image, object, part);
}

static bool has_exclusion(const struct object *object)
{
	uintptr_t start, end;
	size_t next = 0;

	return object_next_exclusion(object, &next, &start, &end);
}

/* The loader stores the addresses of functions later, if it looks them up at their first call. */
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
	image->report.marked += object_asks_for_seal(object);
	for (size_t i = 0; i < object->header_count && err == 0; i++)
		err = add_segment(image, object, &object->headers[i]);
	return err;
}

static int add_objects(struct image *image)
{
	int err = 0;

	image->report.left = (unsigned)image->objects.elsewhere;
	for (size_t i = 0; i < image->objects.count && err == 0; i++) {
		const struct object *object = &image->objects.list[i];

		if (object->chosen)
			err = add_object(image, object);
		else
			image->report.left += !object->vdso;
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
		struct part part = { .start = entry.start, .end = entry.end, .kind = KIND_VDSO };

		err = is_kernels(entry.name) ? add_part(image, part) : 0;
	}
	return err == -ENOENT || err == -EACCES ? fail_for(REASON_NO_PROC) : not_given(err);
}

static size_t part_size(const struct part *part)
{
	return part->end - part->start;
}

static void *part_address(const struct part *part)
{
	return (void *)part->start; /* NOLINT: the loader speaks of addresses as numbers */
}

/* Returns the size of the file that takes the place of the parts. */
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

/* At once, because each write needs its signal held back. The list is as long as that of the parts. */
static int fill_contents(const struct image *image, struct iovec *pieces)
{
	size_t count = 0;

	for (size_t i = 0; i < image->part_count; i++) {
		const struct part *part = &image->parts[i];

		if (part->content)
			pieces[count++] = (struct iovec){ part_address(part), part_size(part) };
	}
	return reason_for(memfd_write_pieces(image->fd, pieces, count), REASON_BAD_CODE);
}

static int write_contents(const struct image *image)
{
	struct iovec few[4 * OBJECTS_FEW], *pieces = few;
	int err;

	if (image->part_count > sizeof(few) / sizeof(*few))
		pieces = calloc(image->part_count, sizeof(*pieces));
	if (pieces == NULL)
		return -ENOMEM;
	err = fill_contents(image, pieces);
	if (pieces != few)
		free(pieces);
	return err;
}

/*
 * Until the seal, another process can write to the file. It is mapped from the descriptor that wrote it, where the
 * kernel allows that, because it saves opening another. The question is asked here first: when an old kernel refuses, the
 * pages that were to be replaced are already gone.
 */
static int compare_contents(struct image *image, size_t size)
{
	CLEANUP(unmap_scoped) struct scoped_mapping all = { 0 };
	int err = memfd_map_sealed(&image->fd, size, &all);

	if (err < 0)
		return err;
	for (size_t i = 0; i < image->part_count; i++) {
		const struct part *part = &image->parts[i];

		if (part->content && !pages_equal((char *)all.addr + part->position,
						  part_address(part), part_size(part)))
			return fail_for(REASON_CHANGED);
	}
	return 0;
}

/* Whether a debugger has set breakpoints. It could never take them out of sealed code. A program that has patched its
 * code itself is no concern of ours, and what the loader wrote to code is none of a debugger. */
static bool has_breakpoints(const struct image *image)
{
	if (!(image->flags & SEALMEM_IMAGE_DEEP) || tracer_is_there() != 1)
		return false;
	for (size_t i = 0; i < image->part_count; i++) {
		const struct part *part = &image->parts[i];

		if (part->kind == KIND_TEXT && !has_text_relocations(part->object) &&
		    tracer_wrote(part_address(part), part_size(part)))
			return true;
	}
	return false;
}

static int copy_contents(struct image *image)
{
	size_t size = place_contents(image);
	int err;

	if (size == 0)
		return 0;
	if (has_breakpoints(image))
		return fail_for(REASON_BREAKPOINTS);
	image->fd = memfd_new("image", size);
	if (image->fd < 0)
		return image->fd;
	err = write_contents(image);
	if (err == 0)
		err = memfd_seal(image->fd);
	if (err == 0)
		err = compare_contents(image, size);
	return err == 0 ? not_given(sys_file_identity(image->fd, &image->file)) : err;
}

static int protection_of(const struct part *part)
{
	return part->kind == KIND_TEXT ? PROT_READ | PROT_EXEC : PROT_READ;
}

static int map_over(const struct image *image, const struct part *part, int flags)
{
	void *same;

	return sys_mmap_part(&same, part_address(part), part_size(part), protection_of(part),
			     flags | MAP_FIXED, image->fd, part->position);
}

/* An earlier call sealed them, or somebody sealed private pages: then their bytes can never be
 * sealed. */
static int check_sealed_before(const struct part *part)
{
	CLEANUP(maps_close) struct maps maps = { .fd = -1 };
	struct maps_entry entry;
	int err = maps_open(&maps);

	while (err == 0 && (err = maps_next(&maps, &entry)) > 0) {
		if (entry.start <= part->start && entry.end >= part->end)
			return entry.shared && strstr(entry.name, MEMFD_PREFIX "image")
				       ? 0
				       : fail_for(REASON_IMAGE_SEALED);
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

/* Returns to private pages with the same bytes. Pages that mseal(2) has sealed meanwhile stay as
 * they are. */
static int go_back(const struct image *image, size_t count)
{
	int err = 0;

	for (size_t i = 0; i < count; i++) {
		const struct part *part = &image->parts[i];

		if (part->content && !part->in_place && map_over(image, part, MAP_PRIVATE) < 0 &&
		    sys_mapped(part_address(part), part_size(part)) < 0)
			err = fail_for(REASON_ROLL_BACK);
	}
	return err;
}

/* The reason of the failure stays, unless the roll-back fails too. */
static int roll_back(const struct image *image, size_t count, int err)
{
	struct reason_kept why = reason_keep();
	int worse = go_back(image, count);

	if (worse == 0)
		reason_restore(&why);
	return worse < 0 ? worse : err;
}

static int replace_contents(struct image *image)
{
	for (size_t i = 0; i < image->part_count; i++) {
		struct part *part = &image->parts[i];
		int err = part->content ? replace_part(image, part) : 0;
		bool lost = err < 0 && err != -EPERM;

		if (err < 0)
			return roll_back(image, lost ? i + 1 : i, err);
	}
	return 0;
}

/* The next parts that are adjacent. */
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

/* Another thread may have mapped memory of its own over a part before its address was sealed. */
static int confirm_part(const struct image *image, const struct part *part)
{
	const struct expected expected = {
		.addr = part_address(part),
		.size = part_size(part),
		.protection = protection_of(part),
		.file = image->file,
		.offset = (uint64_t)part->position,
	};

	return confirm_final(image->maps, &expected, 1);
}

static int confirm_contents(const struct image *image)
{
	int err = 0;

	for (size_t i = 0; i < image->part_count && err == 0; i++)
		if (image->parts[i].content && !image->parts[i].in_place)
			err = confirm_part(image, &image->parts[i]);
	return err < 0 ? fail_for(REASON_DISPLACED_FOR_GOOD) : 0;
}

/* Two that seal at once would replace the pages of each other. */
static int replace_and_seal(void *argument)
{
	struct image *image = argument;
	int err = replace_contents(image);

	if (err < 0)
		return err;
	err = image->address ? seal_addresses(image) : 0;
	if (err < 0)
		return roll_back(image, image->part_count, err);
	return image->address ? confirm_contents(image) : 0;
}

static int seal_parts(struct image *image)
{
	int err = copy_contents(image);

	return err == 0 ? objects_locked(replace_and_seal, image) : err;
}

/* A kind of page has a guarantee if each of its pages has it. */
static void write_report(struct image *image, struct sealmem_image_report *ret)
{
	struct sealmem_image_pages *all[] = { &image->report.text, &image->report.read_only,
					      &image->report.relro, &image->report.vdso,
					      &image->report.data };

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
		return fail_for(REASON_IMAGE_FLAGS);
	err = address_given();
	if (err == 0)
		err = image->maps = confirm_open();
	image->address = err >= 0;
	return err >= 0 || (image->flags & SEALMEM_IMAGE_TRY && err == -EOPNOTSUPP) ? 0 : err;
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

	reason_forget();
	new_image(&image, flags);
	err = check_demand(&image);
	if (err == 0)
		err = objects_find(&image.objects);
	if (err == 0)
		err = objects_choose_first(&image.objects, objects_ask_loader);
	return err == 0 ? seal_chosen(&image, ret) : err;
}

static int choose_loaded(struct objects *objects, const ElfW(Dyn) * dynamic)
{
	int err = objects_find(objects);

	if (err == 0)
		err = objects_choose_first(objects, objects_ask_loader);
	return err == 0 ? objects_choose_loaded(objects, dynamic, objects_ask_loader) : err;
}

EXPORT int sealmem_seal_loaded(void *handle, unsigned flags, struct sealmem_image_report *ret)
{
	CLEANUP(object_release) struct object_reference reference = { 0 };
	CLEANUP(free_image) struct image image;
	int err;

	reason_forget();
	new_image(&image, flags);
	err = handle != NULL ? check_demand(&image) : fail_for(REASON_HANDLE);
	if (err == 0)
		err = reason_for(object_hold(&reference, handle), REASON_HANDLE);
	if (err == 0)
		err = reason_for(choose_loaded(&image.objects, reference.map->l_ld),
				 REASON_UNLOADED);
	if (err == 0)
		err = seal_chosen(&image, ret);
	if (err == 0)
		object_keep(&reference);
	return err;
}
