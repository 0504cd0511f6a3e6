/* SPDX-License-Identifier: MIT */

/*
 * A program that is undumpable from its first instruction on, which prctl(2) cannot give, as execve(2)
 * resets what it set. The kernel makes a process undumpable if its program may be executed and not
 * read; so what is executed is a copy in a sealed memfd with mode 0111. There is no moment in between for
 * another process to be quicker.
 *
 * Whether a file can be read is judged with the capabilities of the moment. Those that pass over file
 * modes are therefore put down before the execve, which gives root its capabilities back; and that it
 * worked is tried, not assumed.
 */

#include "tools/launch/undumpable.h"

#include "tools/common/errors.h"
#include "tools/launch/harden.h"
#include "tools/launch/program.h"
#include "lib/util.h"

#include <linux/capability.h>

/* Only the effective ones: what execve() gives depends on the others. */
static int put_down_capabilities(void)
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
	CLEANUP(close_fd_at) int reader = sys_open(fd_path(fd).text, O_RDONLY);

	return reader != -EACCES;
}

static int execute_unreadable(const struct program *program, const char *command, char **argv)
{
	int err = put_down_capabilities();

	if (err < 0 || can_read(program->copy))
		return complain(
			command, EXIT_OURS,
			"--no-dump: the program would stay readable, and its memory with it");
	return program_execute(program, command, argv);
}

/* 1 makes everything dumpable that should not be. */
static int check_system(const char *command)
{
	int value = harden_suid_dumpable();

	if (value == 0 || value == 2)
		return GO_ON;
	return complain(command, EXIT_OURS,
			value == 1
				? "--no-dump: the sysctl fs.suid_dumpable is 1, which allows it to "
				  "all: set it to 0 or 2"
				: "--no-dump: the sysctl fs.suid_dumpable cannot be read");
}

int execute_undumpable(const char *command, char **argv)
{
	CLEANUP(program_close) struct program program = PROGRAM_NONE;
	int code = check_system(command);

	if (code == GO_ON)
		code = program_find(&program, command, argv[0]);
	if (code == GO_ON)
		code = program_copy(&program, command, argv[0], false);
	if (code != GO_ON)
		return code;
	/* It would be its interpreter that has to be unreadable. */
	if (program.is_script)
		return complain(
			command, EXIT_CANNOT,
			"--no-dump: '%s' is a script: name its interpreter, with the script as "
			"an argument",
			argv[0]);
	return execute_unreadable(&program, command, argv);
}
