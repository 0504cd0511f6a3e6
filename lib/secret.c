/* SPDX-License-Identifier: MIT */

/*
 * Memory that only the loads and stores of this process reach. The kernel takes the pages of
 * memfd_secret(2) out of its own map, so that it cannot copy them for anybody: /proc/PID/mem, ptrace
 * and process_vm_readv(2) find nothing, whoever asks.
 *
 * It differs from an ordinary memfd in two ways. Such a file takes no seals: a read-only mapping, whose
 * address is sealed and whose descriptor is closed, protects its content. And some kernels charge its
 * pages against RLIMIT_MEMLOCK when they are first touched, so that a store raises SIGBUS. Here the
 * kernel touches them on our behalf, which gives an errno instead.
 */

#include "lib/secret.h"

#include "include/sealmem.h"

#include "lib/mapping.h"
#include "lib/memfd.h"
#include "lib/reason.h"
#include "lib/trial.h"
#include "lib/util.h"
#include "lib/wipe.h"

#include <string.h>
#include <sys/resource.h>

/* The processors of loong64 reach all memory through windows that know no pages. So nothing can be taken out of the
 * kernel's map there, and memfd_secret(2) succeeds all the same: root reads its pages in /proc/kcore. See
 * set_direct_map_invalid_noflush() in arch/loongarch/mm/pageattr.c. */
#if defined(__loongarch__)
# define KERNEL_KEEPS_SECRETS true
#else
# define KERNEL_KEEPS_SECRETS false
#endif

int secret_check_hidden(void)
{
	return KERNEL_KEEPS_SECRETS ? fail_for(REASON_SECRET_KEPT) : 0;
}

int secret_new(size_t size)
{
	CLEANUP(close_fd_at) int fd = -1;
	int err = memfd_check_limit(size);

	if (err < 0)
		return err;
	fd = trial_memfd_secret();
	if (fd < 0)
		return reason_for(not_given(fd), REASON_NO_SECRET);
	err = secret_check_hidden();
	if (err == 0)
		err = memfd_set_size(fd, size);
	return err < 0 ? not_given(err) : take_fd(&fd);
}

/* The page is refused, either because the limit is reached, as far as the library can tell, or
 * because memory is out. */
int secret_touch_error(int err)
{
	uint64_t limit;

	if (err != -EFAULT)
		return not_given(err);
	return sys_limit(RLIMIT_MEMLOCK, &limit) == 0 && limit != UINT64_MAX
		       ? fail_for(REASON_MEMLOCK)
		       : -ENOMEM;
}

int secret_settle(void *addr, size_t size)
{
	char *pages = addr;

	for (size_t at = 0; at < size; at += page_size()) {
		int err = sys_touch(pages + at);

		if (err < 0)
			return secret_touch_error(err);
		/* The page is there and stays: nothing moves or reclaims it. */
		memset(pages + at, 0, SYS_TOUCHED);
	}
	return 0;
}

int secret_copy(const void *bytes, size_t size)
{
	CLEANUP(close_fd_at) int fd = secret_new(size);
	CLEANUP(unmap_scoped) struct scoped_mapping copy = { 0 };
	int err;

	if (fd < 0)
		return fd;
	err = mapping_scoped(&copy, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			     SECRET_GUARANTEES);
	if (err == 0)
		err = secret_settle(copy.addr, size);
	if (err < 0)
		return err;
	wipe_copy(copy.addr, bytes, size);
	return take_fd(&fd);
}

int secret_readable(const void *bytes, size_t size)
{
	uintptr_t start = (uintptr_t)bytes, end = start + size;

	if (end < start)
		return fail_for(REASON_BAD_BUFFER);
	for (uintptr_t at = start & ~(page_size() - 1); at < end; at += page_size())
		if (sys_readable((const void *)at) < 0)
			return fail_for(REASON_BAD_BUFFER);
	return 0;
}
