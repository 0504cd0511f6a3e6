/* SPDX-License-Identifier: MIT */

/*
 * What of a process is read from where. A process can end, and its number be given to another, between
 * any two reads; so it is opened once, as a directory, and everything is opened below that. And a range
 * of addresses can get another file between the reading of its line and the opening of its file: what was
 * opened is held against the line.
 *
 * A file is opened without touching it first (O_PATH), because what a process maps can be a device that
 * does something when it is opened; and without waiting, because a lease makes an open wait.
 *
 * In a copy of /proc there is, for each mapping whose file was looked into, the first part of that file
 * in map_files/RANGE, the seals in map_files/RANGE.seals, and fdinfo has a line "dev:".
 */

#include "audit/procfs.h"

#include "audit/fdinfo.h"
#include "audit/lines.h"

#include "lib/util.h"

#include <ctype.h>
#include <dirent.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#define MEMFD_NAME  "/memfd:"
#define SECRET_NAME "/secretmem"

static dev_t device_of(int fd)
{
	struct stat status;
	dev_t device = fd >= 0 && fstat(fd, &status) == 0 ? status.st_dev : 0;

	(void)close_fd(fd);
	return device;
}

int procfs_open(struct procfs *ret, const char *path)
{
	CLEANUP(close_fd_at)
	int fd = open(path != NULL ? path : "/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct devices devices = { 0 };
	struct statfs status;

	if (fd < 0)
		return -errno;
	devices.recorded = fstatfs(fd, &status) < 0 || status.f_type != PROC_SUPER_MAGIC;
	if (devices.recorded && path == NULL)
		return -ENODEV;
	if (!devices.recorded)
		devices.secret = device_of(sys_memfd_secret());
	*ret = (struct procfs){ take_fd(&fd), devices };
	return 0;
}

void procfs_close(struct procfs *procfs)
{
	procfs->directory = close_fd(procfs->directory);
}

static void close_directory(DIR **directory)
{
	if (*directory != NULL)
		(void)closedir(*directory);
}

static DIR *open_directory(int at, const char *path)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;

	if (directory == NULL)
		(void)close_fd(fd);
	return directory;
}

/* -1 if the name is no number that the kernel would write. */
static int number_of(const char *name)
{
	char *end;
	long number = strtol(name, &end, 10);

	return isdigit((unsigned char)*name) && *end == '\0' && number <= INT32_MAX ? (int)number
										    : -1;
}

