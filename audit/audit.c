/* SPDX-License-Identifier: MIT */

/*
 * Many processes. Each is read by itself and judged at the end, for a memfd is judged by who else has it: also
 * by processes that nobody asked about, so those are looked at, but for their memfds only, and only
 * if there is one that can be written to.
 */

#include "audit/audit.h"

#include "sealmem.h"

#include "lib/util.h"

#include <stdlib.h>
#include <sys/mman.h>

static unsigned how_held(const struct mapping *row)
{
	bool writable = row->protection & PROT_WRITE;

	if (row->descriptor >= 0)
		return HOLDS_DESCRIPTOR | (writable ? HOLDS_WRITABLE_DESCRIPTOR : 0);
	if (!row->shared)
		return HOLDS_MAPPING;
	return HOLDS_MAPPING | (writable || (row->vm & VM_MAY_WRITE) ? HOLDS_WRITABLE_MAPPING : 0);
}

static int note_holder(struct known_files *files, const struct process *process,
		       const struct mappings *rows)
{
	for (size_t i = 0; i < rows->count; i++) {
		const struct mapping *row = &rows->rows[i];
		struct known_file *file;

		if (row->seals == SEALS_NONE)
			continue;
		file = known_files_find(files, row->file);
		if (file != NULL && known_file_add_holder(file, process, how_held(row)) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int note_holders(struct audit *audit, const struct process *process)
{
	int err = note_holder(&audit->files, process, &process->mappings);

	return err < 0 ? err : note_holder(&audit->files, process, &process->descriptors);
}

int audit_add(struct audit *audit, pid_t pid, unsigned needs)
{
	CLEANUP(process_free) struct process process = { 0 };
	struct process *more = reallocarray(audit->processes, audit->count + 1, sizeof(*more));
	int err;

	if (more == NULL)
		return -ENOMEM;
	audit->processes = more;
	err = process_read(&process, &audit->procfs, &audit->files, pid, needs);
	if (err == 0)
		err = note_holders(audit, &process);
	if (err < 0)
		return err;
	more[audit->count++] = process;
	process = (struct process){ 0 };
	return 0;
}

int audit_try(struct audit *audit, pid_t pid, unsigned needs)
{
	int err = audit_add(audit, pid, needs);

	audit->denied += err == -EACCES || err == -EPERM;
	audit->ended += err == -ENOENT || err == -ESRCH;
	audit->unreadable += err < 0 && err != -EACCES && err != -EPERM && err != -ENOENT &&
			     err != -ESRCH && err != -ENODATA;
	return out_of_resources(err) ? err : 0;
}

static bool is_writable_memfd(const struct mapping *row)
{
	return row->seals >= 0 && !is_write_sealed(row->seals);
}

static bool has_writable_memfd(const struct mappings *rows)
{
	for (size_t i = 0; i < rows->count; i++)
		if (is_writable_memfd(&rows->rows[i]))
			return true;
	return false;
}

static bool any_writable_memfd(const struct audit *audit)
{
	for (size_t i = 0; i < audit->count; i++)
		if (has_writable_memfd(&audit->processes[i].mappings) ||
		    has_writable_memfd(&audit->processes[i].descriptors))
			return true;
	return false;
}

static bool was_read(const struct audit *audit, pid_t pid)
{
	for (size_t i = 0; i < audit->count; i++)
		if (audit->processes[i].pid == pid)
			return true;
	return false;
}

static int look_at_others(struct audit *audit)
{
	CLEANUP(free_pids) pid_t *pids = NULL;
	ssize_t count = procfs_list(&audit->procfs, &pids);
	int err = count < 0 ? (int)count : 0;

	for (ssize_t i = 0; i < count && !out_of_resources(err); i++) {
		CLEANUP(process_free) struct process other = { 0 };

		if (was_read(audit, pids[i]))
			continue;
		err = process_read(&other, &audit->procfs, &audit->files, pids[i], NEED_MEMFDS);
		if (err == 0)
			err = note_holders(audit, &other);
	}
	return out_of_resources(err) ? err : 0;
}

/* Another process may have answered what this one would not. */
static void share_seals(const struct audit *audit, struct mappings *rows)
{
	for (size_t i = 0; i < rows->count; i++) {
		struct mapping *row = &rows->rows[i];

		if (row->seals == SEALS_UNKNOWN)
			row->seals = known_files_find(&audit->files, row->file)->seals;
	}
}

int audit_finish(struct audit *audit, unsigned needs)
{
	int err = 0;

	if ((needs & NEED_MEMFDS) && any_writable_memfd(audit))
		err = look_at_others(audit);
	for (size_t i = 0; i < audit->count && err == 0; i++) {
		struct process *process = &audit->processes[i];

		share_seals(audit, &process->mappings);
		share_seals(audit, &process->descriptors);
		kinds_find(process, &audit->procfs.devices);
		guarantees_find(process);
		flags_find(process, &audit->files);
	}
	return err;
}

static void add_mapping(struct audit_totals *totals, const struct mapping *row)
{
	uint64_t bytes = row->end - row->start;

	totals->mappings++;
	totals->bytes += bytes;
	totals->flagged += row->flags != 0;
	totals->unguaranteed += row->guarantees == 0 ? bytes : 0;
	for (unsigned i = 0; i < GUARANTEE_COUNT; i++)
		totals->guaranteed[i] += row->guarantees & 1u << i ? bytes : 0;
}

void audit_total(const struct process *process, struct audit_totals *totals)
{
	for (size_t i = 0; i < process->mappings.count; i++)
		add_mapping(totals, &process->mappings.rows[i]);
}

void audit_free(struct audit *audit)
{
	for (size_t i = 0; i < audit->count; i++)
		process_free(&audit->processes[i]);
	free(audit->processes);
	known_files_free(&audit->files);
	procfs_close(&audit->procfs);
}
