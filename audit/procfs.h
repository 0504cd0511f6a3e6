/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_AUDIT_PROCFS_H
#define SEALMEM_AUDIT_PROCFS_H

#include "audit/devices.h"
#include "audit/elf-file.h"
#include "audit/in-time.h"
#include "audit/mapping.h"
#include "audit/mounts.h"
#include "audit/open-file.h"

#include <errno.h>

#define IO_URING_NAME "anon_inode:[io_uring]"

/* Room for the text of /proc/PID/status. */
#define PROCFS_STATUS_SIZE (1 << 12)

/* /proc, or a copy of it. */
struct procfs {
	int directory;
	struct devices devices;
	struct mounts mounts;
	bool own;   /* its numbers are those that this process uses in system calls */
	bool hides; /* it may hide processes from this one */
};

/* The audit itself is out of memory or descriptors, which says nothing about a process. */
static inline bool out_of_resources(int err)
{
	return err == -ENOMEM || err == -EMFILE || err == -ENFILE;
}

/* `path` is NULL for the one of this machine. -errno of open(2); -ENOTDIR; -ENODEV if it is not mounted. */
int procfs_open(struct procfs *ret, const char *path);
/* Of this machine, in half of the time. No file system counts as local then, so files of processes are read more slowly, and
 * `hides` is unknown. */
int procfs_open_without_mounts(struct procfs *ret);
void procfs_close(struct procfs *procfs);

/* All processes, in order. Returns how many, in an array to be freed. */
ssize_t procfs_list(const struct procfs *procfs, pid_t **ret);
void free_pids(pid_t **pids);

/* All threads of a process, in order, as procfs_list(). */
ssize_t procfs_list_threads(int process, pid_t **ret);

/* A descriptor that stays with this process, whoever gets its number later. -ENOENT if there is no such process. */
int procfs_open_process(const struct procfs *procfs, pid_t pid);

/* Another thread of the process that still has memory. If the first thread has exited, the kernel shows the memory of
 * the process only under the number of another one. -ENODATA if there is none. */
int procfs_open_thread_with_memory(const struct procfs *procfs, int process, pid_t pid);

/* The text of a small file, cut off at `size`. */
ssize_t procfs_read(int process, const char *path, char *ret, size_t size);

/* "maps" or "smaps" */
int procfs_read_mappings(const struct procfs *procfs, int process, const char *name,
			 struct mappings *ret);
/* The same of a text that was read before. */
int procfs_take_mappings(const struct procfs *procfs, int process, FILE *in, struct mappings *ret);

/* Adds the memfds, and the secret memory, that the process has open; or that a thread of it has open, which may have a
 * table of its own. -EACCES if the audit may not know it. */
int procfs_add_open_files(const struct procfs *procfs, int process, pid_t thread,
			  struct open_files *files);

/* The seals of the file. -ESTALE: another file is there now; -ETIMEDOUT: a file system that is not local has taken all
 * the time that there was; -errno if the kernel does not answer. */
int procfs_read_mapping_seals(const struct procfs *procfs, int process,
			      const struct mapping *mapping, struct patience *patience);
int procfs_read_open_file_seals(const struct procfs *procfs, int process,
				const struct open_file *file, struct patience *patience);

/* The inode of the program that the process executes. Negative errno if the kernel does not say. */
int procfs_find_program(const struct procfs *procfs, int process, uint64_t *ret);

/* As foreign_read_elf(). */
int procfs_read_elf(const struct procfs *procfs, int process, const struct mapping *mapping,
		    struct patience *patience, struct elf_file *ret);

#endif
