/* SPDX-License-Identifier: MIT */

/*
 * mseal() as a newer C library has it, for programs that call it, on a system whose C library or kernel
 * lacks it. Linking or preloading it is the permission to emulate: where the kernel has no mseal(2),
 * the first call sets no_new_privs and seals by a seccomp filter.
 */

#include "include/sealmem.h"

#include <errno.h>

__attribute__((visibility("default"))) int mseal(void *addr, size_t size, unsigned long flags);

int mseal(void *addr, size_t size, unsigned long flags)
{
	int before = errno, err = sealmem_mseal(addr, size, flags);

	if (err == -EOPNOTSUPP && sealmem_allow_emulation() == 0)
		err = sealmem_mseal(addr, size, flags);
	/* A program expects ENOSYS of a kernel without it. */
	errno = err == 0 ? before : err == -EOPNOTSUPP ? ENOSYS : -err;
	return err == 0 ? 0 : -1;
}
