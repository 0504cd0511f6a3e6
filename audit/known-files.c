/* SPDX-License-Identifier: MIT */

/*
 * What the audit learns about a file from one process holds for all processes that map the file. The headers of the
 * C library are the same in two hundred processes. The seals of a memfd may be readable in only one of them. And to
 * find out who else has a memfd, the audit has to look at all. So it knows files by their number, across processes.
 */

#include "audit/known-files.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
	return file_compare(((const struct known_file *)a)->file,
			    ((const struct known_file *)b)->file);
}

struct known_file *known_files_find(const struct known_files *files, struct file_id file)
{
	const struct known_file wanted = { .file = file };
	void *const *found = tfind(&wanted, &files->tree, compare);

	return found != NULL ? *found : NULL;
}

struct known_file *known_files_get(struct known_files *files, struct file_id file)
{
	struct known_file *known = known_files_find(files, file);

	if (known != NULL)
		return known;
	known = calloc(1, sizeof(*known));
	if (known == NULL)
		return NULL;
	*known = (struct known_file){ .file = file, .elf_error = 1, .seals = SEALS_UNKNOWN };
	if (tsearch(known, &files->tree, compare) != NULL)
		return known;
	free(known);
	return NULL;
}

int known_file_add_holder(struct known_file *file, const struct process *process, unsigned how)
{
	struct holder *holder = file->holders, *more;

	for (size_t i = 0; i < file->holder_count; i++, holder++)
		if (holder->pid == process->pid) {
			holder->how |= how;
			return 0;
		}
	more = reallocarray(file->holders, file->holder_count + 1, sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	file->holders = more;
	holder = &more[file->holder_count++];
	*holder = (struct holder){ .pid = process->pid, .how = how };
	memcpy(holder->name, process->name, sizeof(holder->name));
	return 0;
}

bool known_file_is_held(const struct known_file *file, unsigned how)
{
	for (size_t i = 0; i < file->holder_count; i++)
		if (file->holders[i].how & how)
			return true;
	return false;
}

static void free_file(void *node)
{
	struct known_file *file = node;

	free(file->holders);
	free(file);
}

void known_files_free(struct known_files *files)
{
	tdestroy(files->tree, free_file);
	files->tree = NULL;
}
