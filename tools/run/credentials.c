/* SPDX-License-Identifier: MIT */

/*
 * A $CREDENTIALS_DIRECTORY, as systemd gives one to a service. Its entries are symbolic links to the
 * descriptors of the secrets in /proc. Each process that follows such a link opens the secret anew, so every
 * read starts at the beginning.
 *
 * Who removes the directory? This command no longer exists while the program runs. A process that waits for
 * the end would be visible: to wait(2) if the program is process 1, to anybody who counts processes,
 * and through a pipe that does not close. So the directory is a file system of its own that is mounted
 * nowhere, and exists because a descriptor of it is open (mounter.c). The program inherits the
 * descriptor, and $CREDENTIALS_DIRECTORY names it. The directory vanishes with the last process that has
 * the descriptor.
 *
 * If a sandbox forbids that, the directory is among the temporary files, and the inherited descriptor holds a
 * lock on it. The next run removes the directories of its user that nobody holds. They contain names,
 * but no secrets.
 */

#include "tools/run/credentials.h"

#include "tools/run/mounter.h"
#include "include/sealmem.h"
#include "lib/util.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#define TEMPORARY_PREFIX "sealmem-run-"

/* A directory that is younger may not have its lock yet. In seconds. */
#define YOUNG 60

static int link_secrets(int directory, const struct paths *paths, const struct secret *secrets,
			size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (symlinkat(paths_to(paths, secrets[i].fd).text, directory, secrets[i].name) < 0)
			return -errno;
	return 0;
}

static void close_directory(DIR **directory)
{
	if (*directory != NULL)
		(void)closedir(*directory);
}

static bool is_of_every_directory(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* A link is looked up from its own directory, so its target has to begin at the root. Not by realpath(3): the path
 * may lead elsewhere later, and the program would follow it. */
static int begin_at_root(char start[PATH_MAX], const char *path)
{
	if (path[0] == '/')
		start[0] = '\0';
	else if (getcwd(start, PATH_MAX) == NULL)
		return -errno;
	return 0;
}

static int link_entry(int directory, const char *start, const char *path, const char *name)
{
	char target[PATH_MAX];
	int length = snprintf(target, sizeof(target), "%s%s%s/%s", start,
			      start[0] == '\0' ? "" : "/", path, name);

	if (is_of_every_directory(name) || length < 0 || (size_t)length >= sizeof(target))
		return 0;
	/* If both directories have a name, the new one wins. */
	return symlinkat(target, directory, name) < 0 && errno != EEXIST ? -errno : 0;
}

int credentials_link_inherited(int directory)
{
	const char *path = getenv("CREDENTIALS_DIRECTORY");
	CLEANUP(close_directory) DIR *inherited = path != NULL ? opendir(path) : NULL;
	const struct dirent *entry;
	char start[PATH_MAX];
	int err = inherited != NULL ? begin_at_root(start, path) : 0;

	while (inherited != NULL && err == 0 && (entry = readdir(inherited)) != NULL)
		err = link_entry(directory, start, path, entry->d_name);
	return err;
}

/* Uses the path, because fchmod(2) does not accept the descriptor of a mount. */
static int make_read_only(int directory)
{
	return chmod(fd_path(directory).text, 0555) < 0 ? -errno : 0;
}

/* No document promises that a path can lead through a file system that is mounted nowhere. */
static int try_link(int directory, const char *name)
{
	char path[sizeof(struct fd_path) + sizeof("/") + SEALMEM_NAME_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", fd_path(directory).text, name);
	return access(path, F_OK) < 0 ? -errno : 0;
}

int credentials_fill(int directory, const struct paths *paths, const struct secret *secrets,
		     size_t count)
{
	int err = link_secrets(directory, paths, secrets, count);

	if (err == 0)
		err = credentials_link_inherited(directory);
	if (err == 0)
		err = make_read_only(directory);
	return err == 0 && count > 0 ? try_link(directory, secrets[0].name) : err;
}

static const char *temporary_place(void)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	if (runtime != NULL && access(runtime, W_OK) == 0)
		return runtime;
	return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
}

/* The mode of the directory forbids to unlink its entries, so it changes first. */
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

/* A directory is abandoned if it belongs to this user, its lock is free, and its maker had time to lock it. */
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
	int directory = mounter_make();

	return directory < 0 ? make_temporary() : directory;
}
