/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_AUDIT_FOREIGN_H
#define SEALMEM_AUDIT_FOREIGN_H

#include "audit/devices.h"
#include "audit/elf-file.h"
#include "audit/in-time.h"
#include "audit/memory.h"
#include "audit/mounts.h"

#include <sys/types.h>

struct foreign_status {
	mode_t mode;
	off_t size;
};

/* What the kernel remembers of a file that is held with O_PATH. It asks no file system. -errno of statx(2). */
int foreign_remember(int found, struct file_id *ret, struct foreign_status *ret_status);

/* The same of a file below a directory. */
int foreign_identify(int at, const char *path, struct file_id *ret);

/* The seals of the memfd that a link of a process leads to. -ESTALE: another file is there now; -ETIMEDOUT: its file system
 * does not answer; -errno. */
int foreign_read_seals(int process, const char *link, struct file_id file,
		       const struct devices *devices, struct patience *patience);

/* A file that a process has mapped. */
struct foreign_file {
	int process;	  /* its directory in /proc */
	const char *link; /* below that: the file of the mapping */
	const char *name;
	struct file_id id;
};

/*
 * The headers of an ELF file. The file system has no more time than `patience` has, unless it is local.
 *
 * -ESTALE     another file is there now, or may be
 * -ETIMEDOUT  its file system does not answer
 * -ENODEV     it is no regular file
 * -errno of open(2), and as elf_file_read()
 */
int foreign_read_elf(const struct foreign_file *file, const struct mounts *mounts,
		     struct patience *patience, struct elf_file *ret);

#endif
