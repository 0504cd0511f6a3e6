/* SPDX-License-Identifier: MIT */

/*
 * Makes a program undumpable from its first instruction on. prctl(2) cannot do that, because execve(2) resets
 * the setting. The kernel makes a process undumpable if its user may execute the program and not read
 * it. So the file that is executed is a copy in a sealed memfd with mode 0111. There is no moment in
 * which another process could be faster.
 *
 * This command holds secrets before the program does, and another process may have been faster at its own
 * start. So it executes a copy of itself in the same way before it reads a secret. Memory that another
 * process has opened before is the memory of the time before, and stays empty of secrets.
 *
 * The kernel decides with the capabilities of that moment whether a file is readable. So this process first
 * gives up the capabilities that ignore file modes; execve gives them back to root. Then it tries to
 * read the copy, because the result must be certain.
 */

#include "tools/launch/undumpable.h"

#include "tools/common/errors.h"
#include "tools/launch/harden.h"
#include "tools/launch/program.h"
#include "lib/tracer.h"
#include "lib/util.h"

#include <limits.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>

/* The name of the copy. A process that executes it shows this name in /proc/PID/exe. */
#define COPY_NAME "sealmem-no-dump"

/* Changes the effective set only, because the result of execve() depends on the other sets. */
static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	data[0].effective &= ~(1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH);
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

static bool can_read(int fd)
{
	CLEANUP(close_fd_at) int reader = sys_open(fd_path(fd).text, O_RDONLY | O_NONBLOCK);

	return reader != -EACCES;
}

static enum exit_status complain_of_readable(const char *command)
{
	return complain(command, EXIT_OURS,
			"--no-dump: the program and its memory would stay readable");
}

static enum exit_status execute_unreadable(const struct program *program, const char *command,
					   char **argv)
{
	int err = drop_capabilities();

	if (err < 0 || can_read(program->copy))
		return complain_of_readable(command);
	return program_execute(program, command, argv);
}

/* With 1 the kernel makes every process dumpable. */
static enum exit_status check_system(const char *command)
{
	int value = harden_suid_dumpable();

	if (value == 0 || value == 2)
		return EXIT_NOT_YET;
	return complain(
		command, EXIT_OURS,
		value == 1 ? "--no-dump: the sysctl fs.suid_dumpable is 1, which makes every "
			     "process dumpable: set it to 0 or 2"
			   : "--no-dump: cannot read the sysctl fs.suid_dumpable: mount /proc");
}

/* No process of this user can begin to trace this one after harden_self(), so one look is enough. */
enum exit_status forbid_tracing(const char *command)
{
	int traced;

	harden_self();
	traced = tracer_is_there();
	if (traced == 0)
		return EXIT_NOT_YET;
	return complain(command, EXIT_OURS,
			traced > 0 ? "--no-dump: another process traces sealmem: stop it, or do "
				     "without --no-dump"
				   : "--no-dump: cannot read /proc/self/status: mount /proc");
}

static void read_own_path(char path[PATH_MAX])
{
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);

	path[length > 0 ? length : 0] = '\0';
}

static bool is_copy(const char *path)
{
	static const char start[] = "/memfd:" COPY_NAME;

	return strncmp(path, start, strlen(start)) == 0;
}

const char *undumpable_original(void)
{
	char path[PATH_MAX];

	read_own_path(path);
	return is_copy(path) ? program_invocation_name : NULL;
}

static void free_arguments(char ***arguments)
{
	free(*arguments);
}

static char **prepend(char *first, char **rest)
{
	char **arguments;
	size_t count = 0;

	while (rest[count] != NULL)
		count++;
	arguments = calloc(count + 2, sizeof(*arguments));
	if (arguments == NULL)
		return NULL;
	arguments[0] = first;
	memcpy(arguments + 1, rest, count * sizeof(*rest));
	return arguments;
}

/* The copy finds the path of the original in its argv[0]. */
static enum exit_status execute_self(const char *command, char *path, char **argv)
{
	CLEANUP(program_close) struct program program = PROGRAM_NONE;
	CLEANUP(free_arguments) char **arguments = prepend(path, argv);
	enum exit_status code;

	if (arguments == NULL)
		return complain(command, EXIT_OURS, "out of memory");
	program.file = sys_open("/proc/self/exe", O_RDONLY);
	if (program.file < 0)
		return complain(command, EXIT_OURS, "--no-dump: cannot read '%s': %s", path,
				strerror(-program.file));
	code = program_copy(&program, command, COPY_NAME, false);
	return code == EXIT_NOT_YET ? execute_unreadable(&program, command, arguments) : code;
}

enum exit_status become_undumpable(const char *command, char **argv)
{
	char path[PATH_MAX];
	bool in_force = harden_is_in_force();
	enum exit_status code = check_system(command);

	if (code == EXIT_NOT_YET)
		code = forbid_tracing(command);
	if (code != EXIT_NOT_YET || in_force)
		return code;
	read_own_path(path);
	/* It would start one copy after another. */
	if (is_copy(path))
		return complain_of_readable(command);
	return execute_self(command, path, argv);
}

enum exit_status execute_undumpable(struct program *program, const char *command, char **argv)
{
	enum exit_status code = check_system(command);

	if (code == EXIT_NOT_YET && program->path == NULL)
		code = program_find(program, command, argv[0]);
	if (code == EXIT_NOT_YET)
		code = program_copy(program, command, argv[0], false);
	if (code != EXIT_NOT_YET)
		return code;
	/* For a script it is the interpreter that would have to be unreadable. */
	if (program->is_script)
		return complain(
			command, EXIT_CANNOT,
			"--no-dump: '%s' is a script: name its interpreter, with the script as "
			"an argument",
			argv[0]);
	return execute_unreadable(program, command, argv);
}
