/* SPDX-License-Identifier: MIT */

/*
 * The maps and smaps of a process, which chooses the names in them. Whatever the text is, the reader refuses it, or
 * the mappings are in order; and the audit never finds a guarantee that the text does not support.
 */

#include "fuzz/promise.h"
#include "fuzz/target.h"

#include "audit/flags.h"
#include "audit/guarantees.h"
#include "include/sealmem.h"

#include "lib/escape.h"
#include "lib/util.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

/* The kernel writes the end of a line in a name as \012. The audit knows the name itself, and prints it escaped. */
static void check_name(const char *name)
{
	char escaped[ESCAPE_MAX];

	PROMISE(name != NULL);
	for (; *name != '\0'; name++)
		PROMISE(memchr(escaped, '\n', escape_byte(escaped, (unsigned char)*name)) == NULL);
}

static void check_text(const struct mappings *mappings)
{
	for (size_t i = 0; i < mappings->count; i++) {
		const struct mapping *row = &mappings->rows[i];

		PROMISE(row->start < row->end);
		PROMISE(i == 0 || row[-1].end <= row->start);
		check_name(row->memory.name);
		PROMISE(row->vm == 0 || row->vm_known);
	}
}

static void check_guarantees(const struct mapping *row)
{
	const struct memory *memory = &row->memory;
	unsigned known = memory->guarantees;

	PROMISE((known & memory->unknown) == 0);
	PROMISE(((known | memory->unknown) & ~SEALMEM_GUARANTEES) == 0);
	PROMISE(!(known & SEALMEM_ADDRESS) || (row->vm & VM_SEALED));
	PROMISE(!(known & SEALMEM_CONTENT) || !(row->protection & PROT_WRITE));
	PROMISE(!(known & SEALMEM_SECRECY) || memory->kind == KIND_SECRET);
	PROMISE(!(known & SEALMEM_GUARDS) || row->protection != PROT_NONE);
	PROMISE(memory->kind < KIND_COUNT && memory->flags >> FLAG_COUNT == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const struct devices devices = { .recorded = true };
	struct process process = { .filtered = size % 2, .open_files_known = size % 3 };
	struct known_files files = { 0 };
	FILE *in;
	int err;

	if (size == 0)
		return 0;
	/* fmemopen(3) only reads it. */
	in = fmemopen((void *)(uintptr_t)bytes, size, "r");
	err = mappings_read(&process.mappings, in);
	PROMISE(err == 0 || err == -EBADMSG);
	PROMISE(err == 0 || process.mappings.rows == NULL);
	(void)fclose(in);
	check_text(&process.mappings);
	if (process.mappings.page == 0)
		process.mappings.page = page_size();
	kinds_find(&process, &devices);
	guarantees_find(&process, &files);
	flags_find(&process, &files);
	for (size_t i = 0; i < process.mappings.count; i++)
		check_guarantees(&process.mappings.rows[i]);
	process_free(&process);
	return 0;
}
