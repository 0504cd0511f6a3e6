/* SPDX-License-Identifier: MIT */

/*
 * Memory that is executable at one address and writable at another. No mapping is both, but the code can be
 * changed all the same. So the audit gathers the writable parts of files that it has seen in any process, and looks
 * for each executable mapping whether it shows one of them. A private mapping shows what others write to the file,
 * too, as long as its own page is not a copy.
 */

#include "audit/writers.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

static struct writer part_of_file(const struct mapping *row)
{
	return (struct writer){ row->memory.file, row->offset,
				row->offset + (row->end - row->start) };
}

static int add(struct writers *writers, struct writer writer)
{
	size_t room = writers->room > 0 ? 2 * writers->room : 64;
	struct writer *more;

	if (writers->count == writers->room) {
		more = reallocarray(writers->rows, room, sizeof(*more));
		if (more == NULL)
			return -ENOMEM;
		writers->rows = more;
		writers->room = room;
	}
	writers->rows[writers->count++] = writer;
	writers->sorted = false;
	return 0;
}

int writers_add(struct writers *writers, const struct process *process)
{
	int err = 0;

	for (size_t i = 0; i < process->mappings.count && err == 0; i++) {
		const struct mapping *row = &process->mappings.rows[i];

		if (row->shared && has_file(row->memory.file) && (row->protection & PROT_WRITE))
			err = add(writers, part_of_file(row));
	}
	return err;
}

static int compare(const void *a, const void *b)
{
	const struct writer *x = a, *y = b;

	if (!same_file(x->file, y->file))
		return file_compare(x->file, y->file);
	return (x->start > y->start) - (x->start < y->start);
}

/* Joins what overlaps, so that the ends are in order, too. */
static void join(struct writers *writers)
{
	size_t kept = 0;

	for (size_t i = 1; i < writers->count; i++) {
		struct writer *last = &writers->rows[kept], *next = &writers->rows[i];

		if (!same_file(last->file, next->file) || next->start > last->end)
			writers->rows[++kept] = *next;
		else if (next->end > last->end)
			last->end = next->end;
	}
	writers->count = writers->count > 0 ? kept + 1 : 0;
}

static void sort(struct writers *writers)
{
	if (writers->count > 0 && !writers->sorted)
		qsort(writers->rows, writers->count, sizeof(*writers->rows), compare);
	if (!writers->sorted)
		join(writers);
	writers->sorted = true;
}

/* The answer for bsearch(3): equal if both overlap. */
static int compare_place(const void *a, const void *b)
{
	const struct writer *x = a, *y = b;

	if (!same_file(x->file, y->file))
		return file_compare(x->file, y->file);
	if (x->end <= y->start)
		return -1;
	return x->start >= y->end;
}

void writers_find(struct writers *writers, struct process *process)
{
	sort(writers);
	for (size_t i = 0; i < process->mappings.count && writers->count > 0; i++) {
		struct mapping *row = &process->mappings.rows[i];
		struct writer place = part_of_file(row);

		row->written = has_file(row->memory.file) && (row->protection & PROT_EXEC) &&
			       bsearch(&place, writers->rows, writers->count, sizeof(place),
				       compare_place) != NULL;
	}
}

void writers_free(struct writers *writers)
{
	free(writers->rows);
	*writers = (struct writers){ 0 };
}
