/* SPDX-License-Identifier: MIT */

/*
 * Reads another process through /proc. Its directory is opened once, so that no other process that gets the number
 * later is taken for it.
 */

#include "outside/target.h"

#include "outside/kernel.h"

#include "audit/lines.h"
#include "lib/util.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* As much of the mappings as is read at a time. */
#define PART ((size_t)1 << 14)

static long number_in(const char *status, const char *key)
{
	const char *value = find_value(status, key);

	return value != NULL ? strtol(value, NULL, 10) : -1;
}

static void take_name(struct target *target, const char *status)
{
	const char *name = find_value(status, "Name");
	char text[PROCFS_STATUS_SIZE];

	(void)snprintf(text, sizeof(text), "%.*s", name != NULL ? (int)strcspn(name, "\n") : 0,
		       name != NULL ? name : "");
	unescape_status(text);
	(void)snprintf(target->name, sizeof(target->name), "%.*s", (int)sizeof(target->name) - 1,
		       text);
}

static enum refusal judge_status(const struct target *target, const char *status, bool traced)
{
	const char *state = find_value(status, "State");

	if (state == NULL || number_in(status, "Tgid") != target->pid || *state == 'X')
		return REFUSAL_GONE;
	if (traced)
		return REFUSAL_NONE;
	if (number_in(status, "TracerPid") > 0)
		return REFUSAL_TRACED;
	if (*state == 'T')
		return REFUSAL_STOPPED;
	return REFUSAL_NONE;
}

