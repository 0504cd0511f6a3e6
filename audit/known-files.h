/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_AUDIT_KNOWN_FILES_H
#define SEALMEM_AUDIT_KNOWN_FILES_H

#include "audit/process.h"

/* How a process has a memfd or secret memory. */
enum {
	HOLDS_MAPPING = 1 << 0,
	HOLDS_WRITABLE_MAPPING = 1 << 1, /* writable, or can be made so */
	HOLDS_DESCRIPTOR = 1 << 2,
	HOLDS_WRITABLE_DESCRIPTOR = 1 << 3,
	HOLDS_DOUBTFUL_MAPPING = 1
				 << 4, /* the audit does not know whether it can be made writable */
};

struct holder {
	pid_t pid;
	char name[64];
	unsigned how;
};

/* A file that several processes can map, several times each. */
struct known_file {
	struct file_id file;
	int elf_error; /* 1: not read yet; 0: `elf` is valid */
	struct elf_file elf;
	int seals;	  /* or SEALS_UNKNOWN */
	pid_t shown_by;	  /* the process that showed them last */
	unsigned reading; /* the reading that showed them last */
	struct holder *holders;
	size_t holder_count;
};

struct known_files {
	void *tree;
	bool kept; /* a process keeps files that nobody can list, and they may be any of these */
	unsigned reading;	  /* the number of the current reading */
	bool recorded;		  /* on another machine, whose kernel nobody can try */
	struct patience patience; /* with file systems that hardly answer */
};

/* A new one if the file was not known. NULL out of memory. */
struct known_file *known_files_get(struct known_files *files, struct file_id file);

/* NULL if it is not known. */
struct known_file *known_files_find(const struct known_files *files, struct file_id file);

/* Notes that the process has the file in this way, too. -ENOMEM. */
int known_file_add_holder(struct known_file *file, const struct process *process, unsigned how);

/* Whether a process has the file in one of these ways. */
bool known_file_is_held(const struct known_file *file, unsigned how);

void known_files_free(struct known_files *files);

#endif
