/* SPDX-License-Identifier: MIT */

/*
 * Decides what is sealed in a process. It does what `sealmem run --image` does from inside: RELRO moves to a sealed file
 * and its address is sealed, and of code and constants the address alone, unless the plan is deep or the loader wrote to
 * the code.
 *
 * The process is hostile: its headers, its loader's list and even its vector of the kernel are in memory that it can
 * write. So a range is only what the kernel says: a private mapping of the object's file that cannot be written now. RELRO
 * that can still be written is left, because a loader is not done with it (that of a new library), or never will be
 * (musl, Go). Where the linker's mark asks for it, the address of what is written to is sealed too, and nothing else of
 * it. A lie of the process so changes which of its own pages are sealed, and no byte of them.
 */

#include "outside/plan.h"

#include "outside/headers.h"

#include "audit/lines.h"
#include "include/sealmem.h"
#include "lib/memfd.h"
#include "lib/util.h"

#include <elf.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

/* Of a process of 32 bits, each entry is half as long: two of them are read as one type that is no type. */
#define MOST_TYPE 1024

/* The most that is copied. */
#define MOST_SIZE ((size_t)1 << 30)

#define IMAGE_NAME "/memfd:" MEMFD_PREFIX "image"

const char *const range_words[RANGE_KINDS] = { "text", "read-only", "relro", "data" };

struct planner {
	struct plan *plan;
	const struct plan_source *source;
	unsigned flags;
	uint64_t program; /* where the table of the program's headers is; 0 if it is not known */
	/* The object that the mappings belong to that are next. */
	struct headers headers;
	struct file_id file;
	bool file_known;
};

static int take_auxv(struct planner *planner)
{
	ElfW(auxv_t) entry;

	for (size_t at = 0; at + sizeof(entry) <= planner->source->auxv_size; at += sizeof(entry)) {
		memcpy(&entry, planner->source->auxv + at, sizeof(entry));
		if (entry.a_type > MOST_TYPE)
			return -ENOEXEC;
		if (entry.a_type == AT_NULL)
			break;
		if (entry.a_type == AT_PHDR)
			planner->program = entry.a_un.a_val;
		if (entry.a_type == AT_ENTRY)
			planner->plan->entry = entry.a_un.a_val;
		if (entry.a_type == AT_BASE)
			planner->plan->has_loader = entry.a_un.a_val != 0;
	}
	return 0;
}

static void *grow(void *list, size_t count, size_t *room, size_t size)
{
	void *more;

	if (count < *room)
		return list;
	more = reallocarray(list, *room == 0 ? 64 : 2 * *room, size);
	if (more != NULL)
		*room = *room == 0 ? 64 : 2 * *room;
	return more;
}

static struct plan_object *last_object(const struct planner *planner)
{
	const struct plan *plan = planner->plan;

	return plan->object_count > 0 ? &plan->objects[plan->object_count - 1] : NULL;
}

static int add_object(struct planner *planner, const struct mapping *row)
{
	struct plan *plan = planner->plan;
	struct plan_object *more =
		grow(plan->objects, plan->object_count, &plan->object_room, sizeof(*plan->objects));
	char *name = more != NULL ? strdup(row->memory.name) : NULL;

	if (more != NULL)
		plan->objects = more;
	if (name == NULL)
		return -ENOMEM;
	more[plan->object_count++] = (struct plan_object){
		.name = name,
		.start = row->start,
		.end = planner->headers.end,
		.excluding = planner->headers.exclusion_count > 0,
		.marked = planner->headers.marked,
		.relocated_text = planner->headers.relocated_text,
	};
	return 0;
}

static bool is_image(const struct mapping *row)
{
	return begins_with(row->memory.name, IMAGE_NAME);
}

/* A part of an object, whose file an earlier call may have replaced. */
static bool may_be_part(const struct mapping *row)
{
	return has_file(row->memory.file) && *row->memory.name == '/' &&
	       (!row->shared || is_image(row));
}

static bool is_vdso(const struct mapping *row)
{
	return strcmp(row->memory.name, "[vdso]") == 0 && row->protection & PROT_EXEC;
}

/* The part of an object's data that begins as zeroes has no file. */
static bool may_be_zeroes(const struct mapping *row)
{
	const char *name = row->memory.name;

	return !has_file(row->memory.file) && !row->shared && row->protection & PROT_WRITE &&
	       (*name == '\0' || begins_with(name, "[anon:") || strcmp(name, "[heap]") == 0);
}

