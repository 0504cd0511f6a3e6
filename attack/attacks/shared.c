/* SPDX-License-Identifier: MIT */

/*
 * Attacks that the owner, a child, another process and root carry out alike, and parts that several
 * attacks need.
 */

#include "attack/attacks/shared.h"

#include "attack/raw.h"
#include "lib/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>

void *keep(struct scene *scene, size_t size)
{
	scene->kept = calloc(1, size);
	/* This is a process of its own, and the runner reports how it ends. */
	if (scene->kept == NULL)
		abort();
	return scene->kept;
}

int write_mem(struct scene *scene)
{
	CLEANUP(close_fd_at) int fd = proc_open(scene->pid, "mem", O_RDWR);

	return evil_write(fd, (uintptr_t)scene->data);
}

int read_mem(struct scene *scene)
{
	CLEANUP(close_fd_at) int fd = proc_open(scene->pid, "mem", O_RDONLY);
	char loot[sizeof(scene->loot)];
	long got = fd < 0 ? fd : sys_pread(fd, loot, sizeof(loot), (off_t)(uintptr_t)scene->data);

	if (got > 0)
		steal(scene, loot, (size_t)got);
	return refusal(got);
}

int write_vm(struct scene *scene)
{
	unsigned long evil = EVIL_WORD;
	struct iovec from = { &evil, sizeof(evil) }, to = { scene->data, sizeof(evil) };

	return refusal(attempt(SYS_process_vm_writev, scene->pid, &from, 1L, &to, 1L, 0L));
}

int unprotect_and_store(struct scene *scene)
{
	int err = refusal(attempt(SYS_mprotect, scene->data, scene->size, PROT_READ | PROT_WRITE));

	return err < 0 ? err : overwrite(scene->data);
}

void remove_guards(struct scene *scene)
{
	(void)attempt(SYS_madvise, scene->data, scene->size, MADV_GUARD_REMOVE);
}

int open_mapping(struct scene *scene, int flags)
{
	char name[64];
	struct place place;
	int err = place_find(&place, scene->pid, scene->data);

	if (err < 0)
		return err;
	if (place.inode == 0)
		return -ENODEV;
	(void)snprintf(name, sizeof(name), "map_files/%jx-%jx", (uintmax_t)place.start,
		       (uintmax_t)place.end);
	return proc_open(scene->pid, name, flags);
}

int read_file(struct scene *scene, int fd)
{
	long there = attempt_map(NULL, scene->page, PROT_READ, MAP_SHARED, fd, 0L);

	if (refusal(there) == 0)
		steal(scene, pointer(there), sizeof(scene->loot));
	return refusal(there);
}
