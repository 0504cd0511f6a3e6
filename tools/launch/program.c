/* SPDX-License-Identifier: MIT */

/*
 * A program executed from a copy in a sealed memfd: what was looked at is then what runs, whatever
 * becomes of the file. The file is opened once, and every question about it is put to that
 * descriptor, because a path may lead elsewhere the next time.
 *
 * A copy is not the file in one respect: it has no set-user-ID bit and no file capabilities. A program
 * that would run with other privileges than it was installed for is refused rather than started.
 */

#include "tools/launch/program.h"

#include "tools/common/errors.h"
#include "lib/memfd.h"
#include "lib/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

extern char **environ;

void program_close(struct program *program)
{
	close_fd(program->file);
	close_fd(program->copy);
	*program = PROGRAM_NONE;
}

/* Like execve(2), by the effective user; a file system may be mounted without execution. */
static int check_executable(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EACCES;
	return faccessat(AT_FDCWD, fd_path(fd).text, X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

static int open_executable(const char *path)
{
	CLEANUP(close_fd_at) int fd = sys_open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK);
	int err = fd < 0 ? fd : check_executable(fd);

	return err < 0 ? err : take_fd(&fd);
}

/* Of the directories in PATH. Like execvp(3), a file that may not be executed is passed over, and is the
 * answer if there is no other. */
static int search(const char *name)
{
	const char *path = getenv("PATH"), *rest;
	int err = -ENOENT;

	/* It would be found as the directory. */
	if (*name == '\0')
		return err;
	for (rest = path != NULL ? path : DEFAULT_PATH; rest != NULL;) {
		size_t length = strcspn(rest, ":");
		char *full;
		int fd;

		if (asprintf(&full, "%.*s%s%s", (int)length, rest, length > 0 ? "/" : "", name) < 0)
			return -ENOMEM;
		fd = open_executable(full);
		free(full);
		if (fd >= 0)
			return fd;
		if (fd == -EACCES)
			err = fd;
		rest = rest[length] == ':' ? rest + length + 1 : NULL;
	}
	return err;
}

static int complain_of_program(const char *command, const char *name, int err)
{
	return complain(command, err == -ENOENT || err == -ENOTDIR ? EXIT_NOT_FOUND : EXIT_CANNOT,
			"cannot execute '%s': %s", name, strerror(-err));
}

int program_find(struct program *program, const char *command, const char *name)
{
	int fd = strchr(name, '/') != NULL ? open_executable(name) : search(name);

	if (fd < 0)
		return complain_of_program(command, name, fd);
	program->file = fd;
	return GO_ON;
}

bool program_has_privilege(int fd, const struct stat *st)
{
	bool changes_user = st->st_mode & S_ISUID && st->st_uid != geteuid();
	bool changes_group = st->st_mode & S_ISGID && st->st_gid != getegid();

	return changes_user || changes_group ||
	       (geteuid() != 0 && fgetxattr(fd, "security.capability", NULL, 0) > 0);
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* The bytes of one moment, or -EBUSY. */
static int copy_file(int to, int from, const struct stat *before)
{
	int err = memfd_copy_file(to, from, (size_t)before->st_size);
	struct stat after;

	if (err == 0 && fstat(from, &after) < 0)
		err = -errno;
	if (err < 0)
		return err;
	return after.st_size == before->st_size && same_time(&after.st_mtim, &before->st_mtim) &&
			       same_time(&after.st_ctim, &before->st_ctim)
		       ? 0
		       : -EBUSY;
}

/* A file that somebody can write to is not executed, not even a sealed one: so another descriptor takes
 * over. One that is not readable cannot be opened for reading, but for execution it need not be. */
static int reopen(int fd, bool readable)
{
	int opened;

	if (readable)
		return memfd_reopen_readonly(fd);
	opened = sys_open(fd_path(fd).text, O_PATH);
	return opened == -ENOENT ? -EOPNOTSUPP : opened;
}

static int fill_and_seal(int memfd, const struct program *program, const struct stat *st,
			 bool readable)
{
	int err = copy_file(memfd, program->file, st);

	if (err == 0 && fchmod(memfd, readable ? 0555 : 0111) < 0)
		err = -errno;
	if (err == 0)
		err = memfd_seal_executable(memfd);
	return err == 0 ? memfd_check(memfd) : err;
}

static void recognise(struct program *program, int memfd)
{
	char magic[4] = { 0 };

	(void)pread(memfd, magic, sizeof(magic), 0);
	program->is_script = memcmp(magic, "#!", 2) == 0;
	program->is_elf = memcmp(magic, "\177ELF", 4) == 0;
}

static int seal_copy(struct program *program, const char *name, const struct stat *st,
		     bool readable)
{
	const char *base = strrchr(name, '/') != NULL ? strrchr(name, '/') + 1 : name;
	char shown[64];
	CLEANUP(close_fd_at) int memfd = -1;
	int err;

	(void)snprintf(shown, sizeof(shown), "%s", base);
	memfd = memfd_new_executable(shown, (size_t)st->st_size);
	if (memfd < 0)
		return memfd;
	err = fill_and_seal(memfd, program, st, readable);
	if (err < 0)
		return err;
	recognise(program, memfd);
	program->copy = reopen(memfd, readable);
	return program->copy < 0 ? program->copy : 0;
}

static int complain_of_copy(const char *command, const char *name, int err)
{
	if (err == -EBUSY)
		return complain(command, EXIT_CANNOT, "'%s' changed while it was copied", name);
	if (err == -EOPNOTSUPP)
		return complain(command, EXIT_OURS,
				"cannot make an executable memfd for '%s': vm.memfd_noexec is 2, a "
				"sandbox forbids it, or /proc is not mounted",
				name);
	return complain(command, EXIT_OURS, "cannot copy '%s': %s", name, strerror(-err));
}

int program_copy(struct program *program, const char *command, const char *name, bool readable)
{
	struct stat st;
	int err;

	if (fstat(program->file, &st) < 0)
		return complain_of_copy(command, name, -errno);
	if (program_has_privilege(program->file, &st))
		return complain(
			command, EXIT_CANNOT,
			"'%s' is set-user-ID, set-group-ID or has capabilities, which a copy "
			"cannot have",
			name);
	err = seal_copy(program, name, &st, readable);
	if (err < 0)
		return complain_of_copy(command, name, err);
	return GO_ON;
}

static int execute(int fd, char **argv)
{
	(void)syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
	return -errno;
}

/*
 * The interpreter of a script opens the copy by its number, and so it must stay open. For ELF it is
 * closed, unless the answer says that an interpreter for those (binfmt_misc) wants it too.
 */
int program_execute(const struct program *program, const char *command, char **argv)
{
	int err = -ENOENT;

	if (program->is_elf)
		err = execute(program->copy, argv);
	if (err == -ENOENT && sys_fcntl(program->copy, F_SETFD, 0) == 0)
		err = execute(program->copy, argv);
	if (err == -ENOENT)
		return complain(command, EXIT_CANNOT,
				"cannot execute '%s': its interpreter was not found", argv[0]);
	return complain(command, EXIT_CANNOT, "cannot execute '%s': %s", argv[0], strerror(-err));
}

int program_execute_by_name(const char *command, char **argv)
{
	(void)execvp(argv[0], argv);
	return complain_of_program(command, argv[0], -errno);
}
