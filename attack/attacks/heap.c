/* SPDX-License-Identifier: MIT */

/*
 * Mistakes of programs with the objects of a heap: stores past an end, use of what was freed, pointers that are no
 * object. Attackers live on them. Each of them has its own heap, and afterwards the program goes on, so that the heap
 * has the calls at which it promises to notice (attack/misuse.h).
 */

#include "attack/families.h"
#include "attack/misuse.h"
#include "attack/raw.h"
#include "attack/victims.h"

#include <string.h>

/* As far as it goes, away from the object. A heap has less. */
#define FAR ((ptrdiff_t)1 << 26)

static void store_byte(struct misuse *m, char *at)
{
	*(volatile char *)at = EVIL_BYTE;
	m->harmed = true;
}

/* Upwards, byte by byte: those before a fault are stored. */
static void store(struct misuse *m, char *at, ptrdiff_t size)
{
	for (ptrdiff_t i = 0; i < size; i++)
		store_byte(m, at + i);
}

static void store_after(struct misuse *m)
{
	store(m, m->object + m->size, 1);
}

static void store_page_after(struct misuse *m)
{
	store(m, m->object + m->size, (ptrdiff_t)m->scene->page);
}

static void store_before(struct misuse *m)
{
	store(m, m->object - 1, 1);
}

/* From the object downwards, as a loop that does not end in time does. */
static void run_down(struct misuse *m, ptrdiff_t size)
{
	for (ptrdiff_t i = 1; i <= size; i++)
		store_byte(m, m->object - i);
}

static void store_page_before(struct misuse *m)
{
	run_down(m, (ptrdiff_t)m->scene->page);
}

/* The object after it, and nothing in between. */
static void jump_over(struct misuse *m)
{
	store(m, m->after, 1);
}

/* The pages around an object fault because nothing can be there. The attacker puts something there. */
static void replace_guard(struct misuse *m)
{
	char *guard = m->object + m->size;

	m->error = refusal(attempt_map(guard, m->scene->page, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0L));
	if (m->error < 0)
		return;
	store_after(m);
	saw(m->scene, OUTCOME_DESTROYED);
}

static void open_guard(struct misuse *m)
{
	char *guard = m->object + m->size;

	m->error = refusal(attempt(SYS_mprotect, guard, m->scene->page, PROT_READ | PROT_WRITE));
	if (m->error < 0)
		return;
	store_after(m);
	saw(m->scene, OUTCOME_DESTROYED);
}

/* Only what the heap knows is to show it, so the neighbours do not count. */
static void run_over_end(struct misuse *m)
{
	m->heap->dealloc(m->handle, m->after);
	m->before = m->after = NULL;
	store(m, m->object + m->size, FAR);
}

static void run_over_start(struct misuse *m)
{
	m->before = m->after = NULL;
	run_down(m, FAR);
}

static void free_twice(struct misuse *m)
{
	misuse_free(m);
	m->heap->dealloc(m->handle, m->freed);
	m->harmed = true;
}

static void free_inside(struct misuse *m)
{
	m->heap->dealloc(m->handle, m->object + m->size / 2);
	m->harmed = true;
}

static void load_freed(struct misuse *m)
{
	misuse_free(m);
	if (secret_is_at(&m->secret, m->freed))
		saw(m->scene, OUTCOME_LEAKED);
}

static void store_freed(struct misuse *m)
{
	misuse_free(m);
	store(m, m->freed, (ptrdiff_t)m->size);
}

/* A scan that does not find the secret while it lives says nothing. */
static void scan_freed(struct misuse *m)
{
	if (m->scene->victim->closes && m->heap->open(m->handle) < 0)
		return;
	saw(m->scene, OUTCOME_NO_VERDICT);
	if (scan_process(&m->secret) == NULL)
		return;
	misuse_free(m);
	saw(m->scene, scan_process(&m->secret) == NULL ? OUTCOME_HELD : OUTCOME_LEAKED);
}

/* The mistakes, for attack.run. */
#define RUN(act)                                                                                   \
 static int run_##act(struct scene *scene)                                                         \
 {                                                                                                 \
  return misuse_try(scene, act);                                                                   \
 }

RUN(store_after)
RUN(store_page_after)
RUN(store_before)
RUN(store_page_before)
RUN(jump_over)
RUN(replace_guard)
RUN(open_guard)
RUN(run_over_end)
RUN(run_over_start)
RUN(free_twice)
RUN(free_inside)
RUN(load_freed)
RUN(store_freed)
RUN(scan_freed)

