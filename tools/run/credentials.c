/* SPDX-License-Identifier: MIT */

/*
 * A $CREDENTIALS_DIRECTORY, as systemd gives one to a service. Its entries are symbolic links to
 * /proc/self/fd/N: each process that follows one arrives at its own descriptor, opened anew, so
 * every read starts at the beginning.
 *
 * Who removes it? This command does not exist any more while the program runs, and a process that waits
 * for the end would be seen: by wait(2) where the program is process 1, by whoever counts processes, by
 * a pipe that does not close. So it is a file system of its own that is mounted nowhere, and that
 * exists because a descriptor of it is open: the program inherits that, $CREDENTIALS_DIRECTORY names it,
 * and with the last process that has it the directory is gone. A plain user mounts it in a user
 * namespace of a child's.
 *
 * Where a sandbox forbids that, it is a directory among temporary files, with a lock that is held by the
 * inherited descriptor. The next run removes those of its user that nobody holds. They have names in
 * them, no secrets.
 */

#include "tools/run/credentials.h"

#include "sealmem.h"
#include "lib/util.h"

#include <dirent.h>
#include <limits.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define TEMPORARY_PREFIX "sealmem-run-"

/* In seconds. */
#define YOUNG 60

static int link_secrets(int directory, const struct secret *secrets, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (symlinkat(fd_path(secrets[i].fd).text, directory, secrets[i].name) < 0)
			return -errno;
	return 0;
}

static void close_directory(DIR **directory)
{
	if (*directory != NULL)
		(void)closedir(*directory);
}

