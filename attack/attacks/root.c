/* SPDX-License-Identifier: MIT */

/*
 * Root, from another process. Root owns the machine and could load another kernel. A seal can only
 * promise that the interfaces by which root reaches into processes do not work on it. Debuggers use
 * the same interfaces. Checkpointing brought some more, which open any mapping of any process as a
 * file.
 */

#include "attack/attacks/shared.h"
#include "attack/families.h"
#include "attack/raw.h"
#include "attack/scene.h"
#include "attack/tracer.h"
#include "lib/util.h"

/* The file of a mapping, with or without a descriptor. */
static int open_mapped(struct scene *scene, int flags)
{
	int fd = open_mapping(scene, flags);

	if (fd == -ENODEV)
		(void)not_applicable(scene, "the memory has no file");
	return fd;
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
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_ROOT,
		.syscalls = "open, pwrite",
		.run = write_mem,
	},
	{
		.name = "root-ptrace-poke",
		.summary = "trace it, write a word",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_ROOT,
		.syscalls = "ptrace PTRACE_POKEDATA",
		.run = tracer_poke_data,
	},
	{
		.name = "map-files-write",
		.summary = "open the mapping under /proc/PID/map_files, write",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_ROOT,
		.syscalls = "open O_RDWR, pwrite",
		.run = write_mapped,
	},
	{
		.name = "map-files-truncate",
		.summary = "empty its file by opening the mapping there",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_ROOT,
		.syscalls = "open O_TRUNC",
		.run = empty_mapped,
	},
};

FAMILY(root, rows);
