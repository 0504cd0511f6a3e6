/* SPDX-License-Identifier: MIT */

/*
 * Processes that change while they are looked at. /proc is read line by line and file by file, so an audit
 * can get the line of one mapping and the seals of the next one. Here a process puts one memfd after
 * another at one address, and says with the name what each is; others fork, end, or execute another
 * program. However the readings fall: nothing is said of a mapping that is true of another one only.
 *
 * One round is one audit; how many of what kind there were is printed.
 */

#include "flags.h"
#include "guarantees.h"
#include "known-files.h"
#include "scale.h"
#include "support.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define ROUNDS 50000u /* of each of the two tests */

static void map_memfd(void *at, const char *name, int seals, int protection)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	(void)ftruncate(fd, (off_t)page_size());
	(void)fcntl(fd, F_ADD_SEALS, seals);
	(void)mmap(at, page_size(), protection, MAP_SHARED | MAP_FIXED, fd, 0);
	(void)close(fd);
}

/* As a region is sealed: in place. */
static void seal_in_place(void *at)
{
	int fd = memfd_create("either", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	char path[32];
	int again;

	(void)ftruncate(fd, (off_t)page_size());
	(void)mmap(at, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDONLY | O_CLOEXEC);
	(void)mmap(at, page_size(), PROT_READ, MAP_SHARED | MAP_FIXED, again, 0);
	(void)fcntl(fd, F_ADD_SEALS, FINAL_SEALS);
	(void)close(again);
	(void)close(fd);
}

static void fork_and_end(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	(void)waitpid(pid, NULL, 0);
}

static void __attribute__((noreturn)) change_for_ever(void *at)
{
	for (unsigned i = 0;; i++) {
		map_memfd(at, "sealed", FINAL_SEALS, PROT_READ);
		map_memfd(at, "open", 0, PROT_READ | PROT_WRITE);
		(void)mmap(at, page_size(), PROT_READ | PROT_WRITE | PROT_EXEC,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		map_memfd(at, "half", F_SEAL_WRITE, PROT_READ);
		(void)munmap(at, page_size());
		seal_in_place(at);
		if (i % 64 == 0)
			fork_and_end();
	}
}

static pid_t start(void (*act)(void *at), void *at)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		act(at);
		_exit(0);
	}
	return pid;
}