bool plan_looks_at(const struct mapping *row, const struct mapping *before)
{
	bool follows = before != NULL && before->end == row->start;

	return may_be_part(row) || is_vdso(row) || (follows && may_be_zeroes(row));
}

static bool is_of_last(struct planner *planner, const struct mapping *row)
{
	const struct plan_object *last = last_object(planner);

	if (last == NULL || row->start >= last->end)
		return false;
	if (is_image(row))
		return true;
	if (!planner->file_known) {
		planner->file = row->memory.file;
		planner->file_known = true;
	}
	return same_file(planner->file, row->memory.file);
}

/* Whether an object begins with the mapping. */
static int begin_object(struct planner *planner, const struct mapping *row)
{
	const struct plan_source *source = planner->source;
	int err;

	if ((!is_image(row) && row->offset != 0) || !(row->protection & PROT_READ))
		return 0;
	err = headers_read(&planner->headers, source->read, source->memory, row->start,
			   source->mappings->page);
	/* Memory that cannot be read is no object. */
	if (err < 0)
		return err == -ENOMEM ? err : 0;
	planner->file = row->memory.file;
	planner->file_known = !is_image(row);
	err = add_object(planner, row);
	return err == 0 ? 1 : err;
}

static int add_range(struct planner *planner, struct range range)
{
	struct plan *plan = planner->plan;
	struct range *more = grow(plan->ranges, plan->count, &plan->room, sizeof(*plan->ranges));

	if (more == NULL)
		return -ENOMEM;
	plan->ranges = more;
	range.object = plan->object_count - 1;
	range.claimed = (plan->content_only ? 0 : SEALMEM_ADDRESS) |
			(range.replaced || range.was_replaced ? SEALMEM_CONTENT : 0);
	if (range.kind == RANGE_TEXT)
		last_object(planner)->has_code = true;
	more[plan->count++] = range;
	return 0;
}

/* The range without the pages that the object excludes. */
static int add_ranges(struct planner *planner, struct range range)
{
	struct extent first = { UINT64_MAX, 0 };
	struct range rest = range;
	int err;

	if (range.start >= range.end)
		return 0;
	for (size_t i = 0; i < planner->headers.exclusion_count; i++) {
		struct extent at = planner->headers.exclusions[i];

		if (at.start < range.end && at.end > range.start && at.start < first.start)
			first = at;
	}
	if (first.end == 0)
		return add_range(planner, range);
	range.end = first.start;
	rest.start = first.end;
	err = range.start < range.end ? add_range(planner, range) : 0;
	return err < 0 ? err : add_ranges(planner, rest);
}

static int add_part(struct planner *planner, const struct mapping *row, struct extent part,
		    enum range_kind kind)
{
	bool deep = planner->flags & PLAN_DEEP;
	bool replaced =
		kind != RANGE_DATA && (kind == RANGE_RELRO || deep || is_image(row) ||
				       (kind == RANGE_TEXT && planner->headers.relocated_text));
	struct range range = {
		.start = part.start > row->start ? part.start : row->start,
		.end = part.end < row->end ? part.end : row->end,
		.protection = row->protection,
		.kind = kind,
		.replaced = replaced && !row->shared,
		.was_replaced = row->shared,
	};

	return add_ranges(planner, range);
}

/* Before RELRO, RELRO, and after it. */
static int add_data(struct planner *planner, const struct mapping *row, uint64_t end)
{
	struct extent relro = planner->headers.relro;
	int err;

	if (relro.start >= relro.end)
		relro = (struct extent){ end, end };
	err = add_part(planner, row, (struct extent){ row->start, relro.start }, RANGE_READ_ONLY);
	if (err == 0)
		err = add_part(planner, row, relro, RANGE_RELRO);
	if (err == 0 && relro.end < end)
		err = add_part(planner, row, (struct extent){ relro.end, end }, RANGE_READ_ONLY);
	return err;
}

/* A loader maps a file as a whole first, and then each part to its place. It may say only later that it is at work. */
static void note_half_mapped(struct planner *planner, const struct mapping *row)
{
	const struct headers *headers = &planner->headers;

	for (size_t i = 0; i < headers->segment_count && !is_image(row); i++) {
		struct segment segment = headers->segments[i];

		if (row->start <= segment.start && segment.start < row->end &&
		    row->offset + (segment.start - row->start) != segment.offset)
			last_object(planner)->half_mapped = true;
	}
}

static void note_open_relro(struct planner *planner, const struct mapping *row)
{
	const struct extent *relro = &planner->headers.relro;

	if (row->protection & PROT_WRITE && row->start < relro->end && row->end > relro->start)
		last_object(planner)->relro_open = true;
}

