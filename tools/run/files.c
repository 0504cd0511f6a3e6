/* SPDX-License-Identifier: MIT */

/*
 * --files: regular files for programs that resolve the path of a file, refuse symbolic links, or look at its type.
 *
 * No kernel mounts a memfd: the file system of memfds is internal, and open_tree(2) and MS_BIND answer EINVAL. Files
 * of a tmpfs take no seals. So the bytes are copied to a ramfs, which no kernel writes to swap and which a plain
 * user may mount, and the file system becomes read-only. The kernel refuses that while anybody has a file of it open
 * for writing. Then the copies are compared with the sealed memfds.
 *
 * Who may make it writable again? Whoever has CAP_SYS_ADMIN over the user namespace that mounted it. A program that
 * runs as root with this capability can. For a plain user, one user namespace mounts it and the program runs in
 * another one within, so that it has no capability over the first, whatever it does: all that the program sees of
 * the mount is locked.
 */

#include "tools/run/files.h"

#include "tools/launch/harden.h"
#include "tools/run/credentials.h"
#include "tools/run/namespace.h"
#include "lib/util.h"

#include <dirent.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

/* The usual place, if root starts the program, and below the directory of a user. */
#define PLACE_OF_ROOT "/run/sealmem"
#define PLACE_OF_USER "/sealmem"

static enum exit_status complain_of(const char *act, int err, const char *todo)
{
	return complain("run", EXIT_OURS, "--files: cannot %s: %s%s", act, strerror(-err), todo);
}

static bool is_set(const char *text)
{
	return text != NULL && *text != '\0';
}

/* The usual place may not exist yet. Makes `path` the name of the directory. */
static enum exit_status choose_place(const struct files_order *order, struct files_place *place)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	bool usual = !is_set(order->directory);
	int length = 0;

	if (!usual)
		length = snprintf(place->path, sizeof(place->path), "%s", order->directory);
	else if (geteuid() == 0)
		length = snprintf(place->path, sizeof(place->path), PLACE_OF_ROOT);
	else if (is_set(runtime))
		length = snprintf(place->path, sizeof(place->path), "%s" PLACE_OF_USER, runtime);
	else
		return complain("run", EXIT_OURS,
				"--files: there is no $XDG_RUNTIME_DIR: use --files=DIR");
	if (length < 0 || (size_t)length >= sizeof(place->path))
		return complain("run", EXIT_OURS, "--files: the name of the directory is too long");
	if (usual && mkdir(place->path, 0755) < 0 && errno != EEXIST)
		return complain("run", EXIT_OURS,
				"--files: cannot create '%s': %s: use --files=DIR", place->path,
				strerror(errno));
	return EXIT_NOT_YET;
}

/* Whether this process is in a namespace of its own user afterwards; or a negative errno. */
static int enter_first(bool hidden)
{
	int err;

	if (unshare(CLONE_NEWNS) == 0)
		return 0;
	if (errno != EPERM || hidden)
		return -errno;
	/* The kernel lets a plain user describe a namespace only in the name of a dumpable process. */
	unharden_self();
	err = namespace_enter(geteuid(), getegid());
	return err < 0 ? err : 1;
}

static const char forbidden[] =
	": user namespaces or mounts are forbidden here: start sealmem as root, or do "
	"without --files";

/* What root cannot help: mounts cannot be kept apart below a directory that is none itself. */
static const char in_chroot[] =
	": the root directory is no mount point (chroot): mount it, or do without --files";

/* What is mounted outside from now on does not appear here, and nothing of ours appears there. */
static enum exit_status enter(const struct files_order *order, bool *own_user)
{
	int err = enter_first(order->hidden);

	if (err == -EPERM && order->hidden)
		return complain(
			"run", EXIT_OURS,
			"--files together with --no-dump needs CAP_SYS_ADMIN: start sealmem as "
			"root, or use one of them");
	*own_user = err > 0;
	if (err < 0)
		return complain_of("make a mount namespace", err, forbidden);
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return complain_of("make a mount namespace", -errno,
				   errno == EINVAL ? in_chroot : forbidden);
	return EXIT_NOT_YET;
}

