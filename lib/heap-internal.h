/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_LIB_HEAP_INTERNAL_H
#define SEALMEM_LIB_HEAP_INTERNAL_H

/*
 * What the files heap*.c share: a heap, its slabs, and who may change what.
 *
 * The addresses of a heap are reserved when it is made. They are divided into slabs of one size, which have numbers.
 * A chunk is a row of slabs that have memory; on either side of it one slab is never used, which is the guard. A slab
 * belongs to one class of sizes and holds slots of that size. So arithmetic leads from an address to its slab and its
 * slot. What is known of slabs lies elsewhere, in addresses of its own (the book), with inaccessible pages around.
 *
 * A slot is free (its bit is in `unused`), live (its bit is in `live`), or for a moment neither: then it belongs to the
 * thread that took the bit away. No lock is needed for that. The lock of the heap guards what is rare: growth,
 * reuse of slabs, large objects, keys.
 */

#include "include/sealmem.h"
#include "lib/heap-class.h"
#include "lib/key.h"
#include "lib/process.h"
#include "lib/util.h"

#include <stdalign.h>
#include <stdatomic.h>

/* Threads have these shares of a heap. Threads that have one in common still need no lock. */
#define HEAP_THREADS 64

/* The size of a slab, where pages are not larger. */
#define HEAP_SLAB_MIN 8192

#define HEAP_LINE 64

/* Where a slab is. Only the thread that moves it from one place to another acts on that. */
enum heap_place {
	HEAP_NOWHERE, /* it belongs to no class, and all its bytes are zero */
	HEAP_IDLE,    /* nobody takes from it, because it was full */
	HEAP_HELD,    /* a thread takes its next objects from it */
	HEAP_LISTED,  /* it is in the list of its class */
};

/* What is known of a slab. */
struct heap_slab {
	_Atomic uint32_t next; /* in a list; 0 at its end */
	_Atomic uint32_t
		frees;	 /* how many of its objects were freed: whoever reads twice sees a change */
	uint32_t length; /* of the first slab of a chunk: how many it has. Of others 0 */
	/* A word, because not every processor exchanges bytes by itself. */
	_Atomic uint32_t place;
	_Atomic uint8_t class; /* and 1; 0 for none */
	_Atomic uint8_t owner; /* the share of the thread that held it last: it goes in that list */
	bool lost; /* of the first slab of a chunk: the kernel did not give it, nor take it back */
	/* A bit for each slot: `unused`, then `live`. After them a byte for each slot: its slack. */
	_Atomic uint64_t words[];
};

/* The head of a list of slabs: its first one, and in the upper half a number that changes each time. */
typedef _Atomic uint64_t heap_list;

/* What a thread has of a heap, for each class: the slab that its next object comes from, and a list of slabs with free
 * slots that nobody holds. */
struct heap_share {
	alignas(HEAP_LINE) _Atomic uint32_t hints[HEAP_CLASSES];
	heap_list partial[HEAP_CLASSES];
};

/* A class, so that no division is needed. */
struct heap_class {
	uint32_t slot, count, inverse;
};

/* An object that has pages of its own. */
struct heap_large {
	uintptr_t page; /* the one that it starts in; 0 if the entry is empty */
	char *object;	/* NULL: the pages are kept for another one */
	size_t size;
	char *pages; /* its pages */
	size_t pages_size, guard;
	bool guards_inside; /* the guards are in the same mapping as the pages */
	int listed;	    /* in names.c */
};

struct sealmem_heap {
	/* These do not change. */
	unsigned guarantees;
	unsigned shift;	 /* a slab has 1 << shift bytes */
	uint32_t words;	 /* of 64 slots, that a slab has at most */
	uint32_t stride; /* the size of a struct heap_slab */
	size_t limit;
	char *base; /* of slab 0 */
	char *book; /* of its struct heap_slab */
	uint64_t secret[2];
	struct heap_class classes[HEAP_CLASSES];
	char name[SEALMEM_NAME_MAX + 1];
	int listed; /* in names.c */
	struct scoped_mapping all, all_book, all_self;

