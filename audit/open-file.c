/* SPDX-License-Identifier: MIT */

/*
 * The memfds that a process has open. A process often has several descriptors of one file, and a reader of the
 * audit asks about files: whether the process can write to this one. So descriptors of the same file are one row.
 */

#include "audit/open-file.h"

#include <errno.h>
#include <stdlib.h>

struct open_file *open_files_find(const struct open_files *files, struct file_id file)
{
	for (size_t i = 0; i < files->count; i++)
		if (same_file(files->rows[i].memory.file, file))
			return &files->rows[i];
	return NULL;
}

int open_files_add(struct open_files *files, struct open_file *file)
{
	struct open_file *known = open_files_find(files, file->memory.file), *more;

	if (known != NULL) {
		known->writable |= file->writable;
		return 0;
	}
	more = reallocarray(files->rows, files->count + 1, sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	files->rows = more;
	more[files->count++] = *file;
	file->memory.name = NULL;
	return 0;
}

void open_files_add_ring(struct open_files *files, uint64_t inode)
{
	if (open_files_have_ring(files, inode))
		return;
	if (files->ring_count < OPEN_RINGS)
		files->rings[files->ring_count++] = inode;
	else
		files->elsewhere = true;
}

bool open_files_have_ring(const struct open_files *files, uint64_t inode)
{
	for (size_t i = 0; i < files->ring_count; i++)
		if (files->rings[i] == inode)
			return true;
	return false;
}

void open_files_free(struct open_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		free(files->rows[i].memory.name);
	free(files->rows);
	*files = (struct open_files){ 0 };
}
