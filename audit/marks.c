/* SPDX-License-Identifier: MIT */

/*
 * The linker can mark an object to be sealed as a whole, and an object can ask to leave some of its pages alone. A mapping
 * has the second mark only if all of its pages have it: a seal makes mappings of their own of the pages that it leaves.
 */

#include "audit/marks.h"

#include "audit/process.h"

const char *const mark_words[MARK_COUNT] = { "", "memory-seal", "mutable" };

/* The pages that hold the bytes, at the addresses of this process. */
static bool covers(const struct process *process, const struct object *object,
		   const struct elf_extent *left, const struct mapping *row)
{
	uint64_t start = page_down(process, object->bias + left->start);
	uint64_t end = page_down(process, object->bias + left->end + process->mappings.page - 1);

	return start <= row->start && row->end <= end;
}

static enum mark mark_of(const struct process *process, const struct mapping *row)
{
	const struct elf_file *elf = row->object->elf;

	for (size_t i = 0; i < elf->left_count; i++)
		if (covers(process, row->object, &elf->left[i], row))
			return MARK_MUTABLE;
	return elf->marked ? MARK_SEAL : MARK_NONE;
}

void marks_find(struct process *process)
{
	for (size_t i = 0; i < process->mappings.count; i++) {
		struct mapping *row = &process->mappings.rows[i];

		if (row->object != NULL)
			row->mark = mark_of(process, row);
	}
}
