/* SPDX-License-Identifier: MIT */

/*
 * Advice about memory. madvise(2) sounds harmless and needs no write permission. Yet some advice
 * drops pages, and zeroes or the contents of a file come back. Other advice takes the memory from
 * children or makes it fault. mseal(2) stops the destructive advice on private memory only.
 */

#include "attack/attacks/shared.h"
#include "attack/families.h"
#include "attack/guard.h"
#include "attack/raw.h"
#include "attack/scene.h"
#include "lib/util.h"

#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

/* The C library of Debian 12 does not define it. */
#ifndef MADV_SOFT_OFFLINE
# define MADV_SOFT_OFFLINE 101
#endif

static int advise(struct scene *scene)
{
	return refusal(attempt(SYS_madvise, scene->data, scene->size, scene->argument));
}

/* MADV_FREE gives pages up; they vanish when the kernel needs memory. MADV_PAGEOUT is that
 * moment. */
static int give_up_pages(struct scene *scene)
{
	return refusal(attempt(SYS_madvise, scene->data, scene->size, MADV_FREE));
}

static int page_out(struct scene *scene)
{
	return refusal(attempt(SYS_madvise, scene->data, scene->size, MADV_PAGEOUT));
}

static int give_up_and_page_out(struct scene *scene)
{
	int err = give_up_pages(scene);

	return err < 0 ? err : page_out(scene);
}

static long advise_process(pid_t pid, const struct scene *scene, long advice)
{
	CLEANUP(close_fd_at) int fd = (int)attempt(SYS_pidfd_open, pid, 0);
	struct iovec range = { scene->data, scene->size };

	return fd < 0 ? fd : attempt(SYS_process_madvise, fd, &range, 1L, advice, 0);
}

static int advise_through_pidfd(struct scene *scene)
{
	return refusal(advise_process(getpid(), scene, scene->argument));
}

/* Another process may give harmless advice only. That is enough if the pages were given up
 * before. */
static int page_out_from_outside(struct scene *scene)
{
	return refusal(advise_process(scene->pid, scene, MADV_PAGEOUT));
}

/* In a child: are the bytes those of the parent? */
static int look_in_child(struct scene *scene)
{
	if (look_at_filled(scene) != SIGHT_INTACT)
		saw(scene, OUTCOME_HIDDEN);
	return 0;
}

static int wipe_on_fork(struct scene *scene)
{
	int err = advise(scene);

	return err < 0 ? err : helper_run(scene, look_in_child);
}

/* In the child, the pointer of its parent leads nowhere, so the child maps its own bytes there. */
static int replace_in_child(struct scene *scene)
{
	long there = attempt_map(scene->data, scene->size, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0L);

	if (refusal(there) < 0)
		return refusal(there);
	/* Before Linux 4.17, the kernel takes the address only as a wish. */
	if (pointer(there) != scene->data)
		return -EEXIST;
	evil_fill(scene->data, scene->size);
	return look_in_child(scene);
}

static int see_in_child(struct scene *scene)
{
	return look_at_filled(scene) == SIGHT_INTACT ? 0 : -EFAULT;
}

static int withhold_from_child(struct scene *scene)
{
	int err;

	if (helper_run(scene, see_in_child) < 0)
		return not_applicable(scene, "children do not inherit the memory anyway");
	err = refusal(attempt(SYS_madvise, scene->data, scene->size, MADV_DONTFORK));
	return err < 0 ? err : helper_run(scene, replace_in_child);
}

static bool has_swap(void)
{
	char line[2][256];
	FILE *swaps = fopen("/proc/swaps", "re");
	bool has = swaps != NULL && fgets(line[0], sizeof(line[0]), swaps) != NULL &&
		   fgets(line[1], sizeof(line[1]), swaps) != NULL;

	if (swaps != NULL)
		(void)fclose(swaps);
	return has;
}

/* Kilobytes of the mapping at `start` that are in swap. The page cache of a memfd counts too. */
static unsigned long swapped(uintptr_t start)
{
	FILE *smaps = fopen("/proc/self/smaps", "re");
	unsigned long size = 0, from, end;
	bool inside = false;
	char line[512];

	while (smaps != NULL && size == 0 && fgets(line, sizeof(line), smaps) != NULL) {
		if (sscanf(line, "%lx-%lx ", &from, &end) == 2)
			inside = start >= from && start < end;
		else if (inside && sscanf(line, "Swap: %lu kB", &size) != 1)
			size = 0;
	}
	if (smaps != NULL)
		(void)fclose(smaps);
	return size;
}

static int swap_out(struct scene *scene)
{
	int err;

	if (!has_swap())
		return not_applicable(scene, "there is no swap");
	if (scene->victim->gone)
		return not_applicable(scene, "the object is freed: nothing is left to swap");
	(void)attempt(SYS_munlock, scene->data, scene->size);
	err = page_out(scene);
	if (swapped((uintptr_t)scene->data) > 0)
		saw(scene, OUTCOME_LEAKED);
	return err;
}