/* Where both have a name, it is the nearer one's. */
static int link_inherited(int directory)
{
	const char *path = getenv("CREDENTIALS_DIRECTORY");
	CLEANUP(close_directory) DIR *inherited = path != NULL ? opendir(path) : NULL;
	const struct dirent *entry;

	while (inherited != NULL && (entry = readdir(inherited)) != NULL) {
		char target[PATH_MAX];
		int length = snprintf(target, sizeof(target), "%s/%s", path, entry->d_name);

		if (*entry->d_name == '.' || length < 0 || (size_t)length >= sizeof(target))
			continue;
		if (symlinkat(target, directory, entry->d_name) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

/* By its path: the descriptor of a mount is one of those that fchmod(2) does not take. */
static int make_read_only(int directory)
{
	return chmod(fd_path(directory).text, 0555) < 0 ? -errno : 0;
}

/* Nobody has promised that what is mounted nowhere can be walked through. */
static int try_link(int directory, const char *name)
{
	char path[sizeof(struct fd_path) + sizeof("/") + SEALMEM_NAME_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", fd_path(directory).text, name);
	return access(path, F_OK) < 0 ? -errno : 0;
}

int credentials_fill(int directory, const struct secret *secrets, size_t count)
{
	int err = link_secrets(directory, secrets, count);

	if (err == 0)
		err = link_inherited(directory);
	if (err == 0)
		err = make_read_only(directory);
	return err == 0 && count > 0 ? try_link(directory, secrets[0].name) : err;
}

static int configure(int context, unsigned command, const char *key, const char *value)
{
	return syscall(SYS_fsconfig, context, command, key, value, 0) < 0 ? -errno : 0;
}

static int make_file_system(void)
{
	CLEANUP(close_fd_at) int context = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);
	int err = context < 0 ? -errno : 0, mount;

	if (err == 0)
		err = configure(context, FSCONFIG_SET_STRING, "mode", "0755");
	if (err == 0)
		err = configure(context, FSCONFIG_CMD_CREATE, NULL, NULL);
	if (err < 0)
		return err;
	mount = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC,
			     MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	return mount < 0 ? -errno : mount;
}

static int write_file(const char *path, const char *text)
{
	CLEANUP(close_fd_at) int fd = sys_open(path, O_WRONLY);
	ssize_t written = fd < 0 ? fd : sys_write(fd, text, strlen(text));

	return written < 0 ? (int)written : 0;
}

/* The kernel makes files only for users that the namespace knows. */
static int become_root_of_namespace(uid_t user, gid_t group)
{
	char line[64];
	int err;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return -errno;
	(void)snprintf(line, sizeof(line), "%u %u 1", user, user);
	err = write_file("/proc/self/uid_map", line);
	if (err == 0)
		err = write_file("/proc/self/setgroups", "deny");
	(void)snprintf(line, sizeof(line), "%u %u 1", group, group);
	return err == 0 ? write_file("/proc/self/gid_map", line) : err;
}

static _Noreturn void be_mounter(int *ret, uid_t user, gid_t group)
{
	int err = become_root_of_namespace(user, group);

	*ret = err < 0 ? err : make_file_system();
	_exit(0);
}

/* `ret` is in shared memory, and descriptors are shared, so what the child opens stays when it ends. It
 * raises no SIGCHLD. */
static void mount_in_child(int *ret)
{
	uid_t user = geteuid();
	gid_t group = getegid();
	pid_t child = (pid_t)syscall(SYS_clone, CLONE_FILES, NULL, NULL, NULL, NULL);

	if (child == 0)
		be_mounter(ret, user, group);
	while (child > 0 && waitpid(child, NULL, (int)__WCLONE) < 0 && errno == EINTR)
		;
}

static int make_in_namespace(void)
{
	CLEANUP(unmap_scoped) struct scoped_mapping page = { 0 };
	int *mount;
	int err = sys_mmap(&page.addr, NULL, page_size(), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1);

	if (err < 0)
		return err;
	page.size = page_size();
	mount = page.addr;
	*mount = -EOPNOTSUPP;
	mount_in_child(mount);
	return *mount;
}

static const char *temporary_place(void)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	if (runtime != NULL && access(runtime, W_OK) == 0)
		return runtime;
	return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
}

/* Its mode forbids to unlink what is in it. */
static void remove_directory(int place, int directory, const char *name)
{
	CLEANUP(close_directory) DIR *entries = fdopendir(directory);
	const struct dirent *entry;

	if (entries == NULL || fchmod(directory, 0700) < 0)
		return;
	while ((entry = readdir(entries)) != NULL)
		(void)unlinkat(directory, entry->d_name, 0);
	(void)unlinkat(place, name, AT_REMOVEDIR);
}

/* Nobody's, if it is ours, the lock can be had, and its maker had the time to take it. */
static void remove_if_abandoned(int place, const char *name)
{
	int fd = openat(place, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && time(NULL) - st.st_mtime > YOUNG &&
	    flock(fd, LOCK_EX | LOCK_NB) == 0)
		remove_directory(place, fd, name);
	else
		close_fd(fd);
}

static void remove_abandoned(const char *path)
{
	CLEANUP(close_directory) DIR *place = opendir(path);
	const struct dirent *entry;

	while (place != NULL && (entry = readdir(place)) != NULL)
		if (strncmp(entry->d_name, TEMPORARY_PREFIX, strlen(TEMPORARY_PREFIX)) == 0)
			remove_if_abandoned(dirfd(place), entry->d_name);
}

static int make_temporary(void)
{
	CLEANUP(close_fd_at) int fd = -1;
	char path[PATH_MAX];
	int length;

	remove_abandoned(temporary_place());
	length = snprintf(path, sizeof(path), "%s/%sXXXXXX", temporary_place(), TEMPORARY_PREFIX);
	if (length < 0 || (size_t)length >= sizeof(path))
		return -ENAMETOOLONG;
	if (mkdtemp(path) == NULL)
		return -errno;
	fd = sys_open(path, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd;
	if (flock(fd, LOCK_SH | LOCK_NB) < 0 || fchmod(fd, 0755) < 0)
		return -errno;
	return take_fd(&fd);
}

int credentials_new(void)
{
	int directory = make_file_system();

	if (directory < 0)
		directory = make_in_namespace();
	return directory < 0 ? make_temporary() : directory;
}
