/* SPDX-License-Identifier: MIT */

/*
 * Reads the files of /proc. Between any two reads a process can exit, and its number can go to another process. So
 * the audit opens a process once, as a directory, and opens everything below that. A range of addresses can also
 * get another file between reading its line and opening its file. So the audit compares the file that it has opened
 * with the line.
 *
 * A copy of /proc has, for each mapping whose file the audit looks into, the first part of the file in
 * map_files/RANGE and its seals in map_files/RANGE.seals. Its fdinfo has a line "dev:".
 */

#include "audit/procfs.h"

#include "audit/fdinfo.h"
#include "audit/foreign.h"
#include "audit/lines.h"

#include "lib/util.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

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

/* Whether this process may look at all others. Capabilities in a user namespace of its own do not reach processes
 * outside. */
static bool may_see_all(void)
{
	static const unsigned long long ptrace = 1ull << CAP_SYS_PTRACE;
	char status[PROCFS_STATUS_SIZE], map[128];
	unsigned long inside = 1, outside = 1, count = 0;
	const char *capabilities;

	if (procfs_read(AT_FDCWD, "/proc/self/status", status, sizeof(status)) < 0 ||
	    procfs_read(AT_FDCWD, "/proc/self/uid_map", map, sizeof(map)) < 0)
		return false;
	capabilities = find_value(status, "CapEff");
	/* NOLINTNEXTLINE(cert-err34-c): the kernel writes these numbers. */
	if (capabilities == NULL || sscanf(map, "%lu %lu %lu", &inside, &outside, &count) != 3)
		return false;
	return (strtoull(capabilities, NULL, 16) & ptrace) && inside == 0 && outside == 0 &&
	       count == UINT32_MAX;
}

/* Not if it is the /proc of another PID namespace. */
static bool has_our_number(int procfs)
{
	char number[32];
	ssize_t length = readlinkat(procfs, "self", number, sizeof(number) - 1);

	if (length < 0)
		return false;
	number[length] = '\0';
	return strtol(number, NULL, 10) == getpid();
}

static int read_mounts(struct procfs *procfs)
{
	CLEANUP(close_file) FILE *in = open_stream(AT_FDCWD, "/proc/self/mountinfo");
	struct stat status;
	int err = in != NULL ? mounts_read(&procfs->mounts, in) : 0;

	if (err == 0 && fstat(procfs->directory, &status) == 0)
		procfs->hides =
			mounts_hide_processes(&procfs->mounts, status.st_dev) && !may_see_all();
	return err;
}

