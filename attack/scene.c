/* SPDX-License-Identifier: MIT */

/*
 * The parts that attacks share. Each attack is a few lines, because this file has the rest: evil
 * bytes to write, another process to act from, the descriptor of the memory under attack, and the
 * look at the bytes that decides.
 *
 * The bytes of a victim are letters made from a random seed, and no copy of them exists. An
 * attacker who has them can only have read them from the memory itself.
 */

#include "attack/scene.h"

#include "attack/guard.h"
#include "lib/memfd.h"
#include "attack/raw.h"
#include "lib/util.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

int not_applicable(struct scene *scene, const char *reason)
{
	scene->result.outcome = OUTCOME_NOT_APPLICABLE;
	(void)snprintf(scene->result.reason, sizeof(scene->result.reason), "%s", reason);
	return 0;
}

void saw(struct scene *scene, enum outcome outcome)
{
	scene->seen = outcome;
}

void steal(struct scene *scene, const void *bytes, size_t size)
{
	scene->stolen = size < sizeof(scene->loot) ? size : sizeof(scene->loot);
	memcpy(scene->loot, bytes, scene->stolen);
}

void *evil_fill(void *at, size_t size)
{
	return memset(at, EVIL_BYTE, size);
}

static void store(void *at)
{
	for (size_t i = 0; i < sizeof(long); i++)
		((volatile char *)at)[i] = EVIL_BYTE;
}

int overwrite(char *at)
{
	return guarded(store, at);
}

char *evil_memory(size_t size)
{
	long address = attempt_map(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				   -1, 0L);

	return refusal(address) < 0 ? NULL : evil_fill(pointer(address), size);
}

static int fill_file(int fd, size_t size)
{
	char evil[256];

	evil_fill(evil, sizeof(evil));
	for (size_t at = 0, chunk; at < size; at += chunk) {
		long written;

		chunk = size - at < sizeof(evil) ? size - at : sizeof(evil);
		written = attempt(SYS_write, fd, evil, chunk);
		if (written != (long)chunk)
			return written < 0 ? (int)written : -EIO;
	}
	return 0;
}

int evil_file(size_t size)
{
	CLEANUP(close_fd_at) int fd = memfd_new("evil", size);
	int err = fd < 0 ? fd : fill_file(fd, size);

	if (err == 0)
		err = refusal(attempt(SYS_lseek, fd, 0L, SEEK_SET));
	return err < 0 ? err : take_fd(&fd);
}

/* The write end is closed, so that a read past the bytes does not wait. */
int evil_pipe(size_t size)
{
	int ends[2];
	int err = sys_pipe(ends);

	if (err < 0)
		return err;
	err = fill_file(ends[1], size);
	close_fd(ends[1]);
	if (err < 0)
		close_fd(ends[0]);
	return err < 0 ? err : ends[0];
}

int evil_write(int fd, uintptr_t at)
{
	unsigned long evil = EVIL_WORD;

	return fd < 0 ? fd : refusal(sys_pwrite(fd, &evil, sizeof(evil), (off_t)at));
}

int helper_start(struct helper *ret, struct scene *scene, int (*act)(struct scene *scene))
{
	int ends[2];
	int err = sys_pipe(ends);
	char word;

	if (err < 0)
		return err;
	ret->wake = ends[1];
	ret->pid = fork();
	if (ret->pid < 0)
		return -errno;
	if (ret->pid > 0) {
		close_fd(ends[0]);
		return 0;
	}
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	close_fd(ends[1]);
	close_fd(scene->alive);
	if (sys_read(ends[0], &word, 1) == 1)
		scene->helper_answer = act(scene);
	_exit(EXIT_SUCCESS);
}

int helper_act(const struct helper *helper, struct scene *scene)
{
	int status;
	pid_t pid;

	scene->helper_answer = -ECHILD;
	(void)sys_write(helper->wake, "", 1);
	do
		pid = waitpid(helper->pid, &status, 0);
	while (pid < 0 && errno == EINTR);
	close_fd(helper->wake);
	return pid == helper->pid && WIFEXITED(status) ? scene->helper_answer : -ECHILD;
}

int helper_run(struct scene *scene, int (*act)(struct scene *scene))
{
	struct helper helper;
	int err = helper_start(&helper, scene, act);

	return err < 0 ? err : helper_act(&helper, scene);
}

void proc_path(char ret[PROC_PATH_SIZE], pid_t pid, const char *name)
{
	(void)snprintf(ret, PROC_PATH_SIZE, "/proc/%d/%s", pid, name);
}

int proc_open(pid_t pid, const char *name, int flags)
{
	char path[PROC_PATH_SIZE];

	proc_path(path, pid, name);
	return sys_open(path, flags);
}

static bool parse_place(struct place *ret, const char *line)
{
	char protection[5];

	return sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %" SCNx64 " %lx:%lx %" SCNu64,
		      &ret->start, &ret->end, protection, &ret->offset, &ret->major, &ret->minor,
		      &ret->inode) == 7;
}

int place_find(struct place *ret, pid_t pid, const void *addr)
{
	char path[PROC_PATH_SIZE], line[512];
	struct place place;
	int err = -ENOENT;
	FILE *maps;

	proc_path(path, pid, "maps");
	maps = fopen(path, "re");
	if (maps == NULL)
		return -errno;
	while (err < 0 && fgets(line, sizeof(line), maps) != NULL) {
		if (!parse_place(&place, line) || (uintptr_t)addr < place.start ||
		    (uintptr_t)addr >= place.end)
			continue;
		*ret = place;
		err = 0;
	}
	(void)fclose(maps);
	return err;
}

static bool is_writable(int directory, const char *name)
{
	struct stat link;

	/* The mode of the link shows how the file was opened. */
	return fstatat(directory, name, &link, AT_SYMLINK_NOFOLLOW) == 0 && link.st_mode & S_IWUSR;
}

static bool is_of(const struct place *place, int directory, const char *name)
{
	struct stat file;

	return fstatat(directory, name, &file, 0) == 0 && file.st_ino == place->inode &&
	       file.st_dev == makedev((unsigned)place->major, (unsigned)place->minor);
}

/* -ENOENT, or the number of the best descriptor. */
static int search_descriptors(const struct place *place, DIR *directory)
{
	int best = -ENOENT;
	bool writable = false;

	for (struct dirent *entry; !writable && (entry = readdir(directory)) != NULL;) {
		if (!is_of(place, dirfd(directory), entry->d_name))
			continue;
		best = atoi(entry->d_name);
		writable = is_writable(dirfd(directory), entry->d_name);
	}
	return best;
}

int find_descriptor(struct scene *scene)
{
	char path[PROC_PATH_SIZE];
	struct place place;
	int fd = place_find(&place, scene->pid, scene->data);
	DIR *directory;

	if (fd < 0)
		return fd;
	if (place.inode == 0) {
		(void)not_applicable(scene, "the memory has no file");
		return -ENODEV;
	}
	proc_path(path, scene->pid, "fd");
	directory = opendir(path);
	if (directory == NULL)
		return -errno;
	fd = search_descriptors(&place, directory);
	(void)closedir(directory);
	if (fd == -ENOENT)
		(void)not_applicable(scene, "no descriptor of the memory is open");
	return fd;
}

int reopen(struct scene *scene, int flags)
{
	char name[32];
	int fd = find_descriptor(scene);

	if (fd < 0)
		return fd;
	(void)snprintf(name, sizeof(name), "fd/%d", fd);
	return proc_open(scene->pid, name, flags);
}
