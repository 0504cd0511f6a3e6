/* SPDX-License-Identifier: MIT */

/*
 * Many processes. The audit reads each by itself and finds out about all of them at the end, because a memfd that
 * several processes have differs from one that a single process has. Processes that nobody asked about count too. So
 * the audit also reads those: only their memfds, and only if there is a memfd that can be written to.
 */

#include "audit/audit.h"

#include "include/sealmem.h"

#include "lib/util.h"

#include <stdlib.h>
#include <sys/mman.h>

/* mseal(2) keeps a mapping that is not writable from becoming so. */
static unsigned how_mapped(const struct mapping *row)
{
	bool may_become = row->vm & VM_MAY_WRITE && !(row->vm & VM_SEALED);

	if (!row->shared)
		return HOLDS_MAPPING;
	if (row->protection & PROT_WRITE || may_become)
		return HOLDS_MAPPING | HOLDS_WRITABLE_MAPPING;
	return HOLDS_MAPPING | (row->vm_known ? 0 : HOLDS_DOUBTFUL_MAPPING);
}

static unsigned how_open(const struct open_file *file)
{
	return HOLDS_DESCRIPTOR | (file->writable ? HOLDS_WRITABLE_DESCRIPTOR : 0);
}

static int note_holder(struct audit *audit, const struct process *process,
		       const struct memory *memory, unsigned how)
{
	struct known_file *file;

	if (memory->seals == SEALS_NONE && !is_secret(&audit->procfs.devices, memory))
		return 0;
	file = known_files_get(&audit->files, memory->file);
	return file != NULL ? known_file_add_holder(file, process, how) : -ENOMEM;
}

/* Who has which memfd, and who can write to which code. */
static int note_holders(struct audit *audit, const struct process *process)
{
	int err = writers_add(&audit->writers, process);

	audit->files.kept |= process->keeps_files;

	for (size_t i = 0; i < process->mappings.count && err == 0; i++) {
		const struct mapping *row = &process->mappings.rows[i];

		err = note_holder(audit, process, &row->memory, how_mapped(row));
	}
	for (size_t i = 0; i < process->open_files.count && err == 0; i++) {
		const struct open_file *row = &process->open_files.rows[i];

		err = note_holder(audit, process, &row->memory, how_open(row));
	}
	return err;
}

int audit_begin(struct audit *ret, const char *procfs)
{
	struct procfs opened;
	int err = procfs_open(&opened, procfs);

	if (err < 0)
		return err;
	audit_begin_at(ret, &opened);
	ret->borrowed = false;
	return 0;
}

void audit_begin_at(struct audit *ret, const struct procfs *procfs)
{
	*ret = (struct audit){ .procfs = *procfs, .borrowed = true };
	(void)clock_gettime(CLOCK_REALTIME, &ret->begun);
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

static bool is_writable_memfd(const struct memory *memory)
{
	return memory->seals >= 0 && !is_write_sealed(memory->seals);
}

/* It may have CONTENT if nobody else can write to it. */
static bool is_sealed_secret(const struct audit *audit, const struct mapping *row)
{
	return is_secret(&audit->procfs.devices, &row->memory) && !(row->protection & PROT_WRITE) &&
	       (row->vm & VM_SEALED);
}

static bool has_sealed_secret(const struct audit *audit, const struct process *process)
{
	for (size_t i = 0; i < process->mappings.count; i++)
		if (is_sealed_secret(audit, &process->mappings.rows[i]))
			return true;
	return false;
}

static bool has_writable_memfd(const struct process *process)
{
	for (size_t i = 0; i < process->mappings.count; i++)
		if (is_writable_memfd(&process->mappings.rows[i].memory))
			return true;
	for (size_t i = 0; i < process->open_files.count; i++)
		if (is_writable_memfd(&process->open_files.rows[i].memory))
			return true;
	return false;
}

/* Whether it matters what other processes have. */
static bool others_matter(const struct audit *audit)
{
	for (size_t i = 0; i < audit->count; i++)
		if (has_writable_memfd(&audit->processes[i]) ||
		    has_sealed_secret(audit, &audit->processes[i]))
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

/* Only smaps says whether a mapping of secret memory can become writable, and few processes have one. */
static bool has_doubtful_secret(const struct audit *audit, const struct process *process)
{
	for (size_t i = 0; i < process->mappings.count; i++)
		if (is_secret(&audit->procfs.devices, &process->mappings.rows[i].memory) &&
		    !process->mappings.rows[i].vm_known)
			return true;
	return false;
}

static int read_other(struct audit *audit, pid_t pid, struct process *ret)
{
	int err = process_read(ret, &audit->procfs, &audit->files, pid, NEED_MEMFDS);

	if (err < 0 || !has_doubtful_secret(audit, ret))
		return err;
	process_free(ret);
	return process_read(ret, &audit->procfs, &audit->files, pid, NEED_MEMFDS | NEED_VM);
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
		err = read_other(audit, pids[i], &other);
		if (err == 0)
			err = note_holders(audit, &other);
	}
	return out_of_resources(err) ? err : 0;
}

static void share_seals_of(const struct known_files *files, struct memory *memory)
{
	if (memory->seals == SEALS_UNKNOWN)
		memory->seals = known_files_find(files, memory->file)->seals;
}

/* Another process may have answered where this one did not. */
static void share_seals(const struct audit *audit, struct process *process)
{
	for (size_t i = 0; i < process->mappings.count; i++)
		share_seals_of(&audit->files, &process->mappings.rows[i].memory);
	for (size_t i = 0; i < process->open_files.count; i++)
		share_seals_of(&audit->files, &process->open_files.rows[i].memory);
}

int audit_finish(struct audit *audit, unsigned needs)
{
	int err = 0;

	audit->files.recorded = audit->procfs.devices.recorded;
	if ((needs & NEED_MEMFDS) && others_matter(audit))
		err = look_at_others(audit);
	for (size_t i = 0; i < audit->count && err == 0; i++) {
		struct process *process = &audit->processes[i];

		share_seals(audit, process);
		kinds_find(process, &audit->procfs.devices);
		marks_find(process);
		guarantees_find(process, &audit->files);
		writers_find(&audit->writers, process);
		flags_find(process, &audit->files);
	}
	(void)clock_gettime(CLOCK_REALTIME, &audit->finished);
	return err;
}

void audit_free(struct audit *audit)
{
	for (size_t i = 0; i < audit->count; i++)
		process_free(&audit->processes[i]);
	free(audit->processes);
	known_files_free(&audit->files);
	writers_free(&audit->writers);
	if (!audit->borrowed)
		procfs_close(&audit->procfs);
}
