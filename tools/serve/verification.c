/* SPDX-License-Identifier: MIT */

/*
 * --verify: a command decides about a file, such as one that checks a signature. It reads the sealed copy, so it cannot be
 * shown other bytes than those that are served. It starts another program, so that no library of signatures is in this
 * process, and its user can choose one.
 */

#include "tools/serve/verification.h"

#include "lib/util.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static void set_environment(const struct offer *offer)
{
	(void)setenv("SEALMEM_NAME", offer->name, 1);
	(void)setenv("SEALMEM_FILE", offer->path, 1);
}

static void restore(unsigned long descriptors)
{
	struct rlimit limit;
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = descriptors;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* What it prints on standard output is for nobody; what it complains of goes to the log. */
static _Noreturn void be_command(const char *command, const struct offer *offer, int copy,
				 unsigned long descriptors)
{
	int nothing = sys_open("/dev/null", O_WRONLY);

	(void)setpgid(0, 0);
	restore(descriptors);
	set_environment(offer);
	if (nothing >= 0 && sys_dup_for_program(copy, STDIN_FILENO) >= 0 &&
	    sys_dup_for_program(nothing, STDOUT_FILENO) >= 0)
		(void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(EXIT_NOT_FOUND);
}

int verification_start(struct verification *ret, const char *command, const struct offer *offer,
		       int copy, unsigned long descriptors)
{
	/* With a position of its own. */
	CLEANUP(close_fd_at) int input = sys_open(fd_path(copy).text, O_RDONLY);
	pid_t child;

	if (input < 0)
		return input;
	child = fork();
	if (child < 0)
		return -errno;
	if (child == 0)
		be_command(command, offer, input, descriptors);
	/* Here too, so that it is so before anybody ends it. */
	(void)setpgid(child, child);
	ret->process = child;
	ret->ended = (int)syscall(SYS_pidfd_open, child, 0);
	return ret->ended < 0 ? -errno : 0;
}

enum exit_status verification_judge(struct verification *verification, struct refusal *why)
{
	int status = 0;

	while (waitpid(verification->process, &status, 0) < 0 && errno == EINTR)
		;
	/* What it has left running has no more to say. */
	(void)kill(-verification->process, SIGKILL);
	verification->process = -1;
	if (status == 0)
		return EXIT_NOT_YET;
	if (WIFSIGNALED(status))
		return refuse(why, EXIT_NO, "its verification was killed by signal %d",
			      WTERMSIG(status));
	return refuse(why, EXIT_NO, "its verification exited with status %d", WEXITSTATUS(status));
}

void verification_end(struct verification *verification)
{
	if (verification->process > 0) {
		(void)kill(-verification->process, SIGKILL);
		while (waitpid(verification->process, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close_fd(verification->ended);
	*verification = VERIFICATION_NONE;
}
