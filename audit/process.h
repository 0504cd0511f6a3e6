/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_AUDIT_PROCESS_H
#define SEALMEM_AUDIT_PROCESS_H

#include "audit/elf-file.h"
#include "audit/mapping.h"
#include "audit/open-file.h"
#include "audit/procfs.h"

struct known_files;

/* What the audit finds out about a process. Less is faster. */
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
	uint64_t bias; /* from the addresses in the file to those in memory */
	uint64_t start, end;
	uint64_t relro_start, relro_end; /* whole pages; equal if there is none */
};

struct process {
	pid_t pid, parent;
	pid_t reader; /* the thread by which the audit reads it */
	uid_t user;
	char name[64];
	bool filtered; /* it has a seccomp filter, which can seal addresses */
	bool changed;  /* it went on changing while the audit read it */
	struct mappings mappings;
	struct open_files open_files;
	bool open_files_known; /* all of them, in whichever way they are open */
	bool keeps_files;      /* without a descriptor, so that nobody can list them */
	struct object *objects;
	size_t object_count;
};

/* Rounds down to a page, with the page size of the machine that the process runs on. */
static inline uint64_t page_down(const struct process *process, uint64_t value)
{
	return value & ~(process->mappings.page - 1);
}

/*
 * Reads a process until two readings in a row agree, at most three times. Adds to `files` what it learns of files.
 *
 * -ENOENT, -ESRCH  there is no such process, or it has exited
 * -ENODATA         it has no memory: it is a thread of the kernel, or it is exiting
 * -EACCES, -EPERM  the audit may not read it
 * -EAGAIN          its threads leave faster than the audit can read it
 * -EBADMSG         no kernel writes such files
 */
int process_read(struct process *ret, const struct procfs *procfs, struct known_files *files,
		 pid_t pid, unsigned needs);

void process_free(struct process *process);

/* Finds out which memfds, and which secret memory, its threads have open. -EACCES if the audit may not know it. */
int process_read_open_files(struct process *process, const struct procfs *procfs, int directory);

/* Finds the programs and libraries among the mappings. */
int process_find_objects(struct process *process, const struct procfs *procfs, int directory,
			 struct known_files *files);

#endif
