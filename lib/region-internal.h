/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_REGION_INTERNAL_H
#define SEALMEM_REGION_INTERNAL_H

/*
 * What the files region*.c share: a region, the states that it passes, and the operations that differ
 * between its two kinds. A region of the CONTENT kind is a memfd that takes seals (region-file.c); one of
 * the SECRECY kind is secret memory, which takes none (region-secret.c).
 */

#include "include/sealmem.h"
#include "lib/process.h"
#include "lib/util.h"

#include <stdint.h>

struct region_operations;

/*
 * The states of a region, in the order in which a seal passes them. A failed seal rolls back to
 * REGION_OPEN. If the roll-back fails too, the region stays in one of the two states between, where it is
 * called unrecoverable: it can be read, and sealed again, but not written.
 */
enum region_state {
	REGION_OPEN,	      /* whoever has the address writes to it */
	REGION_REMAPPED,      /* the mapping has changed; the file can still be written */
	REGION_FILE_FINAL,    /* the file took a seal as well: only a copy of it can be written */
	REGION_ADDRESS_FINAL, /* the addresses are sealed; it is not known to what */
	REGION_SEALED,
};

#define REGION_NO_PIECE SIZE_MAX

struct sealmem_region {
	const struct region_operations *operations;
	enum region_state state;
	char *data;
	size_t capacity;
	size_t used;	 /* handed out by alloc, or left by trim */
	bool counted;	 /* one of them was called, so that `used` is the size */
	size_t last;	 /* where the last piece starts, or REGION_NO_PIECE */
	size_t reserved; /* bytes of the file that have memory already */
	size_t page;	 /* the page size of the file: huge, if somebody else made it so */
	struct scoped_mapping all; /* data with its guard pages */
	int writer;		   /* -1 once sealed */
	int reader; /* -1 while open if the seal maps the writer; once sealed, the one descriptor or -1 */
	int maps;	      /* to ask what is mapped, during a seal; otherwise -1 */
	struct sys_file file; /* what is mapped, then */
	unsigned guarantees;
	const void *given; /* the buffer that the bytes come from, while it is copied */
	/* What the caller has to say of the sealed bytes, before they are there for good; NULL if nothing. */
	int (*verify)(const void *bytes, size_t size, void *data);
	void *verify_data;
	struct process owner; /* the process that made it */
	int listed;	      /* where names.c has its name */
	const char *name;     /* after this structure, in the same allocation */
};

/* The first three are called in this order, and roll_back() instead of success if seal() fails. */
struct region_operations {
	/* Makes the memory of a new region and maps it writable. */
	int (*open)(struct sealmem_region *r);

	/* Keeps the pages of the region locked in memory for as long as `held` lives. */
	int (*hold)(const struct sealmem_region *r, struct scoped_mapping *held);

	/* Seals what is open. On failure r->state says how far the seal came. */
	int (*seal)(struct sealmem_region *r);

	/* Makes the region writable again, at its address and with its bytes; readers see the same bytes
	 * throughout. On failure the region is readable, and r->state is what it still lacks. */
	int (*roll_back)(struct sealmem_region *r);

	/* Overwrites bytes that nobody may find in memory once the region is freed. */
	void (*wipe)(struct sealmem_region *r);

	/* The guarantees that every region of this kind has, asked for or not. */
	unsigned always;
};

extern const struct region_operations region_file_operations;
extern const struct region_operations region_secret_operations;

/* The guarantees with those that the demand brings: CONTENT of a secret region is nothing but the seal of its
 * address. */
unsigned region_complete_demand(unsigned guarantees);

/* 0 if a region can have this name, size and guarantees; errors as sealmem_region_new(). */
int region_check_demand(const char *name, size_t size, unsigned guarantees);

/* A region without memory; NULL if there is not enough. */
struct sealmem_region *region_allocate(const char *name, size_t capacity, unsigned guarantees);

/* Gives back the mapping, the descriptors and the region. */
struct sealmem_region *region_destroy(struct sealmem_region *r);
void region_destroy_at(struct sealmem_region **r);

/* Gives memory to a region that region_allocate() made, and maps it writable. */
int region_open(struct sealmem_region *r);

/* With NOSWAP: the kernel does not write the pages to swap while `ret` lives, mapped or not. */
struct retained;
void region_retain_pages(const struct sealmem_region *r, struct retained *ret);

/* Whether this process has the mapping; a child may not have inherited it. */
bool region_has_mapping(const struct sealmem_region *r);

/* Has the fault reports know the name and the extent of the region, or how they have changed. */
void region_list(struct sealmem_region *r);

/* Makes a sealed region of one without memory: with the bytes of a buffer, as many as its capacity. */
int region_seal_buffer(struct sealmem_region *r, const void *bytes);

/* The same with r->reader, a memfd that was written and is as long as the capacity. */
int region_seal_written(struct sealmem_region *r);

/* Gives a finished region to the caller. */
int region_hand_over(struct sealmem_region **ret, struct sealmem_region **r);

/* A seal has come as far as `state`, if it had not come further before. */
void region_advance(struct sealmem_region *r, enum region_state state);

/* Makes sure of `end` bytes of memory for a file. */
int region_file_reserve(struct sealmem_region *r, size_t end);

size_t region_guard_size(const struct sealmem_region *r);

/* The sizes of what is handed out and of what is reserved, in whole pages, at least one. */
size_t region_size_in_pages(const struct sealmem_region *r);
size_t region_capacity_in_pages(const struct sealmem_region *r);

/* Chooses the addresses of `size` bytes, where guard pages or the emulation of mseal(2) need a say. */
int region_reserve_addresses(struct sealmem_region *r, size_t size);

/*
 * Maps a file at the address of the region: shared and with the region's NODUMP and NOFORK, or with the flags
 * of mmap(2) and those two of `guarantees`. They hold from the first moment. If only they fail, the mapping is
 * there.
 */
int region_map(struct sealmem_region *r, size_t size, int protection, int fd);
int region_map_as(struct sealmem_region *r, size_t size, int protection, int flags, int fd,
		  unsigned guarantees);

/* With NOSWAP: locks what is mapped. An empty region has no page that could be locked. */
int region_lock(const struct sealmem_region *r);

/* Makes the capacity that was not handed out inaccessible. */
int region_part_tail(struct sealmem_region *r);

/* Before the first step of a seal with ADDRESS or GUARDS, and after the last: opens what the kernel is asked with. */
int region_begin_seal(struct sealmem_region *r);
void region_end_seal(struct sealmem_region *r);

/* Remembers which file is to be mapped. */
int region_identify(struct sealmem_region *r, int fd);

/* After the first `size` bytes of a secret were copied: whether they were those of the region. */
int region_confirm_source(const struct sealmem_region *r, size_t size);

/*
 * The last step of a seal. It compares the bytes with the buffer that they were copied from, because until the seal
 * another process can write to the file: -EBUSY if they differ. It has the caller verify them. It seals the addresses of
 * the region and of its guard pages, if ADDRESS is demanded, and makes sure that nothing else is mapped there.
 */
int region_seal_address(struct sealmem_region *r);

/* Its first part: compares the bytes, and has the caller verify them. */
int region_judge(struct sealmem_region *r);

/* Its last part: -ENOTRECOVERABLE if something else is mapped at addresses that are sealed. */
int region_confirm_for_good(const struct sealmem_region *r);

#endif
