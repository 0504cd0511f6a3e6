/* SPDX-License-Identifier: MIT */

/*
 * One process, as it was at one moment. The kernel writes smaps a page at a time and lets the process run in
 * between, and the audit reads seals and headers later still. So it reads maps again at the end, and if maps
 * differs it starts over. If a process goes on changing, the audit reports the last reading and marks it: each line
 * was true, and seals belong to the file that the line names, but the lines may be of different moments.
 */

#include "audit/process.h"

#include "audit/known-files.h"
#include "audit/lines.h"

#include "lib/util.h"

#include <stdlib.h>
#include <string.h>

#define READINGS 3

static unsigned long find_number(const char *text, const char *key)
{
	const char *value = find_value(text, key);

	return value != NULL ? strtoul(value, NULL, 10) : 0;
}

static void find_name(struct process *process, const char *status)
{
	const char *name = find_value(status, "Name");
	char text[PROCFS_STATUS_SIZE];

	(void)snprintf(text, sizeof(text), "%.*s", name != NULL ? (int)strcspn(name, "\n") : 0,
		       name != NULL ? name : "");
	unescape_status(text);
	(void)snprintf(process->name, sizeof(process->name), "%.*s", (int)sizeof(process->name) - 1,
		       text);
}

static int read_status(struct process *process, int directory)
{
	char text[PROCFS_STATUS_SIZE];
	ssize_t length = procfs_read(directory, "status", text, sizeof(text));

	if (length < 0)
		return (int)length;
	find_name(process, text);
	process->reader = (pid_t)find_number(text, "Pid");
	process->parent = (pid_t)find_number(text, "PPid");
	process->user = (uid_t)find_number(text, "Uid");
	process->filtered = find_number(text, "Seccomp") == 2;
	return 0;
}

/* Not every kernel has smaps. */
static int read_mappings(struct process *process, const struct procfs *procfs, int directory,
			 bool vm)
{
	int err =
		vm ? procfs_read_mappings(procfs, directory, "smaps", &process->mappings) : -ENOENT;

	if (err == -ENOENT)
		err = procfs_read_mappings(procfs, directory, "maps", &process->mappings);
	if (err == 0 && process->mappings.page == 0)
		process->mappings.page = page_size();
	return err;
}

static void mark_mapped(struct process *process)
{
	for (size_t i = 0; i < process->mappings.count; i++) {
		struct file_id file = process->mappings.rows[i].memory.file;
		struct open_file *open = open_files_find(&process->open_files, file);

		if (open != NULL)
			open->mapped = true;
	}
}

/* Nobody can take a seal away, so a seal that was seen once holds. But this process may have added others since its
 * last reading, and closed the descriptor that showed them. */
static bool are_out_of_date(const struct known_file *file, pid_t pid, unsigned reading)
{
	return file->shown_by == pid && file->reading != reading &&
	       (file->seals & FINAL_SEALS) != FINAL_SEALS;
}

/* `seals` is what the kernel has answered just now, or a negative errno. */
static int note_seals(struct memory *memory, int seals, pid_t pid, struct known_files *files)
{
	struct known_file *file = known_files_get(files, memory->file);

	if (file == NULL)
		return -ENOMEM;
	if (seals >= 0) {
		file->seals = seals | (file->seals > 0 ? file->seals : 0);
		file->shown_by = pid;
		file->reading = files->reading;
	}
	memory->seals = are_out_of_date(file, pid, files->reading) ? SEALS_UNKNOWN : file->seals;
	return 0;
}

static int read_seals_of_open_files(struct process *process, const struct procfs *procfs,
				    int directory, struct known_files *files)
{
	int err = 0;

	for (size_t i = 0; i < process->open_files.count && err == 0; i++) {
		struct open_file *row = &process->open_files.rows[i];

		if (is_memfd(&procfs->devices, &row->memory))
			err = note_seals(&row->memory,
					 procfs_read_open_file_seals(procfs, directory, row,
								     &files->patience),
					 process->pid, files);
	}
	return err;
}

static int read_seals_of_mappings(struct process *process, const struct procfs *procfs,
				  int directory, struct known_files *files)
{
	int err = 0;

	for (size_t i = 0; i < process->mappings.count && err == 0; i++) {
		struct mapping *row = &process->mappings.rows[i];

		if (is_memfd(&procfs->devices, &row->memory))
			err = note_seals(
				&row->memory,
				procfs_read_mapping_seals(procfs, directory, row, &files->patience),
				process->pid, files);
	}
	return err;
}

