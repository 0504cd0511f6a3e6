/* SPDX-License-Identifier: MIT */

/*
 * Another process of the same user. It has the same rights to this memory as a debugger that the
 * user starts: the kernel lets it write through /proc/PID/mem and process_vm_writev(2), and take
 * descriptors. It needs no privilege, and no flaw in the program that it attacks.
 */

#include "attack/attacks/shared.h"
#include "attack/families.h"
#include "attack/raw.h"
#include "attack/scene.h"
#include "lib/util.h"

#include <sys/uio.h>

static int get_descriptor(struct scene *scene)
{
	int fd = find_descriptor(scene);
	CLEANUP(close_fd_at)
	int process = fd < 0 ? -1 : (int)attempt(SYS_pidfd_open, scene->pid, 0);

	if (fd < 0 || process < 0)
		return fd < 0 ? fd : process;
	return (int)attempt(SYS_pidfd_getfd, process, fd, 0);
}

static int write_to_taken(struct scene *scene)
{
	CLEANUP(close_fd_at) int fd = get_descriptor(scene);

	return evil_write(fd, 0);
}

static int write_to_opened(struct scene *scene)
{
	CLEANUP(close_fd_at) int fd = reopen(scene, O_RDWR);

	return evil_write(fd, 0);
}

static int read_vm(struct scene *scene)
{
	char loot[sizeof(scene->loot)];
	struct iovec to = { loot, sizeof(loot) }, from = { scene->data, sizeof(loot) };
	long got = attempt(SYS_process_vm_readv, scene->pid, &to, 1L, &from, 1L, 0L);

	if (got > 0)
		steal(scene, loot, (size_t)got);
	return refusal(got);
}

static int read_taken(struct scene *scene)
{
	CLEANUP(close_fd_at) int fd = get_descriptor(scene);

	return fd < 0 ? fd : read_file(scene, fd);
}

static int read_opened(struct scene *scene)
{
	CLEANUP(close_fd_at) int fd = reopen(scene, O_RDONLY);

	return fd < 0 ? fd : read_file(scene, fd);
}

static const struct attack rows[] = {
	{
		.name = "proc-mem",
		.summary = "write to /proc/PID/mem",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_SAME_USER,
		.syscalls = "open, pwrite",
		.run = write_mem,
	},
	{
		.name = "vm-writev",
		.summary = "write to the memory of another process",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_SAME_USER,
		.syscalls = "process_vm_writev",
		.run = write_vm,
	},
	{
		.name = "pidfd-getfd-write",
		.summary = "take its descriptor out of the process, write",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_SAME_USER,
		.syscalls = "pidfd_open, pidfd_getfd, pwrite",
		.run = write_to_taken,
	},
	{
		.name = "proc-fd-write",
		.summary = "open /proc/PID/fd/N for writing, write",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_SAME_USER,
		.syscalls = "open O_RDWR, pwrite",
		.run = write_to_opened,
	},
	{
		.name = "proc-mem-read",
		.summary = "read it in /proc/PID/mem",
		.target = TARGET_SECRECY,
		.vantage = VANTAGE_SAME_USER,
		.syscalls = "open, pread",
		.run = read_mem,
	},
	{
		.name = "vm-readv",
		.summary = "read the memory of another process",
		.target = TARGET_SECRECY,
		.vantage = VANTAGE_SAME_USER,
		.syscalls = "process_vm_readv",
		.run = read_vm,
	},
	{
		.name = "pidfd-getfd-read",
		.summary = "take its descriptor out of the process, map it, read",
		.target = TARGET_SECRECY,
		.vantage = VANTAGE_SAME_USER,
		.syscalls = "pidfd_open, pidfd_getfd, mmap",
		.run = read_taken,
	},
	{
		.name = "proc-fd-read",
		.summary = "open /proc/PID/fd/N, map it, read",
		.target = TARGET_SECRECY,
		.vantage = VANTAGE_SAME_USER,
		.syscalls = "open, mmap",
		.run = read_opened,
	},
};

FAMILY(same_user, rows);
