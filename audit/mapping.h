/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_AUDIT_MAPPING_H
#define SEALMEM_AUDIT_MAPPING_H

#include "audit/marks.h"
#include "audit/memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* The VmFlags that a guarantee or a flag needs. */
enum {
	VM_SEALED = 1 << 0,	/* sl: mseal(2) */
	VM_MAY_WRITE = 1 << 1,	/* mw: mprotect(2) can make it writable */
	VM_LOCKED = 1 << 2,	/* lo */
	VM_NOT_DUMPED = 1 << 3, /* dd */
	VM_NOT_FORKED = 1 << 4, /* dc */
};

struct object;

struct mapping {
	struct memory memory;
	uint64_t start, end, offset;
	int protection; /* PROT_READ and so on */
	bool shared;
	bool vm_known;
	unsigned vm;
	bool written;	     /* its memory is executable, and a mapping can write to it */
	bool may_hide_relro; /* if it is a part of no object, there is one whose place is unknown */
	enum mark mark;	     /* what that one asks for */
	const struct object *object; /* the program or library that it is a part of, or NULL */
};

struct mappings {
	struct mapping *rows;
	size_t count, room;
	uint64_t page; /* the size of a page, 0 if the file does not say */
};

/*
 * All of a maps or smaps file. The rows are in order and do not overlap.
 *
 * -EBADMSG  the text is neither, or is not in order
 * -errno of read(2), -ENOMEM
 */
int mappings_read(struct mappings *ret, FILE *in);

/* Makes room for one more row at the end, and does not count it yet. NULL out of memory. */
struct mapping *mappings_grow(struct mappings *mappings);

/* Without memory the name stays. */
void mapping_rename(struct mapping *mapping, const char *name);

void mappings_free(struct mappings *mappings);

/* Whether both have the same mappings at the same places. */
bool mappings_agree(const struct mappings *a, const struct mappings *b);

#endif