	/* These change with the lock held; some are read without. */
	alignas(HEAP_LINE) _Atomic uint32_t count; /* of slabs that have an entry in the book */
	uint32_t most;				   /* of slabs that there are addresses for */
	uint32_t fresh;				   /* slabs that no class has had yet, */
	_Atomic uint32_t fresh_end;		   /* up to this one */
	uint32_t spare;				   /* a list of slabs that no class has any more */
	size_t taken;				   /* bytes of the chunks and of large objects */
	size_t book_size;			   /* bytes of the book that have memory */
	struct heap_large *large;		   /* a table with open addressing */
	size_t large_room, large_count, large_kept;
	bool guards_in_mapping; /* large objects get guard pages that are no mappings */
	struct scoped_mapping large_all;
	struct process owner;
	atomic_int key;	      /* a protection key, or -1 */
	atomic_bool windowed; /* it was closed once: it may be inaccessible */
	atomic_bool broken;   /* it is corrupted, and the process ends */
	unsigned opens;	      /* without a key: how often the caller has it open */
	unsigned visits;      /* without a key: how many functions of ours have it open */
	bool ajar;	      /* without a key: the kernel refused to close it */
	uint32_t identity;    /* by which a thread knows for which heap it has counted */

	alignas(HEAP_LINE) atomic_uint lock;
	atomic_uint waiting;

	struct heap_share shares[HEAP_THREADS];
};

/* The functions that read take a constant heap, and have to open it as others do. */
static inline struct sealmem_heap *heap_variable(const struct sealmem_heap *heap)
{
	return (struct sealmem_heap *)(uintptr_t)heap;
}

static inline size_t heap_slab_size(const struct sealmem_heap *h)
{
	return (size_t)1 << h->shift;
}

static inline char *heap_slab_start(const struct sealmem_heap *h, uint32_t number)
{
	return h->base + ((size_t)number << h->shift);
}

static inline struct heap_slab *heap_slab(const struct sealmem_heap *h, uint32_t number)
{
	return (struct heap_slab *)(void *)(h->book + (size_t)number * h->stride);
}

static inline _Atomic uint64_t *heap_unused(struct heap_slab *slab)
{
	return slab->words;
}

static inline _Atomic uint64_t *heap_live(const struct sealmem_heap *h, struct heap_slab *slab)
{
	return slab->words + h->words;
}

static inline _Atomic uint8_t *heap_slack(const struct sealmem_heap *h, struct heap_slab *slab)
{
	return (_Atomic uint8_t *)(slab->words + 2 * (size_t)h->words);
}

/* A class has `count` slots in a slab: which of them the word has. */
static inline uint64_t heap_slots_of_word(uint32_t count, uint32_t word)
{
	uint32_t before = word * 64;

	if (count <= before)
		return 0;
	return count - before >= 64 ? UINT64_MAX : (UINT64_C(1) << (count - before)) - 1;
}

#define HEAP_FIRST_CHUNK 1

/* The next chunk after the one that begins with slab `first`. */
static inline uint32_t heap_next_chunk(const struct sealmem_heap *h, uint32_t first)
{
	return first + heap_slab(h, first)->length + 1;
}

/* heap-lock.c: the lock. No signal interrupts its owner, so that no longjmp(3) leaves it locked. */
struct heap_locked {
	struct sealmem_heap *heap;
	uint64_t signals;
	bool blocked;
};

void heap_lock(struct heap_locked *ret, struct sealmem_heap *h);
void heap_unlock(struct heap_locked *locked);
#define HEAP_LOCKED(h)                                                                             \
 CLEANUP(heap_unlock) struct heap_locked locked;                                                   \
 heap_lock(&locked, h)

/* Whether it was found corrupted. Its lock may be held by the thread that found it, which never gives it back. */
static inline bool heap_is_broken(const struct sealmem_heap *h)
{
	return atomic_load(&h->broken);
}

/* heap-corrupt.c: writes the line and aborts. */
__attribute__((noreturn, cold)) void heap_corrupt(const struct sealmem_heap *h, const void *at,
						  const char *what);

/* heap-window.c: opens the heap for a function of ours, if it is closed. -ESTALE in a child that did not inherit it;
 * -ENOTRECOVERABLE if it is corrupted. */
struct heap_visit {
	struct sealmem_heap *heap; /* to be closed again; NULL if it was open */
	uint32_t rights;
	bool leaves; /* no secret comes in: the memory need not be locked before */
	bool quiet;  /* signals are held back */
};

