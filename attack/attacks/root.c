/* SPDX-License-Identifier: MIT */

/*
 * Root, from another process. Root owns the machine and could load another kernel; what a seal can promise
 * against him is that the interfaces by which he reaches into processes do not work on it. They are
 * the same ones that debuggers have, and some that checkpointing brought, which open any mapping of any
 * process as the file that it is.
 */

#include "attack/families.h"
#include "attack/raw.h"
#include "attack/scene.h"
#include "attack/tracer.h"
#include "lib/util.h"

#include <stdio.h>

/* The file of a mapping, descriptor or not. */
static int open_mapped(struct scene *scene, int flags)
{
	char name[64];
	struct place place;
	int err = place_find(&place, scene->pid, scene->data);

	if (err < 0)
		return err;
	if (place.inode == 0) {
		(void)not_applicable(scene, "the memory is of no file");
		return -ENODEV;
	}
	(void)snprintf(name, sizeof(name), "map_files/%lx-%lx", place.start, place.end);
	return proc_open(scene->pid, name, flags);
}

static int write_mapped(struct scene *scene)
{
	CLEANUP(close_fd_at) int fd = open_mapped(scene, O_RDWR);

	return evil_write(fd, 0);
}

static int empty_mapped(struct scene *scene)
{
	CLEANUP(close_fd_at) int fd = open_mapped(scene, O_RDWR | O_TRUNC);

	return fd < 0 ? fd : 0;
}

static const struct attack rows[] = {
	{
		.name = "root-proc-mem",
		.summary = "write to /proc/PID/mem",
		.target = CONTENT,
		.vantage = ROOT,
		.syscalls = "open, pwrite",
		.run = write_mem,
	},
	{
		.name = "root-ptrace-poke",
		.summary = "trace it, write a word",
		.target = CONTENT,
		.vantage = ROOT,
		.syscalls = "ptrace PTRACE_POKEDATA",
		.run = tracer_poke_data,
	},
	{
		.name = "map-files-write",
		.summary = "open the mapping under /proc/PID/map_files, write",
		.target = CONTENT,
		.vantage = ROOT,
		.syscalls = "open O_RDWR, pwrite",
		.run = write_mapped,
	},
	{
		.name = "map-files-truncate",
		.summary = "empty its file by opening that",
		.target = CONTENT,
		.vantage = ROOT,
		.syscalls = "open O_TRUNC",
		.run = empty_mapped,
	},
};

FAMILY(roots, rows);