static const struct attack rows[] = {
	{
		.name = "overflow-byte",
		.summary = "store a byte after the end of a small object",
		.target = TARGET_HEAP,
		.vantage = VANTAGE_SELF,
		.syscalls = "none",
		.objects = true,
		.run = run_store_after,
	},
	{
		.name = "overflow-byte-large",
		.summary = "the same, of an object with pages of its own",
		.target = TARGET_HEAP,
		.vantage = VANTAGE_SELF,
		.syscalls = "none",
		.objects = true,
		.run = run_store_after,
		.argument = MISUSE_LARGE,
	},
	{
		.name = "overflow-page",
		.summary = "store a page after the end of a small object",
		.target = TARGET_HEAP,
		.vantage = VANTAGE_SELF,
		.syscalls = "none",
		.objects = true,
		.run = run_store_page_after,
	},
	{
		.name = "overflow-page-large",
		.summary = "the same, of an object with pages of its own",
		.target = TARGET_HEAP,
		.vantage = VANTAGE_SELF,
		.syscalls = "none",
		.objects = true,
		.run = run_store_page_after,
		.argument = MISUSE_LARGE,
	},
	{
		.name = "overflow-jump",
		.summary = "store to the next object, and leave out what lies between",
		.target = TARGET_HEAP,
		.vantage = VANTAGE_SELF,
		.syscalls = "none",
		.objects = true,
		.run = run_jump_over,
		.gaps = GAP_ANY,
		.gap_reason = "a canary of a heap leaves a write that jumps over it",
	},
	{
		.name = "underflow-byte",
		.summary = "store a byte before the start of a small object",
		.target = TARGET_HEAP,
		.vantage = VANTAGE_SELF,
		.syscalls = "none",
		.objects = true,
		.run = run_store_before,
	},
	{
		.name = "underflow-byte-large",
		.summary = "the same, of an object with pages of its own",
		.target = TARGET_HEAP,
		.vantage = VANTAGE_SELF,
		.syscalls = "none",
		.objects = true,
		.run = run_store_before,
		.argument = MISUSE_LARGE,
	},
	{
		.name = "underflow-page",
		.summary = "store a page before the start of a small object",
		.target = TARGET_HEAP,
		.vantage = VANTAGE_SELF,
		.syscalls = "none",
		.objects = true,
		.run = run_store_page_before,
	},
	{
		.name = "underflow-page-large",
		.summary = "the same, of an object with pages of its own",
		.target = TARGET_HEAP,
		.vantage = VANTAGE_SELF,
		.syscalls = "none",
		.objects = true,
		.run = run_store_page_before,
		.argument = MISUSE_LARGE,
	},
	{
		.name = "guard-replace",
		.summary = "map memory over the page after an object, store there",
		.target = TARGET_ADDRESS,
		.vantage = VANTAGE_SELF,
		.syscalls = "mmap MAP_FIXED",
		.objects = true,
		.run = run_replace_guard,
		.argument = MISUSE_LARGE,
	},
	{
		.name = "guard-open",
		.summary = "make the page after an object writable, store there",
		.target = TARGET_ADDRESS,
		.vantage = VANTAGE_SELF,
		.syscalls = "mprotect",
		.objects = true,
		.run = run_open_guard,
		.argument = MISUSE_LARGE,
	},
	{
		.name = "bookkeeping-after",
		.summary = "store from the end of an object to where the heap ends",
		.target = TARGET_HEAP,
		.vantage = VANTAGE_SELF,
		.syscalls = "none",
		.objects = true,
		.run = run_run_over_end,
	},
	{
		.name = "bookkeeping-before",
		.summary = "store from the start of an object to where the heap starts",
		.target = TARGET_HEAP,
		.vantage = VANTAGE_SELF,
		.syscalls = "none",
		.objects = true,
		.run = run_run_over_start,
	},
	{
		.name = "free-twice",
		.summary = "free a small object twice",
		.target = TARGET_HEAP,
		.vantage = VANTAGE_SELF,
		.syscalls = "none",
		.objects = true,
		.run = run_free_twice,
		.after_free = true,
	},
	{
		.name = "free-twice-large",
		.summary = "the same, an object with pages of its own",
		.target = TARGET_HEAP,
		.vantage = VANTAGE_SELF,
		.syscalls = "none",
		.objects = true,
		.run = run_free_twice,
		.argument = MISUSE_LARGE,
		.after_free = true,
	},
	{
		.name = "free-inside",
		.summary = "free an address inside a small object",
		.target = TARGET_HEAP,
		.vantage = VANTAGE_SELF,
		.syscalls = "none",
		.objects = true,
		.run = run_free_inside,
	},
	{
		.name = "free-inside-large",
		.summary = "the same, inside an object with pages of its own",
		.target = TARGET_HEAP,
		.vantage = VANTAGE_SELF,
		.syscalls = "none",
		.objects = true,
		.run = run_free_inside,
		.argument = MISUSE_LARGE,
	},
	{
		.name = "freed-load",
		.summary = "load from a small object that was freed",
		.target = TARGET_HEAP,
		.vantage = VANTAGE_SELF,
		.syscalls = "none",
		.objects = true,
		.run = run_load_freed,
		.after_free = true,
	},
	{
		.name = "freed-load-large",
		.summary = "the same, from an object with pages of its own",
		.target = TARGET_HEAP,
		.vantage = VANTAGE_SELF,
		.syscalls = "none",
		.objects = true,
		.run = run_load_freed,
		.argument = MISUSE_LARGE,
		.after_free = true,
	},
	{
		.name = "freed-store",
		.summary = "store to a small object that was freed",
		.target = TARGET_HEAP,
		.vantage = VANTAGE_SELF,
		.syscalls = "none",
		.objects = true,
		.run = run_store_freed,
		.after_free = true,
	},
	{
		.name = "freed-store-large",
		.summary = "the same, to an object with pages of its own",
		.target = TARGET_HEAP,
		.vantage = VANTAGE_SELF,
		.syscalls = "none",
		.objects = true,
		.run = run_store_freed,
		.argument = MISUSE_LARGE,
		.after_free = true,
	},
	{
		.name = "freed-scan",
		.summary = "look for a secret that was freed in all memory of the process",
		.target = TARGET_HEAP,
		.vantage = VANTAGE_SELF,
		.syscalls = "none",
		.objects = true,
		.run = run_scan_freed,
		.after_free = true,
	},
	{
		.name = "freed-scan-large",
		.summary = "the same, in an object with pages of its own",
		.target = TARGET_HEAP,
		.vantage = VANTAGE_SELF,
		.syscalls = "none",
		.objects = true,
		.run = run_scan_freed,
		.argument = MISUSE_LARGE,
		.after_free = true,
	},
};

FAMILY(heap, rows);
