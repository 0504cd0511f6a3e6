/* SPDX-License-Identifier: MIT */

/*
 * Files of other processes. A hostile process chooses its files, so there are two dangers: a file system that never
 * answers, and another file in the place of the right one.
 *
 * The audit first holds a file without opening it (O_PATH), which asks no file system, and compares what the kernel
 * remembers of it. It opens files on local file systems itself, and leaves others to a child with a time limit.
 *
 * The link in map_files leads to the file of the mapping, but needs CAP_CHECKPOINT_RESTORE. The name leads to the
 * same file only in the view of the process, where it may have mounted another one. There the device and the inode
 * decide.
 */

#include "audit/foreign.h"

#include "audit/in-time.h"

#include "lib/util.h"

#include <limits.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
/* musl has them from 1.2.5 on. */
#ifndef STATX_BASIC_STATS
# include <linux/stat.h>
#endif
#ifndef AT_STATX_DONT_SYNC
# define AT_STATX_DONT_SYNC 0x4000
#endif

int foreign_remember(int found, struct file_id *ret, struct foreign_status *ret_status)
{
	const int flags = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
	struct statx status;

	if (syscall(SYS_statx, found, "", flags, STATX_BASIC_STATS, &status) < 0)
		return -errno;
	*ret = (struct file_id){
		.device = makedev(status.stx_dev_major, status.stx_dev_minor),
		.inode = status.stx_ino,
	};
	*ret_status = (struct foreign_status){ status.stx_mode, (off_t)status.stx_size };
	return 0;
}

int foreign_identify(int at, const char *path, struct file_id *ret)
{
	CLEANUP(close_fd_at) int found = openat(at, path, O_PATH | O_CLOEXEC);
	struct foreign_status status;

	return found >= 0 ? foreign_remember(found, ret, &status) : -errno;
}

/* Holds a regular file. */
static int hold(int at, const char *path, struct file_id *ret)
{
	CLEANUP(close_fd_at) int found = openat(at, path, O_PATH | O_CLOEXEC);
	struct foreign_status status;
	int err = found >= 0 ? foreign_remember(found, ret, &status) : -errno;

	if (err < 0)
		return err;
	return S_ISREG(status.mode) ? take_fd(&found) : -ENODEV;
}

/* Opens for reading a file that is held. It does not wait, because a lease makes an open wait. */
static int open_held(int held)
{
	int fd = open(fd_path(held).text, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	return fd >= 0 ? fd : -errno;
}

static int seals_of_held(int held)
{
	CLEANUP(close_fd_at) int fd = open_held(held);
	int seals = fd >= 0 ? fcntl(fd, F_GET_SEALS) : fd;

	return seals >= 0 || fd < 0 ? seals : -errno;
}

/* Where the kernel does not say which devices are its own, this one may as well be that of a hostile file system. */
static int read_seals_in_time(void *argument, void *ret)
{
	int seals = seals_of_held(*(int *)argument);

	*(int *)ret = seals;
	return seals < 0 ? seals : 0;
}

int foreign_read_seals(int process, const char *link, struct file_id file,
		       const struct devices *devices, struct patience *patience)
{
	struct file_id id;
	CLEANUP(close_fd_at) int held = hold(process, link, &id);
	int seals = -1, err;

	if (held < 0)
		return held;
	if (!same_file(id, file))
		return -ESTALE;
	if (id.device == devices->memory || is_huge_device(devices, id.device))
		return seals_of_held(held);
	err = in_time(read_seals_in_time, &held, held, patience, &seals, sizeof(seals));
	return err == 0 ? seals : err;
}

static ssize_t read_at(void *file, void *ret, size_t size, off_t offset)
{
	return pread(*(int *)file, ret, size, offset);
}

static int read_held(int held, struct elf_file *ret)
{
	CLEANUP(close_fd_at) int fd = open_held(held);

	return fd >= 0 ? elf_file_read(ret, read_at, &fd) : fd;
}

static bool has_same_mounts(int process)
{
	char theirs[64] = "", ours[64] = "";

	return readlinkat(process, "ns/mnt", theirs, sizeof(theirs) - 1) > 0 &&
	       readlink("/proc/self/ns/mnt", ours, sizeof(ours) - 1) > 0 &&
	       strcmp(theirs, ours) == 0;
}

/* Whether a name means the same file to that process as to this one, so that it cannot have mounted another file. */
static bool has_same_view(int process)
{
	struct file_id theirs, ours;

	return has_same_mounts(process) && foreign_identify(process, "root", &theirs) == 0 &&
	       foreign_identify(AT_FDCWD, "/", &ours) == 0 && same_file(theirs, ours);
}

/* Everybody may mount one. */
static bool is_in_user_space(int held)
{
	struct statfs status;

	return fstatfs(held, &status) < 0 || status.f_type == FUSE_SUPER_MAGIC;
}

/* btrfs and overlayfs show another device in maps than stat(2) answers. The inode is the same in both. */
static bool is_right(const struct foreign_file *file, int held, struct file_id id)
{
	if (same_file(id, file->id))
		return true;
	return major(file->id.device) == 0 && id.inode == file->id.inode &&
	       has_same_view(file->process) && !is_in_user_space(held);
}

static int read_by_name(const struct foreign_file *file, struct elf_file *ret)
{
	CLEANUP(close_fd_at) int held = -1;
	struct file_id id;
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "root%s", file->name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	held = hold(file->process, path, &id);
	if (held < 0)
		return held;
	return is_right(file, held, id) ? read_held(held, ret) : -ESTALE;
}

/* What this function cannot tell apart by device and inode, the second reading of maps does. */
static int hold_by_link(const struct foreign_file *file, struct file_id *ret)
{
	int held = hold(file->process, file->link, ret);

	if (held < 0 || ret->inode == file->id.inode || ret->device != file->id.device)
		return held;
	(void)close_fd(held);
	return -ESTALE;
}

static int read_in_child(void *argument, void *ret)
{
	const struct foreign_file *file = argument;
	struct file_id id;
	CLEANUP(close_fd_at) int held = hold_by_link(file, &id);

	if (held == -EPERM || held == -EACCES || held == -ENOENT)
		return read_by_name(file, ret);
	return held >= 0 ? read_held(held, ret) : held;
}

int foreign_read_elf(const struct foreign_file *file, const struct mounts *mounts,
		     struct patience *patience, struct elf_file *ret)
{
	struct foreign_file copy = *file;
	struct file_id id;
	CLEANUP(close_fd_at) int held = hold_by_link(file, &id);

	if (held >= 0 && mounts_are_local(mounts, id.device))
		return read_held(held, ret);
	if (held == -ESTALE || held == -ENODEV)
		return held;
	return in_time(read_in_child, &copy, file->process, patience, ret, sizeof(*ret));
}
