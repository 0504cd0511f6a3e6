/* SPDX-License-Identifier: MIT */

/*
 * Rights that a program can lose before it starts. Two of the switches are one prctl(2) each, and execve(2)
 * keeps them. The third is different: execve makes every process dumpable again, and a launcher cannot
 * forbid that. The kernel has one exception: a program file that its user may execute and not read,
 * because the memory of the process would reveal the file. program.c turns the program into such a file.
 */

#include "tools/launch/harden.h"

#include "tools/common/errors.h"
#include "lib/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

/* Debian 12 has the headers of Linux 6.1. */
#ifndef PR_SET_MDWE
# define PR_SET_MDWE		  65
# define PR_MDWE_REFUSE_EXEC_GAIN 1
# define PR_GET_MDWE		  66
#endif

int harden_try_write_execute(void)
{
	return prctl(PR_GET_MDWE, 0L, 0L, 0L, 0L) < 0 ? -errno : 0;
}

int harden_suid_dumpable(void)
{
	CLEANUP(close_fd_at) int fd = sys_open("/proc/sys/fs/suid_dumpable", O_RDONLY);
	char digit;

	if (fd < 0)
		return fd;
	return sys_read(fd, &digit, 1) == 1 ? digit - '0' : -EIO;
}

static int deny_new_privs(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) < 0 ? -errno : 0;
}

/* Fails with EPERM if it is already set with other flags. Then there is nothing to do. */
static int deny_write_execute(void)
{
	if (prctl(PR_SET_MDWE, (long)PR_MDWE_REFUSE_EXEC_GAIN, 0L, 0L, 0L) == 0)
		return 0;
	return prctl(PR_GET_MDWE, 0L, 0L, 0L, 0L) > 0 ? 0 : -EINVAL;
}

static const struct hardening {
	unsigned bit;
	const char *option;
	int (*apply)(void);
	const char *needs;
} hardenings[] = {
	{ HARDEN_NEW_PRIVS, "--no-new-privs", deny_new_privs, "it needs Linux 3.5 or later" },
	{ HARDEN_WRITE_EXECUTE, "--deny-write-execute", deny_write_execute,
	  "PR_SET_MDWE needs Linux 6.3 or later" },
};

enum exit_status harden_process(unsigned set)
{
	for (size_t i = 0; i < sizeof(hardenings) / sizeof(*hardenings); i++) {
		const struct hardening *h = &hardenings[i];
		int err = set & h->bit ? h->apply() : 0;

		if (err < 0)
			return complain("run", EXIT_OURS, "%s: %s: %s", h->option, strerror(-err),
					h->needs);
	}
	return EXIT_NOT_YET;
}

void harden_self(void)
{
	(void)sys_set_dumpable(0);
}

void unharden_self(void)
{
	(void)sys_set_dumpable(1);
}

bool harden_is_in_force(void)
{
	return sys_dumpable() != 1;
}
