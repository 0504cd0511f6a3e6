/* SPDX-License-Identifier: MIT */

/*
 * What deserves a look. None of it is wrong in itself: a program that compiles as it runs has to write
 * what it executes. So a flag changes no exit status; a rule (rules.c) does, for whoever has decided.
 */

#include "audit/flags.h"

#include "audit/guarantees.h"
#include "sealmem.h"

#include <errno.h>
#include <sys/mman.h>

const struct flag_row flag_rows[FLAG_COUNT] = {
#define FLAG_ROW(number, word, meaning, needs, doubts) { word, meaning, needs, doubts },
	FLAGS(FLAG_ROW)
#undef FLAG_ROW
};

static bool is_write_execute(const struct mapping *row, const struct known_file *file)
{
	(void)file;
	return (row->protection & PROT_WRITE) && (row->protection & PROT_EXEC);
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
	return row->kind != KIND_RELRO || ((row->guarantees | row->unknown) & either) == 0;
}

/* The pages of a private file mapping that were written go when advised to; those without a file do not. */
static bool is_relro_undoable(const struct mapping *row, const struct known_file *file)
{
	(void)file;
	return row->kind == KIND_RELRO && row->file.inode != 0 && !row->shared &&
	       (row->guarantees & SEALMEM_ADDRESS);
}

static bool is_relro_unknown(const struct mapping *row, const struct known_file *file)
{
	return row->object == NULL && (row->protection & PROT_EXEC) && !row->shared &&
	       file != NULL && file->elf_error < 0 && file->elf_error != -ENOEXEC;
}

static bool is_sealed_writable(const struct mapping *row, const struct known_file *file)
{
	(void)file;
	return (row->vm & VM_SEALED) && (row->protection & PROT_WRITE);
}

static bool is_sealed_private(const struct mapping *row, const struct known_file *file)
{
	(void)file;
	return is_write_sealed(row->seals) && !row->shared && row->object == NULL;
}

static bool is_shared_unsealed(const struct mapping *row, const struct known_file *file)
{
	return row->seals >= 0 && !is_write_sealed(row->seals) && file != NULL &&
	       file->holder_count > 1;
}

static bool is_exec_unsealed(const struct mapping *row, const struct known_file *file)
{
	(void)file;
	return row->seals >= 0 && row->descriptor < 0 && (row->protection & PROT_EXEC) &&
	       !is_exec_sealed(row->seals);
}

static bool is_seals_unknown(const struct mapping *row, const struct known_file *file)
{
	(void)file;
	return row->seals == SEALS_UNKNOWN;
}

static bool is_secret_dumpable(const struct mapping *row, const struct known_file *file)
{
	(void)file;
	return row->kind == KIND_SECRET && row->vm_known && !(row->vm & VM_NOT_DUMPED);
}

static bool (*const tests[FLAG_COUNT])(const struct mapping *row, const struct known_file *file) = {
#define FLAG_TEST(number, word, meaning, needs, doubts) is_##number,
	FLAGS(FLAG_TEST)
#undef FLAG_TEST
};

static void find_flags(struct mappings *rows, const struct known_files *files)
{
	for (size_t i = 0; i < rows->count; i++) {
		struct mapping *row = &rows->rows[i];
		const struct known_file *file = NULL;

		if (row->file.inode != 0)
			file = known_files_find(files, row->file);
		for (unsigned flag = 0; flag < FLAG_COUNT; flag++)
			row->flags |= tests[flag](row, file) ? 1u << flag : 0;
	}
}

void flags_find(struct process *process, const struct known_files *files)
{
	find_flags(&process->mappings, files);
	find_flags(&process->descriptors, files);
}
