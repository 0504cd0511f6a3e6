/* SPDX-License-Identifier: MIT */

/*
 * Headers and mappings that do not fit together: a library that was replaced while it is mapped, or a process that
 * maps a file as no loader would. Whatever is mapped where, a part of a program lies within the program, and RELRO
 * within its bounds.
 *
 * An input has the length of an ELF file in its first two bytes, then the file, then the text of maps. Every file
 * in that text is this one.
 */

#include "fuzz/part.h"
#include "fuzz/promise.h"
#include "fuzz/target.h"

#include "audit/flags.h"
#include "audit/guarantees.h"
#include "audit/known-files.h"
#include "lib/util.h"

#include <sys/mman.h>

static void know_files(const struct process *process, struct known_files *files,
		       const struct elf_file *elf)
{
	for (size_t i = 0; i < process->mappings.count; i++) {
		struct known_file *file =
			known_files_get(files, process->mappings.rows[i].memory.file);

		PROMISE(file != NULL);
		file->elf = *elf;
		file->elf_error = 0;
	}
}

static void check(const struct process *process)
{
	for (size_t i = 0; i < process->object_count; i++) {
		const struct object *object = &process->objects[i];

		PROMISE(object->start < object->end && object->relro_start <= object->relro_end);
		PROMISE(object->relro_end == 0 ||
			(object->relro_start >= object->start && object->relro_end <= object->end));
		PROMISE(i == 0 || object[-1].start <= object->start);
	}
	for (size_t i = 0; i < process->mappings.count; i++) {
		const struct mapping *row = &process->mappings.rows[i];

		PROMISE(row->memory.kind != KIND_RELRO || row->object != NULL);
		PROMISE(row->object == NULL ||
			(row->start >= row->object->start && row->end <= row->object->end));
		PROMISE(row->memory.kind != KIND_RELRO || (row->start >= row->object->relro_start &&
							   row->end <= row->object->relro_end));
	}
}

static void judge(struct part maps, const struct elf_file *elf)
{
	const struct procfs procfs = { .directory = -1, .devices.recorded = true };
	struct process process = { 0 };
	struct known_files files = { 0 };
	/* fmemopen(3) only reads it. */
	FILE *in = fmemopen((void *)(uintptr_t)maps.bytes, maps.size, "r");

	if (mappings_read(&process.mappings, in) == 0) {
		if (process.mappings.page == 0)
			process.mappings.page = page_size();
		know_files(&process, &files, elf);
		PROMISE(process_find_objects(&process, &procfs, -1, &files) == 0);
		kinds_find(&process, &procfs.devices);
		marks_find(&process);
		guarantees_find(&process, &files);
		flags_find(&process, &files);
		check(&process);
	}
	(void)fclose(in);
	process_free(&process);
	known_files_free(&files);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct part file = { bytes + 2, size > 2 ? bytes[0] | (size_t)bytes[1] << 8 : 0 };
	struct elf_file elf;

	if (size <= 2 || file.size >= size - 2)
		return 0;
	if (elf_file_read(&elf, part_read_at, &file) == 0)
		judge((struct part){ file.bytes + file.size, size - 2 - file.size }, &elf);
	return 0;
}
