/* SPDX-License-Identifier: MIT */

/*
 * The kind of a mapping. A process chooses its names, so a name alone decides nothing unless the kernel has set it (a name
 * in brackets, without a file). Any other name counts only together with the file system of the file. Whether a
 * mapping is part of a program depends on its place and its file, never on the name.
 */

#include "audit/kinds.h"

#include "audit/devices.h"
#include "audit/lines.h"
#include "audit/process.h"

#include <sys/mman.h>

const struct kind_row kind_rows[KIND_COUNT] = {
#define KIND_ROW(number, name, meaning) { name, meaning },
	KINDS(KIND_ROW)
#undef KIND_ROW
};

/* The segment that begins in or before the page at `address`, which is an address as the file has it. */
static const struct elf_segment *segment_at(const struct process *process,
					    const struct elf_file *elf, uint64_t address)
{
	const struct elf_segment *found = NULL;

	for (size_t i = 0; i < elf->count; i++)
		if (page_down(process, elf->segments[i].address) <= address)
			found = &elf->segments[i];
	return found;
}

/* Whether a loader would put this page of the file there. */
static bool is_in_its_place(const struct process *process, const struct object *object,
			    const struct mapping *row)
{
	uint64_t address = row->start - object->bias;
	const struct elf_segment *segment = segment_at(process, object->elf, address);

	return segment != NULL && row->offset == page_down(process, segment->offset) + address -
							 page_down(process, segment->address);
}

/* The pages of a loaded program are pages of its file, anonymous pages where they begin as zeroes, or a memfd that
 * sealmem has put in their place. */
static bool is_part(const struct process *process, const struct object *object,
		    const struct mapping *row, const struct devices *devices)
{
	if (row->start < object->start || row->end > object->end)
		return false;
	if (same_file(row->memory.file, object->file))
		return !row->shared && is_in_its_place(process, object, row);
	if (is_without_file(devices, &row->memory))
		return !row->shared &&
		       (*row->memory.name != '[' || begins_with(row->memory.name, "[anon:"));
	return is_memfd(devices, &row->memory) && begins_with(row->memory.name, "/memfd:sealmem:");
}

static enum kind kind_of_part(const struct process *process, const struct object *object,
			      const struct mapping *row, const struct devices *devices)
{
	const struct elf_segment *segment =
		segment_at(process, object->elf, row->start - object->bias);

	if (row->start >= object->relro_start && row->end <= object->relro_end)
		return KIND_RELRO;
	if (row->protection == PROT_NONE)
		return KIND_RESERVED;
	if (row->protection & PROT_EXEC)
		return KIND_TEXT;
	if (is_without_file(devices, &row->memory) && segment != NULL &&
	    row->start - object->bias >= segment->address + segment->file_size)
		return KIND_BSS;
	return row->protection & PROT_WRITE ? KIND_DATA : KIND_RODATA;
}

/* The names that the kernel sets. If a process names its memory, the name becomes "[anon:NAME]". */
static bool has_kernel_name(const struct mapping *row, const char *name)
{
	return !has_file(row->memory.file) && !row->shared && begins_with(row->memory.name, name);
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

static bool is_reserved(const struct mapping *row)
{
	return row->protection == PROT_NONE;
}

/* If the headers of a program cannot be read, only its code can be recognized. */
static bool is_code(const struct mapping *row)
{
	return has_file(row->memory.file) && (row->protection & PROT_EXEC);
}

static enum kind kind_of_file(const struct mapping *row, const struct devices *devices)
{
	if (is_secret(devices, &row->memory))
		return KIND_SECRET;
	if (is_memfd(devices, &row->memory))
		return KIND_MEMFD;
	if (is_reserved(row))
		return KIND_RESERVED;
	return is_code(row) ? KIND_TEXT : KIND_FILE;
}

static enum kind kind_without_file(const struct mapping *row, const struct devices *devices)
{
	if (row->shared)
		return is_shm(devices, &row->memory) ? KIND_SHM : KIND_SHARED;
	return is_reserved(row) ? KIND_RESERVED : KIND_ANON;
}

static enum kind kind_alone(const struct mapping *row, const struct devices *devices)
{
	static const struct {
		enum kind kind;
		bool (*is)(const struct mapping *row);
	} named[] = {
		{ KIND_VDSO, is_vdso },
		{ KIND_VVAR, is_vvar },
		{ KIND_HEAP, is_heap },
		{ KIND_STACK, is_stack },
	};

	for (size_t i = 0; i < sizeof(named) / sizeof(*named); i++)
		if (named[i].is(row))
			return named[i].kind;
	return is_without_file(devices, &row->memory) ? kind_without_file(row, devices)
						      : kind_of_file(row, devices);
}

/* Both lists are in the order of addresses. */
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

		if (object != NULL && is_part(process, object, row, devices)) {
			row->object = object;
			row->memory.kind = kind_of_part(process, object, row, devices);
		} else {
			row->memory.kind = kind_alone(row, devices);
		}
	}
	for (size_t i = 0; i < process->open_files.count; i++) {
		struct memory *memory = &process->open_files.rows[i].memory;

		memory->kind = is_secret(devices, memory) ? KIND_SECRET : KIND_MEMFD;
	}
}