/* What the program writes to, of an object that is marked. RELRO among it is left: its loader may come back to it. */
static int add_written(struct planner *planner, const struct mapping *row)
{
	struct extent before = { row->start, row->end }, after = { row->end, row->end };
	const struct extent *relro = &planner->headers.relro;
	int err;

	if (!planner->headers.marked || row->shared || row->protection & PROT_EXEC)
		return 0;
	if (relro->start < relro->end && relro->start < row->end && relro->end > row->start) {
		before.end = relro->start;
		after.start = relro->end;
	}
	err = add_part(planner, row, before, RANGE_DATA);
	return err < 0 ? err : add_part(planner, row, after, RANGE_DATA);
}

/* What cannot be accessed stays as it is. */
static int add_mapping(struct planner *planner, const struct mapping *row)
{
	uint64_t end = last_object(planner)->end;
	struct mapping part = *row;

	note_half_mapped(planner, row);
	note_open_relro(planner, row);
	if (!(row->protection & (PROT_READ | PROT_EXEC)))
		return 0;
	part.end = row->end < end ? row->end : end;
	if (row->protection & PROT_WRITE)
		return add_written(planner, &part);
	if (row->protection & PROT_EXEC)
		return add_part(planner, &part, (struct extent){ part.start, part.end },
				RANGE_TEXT);
	return add_data(planner, &part, part.end);
}

static bool is_zeroes_of_last(const struct planner *planner, const struct mapping *row)
{
	const struct plan_object *last = last_object(planner);

	return last != NULL && last->marked && row->start < last->end && may_be_zeroes(row);
}

static void note_program(struct planner *planner)
{
	const struct extent *table = &planner->headers.table;

	if (planner->program < table->start || planner->program >= table->end)
		return;
	planner->plan->program = planner->headers;
	planner->plan->program_known = true;
}

static int take_mapping(struct planner *planner, const struct mapping *row)
{
	int begins;

	if (is_vdso(row)) {
		planner->plan->vdso = row->start;
		planner->plan->vdso_end = row->end;
	}
	if (is_zeroes_of_last(planner, row))
		return add_mapping(planner, row);
	if (!may_be_part(row))
		return 0;
	if (is_of_last(planner, row))
		return add_mapping(planner, row);
	begins = begin_object(planner, row);
	if (begins <= 0)
		return begins;
	note_program(planner);
	return add_mapping(planner, row);
}

/* A file that somebody reads as data has the headers of an object, but no code that is mapped. What gets no guarantee goes,
 * too. What is left gets its place in the file. */
static int drop_data(struct plan *plan)
{
	size_t kept = 0;

	plan->size = 0;
	for (size_t i = 0; i < plan->count; i++) {
		struct range *range = &plan->ranges[i];

		if (!plan->objects[range->object].has_code || range->claimed == 0)
			continue;
		range->position = plan->size;
		plan->size += range->replaced ? (size_t)(range->end - range->start) : 0;
		plan->ranges[kept++] = *range;
	}
	plan->count = kept;
	return plan->size > MOST_SIZE ? -EFBIG : 0;
}

enum refusal plan_make(struct plan *ret, const struct plan_source *source, unsigned flags)
{
	struct planner planner = { .plan = ret, .source = source, .flags = flags };
	int err;

	*ret = (struct plan){ .content_only = flags & PLAN_CONTENT_ONLY };
	err = take_auxv(&planner);
	for (size_t i = 0; i < source->mappings->count && err == 0; i++)
		err = take_mapping(&planner, &source->mappings->rows[i]);
	if (err == 0)
		err = drop_data(ret);
	if (err == -ENOEXEC)
		return REFUSAL_ARCHITECTURE;
	if (err == -EFBIG)
		return REFUSAL_TOO_LARGE;
	if (err < 0)
		return refusal_of(err);
	for (size_t i = 0; i < ret->object_count; i++)
		if (ret->objects[i].has_code && ret->objects[i].half_mapped)
			return REFUSAL_LOADING;
	return plan_meets_loader(ret, source->read, source->memory) ? REFUSAL_LOADING
								    : REFUSAL_NONE;
}

bool plan_meets_loader(const struct plan *plan, elf_reader *read, void *memory)
{
	return plan->program_known &&
	       headers_loader_is_at_work(&plan->program, read, memory, plan->has_loader);
}

void plan_free(struct plan *plan)
{
	for (size_t i = 0; i < plan->object_count; i++)
		free(plan->objects[i].name);
	free(plan->objects);
	free(plan->ranges);
	*plan = (struct plan){ 0 };
}