/* The mapping of an io_uring stays when its descriptor is closed, and then nobody says which files it keeps. */
static bool keeps_files_elsewhere(const struct process *process)
{
	for (size_t i = 0; i < process->mappings.count; i++) {
		const struct memory *memory = &process->mappings.rows[i].memory;

		if (strcmp(memory->name, IO_URING_NAME) == 0 &&
		    !open_files_have_ring(&process->open_files, memory->file.inode))
			return true;
	}
	return process->open_files.elsewhere;
}

static int read_memfds(struct process *process, const struct procfs *procfs, int directory,
		       struct known_files *files)
{
	int err = process_read_open_files(process, procfs, directory);

	if (out_of_resources(err))
		return err;
	process->keeps_files = err == 0 && keeps_files_elsewhere(process);
	process->open_files_known = err == 0 && !process->keeps_files;
	mark_mapped(process);
	files->reading++;
	err = read_seals_of_open_files(process, procfs, directory, files);
	return err == 0 ? read_seals_of_mappings(process, procfs, directory, files) : err;
}

/* Whether the mappings are still the same. */
static int confirm(const struct process *process, const struct procfs *procfs, int directory,
		   bool *ret)
{
	CLEANUP(mappings_free) struct mappings again = { 0 };
	int err = procfs_read_mappings(procfs, directory, "maps", &again);

	if (err < 0)
		return err;
	*ret = mappings_agree(&process->mappings, &again);
	return 0;
}

static int read_once(struct process *process, const struct procfs *procfs, int directory,
		     struct known_files *files, unsigned needs)
{
	int err = read_status(process, directory);

	if (err == 0)
		err = read_mappings(process, procfs, directory, needs & NEED_VM);
	if (err == 0 && process->mappings.count == 0)
		return -ENODATA;
	if (err == 0 && (needs & NEED_MEMFDS))
		err = read_memfds(process, procfs, directory, files);
	if (err == 0 && (needs & NEED_OBJECTS))
		err = process_find_objects(process, procfs, directory, files);
	return err;
}

static bool is_missing(int err)
{
	return err == -ENODATA || err == -ENOENT || err == -ESRCH;
}

/* As read_once(). If the thread by which the audit sees the process has left, another one takes its place. */
static int read_by_any_thread(struct process *process, const struct procfs *procfs, int leader,
			      int *directory, struct known_files *files, unsigned needs)
{
	const pid_t pid = process->pid;
	int err = read_once(process, procfs, *directory, files, needs);

	for (int i = 0; i < READINGS && is_missing(err); i++) {
		int thread = procfs_open_thread_with_memory(procfs, leader, pid);

		if (thread < 0)
			return thread == -ENODATA ? err : thread;
		(void)close_fd(*directory);
		*directory = thread;
		process_free(process);
		process->pid = pid;
		err = read_once(process, procfs, thread, files, needs);
	}
	return is_missing(err) ? -EAGAIN : err;
}

int process_read(struct process *ret, const struct procfs *procfs, struct known_files *files,
		 pid_t pid, unsigned needs)
{
	CLEANUP(close_fd_at) int leader = procfs_open_process(procfs, pid);
	CLEANUP(close_fd_at) int directory = procfs_open_process(procfs, pid);
	CLEANUP(process_free) struct process process = { 0 };
	bool same = needs == 0;
	int err = leader < 0 ? leader : directory < 0 ? directory : 0;

	for (int i = 0; i < READINGS && err == 0; i++) {
		process_free(&process);
		process.pid = pid;
		err = read_by_any_thread(&process, procfs, leader, &directory, files, needs);
		if (err == 0 && needs != 0)
			err = confirm(&process, procfs, directory, &same);
		if (same)
			break;
	}
	if (err < 0)
		return err;
	process.changed = !same;
	*ret = process;
	process = (struct process){ 0 };
	return 0;
}

void process_free(struct process *process)
{
	mappings_free(&process->mappings);
	open_files_free(&process->open_files);
	free(process->objects);
	*process = (struct process){ 0 };
}
