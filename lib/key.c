/* SPDX-License-Identifier: MIT */

/*
 * Protection keys. A page has one of 16 keys, and each thread has a register that says which keys it may use. The
 * program changes it by one instruction, on memory too whose address is sealed. The register has a name of its own
 * on each architecture; this file knows that of x86-64.
 */

#include "lib/key.h"

#include "lib/util.h"

#if defined(__x86_64__)

int key_new(void)
{
	int key = sys_pkey_alloc();

	/* The processor or the kernel has none: -EINVAL, or before Linux 4.9 -ENOSYS. */
	if (key == -EINVAL)
		return -EOPNOTSUPP;
	return not_given(key);
}

#else

int key_new(void)
{
	return -EOPNOTSUPP;
}

#endif

void key_free(int key)
{
	if (key >= 0)
		(void)sys_pkey_free(key);
}

int key_apply(int key, void *addr, size_t size)
{
	return not_given(sys_pkey_mprotect(addr, size, PROT_READ | PROT_WRITE, key));
}
