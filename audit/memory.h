/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_AUDIT_MEMORY_H
#define SEALMEM_AUDIT_MEMORY_H

/*
 * What a mapping and an open file have in common: the file, and what the audit finds out. A rule needs nothing else.
 */

#include "audit/kinds.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A file, on one machine at one time. */
struct file_id {
	dev_t device;
	uint64_t inode;
	bool shm; /* the inode is a number of System V shared memory, and a memfd may have the same one */
};

/* The first System V shared memory has the inode 0. */
static inline bool has_file(struct file_id file)
{
	return file.device != 0 || file.inode != 0;
}

static inline int file_compare(struct file_id a, struct file_id b)
{
	if (a.device != b.device)
		return a.device < b.device ? -1 : 1;
	if (a.shm != b.shm)
		return a.shm ? 1 : -1;
	return (a.inode > b.inode) - (a.inode < b.inode);
}

static inline bool same_file(struct file_id a, struct file_id b)
{
	return file_compare(a, b) == 0;
}

/* In place of seals. */
#define SEALS_NONE    (-1) /* not a file that can have seals */
#define SEALS_UNKNOWN (-2)

/* Once a memfd has these, its bytes are final. */
#define FINAL_SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK)

struct memory {
	/* As the kernel says. */
	struct file_id file;
	char *name; /* never NULL */
	int seals;
	/* As the audit finds out. */
	enum kind kind;
	unsigned guarantees; /* in force */
	unsigned unknown;    /* guarantees that may be in force, or not */
	unsigned flags;	     /* 1 << enum flag, see flags.h */
};

#endif