int heap_visit_slowly(struct heap_visit *ret, struct sealmem_heap *h);
void heap_leave_slowly(const struct heap_visit *visit);

static inline int heap_visit(struct heap_visit *ret, struct sealmem_heap *h)
{
	ret->heap = NULL;
	if (process_has_memory_of(&h->owner) &&
	    !atomic_load_explicit(&h->windowed, memory_order_relaxed))
		return 0;
	return heap_visit_slowly(ret, h);
}

static inline void heap_leave(const struct heap_visit *visit)
{
	if (visit->heap != NULL)
		heap_leave_slowly(visit);
}

#define HEAP_VISIT CLEANUP(heap_leave) struct heap_visit

/* Before the heap has memory: with ADDRESS, it gets its key now, if there is one for it. */
void heap_window_begin(struct sealmem_heap *h);
void heap_window_end(struct sealmem_heap *h);

/* heap-fork.c: a child that has a copy of the memory makes it its own, and one that has not gets -ESTALE. */
int heap_adopt(struct sealmem_heap *h);

/* Whether this process has the memory of the heap, or a copy. */
bool heap_has_memory(const struct sealmem_heap *h);

/* heap-memory.c: reserves addresses, whole pages, as the heap needs them. They have no memory. */
int heap_memory_reserve(const struct sealmem_heap *h, struct scoped_mapping *ret, size_t size);

/* Reserved pages get the memory that the heap promises, or give it back. `changed` says whether the pages that did not
 * get it are to be dropped. Where a sandbox forbids the first call, it would forbid that as well. */
int heap_memory_new(struct sealmem_heap *h, void *addr, size_t size, bool *changed);
int heap_memory_drop(struct sealmem_heap *h, void *addr, size_t size);

/* Seals them, with a page on either side, if ADDRESS is demanded. */
int heap_memory_seal(const struct sealmem_heap *h, char *addr, size_t size);

/* Something that is done to all memory of a heap. */
typedef int heap_memory_act(void *addr, size_t size, int argument);

/* heap-chunk.c: the reserved addresses, and growth. With the lock held. */
int heap_chunk_reserve(struct sealmem_heap *h);
int heap_chunk_grow(struct sealmem_heap *h);
int heap_chunk_each(struct sealmem_heap *h, heap_memory_act *act, int argument);
void heap_chunk_wipe(struct sealmem_heap *h);
void heap_chunk_release(struct sealmem_heap *h, bool has_memory);

/* heap-supply.c: from which slab an object comes. */
uint32_t heap_supply_hint(struct sealmem_heap *h, unsigned class);
/* Another one for this thread; a negative errno if there is none. */
int heap_supply_refill(struct sealmem_heap *h, unsigned class, uint32_t *ret);
/* A slot of it has become free. */
void heap_supply_offer(struct sealmem_heap *h, uint32_t number);
/* Takes back slabs of which all is free, and returns how many. With the lock held. */
uint32_t heap_supply_collect(struct sealmem_heap *h);

/* heap-slab.c: small objects. */
int heap_small_new(struct sealmem_heap *h, size_t size, void **ret);
bool heap_small_is(const struct sealmem_heap *h, const void *p);
size_t heap_small_size(struct sealmem_heap *h, const void *p);
void heap_small_free(struct sealmem_heap *h, void *p);
/* Where another size needs no other slot. */
bool heap_small_resize(struct sealmem_heap *h, void *p, size_t size);
/* With the lock held. */
void heap_small_check(struct sealmem_heap *h);

/* heap-large.c: objects with pages of their own. */
int heap_large_new(struct sealmem_heap *h, size_t size, void **ret);
bool heap_large_is(struct sealmem_heap *h, const void *p);
size_t heap_large_size(struct sealmem_heap *h, const void *p);
void heap_large_free(struct sealmem_heap *h, void *p);
/* With the lock held. */
void heap_large_check(struct sealmem_heap *h);
void heap_large_wipe(struct sealmem_heap *h);
void heap_large_release(struct sealmem_heap *h, bool has_memory);
int heap_large_each(struct sealmem_heap *h, heap_memory_act *act, int argument);

#endif
