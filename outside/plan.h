/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_OUTSIDE_PLAN_H
#define SEALMEM_OUTSIDE_PLAN_H

/*
 * What is to be sealed in another process: a list of ranges. It changes nothing, and touches the process only by
 * reading.
 */

#include "audit/elf-file.h"
#include "audit/mapping.h"
#include "outside/headers.h"
#include "outside/refusal.h"

enum range_kind { RANGE_TEXT, RANGE_READ_ONLY, RANGE_RELRO, RANGE_DATA, RANGE_KINDS };

extern const char *const range_words[RANGE_KINDS];

/* Pages that are sealed together. */
struct range {
	uint64_t start, end;
	int protection; /* PROT_READ and so on; PROT_WRITE for RANGE_DATA only, which is never replaced */
	enum range_kind kind;
	size_t object;	    /* among those of the plan */
	bool replaced;	    /* the bytes move to a sealed file that takes their place */
	bool was_replaced;  /* an earlier call has done so */
	uint64_t position;  /* of the bytes in the file, if they move */
	unsigned claimed;   /* the guarantees that it has afterwards */
	unsigned confirmed; /* those of them that the audit confirms */
};

/* A program or library. */
struct plan_object {
	char *name;
	uint64_t start, end;
	bool excluding;	     /* it asks to leave some of its pages alone */
	bool marked;	     /* the linker asks for all of it to be sealed */
	bool relro_open;     /* its RELRO can be written, and is left */
	bool relocated_text; /* the loader wrote to its code */
	bool has_code;	     /* without code it is a file that somebody reads as data */
	bool half_mapped;    /* a loader has mapped the whole file, and not all of its parts yet */
};

struct plan {
	struct range *ranges; /* in order, none overlaps another */
	size_t count, room;
	struct plan_object *objects;
	size_t object_count, object_room;
	size_t size;		 /* of the file that takes the place of what is replaced */
	uint64_t vdso, vdso_end; /* equal if there is none */
	struct headers program;	 /* its debug is what says whether the loader is at work */
	uint64_t entry;		 /* the first instruction of the program; 0 if it is not known */
	bool program_known, has_loader;
	bool content_only;
};

/* Where the plan comes from. */
struct plan_source {
	const struct mappings *mappings;
	elf_reader *read; /* of the memory of the process; the offset is an address */
	void *memory;
	const unsigned char *auxv; /* of the program, as the kernel shows it */
	size_t auxv_size;
};

/* Text and constants move to the file as well. */
#define PLAN_DEEP (1u << 0)
/* No address is sealed: only what moves to the file is in the plan. */
#define PLAN_CONTENT_ONLY (1u << 3)

/* Whether a mapping can make a difference to a plan. `before`: the last such mapping below it, or NULL. */
bool plan_looks_at(const struct mapping *row, const struct mapping *before);

/* The plan is to be freed also if it is refused. */
enum refusal plan_make(struct plan *ret, const struct plan_source *source, unsigned flags);

/* Whether the loader is at work now. */
bool plan_meets_loader(const struct plan *plan, elf_reader *read, void *memory);

void plan_free(struct plan *plan);

#endif
