/* SPDX-License-Identifier: MIT */

/*
 * Memory that only the loads and stores of this process reach. The pages of memfd_secret(2) are taken
 * out of the kernel's own map, so that the kernel cannot copy them for anybody: /proc/PID/mem, ptrace
 * and process_vm_readv(2) find nothing, whoever asks.
 *
 * Two things differ from an ordinary memfd. Such a file takes no seals: its content is kept by a
 * read-only mapping whose address is sealed and whose descriptor is closed. And some kernels charge
 * its pages against RLIMIT_MEMLOCK when they are first touched, so that a store dies of SIGBUS: here
 * they are touched by the kernel on our behalf, which gets an errno.
 */

#include "lib/secret.h"

#include "sealmem.h"

#include "lib/mapping.h"
#include "lib/util.h"

#include <string.h>
#include <sys/resource.h>

int secret_new(size_t size)
{
	CLEANUP(close_fd_at) int fd = sys_memfd_secret();
	int err;

	if (fd < 0)
		return not_given(fd);
	err = sys_ftruncate(fd, (off_t)size);
	return err < 0 ? not_given(err) : take_fd(&fd);
}

/* No page: out of what the limit allows, as far as one can tell, or out of memory. */
static int touch_error(int err)
{
	uint64_t limit;

	if (err != -EFAULT)
		return not_given(err);
	return sys_limit(RLIMIT_MEMLOCK, &limit) == 0 && limit != UINT64_MAX ? -EAGAIN : -ENOMEM;
}

static int touch_pages(char *addr, size_t size)
{
	for (size_t at = 0; at < size; at += page_size()) {
		int err = sys_touch(addr + at);

		if (err < 0)
			return touch_error(err);
		/* The page is there and stays: nothing moves or reclaims it. */
		memset(addr + at, 0, SYS_TOUCHED);
	}
	return 0;
}

int secret_settle(void *addr, size_t size)
{
	/* A child would be another process that can read it. */
	int err = mapping_apply(addr, size, SEALMEM_NODUMP | SEALMEM_NOFORK);

	return err < 0 ? err : touch_pages(addr, size);
}

int secret_copy(const void *bytes, size_t size)
{
	CLEANUP(close_fd_at) int fd = secret_new(size);
	CLEANUP(unmap_scoped) struct scoped_mapping copy = { 0 };
	int err;

	if (fd < 0)
		return fd;
	err = sys_mmap(&copy.addr, NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	if (err < 0)
		return not_given(err);
	copy.size = size;
	err = secret_settle(copy.addr, size);
	if (err < 0)
		return err;
	memcpy(copy.addr, bytes, size);
	return take_fd(&fd);
}

int secret_readable(const void *bytes, size_t size)
{
	uintptr_t start = (uintptr_t)bytes, end = start + size;

	if (end < start)
		return -EFAULT;
	for (uintptr_t at = start & ~(page_size() - 1); at < end; at += page_size())
		if (sys_readable((const void *)at) < 0)
			return -EFAULT;
	return 0;
}
