/* SPDX-License-Identifier: MIT */

/*
 * Writing to the file that backs the memory. Shared memory has a second door: whoever has a
 * descriptor, or can open one through /proc, can write, shorten or punch the file without touching
 * the mapping. The attacker takes any descriptor that the process has left open, a writable one
 * first.
 */

#include "attack/families.h"
#include "attack/raw.h"
#include "attack/scene.h"
#include "lib/util.h"

#include <linux/falloc.h>
#include <stdio.h>
#include <sys/stat.h>

static int write_there(struct scene *scene)
{
	int fd = find_descriptor(scene), err;
	unsigned long evil = EVIL_WORD;

	if (fd < 0)
		return fd;
	err = refusal(attempt(SYS_lseek, fd, 0L, SEEK_SET));
	return err < 0 ? err : refusal(attempt(SYS_write, fd, &evil, sizeof(evil)));
}

static int pwrite_there(struct scene *scene)
{
	int fd = find_descriptor(scene);

	return evil_write(fd, 0);
}

static int splice_there(struct scene *scene)
{
	CLEANUP(close_fd_at) int from = evil_pipe(scene->page);
	int fd = find_descriptor(scene);
	int64_t at = 0;

	if (fd < 0 || from < 0)
		return fd < 0 ? fd : from;
	return refusal(attempt(SYS_splice, from, NULL, fd, &at, scene->page, 0));
}

static int sendfile_there(struct scene *scene)
{
	CLEANUP(close_fd_at) int from = evil_file(scene->page);
	int fd = find_descriptor(scene), err;

	if (fd < 0 || from < 0)
		return fd < 0 ? fd : from;
	err = refusal(attempt(SYS_lseek, fd, 0L, SEEK_SET));
	return err < 0 ? err : refusal(attempt(SYS_sendfile, fd, from, NULL, scene->page));
}

static int copy_there(struct scene *scene)
{
	CLEANUP(close_fd_at) int from = evil_file(scene->page);
	int fd = find_descriptor(scene);
	int64_t from_at = 0, to_at = 0;

	if (fd < 0 || from < 0)
		return fd < 0 ? fd : from;
	return refusal(attempt(SYS_copy_file_range, from, &from_at, fd, &to_at, scene->page, 0));
}

static int shorten(struct scene *scene)
{
	int fd = find_descriptor(scene);

	return fd < 0 ? fd : refusal(attempt(SYS_ftruncate, fd, 0L));
}

/* The bytes in memory do not show a longer file, but a receiver of the descriptor sees other
 * contents. */
static int lengthen(struct scene *scene)
{
	int fd = find_descriptor(scene), err;
	struct stat file;

	if (fd < 0)
		return fd;
	err = refusal(attempt(SYS_ftruncate, fd, 2 * scene->size));
	if (fstat(fd, &file) == 0 && (size_t)file.st_size != scene->size)
		saw(scene, OUTCOME_CHANGED);
	return err;
}

static int shorten_by_name(struct scene *scene)
{
	char name[32], path[PROC_PATH_SIZE];
	int fd = find_descriptor(scene);

	if (fd < 0)
		return fd;
	(void)snprintf(name, sizeof(name), "fd/%d", fd);
	proc_path(path, scene->pid, name);
	return refusal(attempt(SYS_truncate, path, 0L));
}

static int punch(struct scene *scene)
{
	int fd = find_descriptor(scene);

	if (fd < 0)
		return fd;
	return refusal(answered(
		fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)scene->page)));
}

static int reopen_to_write(struct scene *scene)
{
	CLEANUP(close_fd_at) int fd = reopen(scene, O_RDWR);

	return evil_write(fd, 0);
}

static int reopen_to_empty(struct scene *scene)
{
	CLEANUP(close_fd_at) int fd = reopen(scene, O_RDWR | O_TRUNC);

	return fd < 0 ? fd : 0;
}

static int map_and_store(int fd, size_t size, int protection)
{
	long address = attempt_map(NULL, size, protection, MAP_SHARED, fd, 0L);
	int err = 0;

	if (refusal(address) < 0)
		return refusal(address);
	if (!(protection & PROT_WRITE))
		err = refusal(attempt(SYS_mprotect, address, size, PROT_READ | PROT_WRITE));
	return err < 0 ? err : overwrite(pointer(address));
}

static int map_elsewhere(struct scene *scene)
{
	int fd = find_descriptor(scene);

	return fd < 0 ? fd : map_and_store(fd, scene->size, PROT_READ | PROT_WRITE);
}

static int map_elsewhere_and_unprotect(struct scene *scene)
{
	int fd = find_descriptor(scene);

	return fd < 0 ? fd : map_and_store(fd, scene->size, PROT_READ);
}

static int reopen_to_map(struct scene *scene)
{
	CLEANUP(close_fd_at) int fd = reopen(scene, O_RDWR);

	return fd < 0 ? fd : map_and_store(fd, scene->size, PROT_READ | PROT_WRITE);
}

/* All of these attack the content, from the process itself. */
#define ROW(row_name, row_syscalls, function, row_summary)                                         \
 {                                                                                                 \
  .name = row_name, .summary = row_summary, .target = TARGET_CONTENT, .vantage = VANTAGE_SELF,     \
  .syscalls = row_syscalls, .run = function,                                                       \
 }

static const struct attack rows[] = {
	ROW("write", "lseek, write", write_there, "write to its descriptor"),
	ROW("pwrite", "pwrite", pwrite_there, "write to its descriptor at an offset"),
	ROW("splice", "splice", splice_there, "move the pages of a pipe into its file"),
	ROW("sendfile", "sendfile", sendfile_there, "copy another file into its file"),
	ROW("copy-file-range", "copy_file_range", copy_there, "copy another file, in the kernel"),
	ROW("ftruncate-shrink", "ftruncate", shorten, "make its file empty: reading raises SIGBUS"),
	ROW("ftruncate-grow", "ftruncate, fstat", lengthen, "make its file longer"),
	ROW("truncate-path", "truncate", shorten_by_name,
	    "make its file empty through /proc/self/fd/N"),
	ROW("punch-hole", "fallocate FALLOC_FL_PUNCH_HOLE", punch, "punch a hole into its file"),
	ROW("reopen-write", "open O_RDWR, pwrite", reopen_to_write,
	    "open /proc/self/fd/N for writing, write"),
	ROW("reopen-truncate", "open O_TRUNC", reopen_to_empty, "empty its file by opening it"),
	ROW("reopen-map", "open O_RDWR, mmap", reopen_to_map,
	    "open /proc/self/fd/N for writing, map it elsewhere, store"),
	ROW("map-elsewhere", "mmap", map_elsewhere,
	    "map its descriptor elsewhere as writable, store"),
	ROW("map-elsewhere-mprotect", "mmap, mprotect", map_elsewhere_and_unprotect,
	    "map its descriptor read-only, make the mapping writable, store"),
};

FAMILY(descriptor, rows);
