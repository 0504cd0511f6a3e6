/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_AUDIT_KNOWN_FILES_H
#define SEALMEM_AUDIT_KNOWN_FILES_H

#include "audit/process.h"

/* How a process has a memfd. */
enum {
	HOLDS_MAPPING = 1 << 0,
	HOLDS_WRITABLE_MAPPING = 1 << 1, /* writable, or can be made so */
	HOLDS_DESCRIPTOR = 1 << 2,
	HOLDS_WRITABLE_DESCRIPTOR = 1 << 3,
};

struct holder {
	pid_t pid;
	char name[64];
	unsigned how;
};

/* A file that several mappings, of several processes, can be of. */
struct known_file {
	struct file_id file;
	int elf_error; /* 1: not looked into yet; 0: `elf` is it */
	struct elf_file elf;
	int seals;	  /* or SEALS_UNKNOWN */
	pid_t shown_by;	  /* the process that they were last read of */
	unsigned reading; /* and when that was */
	struct holder *holders;
	size_t holder_count;
};

struct known_files {
	void *tree;
	unsigned reading; /* the present one of a process */
};

/* New if it was not known. NULL for want of memory. */
struct known_file *known_files_get(struct known_files *files, struct file_id file);

/* NULL if it is not known. */
struct known_file *known_files_find(const struct known_files *files, struct file_id file);

/* That the process has it in this way (too). -ENOMEM. */
int known_file_add_holder(struct known_file *file, const struct process *process, unsigned how);

void known_files_free(struct known_files *files);

#endif
