/* SPDX-License-Identifier: MIT */

/*
 * Attacks that leave the bytes alone and move the ground under the pointer. Content that cannot
 * change does not help a program whose pointer leads somewhere else, and to unmap, cover, move and
 * resize needs no write permission. Beside the calls made for it, some calls unmap as a side
 * effect: to attach a shared segment, to lower the program break, to give back a ring whose address
 * is stale.
 */

#include "attack/attacks/shared.h"
#include "attack/families.h"
#include "attack/raw.h"
#include "attack/scene.h"
#include "lib/util.h"

#include <linux/aio_abi.h>
#include <sys/ipc.h>
#include <sys/prctl.h>
#include <sys/shm.h>

static int unmap(struct scene *scene)
{
	return refusal(attempt(SYS_munmap, scene->data, scene->size));
}

static int unmap_a_page(struct scene *scene)
{
	return refusal(attempt(SYS_munmap, scene->data + scene->page, scene->page));
}

/* The same call by another number. */
static int unmap_by_x32(struct scene *scene)
{
#ifdef __x86_64__
	const long x32 = 0x40000000;

	return refusal(attempt(x32 + SYS_munmap, scene->data, scene->size));
#else
	return not_applicable(scene, "x86-64 only");
#endif
}

static int cover(struct scene *scene)
{
	long there = attempt_map(scene->data, scene->size, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0L);

	if (refusal(there) < 0)
		return refusal(there);
	evil_fill(scene->data, scene->size);
	return 0;
}

static int move_away(struct scene *scene)
{
	char *target = evil_memory(scene->size);

	return refusal(attempt(SYS_mremap, scene->data, scene->size, scene->size,
			       MREMAP_MAYMOVE | MREMAP_FIXED, target));
}

/* The mapping stays, its pages go. */
static int move_pages_away(struct scene *scene)
{
	return refusal(attempt(SYS_mremap, scene->data, scene->size, scene->size,
			       MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL));
}

static int move_over(struct scene *scene)
{
	char *source = evil_memory(scene->size);

	return refusal(attempt(SYS_mremap, source, scene->size, scene->size,
			       MREMAP_MAYMOVE | MREMAP_FIXED, scene->data));
}

static int shrink(struct scene *scene)
{
	return refusal(attempt(SYS_mremap, scene->data, scene->size, scene->page, 0, NULL));
}

/* A second mapping of the same pages has the rights of the first; then its rights are raised. */
static int duplicate(struct scene *scene)
{
	long there = attempt(SYS_mremap, scene->data, 0L, scene->size, MREMAP_MAYMOVE, NULL);
	int err = refusal(there);

	if (err == 0)
		err = refusal(attempt(SYS_mprotect, there, scene->size, PROT_READ | PROT_WRITE));
	return err < 0 ? err : overwrite(pointer(there));
}

static int forbid_reading(struct scene *scene)
{
	return refusal(attempt(SYS_mprotect, scene->data, scene->size, PROT_NONE));
}

static void allow_reading(struct scene *scene)
{
	(void)attempt(SYS_mprotect, scene->data, scene->size, PROT_READ);
}

static int lock_with_key(struct scene *scene)
{
	const unsigned long no_access = 1;
	long key = attempt(SYS_pkey_alloc, 0L, no_access);

	if (key < 0)
		return not_applicable(scene, "no protection keys");
	return refusal(attempt(SYS_pkey_mprotect, scene->data, scene->size, PROT_READ, key));
}

static void unlock(struct scene *scene)
{
	(void)attempt(SYS_pkey_mprotect, scene->data, scene->size, PROT_READ, 0L);
}

/* The kernel frees the segment when the last process detaches it. */
static int attach_over(struct scene *scene)
{
	long id = attempt(SYS_shmget, IPC_PRIVATE, scene->size, IPC_CREAT | 0600);
	long there = id < 0 ? id : attempt(SYS_shmat, id, NULL, 0);

	if (id >= 0)
		(void)attempt(SYS_shmctl, id, IPC_RMID, NULL);
	if (refusal(there) < 0)
		return refusal(there);
	evil_fill(pointer(there), scene->size);
	return refusal(attempt(SYS_shmat, id, scene->data, SHM_REMAP));
}

/* Makes the first page of the mapping show the second page of the file. */
static int remap_pages(struct scene *scene)
{
	return refusal(attempt(SYS_remap_file_pages, scene->data, scene->page, 0L, 1L, 0L));
}

/* Without privilege, a process may declare where its heap is. */
static int call_it_a_heap(struct scene *scene)
{
	const uint64_t start = (uintptr_t)scene->data, end = start + scene->size;
	struct prctl_mm_map map = {
		.start_code = start,
		.end_code = end,
		.start_data = start,
		.end_data = end,
		.start_brk = start,
		.brk = end,
		.start_stack = start,
		.arg_start = start,
		.arg_end = end,
		.env_start = start,
		.env_end = end,
		.exe_fd = (__u32)-1,
	};

	return refusal(attempt(SYS_prctl, PR_SET_MM, PR_SET_MM_MAP, &map, sizeof(map), 0L));
}

/* It may give the heap back. The call does not fail: it answers where the heap ends now. */
static int give_heap_back(struct scene *scene)
{
	const long start = (long)(uintptr_t)scene->data;

	return attempt(SYS_brk, start) == start ? 0 : -EPERM;
}

static int call_it_a_heap_and_give_it_back(struct scene *scene)
{
	int err = call_it_a_heap(scene);

	return err < 0 ? err : give_heap_back(scene);
}

/* From before() to run(). */
struct stale_ring {
	aio_context_t context;
};

static long move(const char *from, const char *to, size_t size)
{
	return attempt(SYS_mremap, from, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to);
}

