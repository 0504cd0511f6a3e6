/* SPDX-License-Identifier: MIT */

/*
 * The planner, on another process's lies: its headers, its dynamic section, its notes, the list of its loader and its vector
 * of the kernel can be anything, and its mappings anything that the kernel allows. Whatever they are, a plan has only pages
 * that cannot be written, each at most once; or, of an object with the linker's mark, private pages that keep their bytes
 * and their protection.
 *
 * An input has flags in its first byte, the length of the vector in the second, and that of the memory in the next two; then
 * the vector, the memory, and the text of maps. Every page of the process shows the same memory.
 */

#include "fuzz/part.h"
#include "fuzz/promise.h"
#include "fuzz/target.h"

#include "lib/util.h"
#include "outside/plan.h"

#include <sys/mman.h>

#define SHOWN 0xfff

static ssize_t read_memory(void *from, void *ret, size_t size, off_t offset)
{
	PROMISE(offset >= 0);
	return part_read_at(from, ret, size, offset & SHOWN);
}

/* Of one mapping, that is no writable one, and of a file; or of one with data. */
static bool is_allowed(const struct range *range, const struct mappings *mappings)
{
	for (size_t i = 0; i < mappings->count; i++) {
		const struct mapping *row = &mappings->rows[i];

		if (range->start >= row->start && range->end <= row->end)
			return range->protection == row->protection &&
			       (!row->shared || range->was_replaced) &&
			       (range->kind == RANGE_DATA ? !row->shared && !range->replaced &&
								    (row->protection & PROT_WRITE)
							  : !(row->protection & PROT_WRITE) &&
								    has_file(row->memory.file));
	}
	return false;
}

static void check(const struct plan *plan, const struct mappings *mappings)
{
	uint64_t free_from = 0, position = 0;

	for (size_t i = 0; i < plan->count; i++) {
		const struct range *range = &plan->ranges[i];

		PROMISE(range->start < range->end && range->start >= free_from);
		PROMISE(range->start % mappings->page == 0 && range->end % mappings->page == 0);
		PROMISE(range->object < plan->object_count && range->kind < RANGE_KINDS);
		PROMISE(is_allowed(range, mappings));
		PROMISE(!range->replaced || range->position == position);
		position += range->replaced ? range->end - range->start : 0;
		free_from = range->end;
	}
	PROMISE(position == plan->size);
}

/* Every kernel maps whole pages. */
static bool are_whole_pages(const struct mappings *mappings)
{
	for (size_t i = 0; i < mappings->count; i++)
		if (!page_aligned((uintptr_t)mappings->rows[i].start) ||
		    !page_aligned((uintptr_t)mappings->rows[i].end))
			return false;
	return true;
}

static void judge(const struct plan_source *from, struct part maps, unsigned flags)
{
	struct mappings mappings = { 0 };
	struct plan_source source = *from;
	struct plan plan = { 0 };
	/* fmemopen(3) only reads it. */
	FILE *in = fmemopen((void *)(uintptr_t)maps.bytes, maps.size, "r");

	if (in != NULL && mappings_read(&mappings, in) == 0 && are_whole_pages(&mappings)) {
		mappings.page = page_size();
		source.mappings = &mappings;
		if (plan_make(&plan, &source, flags) == REFUSAL_NONE)
			check(&plan, &mappings);
		plan_free(&plan);
	}
	if (in != NULL)
		(void)fclose(in);
	mappings_free(&mappings);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	size_t vector = size > 4 ? bytes[1] : 0;
	size_t memory = size > 4 ? bytes[2] | (size_t)bytes[3] << 8 : 0;
	struct part shown = { bytes + 4 + vector, memory };
	const struct plan_source source = {
		.read = read_memory,
		.memory = &shown,
		.auxv = bytes + 4,
		.auxv_size = vector,
	};

	if (size <= 4 || vector + memory >= size - 4)
		return 0;
	judge(&source, (struct part){ shown.bytes + memory, size - 4 - vector - memory },
	      bytes[0] & PLAN_DEEP);
	return 0;
}