static int open_procfs(struct procfs *ret, const char *path, bool with_mounts)
{
	CLEANUP(close_fd_at)
	int fd = open(path != NULL ? path : "/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct devices devices = { 0 };
	struct procfs procfs;
	struct statfs status;
	int err = 0;

	if (fd < 0)
		return -errno;
	devices.recorded = fstatfs(fd, &status) < 0 || status.f_type != PROC_SUPER_MAGIC;
	if (devices.recorded && path == NULL)
		return -ENODEV;
	if (!devices.recorded)
		devices_find(&devices);
	procfs = (struct procfs){ .directory = fd, .devices = devices, .own = has_our_number(fd) };
	if (!devices.recorded && with_mounts)
		err = read_mounts(&procfs);
	if (err < 0)
		return err;
	procfs.directory = take_fd(&fd);
	*ret = procfs;
	return 0;
}

int procfs_open(struct procfs *ret, const char *path)
{
	return open_procfs(ret, path, true);
}

int procfs_open_without_mounts(struct procfs *ret)
{
	return open_procfs(ret, NULL, false);
}

void procfs_close(struct procfs *procfs)
{
	procfs->directory = close_fd(procfs->directory);
	mounts_free(&procfs->mounts);
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

/* -1 if the kernel does not write such a number. */
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

static ssize_t list_numbers(int at, const char *path, pid_t **ret)
{
	CLEANUP(close_directory) DIR *directory = open_directory(at, path);
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

ssize_t procfs_list(const struct procfs *procfs, pid_t **ret)
{
	return list_numbers(procfs->directory, ".", ret);
}

ssize_t procfs_list_threads(int process, pid_t **ret)
{
	return list_numbers(process, "task", ret);
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

/* A number stays with a thread for as long as the thread exists, so this is the right one if it says so. */
static bool is_thread_with_memory(int thread, pid_t pid)
{
	char text[PROCFS_STATUS_SIZE];
	const char *group, *size;

	if (procfs_read(thread, "status", text, sizeof(text)) < 0)
		return false;
	group = find_value(text, "Tgid");
	size = find_value(text, "VmSize");
	return group != NULL && strtol(group, NULL, 10) == pid && size != NULL;
}

int procfs_open_thread_with_memory(const struct procfs *procfs, int process, pid_t pid)
{
	CLEANUP(free_pids) pid_t *threads = NULL;
	ssize_t count = procfs_list_threads(process, &threads);

	for (ssize_t i = 0; threads != NULL && i < count; i++) {
		int fd = threads[i] != pid ? procfs_open_process(procfs, threads[i]) : -ENOENT;

		if (fd >= 0 && is_thread_with_memory(fd, pid))
			return fd;
		(void)close_fd(fd);
		if (out_of_resources(fd))
			return fd;
	}
	return out_of_resources((int)count) ? (int)count : -ENODATA;
}

/* The link by which a process shows a file, below its directory. */
struct link_path {
	char text[64];
};

static struct link_path mapping_link(const struct mapping *mapping)
{
	struct link_path path;

	(void)snprintf(path.text, sizeof(path.text), "map_files/%lx-%lx",
		       (unsigned long)mapping->start, (unsigned long)mapping->end);
	return path;
}

struct link_target {
	char text[PATH_MAX];
};

static bool read_link(int at, const char *path, struct link_target *ret)
{
	ssize_t length = readlinkat(at, path, ret->text, sizeof(ret->text) - 1);

	if (length >= 0)
		ret->text[length] = '\0';
	return length >= 0;
}

/* A name with the end of a line may be one with a backslash and a number, which maps does not tell apart. The link to the
 * file does. Not everybody may read it. */
static void settle_name(int process, struct mapping *mapping)
{
	struct link_target target, unescaped;

	if (strchr(mapping->memory.name, '\n') == NULL ||
	    !read_link(process, mapping_link(mapping).text, &target))
		return;
	unescaped = target;
	unescape_maps(unescaped.text);
	if (strcmp(unescaped.text, mapping->memory.name) == 0)
		mapping_rename(mapping, target.text);
}

static void settle_names(int process, struct mappings *mappings)
{
	for (size_t i = 0; i < mappings->count; i++)
		settle_name(process, &mappings->rows[i]);
}

/* Another file can have the inode of System V shared memory, and be seen on the same device. */
static void mark_shm(const struct devices *devices, struct mappings *mappings)
{
	for (size_t i = 0; i < mappings->count; i++) {
		struct memory *memory = &mappings->rows[i].memory;

		memory->file.shm = is_shm(devices, memory);
	}
}

int procfs_take_mappings(const struct procfs *procfs, int process, FILE *in, struct mappings *ret)
{
	int err = mappings_read(ret, in);

	if (err < 0)
		return err;
	mark_shm(&procfs->devices, ret);
	settle_names(process, ret);
	return 0;
}

int procfs_read_mappings(const struct procfs *procfs, int process, const char *name,
			 struct mappings *ret)
{
	CLEANUP(close_file) FILE *in = open_stream(process, name);
	/* stdio would read as much as stat(2) recommends, a quarter of what the kernel hands out at once. */
	char room[1 << 14];

	if (in == NULL)
		return -errno;
	(void)setvbuf(in, room, _IOFBF, sizeof(room));
	return procfs_take_mappings(procfs, process, in, ret);
}

/* `name` is "fd" or "fdinfo". */
static struct link_path table_path(pid_t thread, const char *name)
{
	struct link_path path;

	if (thread != 0)
		(void)snprintf(path.text, sizeof(path.text), "task/%d/%s", (int)thread, name);
	else
		(void)snprintf(path.text, sizeof(path.text), "%s", name);
	return path;
}

static struct link_path descriptor_path(const struct open_file *file, const char *name)
{
	struct link_path path, table = table_path(file->thread, name);

	(void)snprintf(path.text, sizeof(path.text), "%.40s/%d", table.text, file->descriptor);
	return path;
}

static int recorded_seals(int process, const char *link)
{
	char path[sizeof(struct link_path) + sizeof(".seals")], text[32], *end;
	ssize_t length;
	unsigned long seals;

	(void)snprintf(path, sizeof(path), "%s.seals", link);
	length = procfs_read(process, path, text, sizeof(text));
	if (length < 0)
		return (int)length;
	seals = strtoul(text, &end, 16);
	return end != text && seals <= INT32_MAX ? (int)seals : -EBADMSG;
}

static int read_seals(const struct procfs *procfs, int process, const char *link,
		      struct file_id file, struct patience *patience)
{
	if (procfs->devices.recorded)
		return recorded_seals(process, link);
	return foreign_read_seals(process, link, file, &procfs->devices, patience);
}

int procfs_read_mapping_seals(const struct procfs *procfs, int process,
			      const struct mapping *mapping, struct patience *patience)
{
	return read_seals(procfs, process, mapping_link(mapping).text, mapping->memory.file,
			  patience);
}

int procfs_read_open_file_seals(const struct procfs *procfs, int process,
				const struct open_file *file, struct patience *patience)
{
	return read_seals(procfs, process, descriptor_path(file, "fd").text, file->memory.file,
			  patience);
}

int procfs_find_program(const struct procfs *procfs, int process, uint64_t *ret)
{
	struct file_id id;
	int err = procfs->devices.recorded ? -ENOENT : foreign_identify(process, "exe", &id);

	if (err == 0)
		*ret = id.inode;
	return err;
}

static ssize_t read_at(void *file, void *ret, size_t size, off_t offset)
{
	return pread(*(int *)file, ret, size, offset);
}

static int open_recorded(int process, const struct mapping *mapping)
{
	int fd = openat(process, mapping_link(mapping).text,
			O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 ? fd : -errno;
}

static int read_recorded(int process, const struct mapping *mapping, struct elf_file *ret)
{
	CLEANUP(close_fd_at) int fd = open_recorded(process, mapping);

	return fd >= 0 ? elf_file_read(ret, read_at, &fd) : fd;
}

int procfs_read_elf(const struct procfs *procfs, int process, const struct mapping *mapping,
		    struct patience *patience, struct elf_file *ret)
{
	const struct link_path link = mapping_link(mapping);
	const struct foreign_file file = { process, link.text, mapping->memory.name,
					   mapping->memory.file };

	if (procfs->devices.recorded)
		return read_recorded(process, mapping, ret);
	return foreign_read_elf(&file, &procfs->mounts, patience, ret);
}

static bool is_ours(const struct link_target *target)
{
	return begins_with(target->text, MEMFD_NAME) || begins_with(target->text, SECRET_NAME);
}

/*
 * A number leads to one file now and to another a moment later. So the audit holds the file and takes the name and
 * the inode of that file, where it can ask the kernel. 0 if the number leads elsewhere by now.
 */
static int look_at_link(const struct procfs *procfs, int process, struct link_target *target,
			struct open_file *file)
{
	CLEANUP(close_fd_at) int found = -1;
	struct foreign_status status;
	struct file_id id;
	char held[32];
	int err;

	if (procfs->devices.recorded)
		return 1;
	found = openat(process, descriptor_path(file, "fd").text, O_PATH | O_CLOEXEC);
	err = found >= 0 ? foreign_remember(found, &id, &status) : -errno;
	if (err < 0)
		return out_of_resources(err) ? err : 0;
	(void)snprintf(held, sizeof(held), "self/fd/%d", found);
	/* In the /proc of another machine this fails, and the target that was read before stands. */
	(void)read_link(procfs->directory, held, target);
	if (!is_ours(target) ||
	    (file->memory.file.inode != 0 && file->memory.file.inode != id.inode))
		return 0;
	file->memory.file = id;
	file->size = (uint64_t)status.size;
	return 1;
}

static bool is_socket(const struct link_target *target)
{
	return begins_with(target->text, "socket:");
}

static bool is_io_uring(const struct link_target *target)
{
	return strcmp(target->text, IO_URING_NAME) == 0;
}

/*
 * A socket keeps the files that were sent to it until somebody receives them, and an io_uring those that are registered
 * with it. Nobody can list them. If the kernel does not say that an io_uring keeps none, it may keep some.
 */
static void look_for_kept_files(int process, const struct open_file *file,
				const struct link_target *target, const char *info,
				struct open_files *files)
{
	const char *on_the_way = find_value(info, "scm_fds");
	const char *registered = find_value(info, "UserFiles");
	struct file_id id;

	if (!is_io_uring(target))
		files->elsewhere |= is_socket(target) && on_the_way != NULL && *on_the_way != '0';
	else if (registered != NULL && *registered == '0' &&
		 foreign_identify(process, descriptor_path(file, "fd").text, &id) == 0)
		open_files_add_ring(files, id.inode);
	else
		files->elsewhere = true;
}

/* 1 if it is a memfd or secret memory, 0 if not. */
static int take_descriptor(const struct procfs *procfs, int process, struct link_target *target,
			   const char *text, struct open_file *file)
{
	struct fdinfo info = { 0 };
	int found;

	if (!is_ours(target) || fdinfo_parse(&info, text) < 0)
		return 0;
	file->memory.file = info.file;
	file->writable = info.writable;
	found = look_at_link(procfs, process, target, file);
	if (found <= 0)
		return found;
	file->memory.name = strdup(target->text);
	return file->memory.name != NULL ? 1 : -ENOMEM;
}

static int add_descriptor(const struct procfs *procfs, int process, struct open_file file,
			  struct open_files *files)
{
	struct link_target target;
	char text[1024];
	int err;

	if (!read_link(process, descriptor_path(&file, "fd").text, &target) ||
	    (!is_ours(&target) && !is_socket(&target) && !is_io_uring(&target)))
		return 0;
	if (procfs_read(process, descriptor_path(&file, "fdinfo").text, text, sizeof(text)) < 0)
		*text = '\0';
	look_for_kept_files(process, &file, &target, text, files);
	err = take_descriptor(procfs, process, &target, text, &file);
	if (err > 0)
		err = open_files_add(files, &file);
	free(file.memory.name);
	return err;
}

int procfs_add_open_files(const struct procfs *procfs, int process, pid_t thread,
			  struct open_files *files)
{
	CLEANUP(close_directory)
	DIR *directory = open_directory(process, table_path(thread, "fd").text);
	const struct dirent *entry;
	int err = 0;

	if (directory == NULL)
		return -errno;
	while (err == 0 && (entry = readdir(directory)) != NULL) {
		const struct open_file file = { .memory.seals = SEALS_NONE,
						.descriptor = number_of(entry->d_name),
						.thread = thread };

		err = file.descriptor >= 0 ? add_descriptor(procfs, process, file, files) : 0;
	}
	return err;
}
