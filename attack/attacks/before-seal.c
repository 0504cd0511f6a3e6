/* SPDX-License-Identifier: MIT */

/*
 * Things that the attacker gets before the seal and uses after it. A seal that only looks at the
 * mapping leaves every other way in open: a second mapping, a descriptor, a child, a thread inside
 * a system call. A good seal either ends them or is refused while they exist. Both are fine; a seal
 * that reports success and does neither is not.
 */

#include "attack/attacks/shared.h"
#include "attack/families.h"
#include "attack/raw.h"
#include "attack/scene.h"
#include "lib/util.h"

#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>

/* From before() to run(). */
struct prepared {
	struct scene *scene;
	struct helper helper;
	pthread_t thread;
	int fd, wake;
	char *there;
	int answer;
};

static struct prepared *prepare(struct scene *scene)
{
	struct prepared *kept = keep(scene, sizeof(*kept));

	kept->scene = scene;
	kept->fd = -1;
	return kept;
}

static int keep_descriptor(struct scene *scene)
{
	struct prepared *kept = prepare(scene);
	int fd = find_descriptor(scene);

	if (fd >= 0)
		kept->fd = (int)attempt(SYS_dup, fd);
	return fd < 0 ? fd : refusal(kept->fd);
}

static int write_kept(struct scene *scene)
{
	struct prepared *kept = scene->kept;

	return evil_write(kept->fd, 0);
}

static long map_shared(int fd, size_t size)
{
	return attempt_map(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0L);
}

static int map_kept(struct scene *scene)
{
	struct prepared *kept = scene->kept;
	long there = map_shared(kept->fd, scene->size);
	int err = refusal(there);

	return err < 0 ? err : overwrite(pointer(there));
}

static int map_twice(struct scene *scene)
{
	int err = keep_descriptor(scene);
	struct prepared *kept = scene->kept;
	long there;

	if (err < 0)
		return err;
	there = map_shared(kept->fd, scene->size);
	kept->there = pointer(there);
	return refusal(there);
}

static int store_there(struct scene *scene)
{
	struct prepared *kept = scene->kept;

	return overwrite(kept->there);
}

/* An old size of 0 leaves a shared mapping in place and makes a second one. */
static int duplicate_mapping(struct scene *scene)
{
	struct prepared *kept = prepare(scene);
	long there = attempt(SYS_mremap, scene->data, 0L, scene->size, MREMAP_MAYMOVE, NULL);

	kept->there = pointer(there);
	return refusal(there);
}