static int compare_pids(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

static int add_pid(pid_t **pids, size_t count, pid_t pid)
{
	pid_t *more;

	if (count % 256 == 0) {
		more = reallocarray(*pids, count + 256, sizeof(*more));
		if (more == NULL)
			return -ENOMEM;
		*pids = more;
	}
	(*pids)[count] = pid;
	return 0;
}

void free_pids(pid_t **pids)
{
	free(*pids);
}

ssize_t procfs_list(const struct procfs *procfs, pid_t **ret)
{
	CLEANUP(close_directory) DIR *directory = open_directory(procfs->directory, ".");
	CLEANUP(free_pids) pid_t *pids = NULL;
	const struct dirent *entry;
	size_t count = 0;

	if (directory == NULL)
		return -errno;
	while ((entry = readdir(directory)) != NULL) {
		pid_t pid = number_of(entry->d_name);

		if (pid > 0 && add_pid(&pids, count++, pid) < 0)
			return -ENOMEM;
	}
	if (count > 0)
		qsort(pids, count, sizeof(*pids), compare_pids);
	*ret = pids;
	pids = NULL;
	return (ssize_t)count;
}

int procfs_open_process(const struct procfs *procfs, pid_t pid)
{
	char name[16];
	int fd;

	(void)snprintf(name, sizeof(name), "%d", (int)pid);
	fd = openat(procfs->directory, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? fd : -errno;
}

ssize_t procfs_read(int process, const char *path, char *ret, size_t size)
{
	CLEANUP(close_fd_at) int fd = openat(process, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return -errno;
	got = read(fd, ret, size - 1);
	if (got < 0)
		return -errno;
	ret[got] = '\0';
	return got;
}

static void close_file(FILE **file)
{
	if (*file != NULL)
		(void)fclose(*file);
}

static FILE *open_stream(int at, const char *path)
{
	int fd = openat(at, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	FILE *stream = fd >= 0 ? fdopen(fd, "r") : NULL;

	if (stream == NULL)
		(void)close_fd(fd);
	return stream;
}

int procfs_read_mappings(int process, const char *name, struct mappings *ret)
{
	/* stdio would take what stat(2) recommends, which is a quarter of what the kernel hands out. */
	static const size_t room = 1 << 16;
	CLEANUP(close_file) FILE *in = open_stream(process, name);

	if (in == NULL)
		return -errno;
	(void)setvbuf(in, NULL, _IOFBF, room);
	return mappings_read(ret, in);
}

/* Its device is of the kernel's own, and another one for each size of huge pages. What only looks like one
 * answers no seals that a memfd could have. */
bool is_memfd(const struct mapping *mapping)
{
	return begins_with(mapping->name, MEMFD_NAME) && mapping->file.inode != 0 &&
	       major(mapping->file.device) == 0;
}

bool is_secret(const struct devices *devices, const struct mapping *mapping)
{
	if (!begins_with(mapping->name, SECRET_NAME) || mapping->file.inode == 0)
		return false;
	return devices->recorded ? major(mapping->file.device) == 0
				 : mapping->file.device == devices->secret;
}

static struct file_id id_of(const struct stat *status)
{
	return (struct file_id){ status->st_dev, status->st_ino };
}

static void name_range(char ret[64], const struct mapping *mapping, const char *suffix)
{
	if (mapping->descriptor >= 0)
		(void)snprintf(ret, 64, "fd/%d%s", mapping->descriptor, suffix);
	else
		(void)snprintf(ret, 64, "map_files/%lx-%lx%s", (unsigned long)mapping->start,
			       (unsigned long)mapping->end, suffix);
}

/* Opens for reading what O_PATH has found. */
static int open_found(int found)
{
	int fd = open(fd_path(found).text, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	return fd >= 0 ? fd : -errno;
}

/*
 * btrfs and overlayfs show another device in maps than stat(2) answers. The inode is the same on both, or
 * else nothing can be said here, and it is the second reading of maps that notices a change.
 */
static bool could_be(struct file_id found, struct file_id wanted, bool strict)
{
	if (strict)
		return same_file(found, wanted);
	return found.inode == wanted.inode || found.device != wanted.device;
}

static int open_checked(int process, const char *path, const struct mapping *mapping, bool strict)
{
	CLEANUP(close_fd_at) int found = openat(process, path, O_PATH | O_CLOEXEC);
	struct stat status;

	if (found < 0 || fstat(found, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -ENODEV;
	if (!could_be(id_of(&status), mapping->file, strict))
		return -ESTALE;
	return open_found(found);
}

/* By the mapping, which needs CAP_CHECKPOINT_RESTORE; or by the name, which leads to the same file unless
 * that has been removed or replaced. */
static int open_mapped(int process, const struct mapping *mapping)
{
	char range[64], path[PATH_MAX];
	int fd;

	name_range(range, mapping, "");
	fd = open_checked(process, range, mapping, false);
	if (fd >= 0 || fd == -ESTALE)
		return fd;
	if (snprintf(path, sizeof(path), "root%s", mapping->name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return open_checked(process, path, mapping, major(mapping->file.device) != 0);
}

static int recorded_seals(int process, const struct mapping *mapping)
{
	char path[64], text[32], *end;
	ssize_t length;
	unsigned long seals;

	name_range(path, mapping, ".seals");
	length = procfs_read(process, path, text, sizeof(text));
	if (length < 0)
		return (int)length;
	seals = strtoul(text, &end, 16);
	return end != text && seals <= INT32_MAX ? (int)seals : -EBADMSG;
}

int procfs_read_seals(const struct procfs *procfs, int process, const struct mapping *mapping)
{
	CLEANUP(close_fd_at) int fd = -1;
	char path[64];
	int seals;

	if (procfs->devices.recorded)
		return recorded_seals(process, mapping);
	name_range(path, mapping, "");
	fd = open_checked(process, path, mapping, true);
	if (fd < 0)
		return fd;
	seals = fcntl(fd, F_GET_SEALS);
	return seals >= 0 ? seals : -errno;
}

static ssize_t read_at(void *file, void *ret, size_t size, off_t offset)
{
	return pread(*(int *)file, ret, size, offset);
}

int procfs_read_elf(const struct procfs *procfs, int process, const struct mapping *mapping,
		    struct elf_file *ret)
{
	CLEANUP(close_fd_at) int fd = -1;
	char path[64];

	name_range(path, mapping, "");
	if (procfs->devices.recorded)
		fd = openat(process, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	else
		fd = open_mapped(process, mapping);
	if (fd < 0)
		return procfs->devices.recorded ? -errno : fd;
	return elf_file_read(ret, read_at, &fd);
}

struct link_target {
	char text[PATH_MAX];
};

static bool is_ours(const struct link_target *target)
{
	return begins_with(target->text, MEMFD_NAME) || begins_with(target->text, SECRET_NAME);
}

static bool read_link(int at, const char *path, struct link_target *ret)
{
	ssize_t length = readlinkat(at, path, ret->text, sizeof(ret->text) - 1);

	if (length >= 0)
		ret->text[length] = '\0';
	return length >= 0;
}

/*
 * A number leads to one file now and to another a moment later, so the name and the inode are those of a file
 * that is held, where the kernel can be asked. 0 if the number leads elsewhere by now.
 */
static int look_at_link(const struct procfs *procfs, int process, struct link_target *target,
			struct mapping *row)
{
	CLEANUP(close_fd_at) int found = -1;
	char path[64], held[32];
	struct stat status;

	if (procfs->devices.recorded)
		return 1;
	name_range(path, row, "");
	found = openat(process, path, O_PATH | O_CLOEXEC);
	if (found < 0 || fstat(found, &status) < 0)
		return out_of_resources(-errno) ? -errno : 0;
	(void)snprintf(held, sizeof(held), "self/fd/%d", found);
	/* In the /proc of other processes than ours, what was read before has to do. */
	(void)read_link(procfs->directory, held, target);
	if (!is_ours(target) || (row->file.inode != 0 && row->file.inode != status.st_ino))
		return 0;
	row->file = id_of(&status);
	row->end = (uint64_t)status.st_size;
	return 1;
}

/* 1 if it is a memfd or secret memory, 0 if not. */
static int read_descriptor(const struct procfs *procfs, int process, int number,
			   struct mapping *ret)
{
	struct mapping row = { .seals = SEALS_NONE, .descriptor = number, .shared = true };
	struct fdinfo info = { 0 };
	struct link_target target;
	char path[64], text[1024];
	int found;

	name_range(path, &row, "");
	if (!read_link(process, path, &target) || !is_ours(&target))
		return 0;
	(void)snprintf(path, sizeof(path), "fdinfo/%d", number);
	if (procfs_read(process, path, text, sizeof(text)) < 0 || fdinfo_parse(&info, text) < 0)
		return 0;
	row.file = info.file;
	row.protection = PROT_READ | (info.writable ? PROT_WRITE : 0);
	found = look_at_link(procfs, process, &target, &row);
	if (found <= 0)
		return found;
	row.name = strdup(target.text);
	if (row.name == NULL)
		return -ENOMEM;
	*ret = row;
	return 1;
}

static struct mapping *find_file(const struct mappings *mappings, struct file_id file)
{
	for (size_t i = 0; i < mappings->count; i++)
		if (same_file(mappings->rows[i].file, file))
			return &mappings->rows[i];
	return NULL;
}

static int add_descriptor(const struct procfs *procfs, int process, int number,
			  struct mappings *descriptors)
{
	struct mapping *row = mappings_grow(descriptors), *before;
	int found;

	if (row == NULL)
		return -ENOMEM;
	found = read_descriptor(procfs, process, number, row);
	if (found <= 0)
		return found;
	before = find_file(descriptors, row->file);
	if (before == NULL) {
		descriptors->count++;
		return 0;
	}
	before->protection |= row->protection;
	free(row->name);
	return 0;
}

int procfs_read_descriptors(const struct procfs *procfs, int process, struct mappings *ret)
{
	CLEANUP(mappings_free) struct mappings descriptors = { 0 };
	CLEANUP(close_directory) DIR *directory = open_directory(process, "fd");
	const struct dirent *entry;

	if (directory == NULL)
		return -errno;
	while ((entry = readdir(directory)) != NULL) {
		int number = number_of(entry->d_name);
		int err = number >= 0 ? add_descriptor(procfs, process, number, &descriptors) : 0;

		if (err < 0)
			return err;
	}
	*ret = descriptors;
	descriptors = (struct mappings){ 0 };
	return 0;
}
