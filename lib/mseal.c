/* SPDX-License-Identifier: MIT */

/*
 * Sealing addresses. A content seal is a property of the file and says nothing about the mapping: what
 * a pointer points at can still be unmapped, moved or covered by other pages. mseal(2) closes that.
 */

#include "mseal.h"

#include "sealmem.h"
#include "util.h"

/* mseal(2) itself has no EPERM on 64-bit machines: one comes from a sandbox. */
static int seal(void *addr, size_t size, unsigned long flags)
{
	return not_given(sys_mseal(addr, size, flags));
}

EXPORT int sealmem_mseal(void *addr, size_t size, unsigned long flags)
{
	return seal(addr, size, flags);
}

int address_given(void)
{
	/* Of length 0 it changes nothing and answers 0 wherever it exists. */
	return seal(NULL, 0, 0);
}

/*
 * A sandbox can answer 0 without sealing anything. A resize to the same size changes nothing and never
 * fails on a page that can be resized; a sealed one refuses it.
 */
static int check(void *addr)
{
	return sys_mremap_in_place(addr, page_size(), page_size()) < 0 ? 0 : -EOPNOTSUPP;
}

int address_seal(void *addr, size_t size)
{
	int err = seal(addr, size, 0);

	if (err == 0)
		err = check(addr);
	if (err == 0 && size > page_size())
		err = check((char *)addr + size - page_size());
	return err;
}
