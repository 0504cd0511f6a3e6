/* SPDX-License-Identifier: MIT */

/*
 * The socket. One that nobody listens to is left by a server that was killed, and goes. To tell it from one that another
 * server has just made and does not listen to yet, each server holds a lock on a file beside the socket, as long as it
 * lives. That file stays: if it were removed, two servers could hold locks on two files of this name.
 */

#include "tools/serve/listener.h"

#include "tools/common/socket-path.h"
#include "lib/util.h"

#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define USUAL_NAME "sealmem-serve.sock"

static const char *environment(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value == '/' ? value : NULL;
}

/* systemd separates several directories by colons. */
char *listener_usual_path(void)
{
	const char *directory = environment("RUNTIME_DIRECTORY");
	char *path = NULL;

	if (directory == NULL)
		directory = geteuid() == 0 ? "/run" : environment("XDG_RUNTIME_DIR");
	if (directory == NULL)
		return NULL;
	if (asprintf(&path, "%.*s/" USUAL_NAME, (int)strcspn(directory, ":"), directory) < 0)
		(void)need(path = NULL);
	return path;
}

static enum exit_status complain_of(const char *path, const char *why)
{
	return complain("serve", EXIT_FAILED, "cannot make the socket '%s': %s", path, why);
}

static enum exit_status take_lock(struct listener *listener, const char *path)
{
	char *name = NULL;
	int err = 0;

	if (asprintf(&name, "%s.lock", path) < 0)
		(void)need(name = NULL);
	listener->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (listener->lock < 0 || flock(listener->lock, LOCK_EX | LOCK_NB) < 0)
		err = -errno;
	free(name);
	if (err == -EWOULDBLOCK)
		return complain_of(path, "another sealmem serve has it");
	return err < 0 ? complain_of(path, error_text(err)) : EXIT_NOT_YET;
}

/* Removes a socket that nobody listens to. */
static enum exit_status clear(const char *path)
{
	CLEANUP(close_fd_at) int other = -1;
	struct stat file;

	if (lstat(path, &file) < 0)
		return errno == ENOENT ? EXIT_NOT_YET : complain_of(path, strerror(errno));
	if (!S_ISSOCK(file.st_mode))
		return complain_of(path, "another file is there");
	other = socket_path_connect(path, SOCK_NONBLOCK);
	if (other >= 0 || other == -EAGAIN || other == -EPROTOTYPE)
		return complain_of(path, "another server has it");
	if (other != -ECONNREFUSED)
		return complain_of(path, strerror(-other));
	if (unlink(path) < 0 && errno != ENOENT)
		return complain_of(path, strerror(errno));
	return EXIT_NOT_YET;
}

/* The umask is that of the process, which has one thread now. */
static int bind_with_mode(int fd, const struct sockaddr_un *address, mode_t mode)
{
	mode_t before = umask(0777 & ~mode);
	int err = bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;

	(void)umask(before);
	return err;
}

static int make(struct listener *listener, const char *path, mode_t mode)
{
	struct sockaddr_un address;
	struct stat file;
	int err = socket_path_address(&address, path);

	if (err < 0)
		return err;
	listener->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener->fd < 0)
		return -errno;
	err = bind_with_mode(listener->fd, &address, mode);
	if (err == 0 && lstat(path, &file) < 0)
		err = -errno;
	if (err < 0)
		return err;
	listener->path = need(strdup(path));
	listener->device = file.st_dev;
	listener->inode = file.st_ino;
	return 0;
}

enum exit_status listener_bind(struct listener *ret, const char *path, mode_t mode)
{
	struct sockaddr_un address;
	int err = socket_path_address(&address, path);
	enum exit_status code;

	if (err < 0)
		return complain_of(path, error_text(err));
	code = take_lock(ret, path);
	if (code == EXIT_NOT_YET)
		code = clear(path);
	if (code != EXIT_NOT_YET)
		return code;
	err = make(ret, path, mode);
	return err < 0 ? complain_of(path, error_text(err)) : EXIT_NOT_YET;
}

void listener_adopt(struct listener *ret, int fd)
{
	ret->fd = fd;
}

enum exit_status listener_listen(const struct listener *listener)
{
	int err;

	/* It listens already. */
	if (listener->path == NULL)
		return EXIT_NOT_YET;
	err = socket_listen(listener->fd);
	if (err == 0)
		return EXIT_NOT_YET;
	return complain("serve", EXIT_FAILED, "cannot listen: %s", strerror(-err));
}

static bool is_ours(const struct listener *listener)
{
	struct stat file;

	return listener->path != NULL && lstat(listener->path, &file) == 0 &&
	       file.st_dev == listener->device && file.st_ino == listener->inode;
}

void listener_close(struct listener *listener)
{
	if (is_ours(listener))
		(void)unlink(listener->path);
	close_fd(listener->fd);
	close_fd(listener->lock);
	free(listener->path);
	*listener = LISTENER_NONE;
}
