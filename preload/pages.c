/* SPDX-License-Identifier: MIT */

/*
 * The pages lie in addresses that are reserved as a whole: a page that is never used, then a page and its guard,
 * again and again. A few of them at a time get memory, and are inaccessible until somebody takes one. What is known of
 * them lies elsewhere, between inaccessible pages.
 *
 * To take a page and to give it back is one call of mprotect(2) each, so that a stale pointer faults. Where guard pages
 * are no mappings, that call covers the guard as well, which stays inaccessible all the same: so neighbours that are
 * protected alike are one mapping.
 */

#include "preload/pages.h"

#include "lib/guard.h"
#include "lib/heap-canary.h"
#include "lib/heap-internal.h"
#include "lib/mapping.h"

/* Addresses are cheap, and a limit (RLIMIT_AS) may leave fewer. Where an address has 32 bits, they are not: the pages
 * take a sixteenth of them at most. */
#define MOST  ((uint32_t)1 << 24)
#define LEAST ((uint32_t)1 << 4)

/* How many get memory at a time, at least. */
#define GROWTH 8

/* In place of the next one that is free. What is taken is writable, or was protected by somebody. */
#define TAKEN	  UINT32_MAX
#define PROTECTED (UINT32_MAX - 1)
#define NO_MORE	  (UINT32_MAX - 2)

#define WRITABLE (PROT_READ | PROT_WRITE)

struct pages {
	struct sealmem_heap *heap;
	char *first; /* the page with number 0 */
	uint32_t most;
	uint32_t with_memory, fresh; /* those up to `fresh` were taken before */
	uint32_t idle;		     /* a list of those that were given back */
	size_t book_size;	     /* bytes of it that have memory */
	bool marking;		     /* guard pages are no mappings, from now on as before */
	_Atomic uint32_t marked;     /* those of the pages up to this one are none */
	struct process owner;
	struct scoped_mapping book, all;
	_Atomic uint32_t next[];
};

static const char touched[] = "was overwritten: it lies in an object that was freed";
static const char unknown[] = "is no object of this heap, or was freed before";

/* A page and its guard. */
static size_t pitch(void)
{
	return 2 * page_size();
}

static char *page_at(const struct pages *p, uint32_t number)
{
	return p->first + number * pitch();
}

static uint32_t number_of(const struct pages *p, const void *at)
{
	return (uint32_t)((size_t)((const char *)at - p->first) / pitch());
}

static size_t book_size_for(uint32_t most)
{
	return page_round_up(sizeof(struct pages) + most * sizeof(_Atomic uint32_t));
}

static int reserve_book(struct scoped_mapping *ret, uint32_t most)
{
	CLEANUP(unmap_scoped) struct scoped_mapping book = { 0 };
	size_t size = book_size_for(most) + 2 * page_size();
	int err = mapping_new_reserve(&book.addr, size);

	if (err < 0)
		return err;
	book.size = size;
	err = sys_mprotect((char *)book.addr + page_size(), book_size_for(0),
			   PROT_READ | PROT_WRITE);
	if (err < 0)
		return not_given(err);
	*ret = book;
	book.size = 0;
	return 0;
}

static int reserve(struct pages **ret, struct sealmem_heap *h, uint32_t most)
{
	CLEANUP(unmap_scoped) struct scoped_mapping book = { 0 };
	struct scoped_mapping all;
	int err = reserve_book(&book, most);

	if (err == 0 && most > SIZE_MAX / 16 / pitch())
		err = -ENOMEM;
	if (err == 0)
		err = heap_memory_reserve(h, &all, page_size() + most * pitch());
	if (err < 0)
		return err;
	*ret = (struct pages *)(void *)((char *)book.addr + page_size());
	(*ret)->all = all;
	(*ret)->first = (char *)all.addr + page_size();
	(*ret)->most = most;
	(*ret)->book = book;
	book.size = 0;
	return 0;
}

/* Such a guard keeps its place while the protection around it changes, which only private memory allows. */
static bool can_mark(const struct sealmem_heap *h)
{
	return !(h->guarantees & SEALMEM_SECRECY) && guard_probe() == 0;
}

int pages_new(struct pages **ret, struct sealmem_heap *h)
{
	int err = -ENOMEM;

	for (uint32_t most = MOST; most >= LEAST && err == -ENOMEM; most /= 4)
		err = reserve(ret, h, most);
	if (err < 0)
		return err;
	(*ret)->heap = h;
	(*ret)->idle = NO_MORE;
	(*ret)->book_size = book_size_for(0);
	(*ret)->marking = can_mark(h);
	(*ret)->owner = process_this();
	return 0;
}

void pages_free(struct pages *p)
{
	struct scoped_mapping book = p->book;

	unmap_scoped(&p->all);
	unmap_scoped(&book);
}

struct sealmem_heap *pages_heap(const struct pages *p)
{
	return p->heap;
}

static int extend_book(struct pages *p, uint32_t end)
{
	size_t size = book_size_for(end);
	int err = 0;

	if (size > p->book_size)
		err = sys_mprotect(p, size, PROT_READ | PROT_WRITE);
	if (err == 0 && size > p->book_size)
		p->book_size = size;
	return not_given(err);
}

static bool is_marked(const struct pages *p, uint32_t number)
{
	return number < atomic_load(&p->marked);
}

static int try_to_mark(const struct pages *p, uint32_t first, uint32_t end)
{
	int err = 0;

	for (uint32_t i = first; i < end && err == 0; i++)
		err = guard_install(page_at(p, i) + page_size(), page_size());
	return err;
}

