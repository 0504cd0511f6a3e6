/* SPDX-License-Identifier: MIT */

/*
 * Questions that only a trial answers. A limit may not bind a process that has a capability in the first
 * user namespace; root in a container lacks that capability, and /proc does not show the difference.
 * memfd_secret(2) depends on the boot parameter, the sandbox and the processor's page tables. Whether a plain
 * user gets a user namespace depends on up to four settings, which differ between distributions.
 */

#include "tools/common/kernel.h"

#include "lib/trial.h"
#include "lib/util.h"

#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>

int kernel_try_memfd_secret(void)
{
	int fd;

	trial_learn(TRIAL_MEMFD_SECRET);
	fd = trial_memfd_secret();
	(void)close_fd(fd);
	return fd < 0 ? fd : 0;
}

/* Runs in a child, because it lowers the limit to 0. */
static int lock_beyond_limit(void *argument)
{
	struct rlimit limit;
	void *page;

	(void)argument;
	if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0)
		return 0;
	limit.rlim_cur = 0;
	if (setrlimit(RLIMIT_MEMLOCK, &limit) < 0 ||
	    sys_mmap(&page, NULL, page_size(), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1) < 0)
		return 0;
	return sys_mlock(page, page_size()) == 0;
}

int kernel_ignores_memlock(void)
{
	return sys_in_child(lock_beyond_limit, NULL);
}

/* A call is tried in a child if the filter of a service may kill its caller. Such a death is a refusal. */
static int try_in_child(int (*call)(void *argument))
{
	int err = sys_in_child(call, NULL);

	return err == -ECHILD ? -EPERM : err > 0 ? -err : err;
}

static int open_af_alg(void *argument)
{
	int fd = socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	(void)argument;
	if (fd < 0)
		return errno;
	(void)close(fd);
	return 0;
}

int kernel_try_af_alg(void)
{
	return try_in_child(open_af_alg);
}

#define PLAIN_USER 65534

/* Some kernels give the namespace without the privileges: so it has to allow another one. */
static int enter_namespaces(void *argument)
{
	(void)argument;
	if (geteuid() == 0 &&
	    (setgroups(0, NULL) < 0 || setresgid(PLAIN_USER, PLAIN_USER, PLAIN_USER) < 0 ||
	     setresuid(PLAIN_USER, PLAIN_USER, PLAIN_USER) < 0))
		return errno;
	return unshare(CLONE_NEWUSER) < 0 || unshare(CLONE_NEWNS) < 0 ? errno : 0;
}

int kernel_try_user_namespace(void)
{
	return try_in_child(enter_namespaces);
}