/* The size that io_setup(2) mapped: it grows with the number of processors. */
static size_t ring_size(const struct scene *scene, aio_context_t context)
{
	struct place place;
	int err = place_find(&place, scene->pid, (void *)context);

	return err < 0 ? 0 : place.end - place.start;
}

/*
 * The kernel notices when a ring is moved, but not when something else is moved over the ring. So
 * the ring visits the place of the victim's last page. That page is zero, and zero is the number of
 * the first ring of a process: that is enough for the kernel to accept the page as a ring.
 */
static int let_ring_visit(struct scene *scene)
{
	struct stale_ring *kept = keep(scene, sizeof(*kept));
	char *page = scene->data + scene->size - scene->page, *aside = evil_memory(scene->page);
	long err = attempt(SYS_io_setup, 1, &kept->context);

	if (err < 0)
		return (int)err;
	if (ring_size(scene, kept->context) != scene->page)
		return not_applicable(scene, "with this many processors the ring is too large");
	err = move(page, aside, scene->page);
	if (err >= 0)
		err = move((char *)kept->context, page, scene->page);
	if (err >= 0)
		err = move(aside, page, scene->page);
	return refusal(err);
}

static int destroy_ring(struct scene *scene)
{
	const char *page = scene->data + scene->size - scene->page;

	return refusal(attempt(SYS_io_destroy, page));
}

static const struct attack rows[] = {
	{
		.name = "munmap",
		.summary = "unmap it",
		.target = TARGET_ADDRESS,
		.vantage = VANTAGE_SELF,
		.syscalls = "munmap",
		.run = unmap,
	},
	{
		.name = "munmap-page",
		.summary = "unmap a page in its middle",
		.target = TARGET_ADDRESS,
		.vantage = VANTAGE_SELF,
		.syscalls = "munmap",
		.run = unmap_a_page,
	},
	{
		.name = "munmap-x32",
		.summary = "unmap it, by the number of the call for x32 programs",
		.target = TARGET_ADDRESS,
		.vantage = VANTAGE_SELF,
		.syscalls = "munmap (x32)",
		.run = unmap_by_x32,
	},
	{
		.name = "mmap-fixed",
		.summary = "map other memory over it",
		.target = TARGET_ADDRESS,
		.vantage = VANTAGE_SELF,
		.syscalls = "mmap MAP_FIXED",
		.run = cover,
	},
	{
		.name = "mremap-away",
		.summary = "move it elsewhere",
		.target = TARGET_ADDRESS,
		.vantage = VANTAGE_SELF,
		.syscalls = "mremap MREMAP_FIXED",
		.run = move_away,
	},
	{
		.name = "mremap-dontunmap",
		.summary = "move its pages elsewhere and leave an empty mapping",
		.target = TARGET_ADDRESS,
		.vantage = VANTAGE_SELF,
		.syscalls = "mremap MREMAP_DONTUNMAP",
		.run = move_pages_away,
	},
	{
		.name = "mremap-over",
		.summary = "move other memory over it",
		.target = TARGET_ADDRESS,
		.vantage = VANTAGE_SELF,
		.syscalls = "mremap MREMAP_FIXED",
		.run = move_over,
	},
	{
		.name = "mremap-shrink",
		.summary = "make the mapping shorter",
		.target = TARGET_ADDRESS,
		.vantage = VANTAGE_SELF,
		.syscalls = "mremap",
		.run = shrink,
	},
	{
		.name = "mremap-duplicate",
		.summary = "make a second mapping of it, writable, store",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_SELF,
		.syscalls = "mremap, mprotect",
		.run = duplicate,
	},
	{
		.name = "mprotect-none",
		.summary = "make it unreadable",
		.target = TARGET_ADDRESS,
		.vantage = VANTAGE_SELF,
		.syscalls = "mprotect PROT_NONE",
		.run = forbid_reading,
		.undo = allow_reading,
	},
	{
		.name = "pkey-lock",
		.summary = "the same with a protection key without access",
		.target = TARGET_ADDRESS,
		.vantage = VANTAGE_SELF,
		.syscalls = "pkey_alloc, pkey_mprotect",
		.run = lock_with_key,
		.undo = unlock,
	},
	{
		.name = "shmat-remap",
		.summary = "attach a shared segment over it",
		.target = TARGET_ADDRESS,
		.vantage = VANTAGE_SELF,
		.syscalls = "shmget, shmat SHM_REMAP",
		.run = attach_over,
	},
	{
		.name = "remap-file-pages",
		.summary = "replace a page by another page of its file",
		.target = TARGET_ADDRESS,
		.vantage = VANTAGE_SELF,
		.syscalls = "remap_file_pages",
		.run = remap_pages,
	},
	{
		.name = "brk",
		.summary = "declare it the heap, then give the heap back",
		.target = TARGET_ADDRESS,
		.vantage = VANTAGE_SELF,
		.syscalls = "prctl PR_SET_MM_MAP, brk",
		.run = call_it_a_heap_and_give_it_back,
	},
	{
		.name = "brk-before",
		.summary = "the same, declared before the seal",
		.target = TARGET_ADDRESS,
		.vantage = VANTAGE_BEFORE,
		.syscalls = "prctl PR_SET_MM_MAP, brk",
		.before = call_it_a_heap,
		.run = give_heap_back,
	},
	{
		.name = "io-destroy-before",
		.summary = "destroy a ring that the kernel believes to be at its address",
		.target = TARGET_ADDRESS,
		.vantage = VANTAGE_BEFORE,
		.syscalls = "io_setup, mremap, io_destroy",
		.before = let_ring_visit,
		.run = destroy_ring,
	},
};

FAMILY(address, rows);
