/* SPDX-License-Identifier: MIT */

/*
 * An empty file system that is mounted nowhere. Root simply makes it. A plain user needs a user namespace to
 * do that, which a helper process enters, and the kernel lets a plain user describe such a namespace only
 * in the name of a dumpable process. Other processes of the user can look at the helper in that moment.
 * So it first gives up everything that they must not find there: the environment and the descriptors.
 */

#include "tools/run/mounter.h"

#include "tools/launch/harden.h"
#include "tools/run/namespace.h"
#include "lib/util.h"

#include <linux/mount.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

extern char **environ;

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

/* The one descriptor that the helper keeps, and its number. */
#define SOCKET STDIN_FILENO

static int give_up_everything(int socket)
{
	for (char **entry = environ; entry != NULL && *entry != NULL; entry++)
		explicit_bzero(*entry, strlen(*entry));
	int number = sys_dup_over(socket, SOCKET);

	if (number < 0)
		return number;
	return syscall(SYS_close_range, SOCKET + 1, ~0u, 0) < 0 ? -errno : 0;
}

union control {
	struct cmsghdr align;
	char space[CMSG_SPACE(sizeof(int))];
};

static int send_descriptor(int socket, int fd)
{
	union control control = { 0 };
	char byte = 0;
	struct iovec bytes = { &byte, sizeof(byte) };
	struct msghdr message = { .msg_iov = &bytes,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *rights = CMSG_FIRSTHDR(&message);

	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(rights), &fd, sizeof(fd));
	return sys_sendmsg(socket, &message, MSG_NOSIGNAL) == sizeof(byte) ? 0 : -EIO;
}

/* Returns a descriptor, or a negative errno if the helper has exited without sending one. */
static int receive_descriptor(int socket)
{
	union control control = { 0 };
	char byte;
	struct iovec bytes = { &byte, sizeof(byte) };
	struct msghdr message = { .msg_iov = &bytes,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	const struct cmsghdr *rights;
	ssize_t got;
	int fd;

	do
		got = sys_recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (got == -EINTR);
	rights = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	if (rights == NULL || rights->cmsg_type != SCM_RIGHTS)
		return -EOPNOTSUPP;
	memcpy(&fd, CMSG_DATA(rights), sizeof(fd));
	return fd;
}

static _Noreturn void be_helper(int socket, uid_t user, gid_t group)
{
	int err = give_up_everything(socket), mount;

	if (err < 0)
		_exit(1);
	unharden_self();
	err = namespace_enter(user, group);
	mount = err < 0 ? err : make_file_system();
	_exit(mount < 0 || send_descriptor(SOCKET, mount) < 0);
}

/* The child raises no SIGCHLD. */
static int make_in_helper(void)
{
	uid_t user = geteuid();
	gid_t group = getegid();
	int ends[2], mount;
	pid_t helper;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	helper = (pid_t)syscall(SYS_clone, 0L, NULL, NULL, NULL, NULL);
	if (helper == 0)
		be_helper(ends[1], user, group);
	mount = helper < 0 ? -errno : 0;
	close_fd(ends[1]);
	if (helper > 0)
		mount = receive_descriptor(ends[0]);
	close_fd(ends[0]);
	while (helper > 0 && waitpid(helper, NULL, (int)__WCLONE) < 0 && errno == EINTR)
		;
	return mount;
}

/* Runs in a child, which a core dump must not show: it has the environment. */
static int try_file_system(void *argument)
{
	(void)argument;
	if (sys_set_dumpable(0) == 0)
		(void)close_fd(make_file_system());
	return 0;
}

/* The filter of a service may kill its caller. */
static bool is_fatal(void)
{
	return sys_seccomp_mode() == SECCOMP_MODE_FILTER &&
	       sys_in_child(try_file_system, NULL) == -ECHILD;
}

int mounter_make(void)
{
	int mount;

	if (is_fatal())
		return -EPERM;
	mount = make_file_system();
	return mount < 0 ? make_in_helper() : mount;
}