static void stop(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

static bool is_called(const struct mapping *row, const char *name)
{
	char whole[64];

	(void)snprintf(whole, sizeof(whole), "/memfd:%s (deleted)", name);
	return strcmp(row->name, whole) == 0;
}

/* Seals of which name a row may have: those, or none that could be read. Of a process that went on changing, also
 * what was there of them when the descriptor was seen, but never more. */
static bool has_seals(const struct mapping *row, int seals, bool changed)
{
	return row->seals == SEALS_UNKNOWN || row->seals == seals ||
	       (changed && (row->seals & ~seals) == 0);
}

static void check_row(const struct mapping *row, bool changed)
{
	bool content = row->guarantees & SEALMEM_CONTENT;

	if (is_called(row, "sealed")) {
		ck_assert(has_seals(row, FINAL_SEALS, changed) && row->protection == PROT_READ);
	} else if (is_called(row, "open")) {
		ck_assert(has_seals(row, 0, changed) && !content);
		ck_assert_int_eq(row->protection, PROT_READ | PROT_WRITE);
	} else if (is_called(row, "half")) {
		ck_assert(has_seals(row, F_SEAL_WRITE, changed) && !content);
	} else if (is_called(row, "either")) {
		ck_assert(!content || row->protection == PROT_READ);
	} else {
		ck_assert_int_eq(row->seals, SEALS_NONE);
		ck_assert(!content);
	}
	ck_assert(!(row->flags & 1u << FLAG_write_execute) || row->seals == SEALS_NONE);
}

struct counts {
	unsigned known, unknown, changed, gone;
};

static void check_process(struct process *process, const struct procfs *procfs,
			  const struct known_files *files, struct counts *counts)
{
	kinds_find(process, &procfs->devices);
	guarantees_find(process);
	flags_find(process, files);
	counts->changed += process->changed;
	for (size_t i = 0; i < process->mappings.count; i++) {
		const struct mapping *row = &process->mappings.rows[i];

		check_row(row, process->changed);
		counts->known += row->seals >= 0;
		counts->unknown += row->seals == SEALS_UNKNOWN;
	}
}

static int look(const struct procfs *procfs, struct known_files *files, pid_t pid, unsigned needs,
		struct counts *counts)
{
	struct process process;
	int err = process_read(&process, procfs, files, pid, needs);

	if (err < 0)
		return err;
	check_process(&process, procfs, files, counts);
	process_free(&process);
	return 0;
}

/* What is known is forgotten now and then, as it is between two audits. */
static void forget(struct known_files *files, unsigned round)
{
	if (round % 16 == 0)
		known_files_free(files);
}

static struct procfs open_procfs(void)
{
	struct procfs procfs;

	ck_assert_int_eq(procfs_open(&procfs, NULL), 0);
	return procfs;
}

START_TEST(a_process_that_remaps_and_forks_is_told_as_it_was)
{
	void *at = mmap(NULL, page_size(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t pid = start(change_for_ever, at);
	struct procfs procfs = open_procfs();
	struct known_files files = { 0 };
	struct counts counts = { 0 };

	for (unsigned i = 0; i < scaled(ROUNDS); i++) {
		forget(&files, i);
		ck_assert_int_eq(look(&procfs, &files, pid, NEED_VM | NEED_MEMFDS, &counts), 0);
	}
	stop(pid);
	known_files_free(&files);
	procfs_close(&procfs);
	(void)printf(
		"%u audits of a process that remaps: %u memfds with seals, %u unknown, %u times "
		"still changing\n",
		scaled(ROUNDS), counts.known, counts.unknown, counts.changed);
	ck_assert_uint_gt(counts.known + counts.unknown, 0);
}
END_TEST

static void end_soon(void *at)
{
	map_memfd(at, "sealed", FINAL_SEALS, PROT_READ);
	for (unsigned i = (unsigned)getpid() % 512; i > 0; i--)
		(void)getppid();
}

static void execute_soon(void *at)
{
	map_memfd(at, "open", 0, PROT_READ | PROT_WRITE);
	(void)execl("/bin/true", "true", NULL);
}

static bool means_gone(int err)
{
	return err == -ENOENT || err == -ESRCH || err == -ENODATA;
}

START_TEST(a_process_that_ends_or_executes_is_told_as_it_was_or_gone)
{
	void *at = mmap(NULL, page_size(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct procfs procfs = open_procfs();
	struct known_files files = { 0 };
	struct counts counts = { 0 };

	for (unsigned i = 0; i < scaled(ROUNDS);) {
		pid_t pid = start(i % 8 == 0 ? execute_soon : end_soon, at);
		int err;

		/* Until it has ended, and once after. */
		for (err = 0; err == 0 && i < scaled(ROUNDS); i++) {
			forget(&files, i);
			err = look(&procfs, &files, pid, NEED_ALL, &counts);
			ck_assert_msg(err == 0 || means_gone(err), "%s", strerror(-err));
			counts.gone += err != 0;
		}
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		ck_assert_int_eq(look(&procfs, &files, pid, NEED_ALL, &counts), -ENOENT);
	}
	known_files_free(&files);
	procfs_close(&procfs);
	(void)printf("%u audits of processes that end: %u memfds with seals, %u unknown, %u times "
		     "still changing, %u gone\n",
		     scaled(ROUNDS), counts.known, counts.unknown, counts.changed, counts.gone);
	ck_assert_uint_gt(counts.gone, 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_process_that_remaps_and_forks_is_told_as_it_was,
		a_process_that_ends_or_executes_is_told_as_it_was_or_gone,
	};

	return RUN_TESTS_FOR(900, "changing", tests);
}
