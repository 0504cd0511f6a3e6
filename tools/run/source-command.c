/* SPDX-License-Identifier: MIT */

/*
 * A secret that is the output of a shell command, such as one that asks a password store. A command that
 * fails may still have printed something, so the secret counts only if the command exits with status 0.
 */

#include "tools/run/source.h"

#include "lib/util.h"

#include <stdio.h>
#include <sys/wait.h>

/* The command reads /dev/null. The standard input of sealmem is for the program that starts afterwards. */
static _Noreturn void be_shell(const char *command, int output)
{
	int nothing = open("/dev/null", O_RDONLY);

	if (nothing >= 0 && sys_dup_for_program(nothing, STDIN_FILENO) >= 0 &&
	    sys_dup_for_program(output, STDOUT_FILENO) >= 0)
		(void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(EXIT_NOT_FOUND);
}

/* Returns 0 or a negative errno. */
static int start_shell(const char *command, int *ret, pid_t *child)
{
	int ends[2], err = sys_pipe(ends);

	if (err < 0)
		return err;
	*child = fork();
	if (*child == 0)
		be_shell(command, ends[1]);
	err = *child < 0 ? -errno : 0;
	close_fd(ends[1]);
	if (err < 0)
		close_fd(ends[0]);
	else
		*ret = ends[0];
	return err;
}

static enum exit_status complain_of_command(const struct secret *secret, int status)
{
	bool signalled = WIFSIGNALED(status);

	return complain("run", EXIT_OURS, "secret '%s': its command %s %d", secret->name,
			signalled ? "was killed by signal" : "exited with status",
			signalled ? WTERMSIG(status) : WEXITSTATUS(status));
}

/* Returns the status as wait(2) encodes it. */
static int wait_for_shell(pid_t child)
{
	int status = 0;

	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* If the output is too long, reading stops. The command learns that from the closed pipe. */
static enum exit_status collect_output(const struct secret *secret, int memfd, size_t most)
{
	enum exit_status code;
	int output = -1, status;
	pid_t child;
	int err = start_shell(secret->from, &output, &child);

	if (err < 0)
		return source_complain(secret, "run", err);
	code = source_copy(secret, memfd, output, most);
	close_fd(output);
	status = wait_for_shell(child);
	return code == EXIT_NOT_YET && status != 0 ? complain_of_command(secret, status) : code;
}

/* If the parent ignores SIGCHLD, this process inherits that, and a child would leave no status. */
enum exit_status source_load_command(const struct secret *secret, int memfd, size_t most)
{
	struct sigaction before, usual = { .sa_handler = SIG_DFL };
	enum exit_status code;

	(void)sigaction(SIGCHLD, &usual, &before);
	code = collect_output(secret, memfd, most);
	(void)sigaction(SIGCHLD, &before, NULL);
	return code;
}
