/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_AUDIT_OPEN_FILE_H
#define SEALMEM_AUDIT_OPEN_FILE_H

#include "audit/memory.h"

#include <stddef.h>

/* A memfd, or secret memory, that a process has open. One of these for each file, however many descriptors the
 * process has of it. */
struct open_file {
	struct memory memory;
	int descriptor; /* the first that leads to the file */
	pid_t thread; /* the one that has it, in a table of its own; 0: it is in the table of the process */
	uint64_t size;
	bool writable; /* by one descriptor at least */
	bool mapped;   /* the process has a mapping of the file too */
};

/* A process with more is one of which the audit does not know all files. */
#define OPEN_RINGS 32

struct open_files {
	struct open_file *rows;
	size_t count;
	/* The io_urings that are open, and of which the kernel says that they keep no files. */
	uint64_t rings[OPEN_RINGS];
	size_t ring_count;
	bool elsewhere; /* files are open without a descriptor: on their way in a socket, or in an io_uring */
};

/* NULL if the process does not have the file open. */
struct open_file *open_files_find(const struct open_files *files, struct file_id file);

/* Adds the file and takes over its name. If it is there already, only notes that it is writable. -ENOMEM. */
int open_files_add(struct open_files *files, struct open_file *file);

/* Notes an io_uring that keeps no files. */
void open_files_add_ring(struct open_files *files, uint64_t inode);

bool open_files_have_ring(const struct open_files *files, uint64_t inode);

void open_files_free(struct open_files *files);

#endif
