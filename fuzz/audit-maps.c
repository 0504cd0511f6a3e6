/* SPDX-License-Identifier: MIT */

/*
 * What a process shows of itself in maps and smaps, whose names it chooses. Whatever the text is: it is
 * refused, or the mappings are in order; and what is found out about them never promises more than the
 * text can carry.
 */

#include "fuzz/promise.h"
#include "fuzz/target.h"

#include "audit/flags.h"
#include "audit/guarantees.h"
#include "sealmem.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

static void check_text(const struct mappings *mappings)
{
	for (size_t i = 0; i < mappings->count; i++) {
		const struct mapping *row = &mappings->rows[i];

		PROMISE(row->start < row->end);
		PROMISE(i == 0 || row[-1].end <= row->start);
		PROMISE(row->name != NULL && strchr(row->name, '\n') == NULL);
		PROMISE(row->vm == 0 || row->vm_known);
	}
}

static void check_guarantees(const struct mapping *row)
{
	unsigned known = row->guarantees;

	PROMISE((known & row->unknown) == 0);
	PROMISE(((known | row->unknown) & ~SEALMEM_GUARANTEES) == 0);
	PROMISE(!(known & SEALMEM_ADDRESS) || (row->vm & VM_SEALED));
	PROMISE(!(known & SEALMEM_CONTENT) || !(row->protection & PROT_WRITE));
	PROMISE(!(known & SEALMEM_SECRECY) || row->kind == KIND_SECRET);
	PROMISE(!(known & SEALMEM_GUARDS) || row->protection != PROT_NONE);
	PROMISE(row->kind < KIND_COUNT && row->flags >> FLAG_COUNT == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const struct devices devices = { .recorded = true };
	struct process process = { .filtered = size % 2, .descriptors_known = size % 3 };
	struct known_files files = { 0 };
	FILE *in;
	int err;

	if (size == 0)
		return 0;
	/* It is only read. */
	in = fmemopen((void *)(uintptr_t)bytes, size, "r");
	err = mappings_read(&process.mappings, in);
	PROMISE(err == 0 || err == -EBADMSG);
	PROMISE(err == 0 || process.mappings.rows == NULL);
	(void)fclose(in);
	check_text(&process.mappings);
	if (process.mappings.page == 0)
		process.mappings.page = 4096;
	kinds_find(&process, &devices);
	guarantees_find(&process);
	flags_find(&process, &files);
	for (size_t i = 0; i < process.mappings.count; i++)
		check_guarantees(&process.mappings.rows[i]);
	process_free(&process);
	return 0;
}
