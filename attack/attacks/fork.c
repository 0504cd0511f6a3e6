/* SPDX-License-Identifier: MIT */

/*
 * A child of the process. fork(2) gives it the memory, the descriptors and the right to trace its
 * parent, with the protection of that moment. The parent sees what the child does to shared memory,
 * and the child keeps what it has read.
 */

#include "attack/attacks/shared.h"
#include "attack/families.h"
#include "attack/guard.h"
#include "attack/raw.h"
#include "attack/scene.h"
#include "attack/tracer.h"
#include "lib/util.h"
#include "attack/witness.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

static int punch(struct scene *scene)
{
	return refusal(attempt(SYS_madvise, scene->data, scene->size, MADV_REMOVE));
}

static void copy_loot(void *argument)
{
	struct scene *scene = argument;

	steal(scene, scene->data, sizeof(scene->loot));
}

static int read_inherited(struct scene *scene)
{
	return guarded(copy_loot, scene);
}

/* Also where the memory itself is kept from children. */
static int read_inherited_file(struct scene *scene)
{
	int fd = find_descriptor(scene);

	return fd < 0 ? fd : read_file(scene, fd);
}

/* The parent does this itself. Code in it can read, and can let others read. */
static int let_child_read(struct scene *scene)
{
	int err = refusal(attempt(SYS_madvise, scene->data, scene->size, MADV_DOFORK));

	return err < 0 ? err : helper_run(scene, read_inherited);
}

static bool word_of_file(const char *path, char *ret, size_t size)
{
	FILE *file = fopen(path, "re");
	bool found = file != NULL && fgets(ret, (int)size, file) != NULL;

	if (file != NULL)
		(void)fclose(file);
	return found;
}

/* If the kernel gives core dumps to a program, we cannot find them. */
static bool cores_are_files(void)
{
	char word[256];

	return word_of_file("/proc/sys/kernel/core_pattern", word, sizeof(word)) &&
	       strpbrk(word, "|/@") == NULL;
}

static bool allow_core(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_CORE, &limit) < 0 || limit.rlim_max == 0)
		return false;
	limit.rlim_cur = limit.rlim_max;
	return setrlimit(RLIMIT_CORE, &limit) == 0;
}

/* Dies in `directory`. The dump has everything that a process may put there. */
static _Noreturn void die_with_core(const char *directory)
{
	static const char everything[] = "0x7f";
	CLEANUP(close_fd_at) int filter = proc_open(getpid(), "coredump_filter", O_WRONLY);

	(void)sys_write(filter, everything, sizeof(everything) - 1);
	(void)signal(SIGABRT, SIG_DFL);
	if (chdir(directory) == 0)
		abort();
	_exit(EXIT_FAILURE);
}

/* A page of memory starts at a page of the dump too. */
static bool search(const struct scene *scene, const char *path)
{
	FILE *core = fopen(path, "re");
	char *page = malloc(scene->page);
	bool found = false;

	while (core != NULL && page != NULL && !found && fread(page, scene->page, 1, core) == 1)
		found = witness_recognises(scene, page, scene->page);
	free(page);
	if (core != NULL)
		(void)fclose(core);
	return found;
}

/* The machine chooses the name of the core file: it is the only file there. */
static void search_and_remove(struct scene *scene, const char *directory)
{
	DIR *files = opendir(directory);
	struct dirent *entry;
	char path[512];

	while (files != NULL && (entry = readdir(files)) != NULL) {
		if (*entry->d_name == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		if (search(scene, path))
			saw(scene, OUTCOME_LEAKED);
		(void)unlink(path);
	}
	if (files != NULL)
		(void)closedir(files);
	(void)rmdir(directory);
}

static int dump_core(struct scene *scene)
{
	const char *place = getenv("TMPDIR");
	char directory[256];
	int status = 0;
	pid_t pid;

	if (!cores_are_files() || !allow_core())
		return not_applicable(scene, "core dumps are switched off or go to a program");
	(void)snprintf(directory, sizeof(directory), "%s/sealmem-XXXXXX",
		       place != NULL ? place : "/tmp");
	if (mkdtemp(directory) == NULL)
		return -errno;
	pid = fork();
	if (pid == 0)
		die_with_core(directory);
	(void)waitpid(pid, &status, 0);
	search_and_remove(scene, directory);
	if (!WCOREDUMP(status))
		return not_applicable(scene, "no core dump was written");
	return 0;
}

/* Now children inherit the memory and dumps may contain it. Do they? */
static int let_child_dump_core(struct scene *scene)
{
	int err = refusal(attempt(SYS_madvise, scene->data, scene->size, MADV_DOFORK));

	if (err == 0)
		err = refusal(attempt(SYS_madvise, scene->data, scene->size, MADV_DODUMP));
	return err < 0 ? err : dump_core(scene);
}

static const struct attack rows[] = {
	{
		.name = "child-mprotect",
		.summary = "make the inherited memory writable, store",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_CHILD,
		.syscalls = "mprotect",
		.run = unprotect_and_store,
	},
	{
		.name = "child-madvise-remove",
		.summary = "punch a hole through the inherited mapping",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_CHILD,
		.syscalls = "madvise MADV_REMOVE",
		.run = punch,
	},
	{
		.name = "child-proc-mem",
		.summary = "write to /proc/PID/mem of the parent",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_CHILD,
		.syscalls = "open, pwrite",
		.run = write_mem,
	},
	{
		.name = "child-ptrace-poke",
		.summary = "trace the parent, write a word",
		.target = TARGET_CONTENT,
		.vantage = VANTAGE_CHILD,
		.syscalls = "ptrace PTRACE_POKEDATA",
		.run = tracer_poke_data,
	},
	{
		.name = "child-read",
		.summary = "read the inherited memory",
		.target = TARGET_SECRECY,
		.vantage = VANTAGE_CHILD,
		.syscalls = "fork",
		.run = read_inherited,
	},
	{
		.name = "child-descriptor-read",
		.summary = "map the inherited descriptor, read",
		.target = TARGET_SECRECY,
		.vantage = VANTAGE_CHILD,
		.syscalls = "mmap",
		.run = read_inherited_file,
	},
	{
		.name = "dofork-child-read",
		.summary = "make a child inherit it, and the child reads",
		.target = TARGET_SECRECY,
		.vantage = VANTAGE_SELF,
		.syscalls = "madvise MADV_DOFORK, fork",
		.run = let_child_read,
		.gaps = GAP_ANY,
		.gap_reason = "code in the process may read, and may give the memory to a child",
	},
	{
		.name = "dodump-core-dump",
		.summary = "allow inheriting and dumping it, let a child die, read its core dump",
		.target = TARGET_SECRECY,
		.vantage = VANTAGE_SELF,
		.syscalls = "madvise MADV_DOFORK, MADV_DODUMP, abort",
		.run = let_child_dump_core,
	},
	{
		.name = "child-core-dump",
		.summary = "die, and read it in the core dump",
		.target = TARGET_SECRECY,
		.vantage = VANTAGE_CHILD,
		.syscalls = "abort",
		.run = dump_core,
	},
};

FAMILY(fork, rows);
