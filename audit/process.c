/* SPDX-License-Identifier: MIT */

/*
 * One process, as it was at one moment. The kernel writes smaps a page at a time and lets the process
 * run in between, and seals and headers are read later still; so maps is read once more at the end, and if
 * it does not say the same, all of it is done again. What goes on changing is reported as it was in
 * the last reading, and marked: each line of it was true, and seals belong to the file that the line
 * names, but lines may be of different moments.
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

static int read_status(struct process *process, int directory)
{
	char text[4096];
	ssize_t length = procfs_read(directory, "status", text, sizeof(text));
	const char *name;

	if (length < 0)
		return (int)length;
	name = find_value(text, "Name");
	(void)snprintf(process->name, sizeof(process->name), "%.*s",
		       name != NULL ? (int)strcspn(name, "\n") : 0, name != NULL ? name : "");
	process->parent = (pid_t)find_number(text, "PPid");
	process->user = (uid_t)find_number(text, "Uid");
	process->filtered = find_number(text, "Seccomp") == 2;
	return 0;
}

/* Not every kernel has smaps. */
static int read_mappings(struct process *process, int directory, bool vm)
{
	int err = vm ? procfs_read_mappings(directory, "smaps", &process->mappings) : -ENOENT;

	if (err == -ENOENT)
		err = procfs_read_mappings(directory, "maps", &process->mappings);
	if (err == 0 && process->mappings.page == 0)
		process->mappings.page = page_size();
	return err;
}

static void mark_mapped(struct process *process)
{
	for (size_t i = 0; i < process->mappings.count; i++)
		for (size_t k = 0; k < process->descriptors.count; k++)
			if (same_file(process->mappings.rows[i].file,
				      process->descriptors.rows[k].file))
				process->descriptors.rows[k].mapped = true;
}

/* Seals are never taken away: what was seen once holds. But this process may have added others since it was last
 * read, and have closed the descriptor that showed them. */
static bool are_out_of_date(const struct known_file *file, pid_t pid, unsigned reading)
{
	return file->shown_by == pid && file->reading != reading &&
	       (file->seals & FINAL_SEALS) != FINAL_SEALS;
}

static int find_seals(struct mapping *row, pid_t pid, const struct procfs *procfs, int directory,
		      struct known_files *files)
{
	struct known_file *file;
	int seals;

	if (!is_memfd(row))
		return 0;
	file = known_files_get(files, row->file);
	if (file == NULL)
		return -ENOMEM;
	seals = procfs_read_seals(procfs, directory, row);
	if (seals >= 0) {
		file->seals = seals | (file->seals > 0 ? file->seals : 0);
		file->shown_by = pid;
		file->reading = files->reading;
	}
	row->seals = are_out_of_date(file, pid, files->reading) ? SEALS_UNKNOWN : file->seals;
	return 0;
}

static int find_all_seals(struct mappings *rows, pid_t pid, const struct procfs *procfs,
			  int directory, struct known_files *files)
{
	for (size_t i = 0; i < rows->count; i++) {
		int err = find_seals(&rows->rows[i], pid, procfs, directory, files);

		if (err < 0)
			return err;
	}
	return 0;
}

static int read_memfds(struct process *process, const struct procfs *procfs, int directory,
		       struct known_files *files)
{
	int err = procfs_read_descriptors(procfs, directory, &process->descriptors);

	if (out_of_resources(err))
		return err;
	process->descriptors_known = err == 0;
	mark_mapped(process);
	files->reading++;
	err = find_all_seals(&process->descriptors, process->pid, procfs, directory, files);
	if (err == 0)
		err = find_all_seals(&process->mappings, process->pid, procfs, directory, files);
	return err;
}

/* Whether nothing has changed since. */
static int confirm(const struct process *process, int directory, bool *ret)
{
	CLEANUP(mappings_free) struct mappings again = { 0 };
	int err = procfs_read_mappings(directory, "maps", &again);

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
		err = read_mappings(process, directory, needs & NEED_VM);
	if (err == 0 && process->mappings.count == 0)
		return -ENODATA;
	if (err == 0 && (needs & NEED_MEMFDS))
		err = read_memfds(process, procfs, directory, files);
	if (err == 0 && (needs & NEED_OBJECTS))
		err = process_find_objects(process, procfs, directory, files);
	return err;
}

int process_read(struct process *ret, const struct procfs *procfs, struct known_files *files,
		 pid_t pid, unsigned needs)
{
	CLEANUP(close_fd_at) int directory = procfs_open_process(procfs, pid);
	CLEANUP(process_free) struct process process = { 0 };
	bool same = needs == 0;
	int err = directory < 0 ? directory : 0;

	for (int i = 0; i < READINGS && err == 0; i++) {
		process_free(&process);
		process.pid = pid;
		err = read_once(&process, procfs, directory, files, needs);
		if (err == 0 && needs != 0)
			err = confirm(&process, directory, &same);
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
	mappings_free(&process->descriptors);
	free(process->objects);
	*process = (struct process){ 0 };
}
