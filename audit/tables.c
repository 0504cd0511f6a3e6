/* SPDX-License-Identifier: MIT */

/*
 * All descriptors of a process. Its threads usually share one table of descriptors, but a thread can have a table of its
 * own (unshare(2) with CLONE_FILES), and what is open there can change memory as well as anything else. The kernel
 * says which threads share a table; if it does not, the audit reads the table of each thread.
 */

#include "audit/process.h"

#include "lib/util.h"

#include <linux/kcmp.h>
#include <linux/seccomp.h>
#include <stdlib.h>

static int try_kcmp(void *argument)
{
	(void)argument;
	if (sys_set_dumpable(0) == 0)
		(void)syscall(SYS_kcmp, sys_getpid(), sys_getpid(), KCMP_FILES, 0, 0);
	return 0;
}

/* The filter of a service may kill the caller. The answer cannot change back. */
static bool kcmp_is_fatal(void)
{
	static int known = -1;

	if (known < 0)
		known = sys_seccomp_mode() == SECCOMP_MODE_FILTER &&
			sys_in_child(try_kcmp, NULL) == -ECHILD;
	return known;
}

static bool share_table(const struct procfs *procfs, pid_t one, pid_t other)
{
	return procfs->own && !kcmp_is_fatal() &&
	       syscall(SYS_kcmp, one, other, KCMP_FILES, 0, 0) == 0;
}

/* A thread that has exited has no descriptors. */
static int add_table(const struct procfs *procfs, int directory, pid_t thread,
		     struct open_files *files)
{
	int err = procfs_add_open_files(procfs, directory, thread, files);

	return err == -ENOENT || err == -ESRCH ? 0 : err;
}

static int add_other_tables(const struct procfs *procfs, int directory, pid_t reader,
			    struct open_files *files)
{
	CLEANUP(free_pids) pid_t *threads = NULL;
	ssize_t count = procfs_list_threads(directory, &threads);
	int err = 0;

	/* The copy of a machine has no lists of threads. */
	if (count < 0)
		return procfs->devices.recorded ? 0 : (int)count;
	for (ssize_t i = 0; i < count && err == 0; i++)
		if (threads[i] != reader && !share_table(procfs, reader, threads[i]))
			err = add_table(procfs, directory, threads[i], files);
	return err;
}

int process_read_open_files(struct process *process, const struct procfs *procfs, int directory)
{
	CLEANUP(open_files_free) struct open_files files = { 0 };
	int err = procfs_add_open_files(procfs, directory, 0, &files);

	if (err == 0)
		err = add_other_tables(procfs, directory, process->reader, &files);
	if (err < 0)
		return err;
	process->open_files = files;
	files = (struct open_files){ 0 };
	return 0;
}
