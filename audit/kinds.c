/* SPDX-License-Identifier: MIT */

/*
 * What a mapping is. Names are the process's own choice, so a name decides only where the kernel has set it
 * (those in brackets, without a file), or together with the kind of file behind it; what is part of
 * a program is decided by the place and the file, never by the name.
 */

#include "audit/kinds.h"

#include "audit/lines.h"
#include "audit/process.h"

#include <sys/mman.h>

const struct kind_row kind_rows[KIND_COUNT] = {
#define KIND_ROW(number, name, meaning, colour) { name, meaning, colour },
	KINDS(KIND_ROW)
#undef KIND_ROW
};

/* The segment that begins in or before the page at `address`, an address in the file's terms. */
static const struct elf_segment *segment_at(const struct process *process,
					    const struct elf_file *elf, uint64_t address)
{
	const struct elf_segment *found = NULL;

	for (size_t i = 0; i < elf->count; i++)
		if (page_down(process, elf->segments[i].address) <= address)
			found = &elf->segments[i];
	return found;
}

/* Whether the loader would have put this page of the file there. */
static bool is_in_its_place(const struct process *process, const struct object *object,
			    const struct mapping *row)
{
	uint64_t address = row->start - object->bias;
	const struct elf_segment *segment = segment_at(process, object->elf, address);

	return segment != NULL && row->offset == page_down(process, segment->offset) + address -
							 page_down(process, segment->address);
}

/* Of a loaded program these pages are: its file's, anonymous where they are zeroes, or what sealmem has put in
 * their place. */
static bool is_part(const struct process *process, const struct object *object,
		    const struct mapping *row)
{
	if (row->start < object->start || row->end > object->end)
		return false;
	if (same_file(row->file, object->file))
		return !row->shared && is_in_its_place(process, object, row);
	if (row->file.inode == 0)
		return !row->shared && (*row->name == '\0' || begins_with(row->name, "[anon:"));
	return is_memfd(row) && begins_with(row->name, "/memfd:sealmem:");
}

static enum kind kind_of_part(const struct process *process, const struct object *object,
			      const struct mapping *row)
{
	const struct elf_segment *segment =
		segment_at(process, object->elf, row->start - object->bias);

	if (row->start >= object->relro_start && row->end <= object->relro_end)
		return KIND_RELRO;
	if (row->protection == PROT_NONE)
		return KIND_RESERVED;
	if (row->protection & PROT_EXEC)
		return KIND_TEXT;
	if (row->file.inode == 0 && segment != NULL &&
	    row->start - object->bias >= segment->address + segment->file_size)
		return KIND_BSS;
	return row->protection & PROT_WRITE ? KIND_DATA : KIND_RODATA;
}

static bool is_anonymous(const struct mapping *row)
{
	return row->file.inode == 0 && !row->shared;
}

/* The kernel's own names; a process that names its memory gets "[anon:NAME]". */
static bool has_kernel_name(const struct mapping *row, const char *name)
{
	return is_anonymous(row) && begins_with(row->name, name);
}

static bool is_vdso(const struct mapping *row)
{
	return has_kernel_name(row, "[vdso]") || has_kernel_name(row, "[vsyscall]") ||
	       has_kernel_name(row, "[sigpage]") || has_kernel_name(row, "[vectors]");
}

static bool is_vvar(const struct mapping *row)
{
	return has_kernel_name(row, "[vvar");
}

static bool is_heap(const struct mapping *row)
{
	return has_kernel_name(row, "[heap]");
}

static bool is_stack(const struct mapping *row)
{
	return has_kernel_name(row, "[stack");
}

static bool is_shm(const struct mapping *row)
{
	return row->shared && begins_with(row->name, "/SYSV");
}

static bool is_shared(const struct mapping *row)
{
	return row->shared && (begins_with(row->name, "/dev/zero (deleted)") ||
			       begins_with(row->name, "[anon_shmem:"));
}

static bool is_reserved(const struct mapping *row)
{
	return row->protection == PROT_NONE;
}

/* Of a program whose headers could not be read, all that shows is what is executed. */
static bool is_code(const struct mapping *row)
{
	return row->file.inode != 0 && (row->protection & PROT_EXEC);
}

static enum kind kind_alone(const struct mapping *row, const struct devices *devices)
{
	static const struct {
		enum kind kind;
		bool (*is)(const struct mapping *row);
	} kinds[] = {
		{ KIND_VDSO, is_vdso },	     { KIND_VVAR, is_vvar },
		{ KIND_HEAP, is_heap },	     { KIND_STACK, is_stack },
		{ KIND_MEMFD, is_memfd },    { KIND_SHM, is_shm },
		{ KIND_SHARED, is_shared },  { KIND_RESERVED, is_reserved },
		{ KIND_ANON, is_anonymous }, { KIND_TEXT, is_code },
	};

	if (is_secret(devices, row))
		return KIND_SECRET;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (kinds[i].is(row))
			return kinds[i].kind;
	return KIND_FILE;
}

/* Both are in the order of addresses. */
static const struct object *object_at(const struct process *process, size_t *next, uint64_t address)
{
	while (*next < process->object_count && process->objects[*next].start <= address)
		(*next)++;
	return *next > 0 ? &process->objects[*next - 1] : NULL;
}

void kinds_find(struct process *process, const struct devices *devices)
{
	size_t next = 0;

	for (size_t i = 0; i < process->mappings.count; i++) {
		struct mapping *row = &process->mappings.rows[i];
		const struct object *object = object_at(process, &next, row->start);

		if (object != NULL && is_part(process, object, row)) {
			row->object = object;
			row->kind = kind_of_part(process, object, row);
		} else {
			row->kind = kind_alone(row, devices);
		}
	}
	for (size_t i = 0; i < process->descriptors.count; i++) {
		struct mapping *row = &process->descriptors.rows[i];

		row->kind = is_secret(devices, row) ? KIND_SECRET : KIND_MEMFD;
	}
}
