/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_AUDIT_MAPPING_H
#define SEALMEM_AUDIT_MAPPING_H

#include "audit/kinds.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* Which file, on one machine at one time. */
struct file_id {
	dev_t device;
	uint64_t inode;
};

bool same_file(struct file_id a, struct file_id b);

/* Of VmFlags, what a guarantee or a flag rests on. */
enum {
	VM_SEALED = 1 << 0,	/* sl: mseal(2) */
	VM_MAY_WRITE = 1 << 1,	/* mw: mprotect(2) can make it writable */
	VM_LOCKED = 1 << 2,	/* lo */
	VM_NOT_DUMPED = 1 << 3, /* dd */
	VM_NOT_FORKED = 1 << 4, /* dc */
};

/* In place of seals. */
#define SEALS_NONE    (-1) /* not a file that could have them */
#define SEALS_UNKNOWN (-2)

/* With these, what comes later changes nothing any more. */
#define FINAL_SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK)

struct object;

struct mapping {
	/* As the kernel says. */
	uint64_t start, end, offset;
	struct file_id file;
	int protection; /* PROT_READ and so on */
	bool shared;
	bool vm_known;
	unsigned vm;
	char *name;	/* never NULL */
	int descriptor; /* -1, or this is no mapping but an open file, of which the process has this
			   descriptor: it begins at 0 */
	bool mapped;	/* of an open file: there are mappings of it too */
	/* As found out. */
	enum kind kind;
	const struct object *object; /* the program or library that it is a part of, or NULL */
	int seals;
	unsigned guarantees; /* in force */
	unsigned unknown;    /* guarantees of which it cannot be told */
	unsigned flags;	     /* 1 << enum flag, see flags.h */
};

struct mappings {
	struct mapping *rows;
	size_t count, room;
	uint64_t page; /* the size of a page, 0 if the file does not tell */
};

/*
 * All of a maps or smaps file. The rows are in order and do not overlap.
 *
 * -EBADMSG  the text is neither, or is not in order
 * -errno of read(2), -ENOMEM
 */
int mappings_read(struct mappings *ret, FILE *in);

/* Room for one more at the end; NULL for want of memory. It is not counted yet. */
struct mapping *mappings_grow(struct mappings *mappings);

void mappings_free(struct mappings *mappings);

/* Whether both have the same mappings at the same places. */
bool mappings_agree(const struct mappings *a, const struct mappings *b);

#endif