static void close_directory(DIR **directory)
{
	if (*directory != NULL)
		(void)closedir(*directory);
}

/* 1 if it is, 0 if not, or a negative errno. */
static int is_empty(int directory)
{
	CLEANUP(close_fd_at) int own = sys_fcntl(directory, F_DUPFD_CLOEXEC, 0);
	CLEANUP(close_directory) DIR *entries = own >= 0 ? fdopendir(own) : NULL;
	const struct dirent *entry;

	if (entries == NULL)
		return -errno;
	own = -1;
	while ((entry = readdir(entries)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			return 0;
	return 1;
}

/* The program gets the name that the kernel has for the directory, so that resolving it changes nothing. */
static int resolve(int directory, struct files_place *place)
{
	struct fd_path link = fd_path(directory);
	ssize_t length = readlink(link.text, place->path, sizeof(place->path));

	if (length < 0)
		return -errno;
	if ((size_t)length >= sizeof(place->path))
		return -ENAMETOOLONG;
	place->path[length] = '\0';
	return 0;
}

static enum exit_status open_place(struct files_place *place, int *ret)
{
	CLEANUP(close_fd_at)
	int fd = open(place->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int err = fd < 0 ? -errno : is_empty(fd);

	if (fd < 0)
		return complain(
			"run", EXIT_OURS,
			"--files: cannot open the directory '%s': %s: it must exist, be empty and be "
			"no symbolic link",
			place->path, strerror(-err));
	if (err == 0)
		return complain(
			"run", EXIT_OURS,
			"--files: the directory '%s' is not empty: the files would hide what is "
			"there",
			place->path);
	if (err > 0)
		err = resolve(fd, place);
	if (err < 0)
		return complain_of("read the directory", err, "");
	*ret = take_fd(&fd);
	return EXIT_NOT_YET;
}

static int configure(int context, unsigned command, const char *key, const char *value)
{
	return syscall(SYS_fsconfig, context, command, key, value, 0) < 0 ? -errno : 0;
}

/* A file system, and where it is mounted. */
struct mounted {
	int context, root;
};

static void close_mounted(const struct mounted *mounted)
{
	close_fd(mounted->context);
	close_fd(mounted->root);
}

static int attach(int root, int directory)
{
	long moved = syscall(SYS_move_mount, root, "", directory, "",
			     MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);

	return moved < 0 ? -errno : 0;
}

static int mount_at(int directory, struct mounted *mounted)
{
	int err = configure(mounted->context, FSCONFIG_SET_STRING, "mode", "0755");

	if (err == 0)
		err = configure(mounted->context, FSCONFIG_CMD_CREATE, NULL, NULL);
	if (err < 0)
		return err;
	mounted->root = (int)syscall(SYS_fsmount, mounted->context, FSMOUNT_CLOEXEC,
				     MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	return mounted->root < 0 ? -errno : attach(mounted->root, directory);
}

static int copy(int to, int from, size_t size)
{
	off_t at = 0;

	while ((size_t)at < size) {
		ssize_t sent = sendfile(to, from, &at, size - (size_t)at);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return sent < 0 ? -errno : -EIO;
	}
	return 0;
}

/* The mode comes before the owner, because only the owner may set it. */
static int make_file(int directory, const struct secret *secret, const struct secret_terms *terms)
{
	CLEANUP(close_fd_at)
	int fd = openat(directory, secret->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	off_t size = 0;
	int err = fd < 0 ? -errno : sys_file_size(secret->fd, &size);

	if (err == 0)
		err = copy(fd, secret->fd, (size_t)size);
	if (err == 0 && fchmod(fd, terms->mode) < 0)
		err = -errno;
	if (err == 0 && terms->owner.user != OWNER_SAME &&
	    fchown(fd, terms->owner.user, terms->owner.group) < 0)
		err = -errno;
	return err;
}

static int fill(const struct mounted *mounted, const struct files_order *order)
{
	int err = 0;

	for (size_t i = 0; i < order->count && err == 0; i++)
		err = make_file(mounted->root, &order->secrets[i], order->terms);
	if (err == 0 && order->inherit)
		err = credentials_link_inherited(mounted->root);
	if (err == 0 && chmod(fd_path(mounted->root).text, 0555) < 0)
		err = -errno;
	return err;
}

/* The file system itself, and its mount: a namespace within gets the mount locked as it is. */
static int make_read_only(const struct mounted *mounted)
{
	const unsigned long flags =
		MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
	int err = configure(mounted->context, FSCONFIG_SET_FLAG, "ro", NULL);

	if (err == 0)
		err = configure(mounted->context, FSCONFIG_CMD_RECONFIGURE, NULL, NULL);
	if (err == 0 && mount(NULL, fd_path(mounted->root).text, NULL, flags, NULL) < 0)
		err = -errno;
	return err;
}

static int map(struct scoped_mapping *ret, int fd, size_t size)
{
	int err = sys_mmap(&ret->addr, NULL, size, PROT_READ, MAP_SHARED, fd);

	if (err == 0)
		ret->size = size;
	return err;
}

/* 0 if the files have the same bytes. */
static int compare(int copied, int sealed)
{
	CLEANUP(unmap_scoped) struct scoped_mapping ours = { 0 };
	CLEANUP(unmap_scoped) struct scoped_mapping theirs = { 0 };
	off_t size = 0, copied_size = 0;
	int err = sys_file_size(sealed, &size);

	if (err == 0)
		err = sys_file_size(copied, &copied_size);
	if (err < 0 || size != copied_size || size == 0)
		return err < 0 || size == copied_size ? err : -EBUSY;
	err = map(&ours, sealed, (size_t)size);
	if (err == 0)
		err = map(&theirs, copied, (size_t)size);
	if (err < 0)
		return err;
	return memcmp(ours.addr, theirs.addr, (size_t)size) == 0 ? 0 : -EBUSY;
}

/* Until the file system was read-only, another process of this user could write to the copies. */
static int compare_all(int directory, const struct files_order *order)
{
	int err = 0;

	for (size_t i = 0; i < order->count && err == 0; i++) {
		CLEANUP(close_fd_at)
		int fd = openat(directory, order->secrets[i].name,
				O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

		err = fd < 0 ? -errno : compare(fd, order->secrets[i].fd);
	}
	return err;
}

static enum exit_status make_at(int directory, const struct files_order *order)
{
	CLEANUP(close_mounted)
	struct mounted mounted = { (int)syscall(SYS_fsopen, "ramfs", FSOPEN_CLOEXEC), -1 };
	int err = mounted.context < 0 ? -errno : mount_at(directory, &mounted);

	if (err < 0)
		return complain_of("mount a file system", err,
				   ": a sandbox forbids mounts here: do without --files");
	err = fill(&mounted, order);
	if (err < 0)
		return complain_of("write the files", err, "");
	err = make_read_only(&mounted);
	if (err == 0)
		err = compare_all(mounted.root, order);
	return err < 0 ? complain_of("seal the files", err,
				     err == -EBUSY ? ": another process wrote to them" : "")
		       : EXIT_NOT_YET;
}

enum exit_status files_make(struct files_place *ret, const struct files_order *order)
{
	CLEANUP(close_fd_at) int directory = -1;
	bool own_user = false;
	enum exit_status code = choose_place(order, ret);
	int err;

	if (code == EXIT_NOT_YET)
		code = enter(order, &own_user);
	if (code == EXIT_NOT_YET)
		code = open_place(ret, &directory);
	if (code == EXIT_NOT_YET)
		code = make_at(directory, order);
	if (code != EXIT_NOT_YET || !own_user)
		return code;
	err = namespace_enter(geteuid(), getegid());
	return err < 0 ? complain_of("lock the mount in a second user namespace", err, "")
		       : EXIT_NOT_YET;
}
