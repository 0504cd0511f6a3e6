/* SPDX-License-Identifier: MIT */

/*
 * Copies the bytes while the process runs, because a copy takes longer than all that has to be done while it is stopped.
 * The pages cannot be written, so it is rare that they change meanwhile. But then they have to be taken as they are at the
 * stop. So the copy is sealed, compared with the process once it stands still, and given up if they differ.
 *
 * To compare all code takes about as long as to copy it. What the kernel says of a page spares most of that: a page that
 * is still one of the file is nobody's own, and has the bytes of the file. They are the same as before if nobody wrote to
 * the file, which its times and its size show. If they cannot be known, all is compared. A program that writes to the
 * file of a running program twice within one tick of the clock of the file system can go unseen; then the seal has what
 * the file had a moment before.
 *
 * The copy itself can be of another file: a library that is removed while it is copied gives way to the next one, and may be
 * back at the stop. So the copy is compared with the file, too, while the process still runs.
 */

#include "outside/prepare.h"

#include "outside/fill.h"
#include "outside/kernel.h"

#include "lib/memfd.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* How much is compared at a time. */
#define PIECE ((size_t)1 << 17)

/* The pages of a piece of pagemap, each of which is a word. */
#define ENTRIES 512

/* The file of an object, as it was before its bytes were copied. */
struct prepared_object {
	bool trusted; /* it is known how to see whether somebody wrote to it */
	char path[PATH_MAX];
	struct stat before;
};

static bool same_state(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static const struct mapping *find_mapping(const struct mappings *mappings, uint64_t address)
{
	for (size_t i = 0; i < mappings->count; i++)
		if (mappings->rows[i].start <= address && address < mappings->rows[i].end)
			return &mappings->rows[i];
	return NULL;
}

/* Only root may follow the link to the file that is mapped. For others, the file of that name has to be the same one. */
static void find_file(struct prepared_object *object, const struct target *target,
		      const struct mapping *row)
{
	(void)snprintf(object->path, sizeof(object->path), "map_files/%lx-%lx",
		       (unsigned long)row->start, (unsigned long)row->end);
	if (fstatat(target->directory, object->path, &object->before, 0) == 0) {
		object->trusted = S_ISREG(object->before.st_mode);
		return;
	}
	(void)snprintf(object->path, sizeof(object->path), "root%s", row->memory.name);
	object->trusted = fstatat(target->directory, object->path, &object->before, 0) == 0 &&
			  S_ISREG(object->before.st_mode) &&
			  object->before.st_dev == row->memory.file.device &&
			  object->before.st_ino == row->memory.file.inode;
}

/* RELRO, and code that the loader wrote to, are nobody's but the process's own. */
static bool may_be_of_file(const struct plan *plan, const struct range *range)
{
	return range->replaced && range->kind != RANGE_RELRO &&
	       !plan->objects[range->object].relocated_text;
}

static void find_files(struct prepared *prepared, const struct target *target,
		       const struct mappings *mappings, const struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct range *range = &plan->ranges[i];
		struct prepared_object *object = &prepared->objects[range->object];
		const struct mapping *row = find_mapping(mappings, range->start);

		if (may_be_of_file(plan, range) && *object->path == '\0' && row != NULL)
			find_file(object, target, row);
	}
}

static bool is_unaltered(const struct prepared_object *object, const struct target *target)
{
	struct stat now;

	return object->trusted && fstatat(target->directory, object->path, &now, 0) == 0 &&
	       same_state(&object->before, &now);
}

static int seal_file(struct prepared *prepared, size_t size)
{
	int err = memfd_seal(prepared->file);

	if (err == 0)
		err = memfd_check(prepared->file, size);
	if (err == 0)
		err = prepared->reader = memfd_reopen_readonly(prepared->file);
	if (err >= 0)
		err = sys_mmap(&prepared->bytes.addr, NULL, size, PROT_READ,
			       MAP_SHARED | MAP_POPULATE, prepared->reader);
	prepared->bytes.size = err < 0 ? 0 : size;
	return err;
}

/* After the end of a file come zeroes. */
static bool same_in_file(const struct prepared *prepared, int fd, off_t offset,
			 const struct range *range)
{
	const char *sealed = (const char *)prepared->bytes.addr + range->position;
	char *here = prepared->buffer.addr;
	size_t size = (size_t)(range->end - range->start);

	for (size_t at = 0, part; at < size; at += part) {
		ssize_t got;

		part = size - at < PIECE ? size - at : PIECE;
		got = sys_pread(fd, here, part, offset + (off_t)at);
		if (got < 0)
			return false;
		memset(here + got, 0, part - (size_t)got);
		if (memcmp(here, sealed + at, part) != 0)
			return false;
	}
	return true;
}

static bool is_of_file(const struct prepared *prepared, const struct target *target,
		       const struct range *range, const struct mapping *row)
{
	const struct prepared_object *object = &prepared->objects[range->object];
	CLEANUP(close_fd_at) int fd = openat(target->directory, object->path, O_RDONLY | O_CLOEXEC);
	struct stat status;

	return fd >= 0 && fstat(fd, &status) == 0 && same_state(&object->before, &status) &&
	       same_in_file(prepared, fd, (off_t)(row->offset + (range->start - row->start)),
			    range);
}