/* Survives the signal that reports the poisoned page. */
struct poisoning {
	const struct scene *scene;
	int err;
};

/* First the kernel only moves a page elsewhere, which must not show. Then a page is declared
 * broken. */
static void poison_pages(void *argument)
{
	struct poisoning *poisoning = argument;
	const struct scene *scene = poisoning->scene;

	(void)attempt(SYS_madvise, scene->data + scene->page, scene->page, MADV_SOFT_OFFLINE);
	poisoning->err = refusal(attempt(SYS_madvise, scene->data, scene->page, MADV_HWPOISON));
}

static int poison(struct scene *scene)
{
	struct poisoning poisoning = { .scene = scene };

	return guarded(poison_pages, &poisoning) < 0 ? 0 : poisoning.err;
}

static const struct attack rows[] = {
	{
		.name = "madvise-dontneed",
		.summary = "drop the pages: zeroes or the old contents of a file come back",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_SELF,
		.syscalls = "madvise MADV_DONTNEED",
		.run = advise,
		.argument = MADV_DONTNEED,
	},
	{
		.name = "madvise-dontneed-locked",
		.summary = "drop the pages even if they are locked in memory",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_SELF,
		.syscalls = "madvise MADV_DONTNEED_LOCKED",
		.run = advise,
		.argument = MADV_DONTNEED_LOCKED,
	},
	{
		.name = "madvise-free",
		.summary = "give the pages up, then make the kernel collect them",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_SELF,
		.syscalls = "madvise MADV_FREE, MADV_PAGEOUT",
		.run = give_up_and_page_out,
	},
	{
		.name = "madvise-free-before",
		.summary =
			"give the pages up before the seal, make the kernel collect them after it",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_BEFORE,
		.syscalls = "madvise MADV_FREE, MADV_PAGEOUT",
		.before = give_up_pages,
		.run = page_out,
	},
	{
		.name = "process-madvise-free-before",
		.summary = "the same, but a process of root makes the kernel collect them",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_ROOT,
		.syscalls = "madvise MADV_FREE, process_madvise MADV_PAGEOUT",
		.before = give_up_pages,
		.run = page_out_from_outside,
	},
	{
		.name = "madvise-remove",
		.summary = "punch a hole into the file through the mapping",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_SELF,
		.syscalls = "madvise MADV_REMOVE",
		.run = advise,
		.argument = MADV_REMOVE,
	},
	{
		.name = "process-madvise-dontneed",
		.summary = "drop the pages, by a call whose range a filter cannot read",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_SELF,
		.syscalls = "process_madvise MADV_DONTNEED",
		.run = advise_through_pidfd,
		.argument = MADV_DONTNEED,
	},
	{
		.name = "process-madvise-guard",
		.summary = "turn the pages into guard pages, by the same call",
		.target = TARGET_AVAILABILITY,
		.vantage = VANTAGE_SELF,
		.syscalls = "process_madvise MADV_GUARD_INSTALL",
		.run = advise_through_pidfd,
		.undo = remove_guards,
		.argument = MADV_GUARD_INSTALL,
	},
	{
		.name = "madvise-guard",
		.summary = "turn the pages into guard pages: reading faults until they are removed",
		.target = TARGET_AVAILABILITY,
		.vantage = VANTAGE_SELF,
		.syscalls = "madvise MADV_GUARD_INSTALL",
		.run = advise,
		.undo = remove_guards,
		.argument = MADV_GUARD_INSTALL,
	},
	{
		.name = "madvise-wipeonfork",
		.summary = "make children find zeroes in its place",
		.target = TARGET_AVAILABILITY,
		.vantage = VANTAGE_SELF,
		.syscalls = "madvise MADV_WIPEONFORK, fork",
		.run = wipe_on_fork,
		.argument = MADV_WIPEONFORK,
	},
	{
		.name = "madvise-dontfork",
		.summary = "keep it from a child, and the child maps its own bytes there",
		.target = TARGET_AVAILABILITY,
		.vantage = VANTAGE_SELF,
		.syscalls = "madvise MADV_DONTFORK, fork, mmap",
		.run = withhold_from_child,
	},
	{
		.name = "madvise-pageout",
		.summary = "unlock it and push it out to swap, where its bytes remain",
		.target = TARGET_SECRECY,
		.vantage = VANTAGE_SELF,
		.syscalls = "munlock, madvise MADV_PAGEOUT",
		.run = swap_out,
	},
	{
		.name = "madvise-hwpoison",
		.summary = "declare a page of it broken, as after a memory error",
		.target = TARGET_AVAILABILITY,
		.vantage = VANTAGE_SELF,
		.syscalls = "madvise MADV_SOFT_OFFLINE, MADV_HWPOISON",
		.run = poison,
		.privileged = true,
		.dangerous = true,
	},
};

FAMILY(madvise, rows);
