/* SPDX-License-Identifier: MIT */

/*
 * The programs and libraries of a process: where each begins and ends, and where its RELRO is. The audit recognizes
 * each by its first segment, which holds the headers and which no program has a reason to replace. Other parts may
 * have been replaced: RELRO that is sealed is a memfd.
 */

#include "audit/known-files.h"
#include "audit/lines.h"

#include "lib/util.h"

#include <stdlib.h>

/* Code in memory without a file or in a memfd. The names in brackets are those of the kernel's own code. */
static bool is_code_in_memory(const struct devices *devices, const struct mapping *row)
{
	const char *name = row->memory.name;

	if (!(row->protection & PROT_EXEC))
		return false;
	if (has_file(row->memory.file))
		return is_memfd(devices, &row->memory) || is_without_file(devices, &row->memory);
	return *name != '[' || begins_with(name, "[anon:") || begins_with(name, "[heap]") ||
	       begins_with(name, "[stack");
}

static bool has_code_in_memory(const struct devices *devices, const struct process *process)
{
	for (size_t i = 0; i < process->mappings.count; i++)
		if (is_code_in_memory(devices, &process->mappings.rows[i]))
			return true;
	return false;
}

/* A file with an executable mapping. If memory may have replaced code, also any other file that may be a program. */
static bool may_be_object(const struct devices *devices, const struct mapping *row,
			  bool code_in_memory)
{
	if (*row->memory.name != '/' || is_without_file(devices, &row->memory))
		return false;
	if (row->protection & PROT_EXEC)
		return !row->shared || !is_memfd(devices, &row->memory);
	return code_in_memory && !row->shared;
}

/* The audit may have had no access in an earlier process. */
static bool may_know_more(const struct known_file *file)
{
	return file->elf_error != 0 && file->elf_error != -ENOEXEC && file->elf_error != -ETIMEDOUT;
}

static int look_into_files(const struct process *process, const struct procfs *procfs,
			   int directory, struct known_files *files)
{
	bool code_in_memory = has_code_in_memory(&procfs->devices, process);

	for (size_t i = 0; i < process->mappings.count; i++) {
		const struct mapping *row = &process->mappings.rows[i];
		struct known_file *file;

		if (!may_be_object(&procfs->devices, row, code_in_memory))
			continue;
		file = known_files_get(files, row->memory.file);
		if (file == NULL)
			return -ENOMEM;
		if (may_know_more(file))
			file->elf_error = procfs_read_elf(procfs, directory, row, &files->patience,
							  &file->elf);
	}
	return 0;
}

static void find_relro(const struct process *process, struct object *object)
{
	uint64_t start = object->bias + object->elf->relro;

	/* The loader protects whole pages only. */
	object->relro_start = page_down(process, start);
	object->relro_end = page_down(process, start + object->elf->relro_size);
	if (object->elf->relro_size == 0 || object->relro_end <= object->relro_start ||
	    object->relro_start < object->start || object->relro_end > object->end)
		object->relro_start = object->relro_end = 0;
}

/* Whether a program or library begins with the mapping. */
static bool begins_object(const struct process *process, const struct mapping *row,
			  const struct known_file *file, struct object *ret)
{
	const struct elf_segment *first, *last;
	struct object object = { .file = row->memory.file, .start = row->start };

	if (file == NULL || file->elf_error != 0)
		return false;
	first = &file->elf.segments[0];
	last = &file->elf.segments[file->elf.count - 1];
	if (row->offset != page_down(process, first->offset))
		return false;
	object.elf = &file->elf;
	object.bias = row->start - page_down(process, first->address);
	object.end = page_down(process, object.bias + last->address + last->size +
						process->mappings.page - 1);
	if (object.end < row->end)
		return false;
	find_relro(process, &object);
	*ret = object;
	return true;
}

/* A data segment that begins at the same page of the same file is a part of the object, and no other object. */
static bool is_inside_last(const struct process *process, const struct mapping *row)
{
	const struct object *last;

	if (process->object_count == 0)
		return false;
	last = &process->objects[process->object_count - 1];
	return same_file(last->file, row->memory.file) && row->start < last->end;
}

static int add_object(struct process *process, const struct object *object)
{
	struct object *more =
		reallocarray(process->objects, process->object_count + 1, sizeof(*more));

	if (more == NULL)
		return -ENOMEM;
	process->objects = more;
	more[process->object_count++] = *object;
	return 0;
}

static bool is_object(const struct process *process, uint64_t inode)
{
	for (size_t i = 0; i < process->object_count; i++)
		if (process->objects[i].file.inode == inode)
			return true;
	return false;
}

static bool may_hide_relro(const struct devices *devices, const struct mapping *row,
			   const struct known_files *files, bool code_in_memory, bool program_found)
{
	const struct known_file *file = known_files_find(files, row->memory.file);

	if (is_code_in_memory(devices, row))
		return !program_found;
	return may_be_object(devices, row, code_in_memory) && file != NULL &&
	       file->elf_error == 0 && file->elf.relro_size > 0;
}

/*
 * A process can replace the headers of a program or library, so that no object begins there. Then its RELRO is somewhere,
 * and the audit does not know where. The code betrays that, or where the code was replaced too, what is left of the
 * file; and the program itself betrays it if nothing is left.
 */
static void look_for_hidden_relro(struct process *process, const struct procfs *procfs,
				  int directory, const struct known_files *files)
{
	bool code_in_memory = has_code_in_memory(&procfs->devices, process);
	uint64_t program;
	bool program_found = !code_in_memory ||
			     procfs_find_program(procfs, directory, &program) < 0 ||
			     is_object(process, program);

	for (size_t i = 0; i < process->mappings.count; i++) {
		struct mapping *row = &process->mappings.rows[i];

		row->may_hide_relro =
			may_hide_relro(&procfs->devices, row, files, code_in_memory, program_found);
	}
}

static int find_all(struct process *process, const struct known_files *files)
{
	int err = 0;

	for (size_t i = 0; i < process->mappings.count && err == 0; i++) {
		const struct mapping *row = &process->mappings.rows[i];
		struct object object;

		if (!has_file(row->memory.file) || row->shared || is_inside_last(process, row))
			continue;
		if (begins_object(process, row, known_files_find(files, row->memory.file), &object))
			err = add_object(process, &object);
	}
	return err;
}

int process_find_objects(struct process *process, const struct procfs *procfs, int directory,
			 struct known_files *files)
{
	int err = look_into_files(process, procfs, directory, files);

	if (err == 0)
		err = find_all(process, files);
	if (err == 0)
		look_for_hidden_relro(process, procfs, directory, files);
	return err;
}
