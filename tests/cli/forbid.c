/* SPDX-License-Identifier: MIT */

/*
 * A sandbox for tests. "forbid mseal=ENOSYS mlock=EPERM -- COMMAND..." runs the command under a seccomp filter
 * that answers those system calls with those errors, or kills with KILL. Containers do the same. To the command, a new kernel
 * then looks like an old one.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef __NR_mseal
# define __NR_mseal 462
#endif
#ifndef MADV_GUARD_INSTALL
# define MADV_GUARD_INSTALL 102
#endif
#ifndef __NR_memfd_secret
# define __NR_memfd_secret 447
#endif

static const struct call {
	const char *name;
	unsigned number;
	unsigned value;	   /* that one of its arguments must have, or 0 for any */
	unsigned argument; /* which of them */
} calls[] = {
	{ "add_seals", SYS_fcntl, F_ADD_SEALS, 1 },
	{ "fsopen", SYS_fsopen, 0, 0 },
	{ "guard", SYS_madvise, MADV_GUARD_INSTALL, 2 },
	{ "kcmp", SYS_kcmp, 0, 0 },
	{ "madvise", SYS_madvise, 0, 0 },
	{ "memfd_create", SYS_memfd_create, 0, 0 },
	{ "memfd_secret", __NR_memfd_secret, 0, 0 },
	{ "mlock", SYS_mlock, 0, 0 },
	{ "mlock2", SYS_mlock2, 0, 0 },
	{ "mount", SYS_mount, 0, 0 },
	{ "mseal", __NR_mseal, 0, 0 },
	{ "ptrace", SYS_ptrace, 0, 0 },
	{ "seccomp", SYS_seccomp, 0, 0 },
	{ "socket", SYS_socket, 0, 0 },
	{ "unshare", SYS_unshare, 0, 0 },
};

static const struct {
	const char *name;
	unsigned number;
} errors[] = {
	{ "EPERM", SECCOMP_RET_ERRNO | EPERM },	  { "EINVAL", SECCOMP_RET_ERRNO | EINVAL },
	{ "ENOMEM", SECCOMP_RET_ERRNO | ENOMEM }, { "ENOSYS", SECCOMP_RET_ERRNO | ENOSYS },
	{ "KILL", SECCOMP_RET_KILL_PROCESS },
};

static const struct call *find_call(const char *rule)
{
	size_t length = strcspn(rule, "=");

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (strlen(calls[i].name) == length && memcmp(calls[i].name, rule, length) == 0)
			return &calls[i];
	return NULL;
}

static unsigned find_answer(const char *rule)
{
	const char *name = strchr(rule, '=');

	for (size_t i = 0; name != NULL && i < sizeof(errors) / sizeof(*errors); i++)
		if (strcmp(name + 1, errors[i].name) == 0)
			return errors[i].number;
	return 0;
}

#define LOAD(field)                                                                                \
 BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, field))
#define SKIP_UNLESS(value, skipped) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skipped)
#define ANSWER(action)		    BPF_STMT(BPF_RET | BPF_K, action)

static int forbid(const struct call *call, unsigned answer)
{
	struct sock_filter for_any[] = {
		LOAD(nr),
		SKIP_UNLESS(call->number, 1),
		ANSWER(answer),
		ANSWER(SECCOMP_RET_ALLOW),
	};
	struct sock_filter for_value[] = {
		LOAD(nr),
		SKIP_UNLESS(call->number, 3),
		LOAD(args[call->argument]),
		SKIP_UNLESS(call->value, 1),
		ANSWER(answer),
		ANSWER(SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(for_any) / sizeof(*for_any), for_any };

	if (call->value != 0)
		program = (struct sock_fprog){ sizeof(for_value) / sizeof(*for_value), for_value };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 ? -errno : 0;
}

int main(int argc, char **argv)
{
	for (argv++; argc > 1 && *argv != NULL && strcmp(*argv, "--") != 0; argv++) {
		const struct call *call = find_call(*argv);
		unsigned answer = find_answer(*argv);

		if (call == NULL || answer == 0 || forbid(call, answer) < 0) {
			(void)fprintf(stderr, "forbid: cannot forbid %s\n", *argv);
			return 125;
		}
	}
	if (argc < 2 || *argv == NULL || argv[1] == NULL)
		return 125;
	(void)execvp(argv[1], argv + 1);
	return 127;
}
