/* SPDX-License-Identifier: MIT */

/*
 * Guard pages that cost no mapping. A process has some 65,000 mappings, and with a mapping for each guard page a
 * heap of many large objects ends there. MADV_GUARD_INSTALL makes guard pages inside a mapping. The answer 0 is not
 * believed: what the kernel makes inaccessible, it cannot store to.
 */

#include "lib/guard.h"

#include "lib/util.h"

int guard_install(void *addr, size_t size)
{
	int err = sys_madvise(addr, size, MADV_GUARD_INSTALL);

	if (err == 0 && sys_touch(addr) != -EFAULT)
		err = -EINVAL;
	return err;
}

int guard_probe(void)
{
	CLEANUP(unmap_scoped) struct scoped_mapping page = { 0 };
	void *addr;
	int err = sys_mmap(&addr, NULL, page_size(), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1);

	if (err < 0)
		return err;
	page = (struct scoped_mapping){ addr, page_size() };
	return guard_install(addr, page_size());
}