/* A sandbox that comes later may forbid what went well before. From then on each guard page is a mapping. */
static int mark_guards(struct pages *p, uint32_t first, uint32_t end)
{
	int err = p->marking ? try_to_mark(p, first, end) : 0;

	if (err == -ENOMEM || err == -EAGAIN)
		return err;
	if (err < 0)
		p->marking = false;
	return 0;
}

/* Memory that is taken back loses its marks, so this comes last. */
static void note_memory(struct pages *p, uint32_t end)
{
	p->with_memory = end;
	if (p->marking)
		atomic_store(&p->marked, end);
}

/* What the kernel neither gives nor takes back is not used, and there is no more growth. */
static void take_back(struct pages *p, char *start, size_t size)
{
	if (heap_memory_drop(p->heap, start, size) < 0)
		p->most = p->with_memory;
}

static int add(struct pages *p, uint32_t count)
{
	uint32_t end = p->with_memory + count;
	char *start = page_at(p, p->with_memory);
	size_t size = count * pitch();
	bool changed = false;
	int err = extend_book(p, end);

	if (err == 0)
		err = mark_guards(p, p->with_memory, end);
	if (err == 0)
		err = heap_memory_new(p->heap, start, size, &changed);
	if (err == 0)
		err = not_given(sys_mprotect(start, size, PROT_NONE));
	if (err < 0 && changed)
		take_back(p, start, size);
	if (err == 0)
		note_memory(p, end);
	return err;
}

/* Where there is not enough for all, there may be for half. */
static int grow(struct pages *p)
{
	uint32_t left = p->most - p->with_memory, count = p->with_memory / 16;
	int err = -ENOMEM;

	if (count < GROWTH)
		count = GROWTH;
	if (count > left)
		count = left;
	for (; count > 0 && (err == -ENOMEM || err == -EAGAIN); count /= 2)
		err = add(p, count);
	return err;
}

/* A child has a copy, which is not locked in memory, or nothing. */
static int adopt(struct pages *p)
{
	unsigned guarantees = p->heap->guarantees;
	int err;

	if (process_has_memory_of(&p->owner))
		return 0;
	if (guarantees & SEALMEM_NOFORK)
		return -ESTALE;
	err = mapping_apply_open(p->first, p->with_memory * pitch(), guarantees & SEALMEM_NOSWAP);
	if (err == 0)
		p->owner = process_this();
	return err;
}

static int find_number(struct pages *p, uint32_t *ret)
{
	int err = adopt(p);

	if (err == 0 && p->idle == NO_MORE && p->fresh == p->with_memory)
		err = grow(p);
	if (err < 0)
		return err;
	*ret = p->idle != NO_MORE ? p->idle : p->fresh;
	return 0;
}

static bool is_taken(const struct pages *p, uint32_t number)
{
	return atomic_load(&p->next[number]) >= PROTECTED;
}

static void mark_taken(struct pages *p, uint32_t number)
{
	if (p->idle == number)
		p->idle = atomic_load(&p->next[number]);
	else
		p->fresh++;
	atomic_store(&p->next[number], TAKEN);
}

static int protect(const struct pages *p, char *page, int protection)
{
	size_t size = is_marked(p, number_of(p, page)) ? pitch() : page_size();

	return not_given(sys_mprotect(page, size, protection));
}

/* What nobody has taken stays inaccessible, whatever part of it the kernel has changed. */
static int uncover(const struct pages *p, char *page)
{
	int err = protect(p, page, WRITABLE);

	if (err < 0)
		(void)protect(p, page, PROT_NONE);
	return err;
}

static int take(struct pages *p, char **ret)
{
	const char *changed;
	uint32_t number;
	int err;
	HEAP_LOCKED(p->heap);

	err = find_number(p, &number);
	if (err == 0)
		err = uncover(p, page_at(p, number));
	if (err < 0)
		return err;
	*ret = page_at(p, number);
	changed = heap_zeroes_changed(*ret, *ret + page_size());
	if (changed != NULL)
		heap_corrupt(p->heap, changed, touched);
	mark_taken(p, number);
	return 0;
}

int pages_take(struct pages *p, char **ret)
{
	return heap_is_broken(p->heap) ? -ENOTRECOVERABLE : take(p, ret);
}

bool pages_contain(const struct pages *p, const void *at)
{
	return (uintptr_t)at - (uintptr_t)p->first < p->most * pitch();
}

char *pages_taken(struct pages *p, const void *at)
{
	uint32_t number = number_of(p, at);
	HEAP_LOCKED(p->heap);

	if (number >= p->fresh || !is_taken(p, number))
		heap_corrupt(p->heap, at, unknown);
	return page_at(p, number);
}

/* A page that is writable stays so where the kernel, or a sandbox, changes no page any more: so it can be given back. */
int pages_protect(struct pages *p, char *page, int protection)
{
	uint32_t number = number_of(p, page);
	int err;

	if (protection == WRITABLE && atomic_load(&p->next[number]) == TAKEN)
		return 0;
	err = protect(p, page, protection);
	if (err == 0)
		atomic_store(&p->next[number], protection == WRITABLE ? TAKEN : PROTECTED);
	return err;
}

/* If the kernel has no mapping left to make it inaccessible, who takes it next looks whether it is still zero. */
void pages_give(struct pages *p, char *page)
{
	uint32_t number = number_of(p, page);
	HEAP_LOCKED(p->heap);

	if (!is_taken(p, number))
		heap_corrupt(p->heap, page, unknown);
	heap_wipe(page, page_size());
	(void)protect(p, page, PROT_NONE);
	atomic_store(&p->next[number], p->idle);
	p->idle = number;
}