/* This seal still allows writes through mappings that are older than it. */
static int seal_future_writes(struct scene *scene)
{
	int err = map_twice(scene);
	struct prepared *kept = scene->kept;

	return err < 0 ? err
		       : refusal(attempt(SYS_fcntl, kept->fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
}

/* Whoever adds the last seal first keeps all other seals out. */
static int seal_seals(struct scene *scene)
{
	int err = keep_descriptor(scene);
	struct prepared *kept = scene->kept;

	return err < 0 ? err : refusal(attempt(SYS_fcntl, kept->fd, F_ADD_SEALS, F_SEAL_SEAL));
}

static int keep_mem(struct scene *scene)
{
	struct prepared *kept = prepare(scene);

	kept->fd = proc_open(scene->pid, "mem", O_RDWR);
	return refusal(kept->fd);
}

static int write_kept_mem(struct scene *scene)
{
	struct prepared *kept = scene->kept;

	return evil_write(kept->fd, (uintptr_t)scene->data);
}

static int store_in_child(struct scene *scene)
{
	return overwrite(scene->data);
}

static int fork_writer(struct scene *scene)
{
	struct prepared *kept = prepare(scene);

	return helper_start(&kept->helper, scene, store_in_child);
}

static int fork_writer_with_memory(struct scene *scene)
{
	int err = refusal(attempt(SYS_madvise, scene->data, scene->size, MADV_DOFORK));

	return err < 0 ? err : fork_writer(scene);
}

static int let_it_act(struct scene *scene)
{
	struct prepared *kept = scene->kept;

	return helper_act(&kept->helper, scene);
}

/* A thread that waits for a pipe, and then attacks. */
static int start_thread(struct scene *scene, void *(*body)(void *))
{
	struct prepared *kept = prepare(scene);
	int ends[2];
	int err = sys_pipe(ends);

	if (err < 0)
		return err;
	kept->fd = ends[0];
	kept->wake = ends[1];
	return -pthread_create(&kept->thread, NULL, body, kept);
}

static int let_thread_act(struct scene *scene)
{
	struct prepared *kept = scene->kept;
	unsigned long evil = EVIL_WORD;
	int err = refusal(attempt(SYS_write, kept->wake, &evil, sizeof(evil)));

	if (err == 0)
		err = -pthread_join(kept->thread, NULL);
	return err < 0 ? err : kept->answer;
}

static void *read_into(void *argument)
{
	struct prepared *kept = argument;

	kept->answer = refusal(attempt(SYS_read, kept->fd, kept->scene->data, sizeof(long)));
	return NULL;
}

static int start_reading_thread(struct scene *scene)
{
	return start_thread(scene, read_into);
}

static int unmap(struct prepared *kept)
{
	unsigned long word;
	int err = refusal(attempt(SYS_read, kept->fd, &word, sizeof(word)));

	return err < 0 ? err : refusal(attempt(SYS_munmap, kept->scene->data, kept->scene->size));
}

static void *wait_and_unmap(void *argument)
{
	struct prepared *kept = argument;

	kept->answer = unmap(kept);
	return NULL;
}

static int start_unmapping_thread(struct scene *scene)
{
	return start_thread(scene, wait_and_unmap);
}

/* It has its own descriptors. It closes the one by which the runner notices the end of the
 * trial. */
static int unmap_beside(void *argument)
{
	struct prepared *kept = argument;

	close_fd(kept->scene->alive);
	close_fd(kept->wake);
	kept->answer = unmap(kept);
	return 0;
}

/* Another process in the same address space. It gets no filter of this one. */
static int start_sharer(struct scene *scene)
{
	struct prepared *kept = prepare(scene);
	const size_t size = 16 * scene->page;
	char *stack = evil_memory(size);
	int ends[2];
	int err = stack != NULL ? sys_pipe(ends) : -ENOMEM;

	if (err < 0)
		return err;
	kept->fd = ends[0];
	kept->wake = ends[1];
	kept->helper.pid = clone(unmap_beside, stack + size, CLONE_VM | SIGCHLD, kept);
	return kept->helper.pid < 0 ? -errno : 0;
}

static int let_sharer_act(struct scene *scene)
{
	struct prepared *kept = scene->kept;
	unsigned long word = 0;
	int err = refusal(attempt(SYS_write, kept->wake, &word, sizeof(word)));
	int status;

	if (err == 0)
		err = refusal(attempt(SYS_wait4, kept->helper.pid, &status, 0, NULL));
	return err < 0 ? err : kept->answer;
}

static const struct attack rows[] = {
	{
		.name = "descriptor-write-before",
		.summary = "write to a descriptor that was kept from before the seal",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_BEFORE,
		.syscalls = "dup, pwrite",
		.before = keep_descriptor,
		.run = write_kept,
	},
	{
		.name = "descriptor-map-before",
		.summary = "map a descriptor that was kept from before the seal as writable, store",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_BEFORE,
		.syscalls = "dup, mmap",
		.before = keep_descriptor,
		.run = map_kept,
	},
	{
		.name = "mapping-before",
		.summary = "store through a second mapping of its descriptor",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_BEFORE,
		.syscalls = "mmap",
		.before = map_twice,
		.run = store_there,
	},
	{
		.name = "mremap-duplicate-before",
		.summary = "store through a second mapping, made without a descriptor",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_BEFORE,
		.syscalls = "mremap",
		.before = duplicate_mapping,
		.run = store_there,
	},
	{
		.name = "seal-future-write-before",
		.summary = "add the seal that exempts older mappings, store through one",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_BEFORE,
		.syscalls = "fcntl F_SEAL_FUTURE_WRITE, mmap",
		.before = seal_future_writes,
		.run = store_there,
	},
	{
		.name = "seal-seal-before",
		.summary = "add the seal against seals, write when the owner believes it is sealed",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_BEFORE,
		.syscalls = "fcntl F_SEAL_SEAL, pwrite",
		.before = seal_seals,
		.run = write_kept,
	},
	{
		.name = "proc-self-mem-before",
		.summary = "write to /proc/self/mem, opened before the seal",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_BEFORE,
		.syscalls = "open, pwrite",
		.before = keep_mem,
		.run = write_kept_mem,
	},
	{
		.name = "fork-writer-before",
		.summary = "a child forked before the seal stores",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_BEFORE,
		.syscalls = "fork",
		.before = fork_writer,
		.run = let_it_act,
	},
	{
		.name = "dofork-writer-before",
		.summary = "the same, but first make the child inherit the memory",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_BEFORE,
		.syscalls = "madvise MADV_DOFORK, fork",
		.before = fork_writer_with_memory,
		.run = let_it_act,
	},
	{
		.name = "read-before",
		.summary =
			"a thread reads into it: it starts before the seal, the bytes come after",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_BEFORE,
		.syscalls = "read",
		.before = start_reading_thread,
		.run = let_thread_act,
	},
	{
		.name = "thread-munmap-before",
		.summary = "a thread that is older than the seal unmaps it",
		.target = TARGET_ADDRESS,
		.vantage = VANTAGE_BEFORE,
		.syscalls = "munmap",
		.before = start_unmapping_thread,
		.run = let_thread_act,
	},
	{
		.name = "clone-vm-munmap-before",
		.summary =
			"a process that shares the address space and is older than the seal unmaps it",
		.target = TARGET_ADDRESS,
		.vantage = VANTAGE_BEFORE,
		.syscalls = "clone CLONE_VM, munmap",
		.before = start_sharer,
		.run = let_sharer_act,
		.gaps = GAP_EMULATED,
		.gap_reason = "the filter binds the threads of the process, not another "
			      "process that shares the address space",
	},
};

FAMILY(before_seal, rows);
