/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_AUDIT_PROCFS_H
#define SEALMEM_AUDIT_PROCFS_H

#include "audit/elf-file.h"
#include "audit/mapping.h"

#include <errno.h>

/* What the files of memfd_secret(2) are on: the name that the kernel shows for them could be that of another
 * file. */
struct devices {
	bool recorded; /* on another machine: the name has to do */
	dev_t secret;  /* 0 where there are none */
};

/* /proc, or a copy of it. */
struct procfs {
	int directory;
	struct devices devices;
};

/* Of the audit itself, memory or descriptors: that says nothing about a process. */
static inline bool out_of_resources(int err)
{
	return err == -ENOMEM || err == -EMFILE || err == -ENFILE;
}

/* `path` is NULL for the one of this machine. -errno of open(2); -ENOTDIR; -ENODEV if it is not mounted. */
int procfs_open(struct procfs *ret, const char *path);
void procfs_close(struct procfs *procfs);

/* The processes there are, in order: as many as the return value says, in an array to be freed. */
ssize_t procfs_list(const struct procfs *procfs, pid_t **ret);
void free_pids(pid_t **pids);

/* A process, which stays this process whoever gets its number later. -ENOENT if there is none. */
int procfs_open_process(const struct procfs *procfs, pid_t pid);

/* The text of a small file, cut off if it is longer. */
ssize_t procfs_read(int process, const char *path, char *ret, size_t size);

/* "maps" or "smaps" */
int procfs_read_mappings(int process, const char *name, struct mappings *ret);

/* The memfds that it has open, one row for each file; -EACCES if it may not be known. */
int procfs_read_descriptors(const struct procfs *procfs, int process, struct mappings *ret);

bool is_memfd(const struct mapping *mapping);
bool is_secret(const struct devices *devices, const struct mapping *mapping);

/* The seals of the file of a mapping or open file. -ESTALE: another file is there now; -errno if it cannot be
 * asked. */
int procfs_read_seals(const struct procfs *procfs, int process, const struct mapping *mapping);

int procfs_read_elf(const struct procfs *procfs, int process, const struct mapping *mapping,
		    struct elf_file *ret);

#endif
