/* SPDX-License-Identifier: MIT */

/*
 * Processes that change while the audit looks at them. The audit reads /proc line by line and file by file, so it
 * could get the line of one mapping and the seals of the next one. Here a process puts one memfd after another at
 * one address, and the name says what each is. Another process does so with a descriptor; others fork, exit, or
 * execute another program. However the readings fall, the audit never says of one memfd what is true only of
 * another.
 *
 * One round is one audit. The tests print how many rounds of each kind there were.
 */

#include "audit/fdinfo.h"
#include "audit/flags.h"
#include "audit/guarantees.h"
#include "audit/known-files.h"
#include "tests/support/scale.h"
#include "tests/support/support.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define ROUNDS 50000u /* in the long tests; the others do a tenth of them */

static void map_memfd(void *at, const char *name, int seals, int protection)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	(void)!ftruncate(fd, (off_t)page_size());
	(void)fcntl(fd, F_ADD_SEALS, seals);
	(void)mmap(at, page_size(), protection, MAP_SHARED | MAP_FIXED, fd, 0);
	(void)close(fd);
}

/* In place, as sealmem seals a region. */
static void seal_in_place(void *at)
{
	int fd = memfd_create("either", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	char path[32];
	int again;

	(void)!ftruncate(fd, (off_t)page_size());
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

#define PARTS 64u

/* Neighbours that merge and part all the time, in a list that is longer than the kernel writes at once. */
static void __attribute__((noreturn)) merge_for_ever(void *at)
{
	for (unsigned i = 0;; i = (i + 7) % PARTS) {
		char *page = (char *)at + i * page_size();

		(void)mprotect(page, page_size(), PROT_READ | PROT_WRITE);
		(void)mprotect(page, page_size(), i % 2 == 0 ? PROT_READ : PROT_READ | PROT_WRITE);
	}
}

/* One number, which leads to a file that is open for writing and then to one that is sealed and is not. */
struct flipping {
	int number, files[2];
};

/* The numbers that always lead to these files are higher. */
static struct flipping flipping_descriptor(void)
{
	CLEANUP(close_fd_at) int writable = memfd_create("open", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	CLEANUP(close_fd_at) int writer = memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	CLEANUP(close_fd_at) int sealed = open(fd_path(writer).text, O_RDONLY | O_CLOEXEC);

	ck_assert_int_eq(fcntl(writer, F_ADD_SEALS, FINAL_SEALS), 0);
	return (struct flipping){ dup(writable),
				  { fcntl(writable, F_DUPFD_CLOEXEC, 100),
				    fcntl(sealed, F_DUPFD_CLOEXEC, 100) } };
}

static void __attribute__((noreturn)) flip_for_ever(void *argument)
{
	const struct flipping *flipping = argument;

	for (unsigned i = 0;; i++)
		(void)dup2(flipping->files[i % 2], flipping->number);
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

static bool is_called(const struct memory *memory, const char *name)
{
	char whole[64];

	(void)snprintf(whole, sizeof(whole), "/memfd:%s (deleted)", name);
	return strcmp(memory->name, whole) == 0;
}

/* The seals that a row of this name may have: these, or unknown. If the process went on changing, the audit may have
 * seen the descriptor when the memfd had fewer, but never more. */
static bool has_seals(const struct memory *memory, int seals, bool changed)
{
	return memory->seals == SEALS_UNKNOWN || memory->seals == seals ||
	       (changed && (memory->seals & ~seals) == 0);
}

static void check_row(const struct mapping *row, bool changed)
{
	const struct memory *memory = &row->memory;
	bool content = memory->guarantees & SEALMEM_CONTENT;

	if (is_called(memory, "sealed")) {
		ck_assert(has_seals(memory, FINAL_SEALS, changed) && row->protection == PROT_READ);
	} else if (is_called(memory, "open")) {
		ck_assert(has_seals(memory, 0, changed) && !content);
		ck_assert_int_eq(row->protection, PROT_READ | PROT_WRITE);
	} else if (is_called(memory, "half")) {
		ck_assert(has_seals(memory, F_SEAL_WRITE, changed) && !content);
	} else if (is_called(memory, "either")) {
		ck_assert(!content || row->protection == PROT_READ);
	} else {
		ck_assert_int_eq(memory->seals, SEALS_NONE);
		ck_assert(!content);
	}
	ck_assert(!(memory->flags & 1u << FLAG_write_execute) || memory->seals == SEALS_NONE);
}

struct counts {
	unsigned known, unknown, changed, gone;
};

static void check_process(struct process *process, const struct procfs *procfs,
			  const struct known_files *files, struct counts *counts)
{
	kinds_find(process, &procfs->devices);
	guarantees_find(process, files);
	flags_find(process, files);
	counts->changed += process->changed;
	for (size_t i = 0; i < process->mappings.count; i++) {
		const struct mapping *row = &process->mappings.rows[i];

		check_row(row, process->changed);
		counts->known += row->memory.seals >= 0;
		counts->unknown += row->memory.seals == SEALS_UNKNOWN;
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

/* Now and then the test forgets what it knows, as between two audits. */
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

START_TEST(a_process_that_remaps_and_forks_is_reported_as_it_was)
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

START_TEST(a_process_whose_mappings_merge_and_part_is_reported_without_overlaps)
{
	pid_t pid = start(merge_for_ever, map_private(PARTS * page_size()));
	struct procfs procfs = open_procfs();
	struct known_files files = { 0 };
	unsigned changed = 0, rounds = 0;

	/* If both share one processor, it may take more rounds until something happens. */
	for (; rounds < scaled(ROUNDS / 10) || changed == 0; rounds++) {
		struct process process;

		ck_assert_int_eq(process_read(&process, &procfs, &files, pid, NEED_VM), 0);
		for (size_t k = 1; k < process.mappings.count; k++)
			ck_assert_uint_le(process.mappings.rows[k - 1].end,
					  process.mappings.rows[k].start);
		changed += process.changed;
		process_free(&process);
	}
	stop(pid);
	procfs_close(&procfs);
	(void)printf("%u audits of mappings that merge and part, %u of them still changing\n",
		     rounds, changed);
}
END_TEST

static bool means_gone(int err)
{
	return err == -ENOENT || err == -ESRCH || err == -ENODATA;
}

START_TEST(a_process_that_exits_or_executes_is_reported_as_it_was_or_gone)
{
	void *at = mmap(NULL, page_size(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct procfs procfs = open_procfs();
	struct known_files files = { 0 };
	struct counts counts = { 0 };

	for (unsigned i = 0; i < scaled(ROUNDS);) {
		pid_t pid = start(i % 8 == 0 ? execute_soon : end_soon, at);
		int err;

		/* Until it has exited, and once after that. */
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

/* From Linux 5.14 on, fdinfo says which file it is about. */
static bool fdinfo_has_inode(const struct procfs *procfs)
{
	char path[32], text[1024];
	struct fdinfo info = { 0 };

	(void)snprintf(path, sizeof(path), "self/fdinfo/%d", procfs->directory);
	ck_assert_int_gt(procfs_read(procfs->directory, path, text, sizeof(text)), 0);
	ck_assert_int_eq(fdinfo_parse(&info, text), 0);
	return info.file.inode != 0;
}

START_TEST(a_descriptor_that_leads_to_two_files_in_turn_is_reported_as_one_of_them)
{
	struct flipping flipping = flipping_descriptor();
	pid_t pid = start(flip_for_ever, &flipping);
	struct procfs procfs = open_procfs();
	struct known_files files = { 0 };
	bool inode = fdinfo_has_inode(&procfs);
	unsigned first = 0, rounds = scaled(ROUNDS / 10);

	for (unsigned i = 0; i < rounds; i++) {
		struct process process;

		forget(&files, i);
		ck_assert_int_eq(process_read(&process, &procfs, &files, pid, NEED_MEMFDS), 0);
		for (size_t k = 0; k < process.open_files.count; k++) {
			const struct open_file *row = &process.open_files.rows[k];
			bool sealed = is_called(&row->memory, "sealed");

			ck_assert(has_seals(&row->memory, sealed ? FINAL_SEALS : 0, false));
			ck_assert(!inode || !row->writable == sealed);
			first += row->descriptor == flipping.number;
		}
		process_free(&process);
	}
	stop(pid);
	known_files_free(&files);
	procfs_close(&procfs);
	(void)printf("%u audits of a descriptor that flips, %u of it in time\n", rounds, first);
	ck_assert_uint_gt(first, 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_process_that_remaps_and_forks_is_reported_as_it_was,
		a_process_whose_mappings_merge_and_part_is_reported_without_overlaps,
		a_descriptor_that_leads_to_two_files_in_turn_is_reported_as_one_of_them,
		a_process_that_exits_or_executes_is_reported_as_it_was_or_gone,
	};

	return RUN_TESTS_FOR(900, "changing", tests);
}
