/* SPDX-License-Identifier: MIT */

/* A program that prints what it finds when it starts, so that a test can compare two starts of it. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += dup2(fd, fd) == fd;
	return count;
}

static void print_signals(void)
{
	sigset_t pending, blocked;
	struct sigaction trap;

	(void)sigpending(&pending);
	(void)sigprocmask(SIG_SETMASK, NULL, &blocked);
	(void)sigaction(SIGTRAP, NULL, &trap);
	(void)printf("pending: %d child: %d trap: %d\n", sigismember(&pending, SIGUSR1),
		     sigismember(&pending, SIGCHLD), sigismember(&pending, SIGTRAP));
	(void)printf("blocked: %d %d %d, ignored: %d\n", sigismember(&blocked, SIGUSR1),
		     sigismember(&blocked, SIGTRAP), sigismember(&blocked, SIGUSR2),
		     trap.sa_handler == SIG_IGN);
}

int main(void)
{
	const char *one = getenv("ONE");
	char line[64] = "";
	pid_t child = waitpid(-1, NULL, WNOHANG | __WALL);

	(void)printf("process %d of %d\n", (int)getpid(), (int)getppid());
	(void)printf("child: %d\n", child == -1 && errno == ECHILD ? 0 : 1);
	print_signals();
	(void)printf("user %d as %d\n", (int)getuid(), (int)geteuid());
	(void)printf("group %d, session %d, descriptors %d\n", getpgrp() == getpid(),
		     getsid(0) == getpid(), descriptors());
	(void)printf("ONE=%s, input: %s\n", one != NULL ? one : "",
		     fgets(line, sizeof(line), stdin) != NULL ? line : "");
	return 0;
}