/* What differs, or cannot be read, is compared in full at the stop. */
static void compare_with_files(struct prepared *prepared, const struct target *target,
			       const struct mappings *mappings, const struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct range *range = &plan->ranges[i];
		struct prepared_object *object = &prepared->objects[range->object];
		const struct mapping *row = find_mapping(mappings, range->start);

		if (may_be_of_file(plan, range) && object->trusted)
			object->trusted = row != NULL && is_of_file(prepared, target, range, row);
	}
}

/* In memory before the process is held. It begins with a page, because processors copy several times as fast from page to page
 * as to a place 16 bytes further on, which is where malloc(3) puts it. */
static int make_buffer(struct scoped_mapping *ret)
{
	int err = sys_mmap(&ret->addr, NULL, PIECE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1);

	ret->size = err < 0 ? 0 : PIECE;
	return err;
}

static int make_file(struct prepared *prepared, const struct target *target,
		     const struct mappings *mappings, const struct plan *plan)
{
	int err = -ENOMEM;

	prepared->objects = calloc(plan->object_count, sizeof(*prepared->objects));
	if (prepared->objects != NULL)
		err = make_buffer(&prepared->buffer);
	if (err < 0)
		return err;
	prepared->pagemap = openat(target->directory, "pagemap", O_RDONLY | O_CLOEXEC);
	find_files(prepared, target, mappings, plan);
	err = prepared->file = memfd_new("image", plan->size);
	if (err >= 0)
		err = fill_write(prepared->file, target, plan);
	if (err >= 0)
		err = seal_file(prepared, plan->size);
	if (err >= 0)
		err = fill_compare(prepared->bytes.addr, target, plan);
	if (err == 0)
		compare_with_files(prepared, target, mappings, plan);
	return err;
}

void prepare(struct prepared *ret, const struct target *target, const struct mappings *mappings,
	     const struct plan *plan)
{
	*ret = PREPARED_NONE;
	if (plan->size > 0 && kernel_takes_from_threads() &&
	    make_file(ret, target, mappings, plan) < 0)
		prepared_free(ret);
}

struct check {
	const struct prepared *prepared;
	const struct target *target;
	const struct prepared_object *object; /* the last whose file was looked at */
	bool unaltered;
};

/* Code that the process cannot read itself takes the longer way, and so does one whose first thread has exited. */
static bool same_bytes(const struct check *check, uint64_t address, uint64_t position, size_t size)
{
	const char *sealed = check->prepared->bytes.addr;
	char *here = check->prepared->buffer.addr;

	return (kernel_read_memory(check->target->pid, here, size, address) >= 0 ||
		target_read(check->target, here, size, address) == 0) &&
	       memcmp(here, sealed + position, size) == 0;
}

static bool same_pages(const struct check *check, const struct range *range, uint64_t start,
		       uint64_t end)
{
	for (uint64_t at = start; at < end; at += PIECE) {
		size_t size = end - at < PIECE ? (size_t)(end - at) : PIECE;

		if (!same_bytes(check, at, range->position + (at - range->start), size))
			return false;
	}
	return true;
}

/* Only those that are the process's own. What pagemap does not say is taken for its own. */
static bool same_own_pages(const struct check *check, const struct range *range)
{
	const size_t page = page_size();
	uint64_t entries[ENTRIES];

	for (uint64_t at = range->start; at < range->end;) {
		uint64_t left = (range->end - at) / page;
		size_t count = left < ENTRIES ? (size_t)left : ENTRIES;
		ssize_t got = sys_pread(check->prepared->pagemap, entries, count * sizeof(*entries),
					(off_t)(at / page * sizeof(*entries)));

		if (got != (ssize_t)(count * sizeof(*entries)))
			return same_pages(check, range, at, range->end);
		for (size_t i = 0; i < count; i++, at += page)
			if (target_page_is_own(entries[i]) &&
			    !same_pages(check, range, at, at + page))
				return false;
	}
	return true;
}

/* The ranges of an object come one after the other. */
static bool range_holds(struct check *check, const struct plan *plan, const struct range *range)
{
	const struct prepared_object *object = &check->prepared->objects[range->object];

	if (!may_be_of_file(plan, range))
		return same_pages(check, range, range->start, range->end);
	if (object != check->object)
		check->unaltered = is_unaltered(object, check->target);
	check->object = object;
	return check->unaltered ? same_own_pages(check, range)
				: same_pages(check, range, range->start, range->end);
}

bool prepared_holds(const struct prepared *prepared, const struct target *target,
		    const struct plan *plan)
{
	struct check check = { .prepared = prepared, .target = target };

	if (prepared->file < 0)
		return false;
	for (size_t i = 0; i < plan->count; i++)
		if (plan->ranges[i].replaced && !range_holds(&check, plan, &plan->ranges[i]))
			return false;
	return true;
}

void prepared_free(struct prepared *prepared)
{
	unmap_scoped(&prepared->bytes);
	unmap_scoped(&prepared->buffer);
	(void)close_fd(prepared->file);
	(void)close_fd(prepared->reader);
	(void)close_fd(prepared->pagemap);
	free(prepared->objects);
	*prepared = PREPARED_NONE;
}
