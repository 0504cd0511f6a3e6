/* SPDX-License-Identifier: MIT */

/*
 * A tracer. ptrace(2) writes to memory in spite of every page protection: that is how debuggers set
 * breakpoints in read-only code. A tracer also sets the registers of the process, and so makes it
 * carry out system calls that it never meant to make. A seal must hold even if its own process is
 * made to undo it.
 */

#include "attack/attacks/shared.h"
#include "attack/families.h"
#include "attack/raw.h"
#include "attack/scene.h"
#include "attack/tracer.h"
#include "lib/util.h"

#include <linux/ptrace.h>
#include <string.h>

static int poke_text(struct scene *scene)
{
	int err = tracer_attach(scene, 0);

	if (err < 0)
		return err;
	err = refusal(attempt(SYS_ptrace, PTRACE_POKETEXT, scene->pid, scene->data, EVIL_WORD));
	tracer_detach(scene);
	return err;
}

static int peek(struct scene *scene)
{
	char loot[sizeof(scene->loot)];
	int err = tracer_attach(scene, 0);

	for (size_t i = 0; err == 0 && i < sizeof(loot); i += sizeof(long)) {
		long word = 0;

		err = refusal(
			attempt(SYS_ptrace, PTRACE_PEEKDATA, scene->pid, scene->data + i, &word));
		memcpy(loot + i, &word, sizeof(word));
	}
	if (err == 0)
		steal(scene, loot, sizeof(loot));
	tracer_detach(scene);
	return err;
}

static int unmap_by_hand(struct scene *scene, unsigned long options)
{
	const unsigned long range[6] = { (uintptr_t)scene->data, scene->size };
	int err = tracer_attach(scene, options);

	if (err == 0)
		err = refusal(tracer_call(scene, SYS_munmap, range));
	tracer_detach(scene);
	return err;
}

static int make_it_unmap(struct scene *scene)
{
	return unmap_by_hand(scene, 0);
}

static int make_it_unmap_unfiltered(struct scene *scene)
{
	return unmap_by_hand(scene, PTRACE_O_SUSPEND_SECCOMP);
}

static int make_it_writable(struct scene *scene)
{
	const unsigned long range[6] = { (uintptr_t)scene->data, scene->size,
					 PROT_READ | PROT_WRITE };
	int err = tracer_attach(scene, 0);

	if (err == 0)
		err = refusal(tracer_call(scene, SYS_mprotect, range));
	tracer_detach(scene);
	return err < 0 ? err : write_vm(scene);
}

/* The victim opens a pipe and writes the memory into it. */
static int make_it_write(struct scene *scene, int *ends)
{
	const unsigned long room = (uintptr_t)ends;
	long err = tracer_call(scene, SYS_pipe2, (unsigned long[6]){ room });
	unsigned long words = 0;

	if (err >= 0)
		err = attempt(SYS_ptrace, PTRACE_PEEKDATA, scene->pid, ends, &words);
	memcpy(ends, &words, sizeof(words));
	if (err >= 0)
		err = tracer_call(scene, SYS_write,
				  (unsigned long[6]){ (unsigned)ends[1], (uintptr_t)scene->data,
						      sizeof(scene->loot) });
	return refusal(err);
}

static int take_what_it_wrote(struct scene *scene, int end)
{
	CLEANUP(close_fd_at) int process = (int)attempt(SYS_pidfd_open, scene->pid, 0);
	CLEANUP(close_fd_at)
	int fd = process < 0 ? process : (int)attempt(SYS_pidfd_getfd, process, end, 0);
	char loot[sizeof(scene->loot)];
	long got = fd < 0 ? fd : attempt(SYS_read, fd, loot, sizeof(loot));

	if (got > 0)
		steal(scene, loot, (size_t)got);
	return refusal(got);
}

static int make_it_tell(struct scene *scene)
{
	static int ends[2] __attribute__((aligned(sizeof(long))));
	int err = tracer_attach(scene, 0);

	if (err == 0)
		err = make_it_write(scene, ends);
	tracer_detach(scene);
	return err < 0 ? err : take_what_it_wrote(scene, ends[0]);
}

static const struct attack rows[] = {
	{
		.name = "ptrace-poke-data",
		.summary = "trace it, write a word",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_SAME_USER,
		.syscalls = "ptrace PTRACE_POKEDATA",
		.run = tracer_poke_data,
	},
	{
		.name = "ptrace-poke-text",
		.summary = "trace it, write a word as an instruction",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_SAME_USER,
		.syscalls = "ptrace PTRACE_POKETEXT",
		.run = poke_text,
	},
	{
		.name = "ptrace-mprotect",
		.summary = "make it unprotect the memory, write",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_SAME_USER,
		.syscalls = "ptrace, mprotect, process_vm_writev",
		.run = make_it_writable,
	},
	{
		.name = "ptrace-munmap",
		.summary = "make it unmap the memory",
		.target = TARGET_ADDRESS,
		.vantage = VANTAGE_SAME_USER,
		.syscalls = "ptrace, munmap",
		.run = make_it_unmap,
	},
	{
		.name = "ptrace-munmap-unfiltered",
		.summary = "the same, with its system call filters suspended",
		.target = TARGET_ADDRESS,
		.vantage = VANTAGE_ROOT,
		.syscalls = "ptrace PTRACE_O_SUSPEND_SECCOMP, munmap",
		.run = make_it_unmap_unfiltered,
		.gaps = GAP_EMULATED,
		.gap_reason = "root may suspend the filters of a process that it traces",
	},
	{
		.name = "ptrace-peek",
		.summary = "trace it, read words",
		.target = TARGET_SECRECY,
		.vantage = VANTAGE_SAME_USER,
		.syscalls = "ptrace PTRACE_PEEKDATA",
		.run = peek,
	},
	{
		.name = "ptrace-write",
		.summary = "make it write the memory to a pipe",
		.target = TARGET_SECRECY,
		.vantage = VANTAGE_SAME_USER,
		.syscalls = "ptrace, write, pidfd_getfd",
		.run = make_it_tell,
		.gaps = GAP_ANY,
		.gap_reason =
			"a tracer moves the registers of the process, and the process itself may read",
	},
};

FAMILY(ptrace, rows);
