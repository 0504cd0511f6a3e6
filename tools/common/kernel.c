/* SPDX-License-Identifier: MIT */

/*
 * Questions that only a try answers. Whether a limit binds is a matter of a capability in the first
 * user namespace, which root in a container lacks and /proc does not tell apart; whether memfd_secret(2)
 * works depends on the boot parameter, the sandbox and the processor's page tables.
 */

#include "tools/common/kernel.h"

#include "lib/util.h"

#include <sys/resource.h>

int kernel_try_memfd_secret(void)
{
	int fd = sys_memfd_secret();

	(void)close_fd(fd);
	return fd < 0 ? fd : 0;
}

/* In a child, whose limit can be lowered to nothing. */
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
