/* SPDX-License-Identifier: MIT */

/*
 * Writing to the memory through its address, by the process that owns it: with its own stores,
 * after it has changed the protection, and with every kind of system call that stores on its
 * behalf. Some calls ignore page protections (/proc/self/mem, process_vm_writev): a read-only
 * mapping alone does not stop them.
 */

#include "attack/attacks/shared.h"
#include "attack/families.h"
#include "attack/raw.h"
#include "attack/scene.h"
#include "lib/util.h"

#include <linux/futex.h>
#include <sys/uio.h>

static int store(struct scene *scene)
{
	return overwrite(scene->data);
}

/* Key -1 is the default key: this works on processors without protection keys. */
static int unprotect_with_key(struct scene *scene)
{
	int err = refusal(
		attempt(SYS_pkey_mprotect, scene->data, scene->size, PROT_READ | PROT_WRITE, -1));

	return err < 0 ? err : overwrite(scene->data);
}

static int read_into(struct scene *scene)
{
	CLEANUP(close_fd_at) int fd = evil_pipe(scene->page);

	return fd < 0 ? fd : refusal(attempt(SYS_read, fd, scene->data, scene->page));
}

static int vmsplice_into(struct scene *scene)
{
	CLEANUP(close_fd_at) int fd = evil_pipe(scene->page);
	struct iovec to = { scene->data, scene->page };

	return fd < 0 ? fd : refusal(attempt(SYS_vmsplice, fd, &to, 1L, 0L));
}

/* Sets a word and wakes nobody. */
static int wake_op(struct scene *scene)
{
	const int set_evil = FUTEX_OP(FUTEX_OP_SET, EVIL_BYTE, FUTEX_OP_CMP_EQ, 0);
	int own = 0;

	return refusal(attempt(SYS_futex, &own, FUTEX_WAKE_OP, 1, 1L, scene->data, set_evil));
}

static int random_into(struct scene *scene)
{
	return refusal(attempt(SYS_getrandom, scene->data, scene->page, 0));
}

static const struct attack rows[] = {
	{
		.name = "store",
		.summary = "an ordinary store",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_SELF,
		.syscalls = "none",
		.run = store,
		.accesses = true,
	},
	{
		.name = "mprotect",
		.summary = "make it writable, then store",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_SELF,
		.syscalls = "mprotect",
		.run = unprotect_and_store,
	},
	{
		.name = "pkey-mprotect",
		.summary = "the same with the call for protection keys",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_SELF,
		.syscalls = "pkey_mprotect",
		.run = unprotect_with_key,
	},
	{
		.name = "proc-self-mem",
		.summary = "write to /proc/self/mem, which ignores page protections",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_SELF,
		.syscalls = "open, pwrite",
		.run = write_mem,
	},
	{
		.name = "vm-writev-self",
		.summary = "write to its own memory as if to that of another process",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_SELF,
		.syscalls = "process_vm_writev",
		.run = write_vm,
	},
	{
		.name = "read-into",
		.summary = "make the kernel read a pipe into it",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_SELF,
		.syscalls = "read",
		.run = read_into,
		.accesses = true,
	},
	{
		.name = "vmsplice-into",
		.summary = "make the kernel move the pages of a pipe into it",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_SELF,
		.syscalls = "vmsplice",
		.run = vmsplice_into,
		.accesses = true,
	},
	{
		.name = "futex-wake-op",
		.summary = "set a word with the operation of a futex wake",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_SELF,
		.syscalls = "futex FUTEX_WAKE_OP",
		.run = wake_op,
		.accesses = true,
	},
	{
		.name = "getrandom-into",
		.summary = "make the kernel fill it with random bytes",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_SELF,
		.syscalls = "getrandom",
		.run = random_into,
		.accesses = true,
	},
};

FAMILY(store, rows);
