/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_AUDIT_PROCESS_H
#define SEALMEM_AUDIT_PROCESS_H

#include "audit/elf-file.h"
#include "audit/mapping.h"
#include "audit/procfs.h"

struct known_files;

/* What is to be found out: the less, the faster. */
enum {
	NEED_VM = 1 << 0,      /* VmFlags, for which the kernel walks every page */
	NEED_MEMFDS = 1 << 1,  /* open memfds, and the seals of all */
	NEED_OBJECTS = 1 << 2, /* which mapping is which part of which program or library */
};
#define NEED_ALL (NEED_VM | NEED_MEMFDS | NEED_OBJECTS)

/* A program or library in memory. */
struct object {
	struct file_id file;
	const struct elf_file *elf;
	uint64_t bias; /* what is added to the addresses in the file */
	uint64_t start, end;
	uint64_t relro_start, relro_end; /* whole pages; equal if there is none */
};

struct process {
	pid_t pid, parent;
	uid_t user;
	char name[64];
	bool filtered; /* it has a seccomp filter, which can seal addresses */
	bool changed;  /* it went on changing while it was read */
	struct mappings mappings;
	struct mappings descriptors; /* memfds and secret memory that it has open */
	bool descriptors_known;
	struct object *objects;
	size_t object_count;
};

/* To the beginning of the page, as large as pages are where the process is. */
static inline uint64_t page_down(const struct process *process, uint64_t value)
{
	return value & ~(process->mappings.page - 1);
}

/*
 * Reads a process until two readings in a row agree, three times at most. What is known of files is added to
 * `files`.
 *
 * -ENOENT, -ESRCH  there is no such process, not any more
 * -ENODATA         it has no memory: a thread of the kernel, or it is ending
 * -EACCES, -EPERM  it may not be read
 * -EBADMSG         what was read is not what a kernel writes
 */
int process_read(struct process *ret, const struct procfs *procfs, struct known_files *files,
		 pid_t pid, unsigned needs);

void process_free(struct process *process);

/* Finds the programs and libraries among the mappings. */
int process_find_objects(struct process *process, const struct procfs *procfs, int directory,
			 struct known_files *files);

#endif
