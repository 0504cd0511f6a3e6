/* SPDX-License-Identifier: MIT */

/*
 * The programs and libraries of a process: where each begins and ends, and where its RELRO is. Found from
 * its first segment, which holds the headers and which nothing has a reason to replace; the other parts
 * may be something else by now, as sealed RELRO is a memfd.
 */

#include "audit/known-files.h"

#include "lib/util.h"

#include <stdlib.h>

/* A file that is executed somewhere; or where code may have been replaced by a memfd, any that could be
 * a program. */
static bool is_worth_a_look(const struct mapping *row, bool code_in_memfds)
{
	if (row->file.inode == 0 || row->shared || *row->name != '/')
		return false;
	return (row->protection & PROT_EXEC) || (code_in_memfds && row->offset == 0);
}

static bool has_code_in_memfds(const struct process *process)
{
	for (size_t i = 0; i < process->mappings.count; i++) {
		const struct mapping *row = &process->mappings.rows[i];

		if ((row->protection & PROT_EXEC) && is_memfd(row))
			return true;
	}
	return false;
}

static int look_into_files(const struct process *process, const struct procfs *procfs,
			   int directory, struct known_files *files)
{
	bool code_in_memfds = has_code_in_memfds(process);

	for (size_t i = 0; i < process->mappings.count; i++) {
		const struct mapping *row = &process->mappings.rows[i];
		struct known_file *file;

		if (!is_worth_a_look(row, code_in_memfds))
			continue;
		file = known_files_get(files, row->file);
		if (file == NULL)
			return -ENOMEM;
		/* Another process may have been kept from it. */
		if (file->elf_error != 0 && file->elf_error != -ENOEXEC)
			file->elf_error = procfs_read_elf(procfs, directory, row, &file->elf);
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

/* Whether the mapping is the beginning of that program or library. */
static bool begins_object(const struct process *process, const struct mapping *row,
			  const struct known_file *file, struct object *ret)
{
	const struct elf_segment *first, *last;
	struct object object = { .file = row->file, .start = row->start };

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

/* A data segment of the same file that begins at the same page of it is a part, not another object. */
static bool is_inside_last(const struct process *process, const struct mapping *row)
{
	const struct object *last;

	if (process->object_count == 0)
		return false;
	last = &process->objects[process->object_count - 1];
	return same_file(last->file, row->file) && row->start < last->end;
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

int process_find_objects(struct process *process, const struct procfs *procfs, int directory,
			 struct known_files *files)
{
	int err = look_into_files(process, procfs, directory, files);

	for (size_t i = 0; i < process->mappings.count && err == 0; i++) {
		const struct mapping *row = &process->mappings.rows[i];
		struct object object;

		if (row->file.inode == 0 || row->shared || is_inside_last(process, row))
			continue;
		if (begins_object(process, row, known_files_find(files, row->file), &object))
			err = add_object(process, &object);
	}
	return err;
}
