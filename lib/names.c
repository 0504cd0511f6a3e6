/* SPDX-License-Identifier: MIT */

/*
 * What the memory of this library is called, in a place where a signal handler of a broken process can look.
 * The kernel knows a name of its own for most of it, in /proc/self/maps. But that of secret memory is the same
 * for all, and that of a file from somebody else is what they chose.
 *
 * The table is static and has no pointers, so that a store that went astray can make an entry wrong, but not
 * lead the reader elsewhere. No locks: an entry has a version, which is odd while somebody writes it.
 */

#include "lib/names.h"

#include "include/sealmem.h"

#include <stdatomic.h>
#include <string.h>

#define WORD_BITS 64

static struct entry {
	atomic_uint version;
	_Atomic uintptr_t start, end;
	_Atomic size_t before, after;
	atomic_bool sealed, shared, heap;
	_Atomic pid_t owner;
	char name[SEALMEM_NAME_MAX + 1];
} entries[NAMES_MAX];

/* Which entries are taken, a bit for each. */
static _Atomic uint64_t taken[NAMES_MAX / WORD_BITS];

static int take_in_word(size_t word)
{
	uint64_t seen = atomic_load(&taken[word]);

	while (seen != UINT64_MAX) {
		int bit = __builtin_ctzll(~seen);

		if (atomic_compare_exchange_weak(&taken[word], &seen, seen | UINT64_C(1) << bit))
			return (int)word * WORD_BITS + bit;
	}
	return -1;
}

static int take_entry(void)
{
	int id = -1;

	for (size_t word = 0; word < NAMES_MAX / WORD_BITS && id < 0; word++)
		id = take_in_word(word);
	return id;
}

/* Before the first store to an entry and after the last. An entry has one writer, so that a plain sum will do. */
static void turn(struct entry *entry)
{
	unsigned version = atomic_load_explicit(&entry->version, memory_order_relaxed);

	atomic_store_explicit(&entry->version, version + 1, memory_order_release);
}

/* Each store is seen after those before it, and so after the odd version. That costs nothing on x86-64; the order
 * that C assumes without these words costs more than the rest of this file. */
#define STORE(to, value) atomic_store_explicit(to, value, memory_order_release)
#define LOAD(from)	 atomic_load_explicit(from, memory_order_acquire)

static void store(struct entry *entry, const struct names_memory *memory)
{
	STORE(&entry->start, memory->start);
	STORE(&entry->end, memory->end);
	STORE(&entry->before, memory->before);
	STORE(&entry->after, memory->after);
	STORE(&entry->sealed, memory->sealed);
	STORE(&entry->shared, memory->shared);
	STORE(&entry->heap, memory->heap);
	STORE(&entry->owner, memory->owner);
}

int names_add(const struct names_memory *memory, const char *name)
{
	int id = take_entry();

	if (id < 0)
		return id;
	turn(&entries[id]);
	(void)stpncpy(entries[id].name, name, SEALMEM_NAME_MAX);
	store(&entries[id], memory);
	turn(&entries[id]);
	return id;
}

void names_change(int id, const struct names_memory *memory)
{
	if (id < 0)
		return;
	turn(&entries[id]);
	store(&entries[id], memory);
	turn(&entries[id]);
}

void names_remove(int id)
{
	const struct names_memory nothing = { 0 };

	if (id < 0)
		return;
	names_change(id, &nothing);
	atomic_fetch_and(&taken[id / WORD_BITS], ~(UINT64_C(1) << id % WORD_BITS));
}

/* False if somebody writes the entry meanwhile. */
static bool load(struct entry *entry, struct names_memory *ret)
{
	unsigned version = LOAD(&entry->version);

	ret->start = LOAD(&entry->start);
	ret->end = LOAD(&entry->end);
	ret->before = LOAD(&entry->before);
	ret->after = LOAD(&entry->after);
	ret->sealed = LOAD(&entry->sealed);
	ret->shared = LOAD(&entry->shared);
	ret->heap = LOAD(&entry->heap);
	ret->owner = LOAD(&entry->owner);
	return version % 2 == 0 && LOAD(&entry->version) == version;
}

int names_find(uintptr_t address, struct names_memory *ret)
{
	for (int id = 0; id < NAMES_MAX; id++)
		if (load(&entries[id], ret) &&
		    address - (ret->start - ret->before) <
			    ret->end + ret->after - (ret->start - ret->before))
			return id;
	return -1;
}

const char *names_text(int id)
{
	return entries[id].name;
}
