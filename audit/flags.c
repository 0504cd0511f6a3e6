/* SPDX-License-Identifier: MIT */

/*
 * A flag marks what is worth checking. Nothing of it is wrong in itself: a program that compiles as it runs has to write the
 * code that it executes. So a flag changes no exit status. A rule (rules.c) does, once somebody has decided that
 * a flag is wrong in their program.
 */

#include "audit/flags.h"

#include "audit/guarantees.h"
#include "include/sealmem.h"

#include <errno.h>
#include <sys/mman.h>

const struct flag_row flag_rows[FLAG_COUNT] = {
#define FLAG_ROW(number, subject, word, meaning, needs, doubts) { word, meaning, needs, doubts },
	FLAGS(FLAG_ROW)
#undef FLAG_ROW
};

static bool is_write_execute(const struct mapping *row, const struct known_file *file)
{
	(void)file;
	return (row->protection & PROT_EXEC) && ((row->protection & PROT_WRITE) || row->written);
}

/* RELRO that the loader has left writable is within a mapping of other data. */
static bool has_relro(const struct mapping *row)
{
	const struct object *object = row->object;

	return object != NULL && row->start < object->relro_end && row->end > object->relro_start;
}

static bool is_relro_unsealed(const struct mapping *row, const struct known_file *file)
{
	unsigned either = SEALMEM_CONTENT | SEALMEM_ADDRESS;

	(void)file;
	if (!has_relro(row))
		return false;
	return row->memory.kind != KIND_RELRO ||
	       ((row->memory.guarantees | row->memory.unknown) & either) == 0;
}

/* MADV_DONTNEED drops the written pages of a private file mapping although mseal(2) has sealed its address. Of pages
 * without a file, mseal(2) refuses it. */
static bool is_relro_undoable(const struct mapping *row, const struct known_file *file)
{
	(void)file;
	return row->memory.kind == KIND_RELRO && has_file(row->memory.file) && !row->shared &&
	       (row->memory.guarantees & SEALMEM_ADDRESS);
}

static bool is_relro_unknown(const struct mapping *row, const struct known_file *file)
{
	bool unread = (row->protection & PROT_EXEC) && file != NULL && file->elf_error < 0 &&
		      file->elf_error != -ENOEXEC;

	return row->object == NULL && (unread || row->may_hide_relro);
}

/* What cannot be accessed has nothing to seal. */
static bool is_mark_unsealed(const struct mapping *row, const struct known_file *file)
{
	(void)file;
	return row->mark == MARK_SEAL && row->protection != PROT_NONE &&
	       ((row->memory.guarantees | row->memory.unknown) & SEALMEM_ADDRESS) == 0;
}

/* The linker's mark asks for that. */
static bool is_sealed_writable(const struct mapping *row, const struct known_file *file)
{
	(void)file;
	return (row->vm & VM_SEALED) && (row->protection & PROT_WRITE) && row->mark != MARK_SEAL;
}

static bool is_sealed_private(const struct mapping *row, const struct known_file *file)
{
	(void)file;
	return is_write_sealed(row->memory.seals) && !row->shared && row->object == NULL;
}

static bool is_shared_unsealed(const struct memory *memory, const struct known_file *file)
{
	return memory->seals >= 0 && !is_write_sealed(memory->seals) && file != NULL &&
	       file->holder_count > 1;
}

static bool is_exec_unsealed(const struct mapping *row, const struct known_file *file)
{
	(void)file;
	return row->memory.seals >= 0 && (row->protection & PROT_EXEC) &&
	       !is_exec_sealed(row->memory.seals);
}

static bool is_seals_unknown(const struct memory *memory, const struct known_file *file)
{
	(void)file;
	return memory->seals == SEALS_UNKNOWN;
}

static bool is_secret_dumpable(const struct mapping *row, const struct known_file *file)
{
	(void)file;
	return row->memory.kind == KIND_SECRET && row->vm_known && !(row->vm & VM_NOT_DUMPED);
}

/* One of the two functions, as the row of the flag says. */
static const struct {
	bool (*mapping)(const struct mapping *row, const struct known_file *file);
	bool (*memory)(const struct memory *memory, const struct known_file *file);
} tests[FLAG_COUNT] = {
#define FLAG_TEST(number, subject, word, meaning, needs, doubts) { .subject = is_##number },
	FLAGS(FLAG_TEST)
#undef FLAG_TEST
};

static bool has_flag(unsigned flag, const struct mapping *row, const struct memory *memory,
		     const struct known_file *file)
{
	if (tests[flag].memory != NULL)
		return tests[flag].memory(memory, file);
	return row != NULL && tests[flag].mapping(row, file);
}

/* `row` is the mapping, or NULL if the file is only open. */
static void find_flags(struct memory *memory, const struct mapping *row,
		       const struct known_files *files)
{
	const struct known_file *file = NULL;

	if (has_file(memory->file))
		file = known_files_find(files, memory->file);
	for (unsigned flag = 0; flag < FLAG_COUNT; flag++)
		memory->flags |= has_flag(flag, row, memory, file) ? 1u << flag : 0;
}

static bool shows(const struct mapping *row, const struct mapping *part)
{
	return row->object != NULL && (row->protection & PROT_EXEC) &&
	       same_file(row->memory.file, part->memory.file) && row->offset <= part->offset &&
	       row->offset + (row->end - row->start) >= part->offset + (part->end - part->start);
}

static bool is_second_copy(const struct process *process, const struct mapping *part)
{
	for (size_t i = 0; i < process->mappings.count; i++)
		if (shows(&process->mappings.rows[i], part))
			return true;
	return false;
}

/* Some programs map a part of their code a second time, nearer to other code. The first is in its place, so their RELRO
 * is known. This looks at each mapping for each such part, and more than a few are not worth the time. */
static void forgive_second_copies(struct process *process)
{
	unsigned left = 64;

	for (size_t i = 0; i < process->mappings.count && left > 0; i++) {
		struct mapping *row = &process->mappings.rows[i];

		if (!row->may_hide_relro || row->object != NULL)
			continue;
		row->may_hide_relro = !is_second_copy(process, row);
		left--;
	}
}

void flags_find(struct process *process, const struct known_files *files)
{
	forgive_second_copies(process);
	for (size_t i = 0; i < process->mappings.count; i++)
		find_flags(&process->mappings.rows[i].memory, &process->mappings.rows[i], files);
	for (size_t i = 0; i < process->open_files.count; i++)
		find_flags(&process->open_files.rows[i].memory, NULL, files);
}