/* Of a thread, or of the process. -ENODATA if it has none: without memory, every place is its end. */
static int open_memory_of(const struct target *target, const char *path)
{
	CLEANUP(close_fd_at) int fd = openat(target->directory, path, O_RDWR | O_CLOEXEC);
	char byte;

	if (fd < 0)
		fd = openat(target->directory, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return pread(fd, &byte, 1, 0) != 0 ? take_fd(&fd) : -ENODATA;
}

/* A first thread that has exited has no memory any more, so another one shows it. */
static int open_memory(const struct target *target)
{
	CLEANUP(free_pids) pid_t *threads = NULL;
	int fd = open_memory_of(target, "mem");
	ssize_t count = fd < 0 ? procfs_list_threads(target->directory, &threads) : 0;
	char path[64];

	for (ssize_t i = 0; i < count && fd < 0; i++) {
		(void)snprintf(path, sizeof(path), "task/%d/mem", (int)threads[i]);
		fd = open_memory_of(target, path);
	}
	return count < 0 ? (int)count : fd;
}

static enum refusal open_target(struct target *ret, const struct procfs *procfs, pid_t pid,
				bool traced)
{
	char status[PROCFS_STATUS_SIZE];
	enum refusal refusal;
	ssize_t length;

	*ret = (struct target){ .pid = pid, .directory = -1, .memory = -1, .maps = -1 };
	ret->directory = procfs_open_process(procfs, pid);
	if (ret->directory < 0)
		return refusal_of(ret->directory);
	length = procfs_read(ret->directory, "status", status, sizeof(status));
	if (length < 0)
		return refusal_of(length);
	take_name(ret, status);
	refusal = judge_status(ret, status, traced);
	if (refusal != REFUSAL_NONE)
		return refusal;
	ret->memory = open_memory(ret);
	ret->maps = openat(ret->directory, "maps", O_RDONLY | O_CLOEXEC);
	return refusal_of(ret->memory);
}

enum refusal target_open(struct target *ret, const struct procfs *procfs, pid_t pid)
{
	return open_target(ret, procfs, pid, false);
}

enum refusal target_open_traced(struct target *ret, const struct procfs *procfs, pid_t pid)
{
	return open_target(ret, procfs, pid, true);
}

void target_close(struct target *target)
{
	(void)close_fd(target->directory);
	(void)close_fd(target->memory);
	(void)close_fd(target->maps);
	free(target->text);
	target->text = NULL;
}

bool target_is_there(const struct target *target)
{
	struct stat status;

	return fstatat(target->directory, "status", &status, 0) == 0;
}

static ssize_t read_memory(void *from, void *ret, size_t size, off_t offset)
{
	const struct target *target = from;

	return pread(target->memory, ret, size, offset);
}

int target_read(const struct target *target, void *ret, size_t size, uint64_t address)
{
	char *to = ret;

	while (size > 0) {
		ssize_t got = sys_pread(target->memory, to, size, (off_t)address);

		if (got <= 0)
			return got < 0 ? (int)got : -EIO;
		to += got;
		address += (uint64_t)got;
		size -= (size_t)got;
	}
	return 0;
}

static ssize_t read_auxv(const struct target *target, unsigned char *ret, size_t size)
{
	CLEANUP(close_fd_at)
	int fd = openat(target->directory, "auxv", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : sys_read(fd, ret, size);
}

/* What the process allocates meanwhile changes no plan. */
static void keep_image(struct mappings *mappings)
{
	size_t kept = 0;

	for (size_t i = 0; i < mappings->count; i++) {
		struct mapping *row = &mappings->rows[i];

		if (plan_looks_at(row, kept > 0 ? &mappings->rows[kept - 1] : NULL))
			mappings->rows[kept++] = *row;
		else
			free(row->memory.name);
	}
	mappings->count = kept;
}

/* All of it. To read on while it changes gives what the kernel gives to anybody who reads a part at a time. */
static int read_text(struct target *target)
{
	size_t room = 0;
	ssize_t got = 1;

	target->length = 0;
	while (got > 0) {
		if (room - target->length < PART) {
			char *more = realloc(target->text, room += 4 * PART);

			if (more == NULL)
				return -ENOMEM;
			target->text = more;
		}
		got = sys_pread(target->maps, target->text + target->length, PART,
				(off_t)target->length);
		target->length += got > 0 ? (size_t)got : 0;
	}
	return (int)got;
}

/* The quickest way to see that nothing has changed. */
static bool is_same_text(const struct target *target)
{
	char part[PART];
	size_t at = 0;
	ssize_t got = 1;

	while (target->text != NULL && got > 0 && at <= target->length) {
		got = sys_pread(target->maps, part, sizeof(part), (off_t)at);
		if (got > 0 && ((size_t)got > target->length - at ||
				memcmp(part, target->text + at, (size_t)got) != 0))
			return false;
		at += got > 0 ? (size_t)got : 0;
	}
	return got == 0 && at > 0 && at == target->length;
}

static void close_stream(FILE **stream)
{
	if (*stream != NULL)
		(void)fclose(*stream);
}

/* From the text, which is kept. */
static int read_and_keep(struct target *target, const struct procfs *procfs, struct mappings *ret)
{
	CLEANUP(close_stream) FILE *in = NULL;
	int err = target->maps < 0 ? target->maps : read_text(target);

	if (err < 0 || target->length == 0)
		return err;
	in = fmemopen(target->text, target->length, "r");
	return in == NULL ? -errno : procfs_take_mappings(procfs, target->directory, in, ret);
}

static int read_mappings(const struct target *target, const struct procfs *procfs,
			 struct mappings *ret)
{
	int err = procfs_read_mappings(procfs, target->directory, "maps", ret);
	/* The first thread of some processes has exited. */
	CLEANUP(close_fd_at) int other = -1;

	if (err == 0 && ret->count == 0) {
		other = procfs_open_thread_with_memory(procfs, target->directory, target->pid);
		err = other < 0 ? other : procfs_read_mappings(procfs, other, "maps", ret);
	}
	return err;
}

static enum refusal make(const struct target *target, const struct mappings *mappings,
			 unsigned flags, struct plan *ret)
{
	unsigned char auxv[1 << 10];
	struct plan_source source = {
		.mappings = mappings,
		.read = read_memory,
		.memory = (void *)(uintptr_t)target,
		.auxv = auxv,
	};
	ssize_t size = read_auxv(target, auxv, sizeof(auxv));

	source.auxv_size = size > 0 ? (size_t)size : 0;
	return plan_make(ret, &source, flags);
}

enum refusal target_plan(struct target *target, const struct procfs *procfs, unsigned flags,
			 struct mappings *ret_mappings, struct plan *ret)
{
	int err = read_and_keep(target, procfs, ret_mappings);

	if (err < 0 || ret_mappings->count == 0) {
		free(target->text);
		target->text = NULL;
		mappings_free(ret_mappings);
		err = read_mappings(target, procfs, ret_mappings);
	}
	if (err < 0)
		return refusal_of(err);
	if (ret_mappings->count == 0)
		return REFUSAL_NO_MEMORY_OF_ITS_OWN;
	keep_image(ret_mappings);
	if (ret_mappings->page == 0)
		ret_mappings->page = page_size();
	return make(target, ret_mappings, flags, ret);
}

enum refusal target_confirm_plan(const struct target *target, const struct procfs *procfs,
				 const struct mappings *mappings, const struct plan *plan)
{
	CLEANUP(mappings_free) struct mappings now = { 0 };
	int err;

	if (plan_meets_loader(plan, read_memory, (void *)(uintptr_t)target))
		return REFUSAL_LOADING;
	if (is_same_text(target))
		return REFUSAL_NONE;
	err = read_mappings(target, procfs, &now);
	if (err < 0)
		return refusal_of(err);
	keep_image(&now);
	return mappings_agree(mappings, &now) ? REFUSAL_NONE : REFUSAL_CHANGED;
}

long target_thread_number(const struct target *target, pid_t thread, const char *key)
{
	char path[64], status[PROCFS_STATUS_SIZE];

	(void)snprintf(path, sizeof(path), "task/%d/status", (int)thread);
	return procfs_read(target->directory, path, status, sizeof(status)) > 0
		       ? number_in(status, key)
		       : -1;
}

bool target_shares_memory(const struct target *target, const struct procfs *procfs)
{
	CLEANUP(free_pids) pid_t *pids = NULL;
	ssize_t count = procfs_list(procfs, &pids);

	for (ssize_t i = 0; i < count; i++)
		if (pids[i] != target->pid && kernel_compare_memory(target->pid, pids[i]) == 0)
			return true;
	return false;
}

/* Bits of an entry of /proc/PID/pagemap, see Documentation/admin-guide/mm/pagemap.rst. */
#define PAGE_PRESENT ((uint64_t)1 << 63)
#define PAGE_SWAPPED ((uint64_t)1 << 62)
#define PAGE_OF_FILE ((uint64_t)1 << 61)

bool target_page_is_own(uint64_t entry)
{
	return entry & PAGE_SWAPPED || (entry & PAGE_PRESENT && !(entry & PAGE_OF_FILE));
}

bool target_was_written(const struct target *target, const struct range *range)
{
	CLEANUP(close_fd_at)
	int fd = openat(target->directory, "pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entries[512], page = range->start / page_size(), end = range->end / page_size();

	while (fd >= 0 && page < end) {
		size_t wanted = end - page < 512 ? (size_t)(end - page) : 512;
		ssize_t got = sys_pread(fd, entries, wanted * sizeof(*entries),
					(off_t)(page * sizeof(*entries)));

		if (got < (ssize_t)sizeof(*entries))
			return false;
		for (size_t i = 0; i < (size_t)got / sizeof(*entries); i++)
			if (target_page_is_own(entries[i]))
				return true;
		page += (size_t)got / sizeof(*entries);
	}
	return false;
}
