/* SPDX-License-Identifier: MIT */

/*
 * Executes a program from a copy in a sealed memfd. So the bytes that were examined are the bytes that run,
 * whatever happens to the file. The file is opened once, and every check uses that descriptor, because
 * the path may lead to another file the next time.
 *
 * A copy differs from the file in one respect: it has no set-user-ID bit and no file capabilities. If the
 * program would run with other privileges than its file has, it is refused instead of started.
 */

#include "tools/launch/program.h"

#include "tools/common/errors.h"
#include "tools/common/text.h"
#include "lib/memfd.h"
#include "lib/source.h"
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
	free(program->path);
	*program = PROGRAM_NONE;
}

/* Like execve(2), this asks for the effective user. The file system may be mounted with noexec. */
static int check_executable(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EACCES;
	return faccessat(AT_FDCWD, fd_path(fd).text, X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

/* Execution needs no right to read the file. */
static int open_executable(const char *path)
{
	CLEANUP(close_fd_at) int fd = sys_open(path, O_PATH);
	int err = fd < 0 ? fd : check_executable(fd);

	return err < 0 ? err : take_fd(&fd);
}

/* The path always has a slash, so that nobody searches for it again. */
static int open_in(struct program *program, const char *directory, size_t length, const char *name)
{
	CLEANUP(free_text) char *path = NULL;
	int fd;

	if (asprintf(&path, "%.*s/%s", length > 0 ? (int)length : 1, length > 0 ? directory : ".",
		     name) < 0)
		return -ENOMEM;
	fd = open_executable(path);
	if (fd < 0)
		return fd;
	program->path = path;
	path = NULL;
	program->file = fd;
	return 0;
}

/* Searches the directories in PATH. Like execvp(3), it skips a file that may not be executed, and reports
 * that file only if it finds no other. */
static int search(struct program *program, const char *name)
{
	const char *path = getenv("PATH"), *rest;
	int err = -ENOENT;

	/* The directory itself would match an empty name. */
	if (*name == '\0')
		return err;
	for (rest = path != NULL ? path : DEFAULT_PATH; rest != NULL;) {
		size_t length = strcspn(rest, ":");
		int found = open_in(program, rest, length, name);

		if (found == 0 || found == -ENOMEM)
			return found;
		if (found == -EACCES)
			err = found;
		rest = rest[length] == ':' ? rest + length + 1 : NULL;
	}
	return err;
}

static int open_named(struct program *program, const char *name)
{
	program->path = strdup(name);
	if (program->path == NULL)
		return -ENOMEM;
	program->file = open_executable(name);
	return program->file < 0 ? program->file : 0;
}

static enum exit_status complain_of_program(const char *command, const char *name, int err)
{
	return complain(command, err == -ENOENT || err == -ENOTDIR ? EXIT_NOT_FOUND : EXIT_CANNOT,
			"cannot execute '%s': %s", name, strerror(-err));
}

enum exit_status program_locate(struct program *program, const char *command, const char *name)
{
	int err = strchr(name, '/') != NULL ? open_named(program, name) : search(program, name);

	return err < 0 ? complain_of_program(command, name, err) : EXIT_NOT_YET;
}

int program_make_readable(struct program *program)
{
	int fd = sys_open(fd_path(program->file).text, O_RDONLY | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return fd;
	close_fd(program->file);
	program->file = fd;
	return 0;
}

enum exit_status program_find(struct program *program, const char *command, const char *name)
{
	enum exit_status code = program_locate(program, command, name);
	int err = code == EXIT_NOT_YET ? program_make_readable(program) : 0;

	return err < 0 ? complain_of_program(command, name, err) : code;
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

/* Copies the bytes of one moment, or fails with -EBUSY. */
static int copy_file(int to, int from, const struct stat *before)
{
	int err = source_copy_file(to, from, (size_t)before->st_size);
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

/* The kernel does not execute a file that is open for writing, not even a sealed one. So a new descriptor
 * replaces the writable one. An unreadable copy cannot be opened for reading, but execution does not
 * need that. */
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
	return err == 0 ? memfd_check(memfd, (size_t)st->st_size) : err;
}

static void recognise(struct program *program, int memfd)
{
	char magic[4] = { 0 };

	(void)sys_pread(memfd, magic, sizeof(magic), 0);
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

static enum exit_status complain_of_copy(const char *command, const char *name, int err)
{
	if (err == -EBUSY)
		return complain(command, EXIT_CANNOT, "'%s' changed while it was copied: try again",
				name);
	if (err == -EOPNOTSUPP)
		return complain(
			command, EXIT_OURS,
			"cannot create an executable memfd for '%s': vm.memfd_noexec is 2, a "
			"sandbox forbids it, or /proc is not mounted",
			name);
	return complain(command, EXIT_OURS, "cannot copy '%s': %s", name, strerror(-err));
}

enum exit_status program_copy(struct program *program, const char *command, const char *name,
			      bool readable)
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
	if (st.st_size > PROGRAM_MOST)
		return complain(command, EXIT_CANNOT, "cannot copy '%s': %s: the limit is 1 GiB",
				name, strerror(EFBIG));
	err = seal_copy(program, name, &st, readable);
	if (err < 0)
		return complain_of_copy(command, name, err);
	return EXIT_NOT_YET;
}

static int execute(int fd, char **argv)
{
	(void)syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
	return -errno;
}

/*
 * The interpreter of a script opens the copy by its number, so the descriptor must stay open. For an ELF
 * program it is closed, unless ENOENT shows that an interpreter (binfmt_misc) needs it too.
 */
enum exit_status program_execute(const struct program *program, const char *command, char **argv)
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

enum exit_status program_execute_by_name(const char *command, char **argv)
{
	(void)execvp(argv[0], argv);
	return complain_of_program(command, argv[0], -errno);
}

enum exit_status program_execute_path(const struct program *program, const char *command,
				      char **argv)
{
	(void)execv(program->path, argv);
	return complain_of_program(command, argv[0], -errno);
}
