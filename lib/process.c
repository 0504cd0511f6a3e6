/* SPDX-License-Identifier: MIT */

/*
 * Tells a process from its children. A child of fork(2) has a copy of everything that this library knows about the
 * memory of its parent, but not the memory itself. The id of a process does not tell them apart: in a PID
 * namespace of its own a child may have the id of its parent. So the memory has a number, in a page that the
 * kernel clears in every child, however it was made. A child that shares the memory shares the number and has
 * another id.
 */

#include "lib/process.h"

#include "lib/util.h"

#include <stdatomic.h>

/* Where the number of this memory is, 0 if it has none yet. A child has the address too. */
static _Atomic(atomic_uint_least64_t *) place;

/* The last number that this process or one of its ancestors took. A child knows no greater one. */
static atomic_uint_least64_t last;

/* Before Linux 4.14 the kernel does not clear pages so: the id alone has to do, and the number stays 0. */
static void make_place(void)
{
	CLEANUP(unmap_scoped) struct scoped_mapping page = { 0 };
	atomic_uint_least64_t *none = NULL;
	void *addr;

	if (sys_mmap(&addr, NULL, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		     -1) < 0)
		return;
	page = (struct scoped_mapping){ addr, page_size() };
	if (sys_madvise(addr, page.size, MADV_WIPEONFORK) < 0)
		return;
	if (atomic_compare_exchange_strong(&place, &none, addr))
		page.size = 0;
}

/* Early, so that no later call has to, whatever the limits of the process are then. */
__attribute__((constructor)) static void make_place_early(void)
{
	make_place();
}

static uint64_t number(void)
{
	atomic_uint_least64_t *at = atomic_load(&place);
	uint_least64_t found = at != NULL ? atomic_load(at) : 0;

	if (at == NULL || found != 0)
		return found;
	/* If two threads are here at once, the first one has said it. */
	if (atomic_compare_exchange_strong(at, &found, atomic_fetch_add(&last, 1) + 1))
		return atomic_load(at);
	return found;
}

uint64_t process_memory(void)
{
	uint64_t found = number();

	return found != 0 ? found : (uint64_t)sys_getpid();
}

struct process process_this(void)
{
	return (struct process){ number(), sys_getpid() };
}

bool process_has_memory_of(const struct process *process)
{
	if (process->memory == 0)
		return process->id == sys_getpid();
	return process->memory == number();
}

bool process_is(const struct process *process)
{
	return process_has_memory_of(process) && process->id == sys_getpid();
}
