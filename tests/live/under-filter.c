/* SPDX-License-Identifier: MIT */

/*
 * Starts a program as a process starts one that has sealed regions by the emulation: the filters stay, the
 * regions do not. To be run where mseal(2) is forbidden, or there are no filters. With --at=ADDRESS it
 * seals a page where programs do want to map, to see that this makes a difference.
 */

#include "include/sealmem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define REGIONS 16

/* The first seals the addresses of all regions that are final when they are mapped. */
static int make_final_region(void)
{
	struct sealmem_region *region;

	return sealmem_region_new_from(&region, "final", "", 1, SEALMEM_CONTENT | SEALMEM_ADDRESS);
}

static int seal_regions(void)
{
	int err = make_final_region();

	for (int i = 0; i < REGIONS && err == 0; i++) {
		struct sealmem_region *region;

		err = sealmem_region_new(&region, "kept", (size_t)1 << (12 + i),
					 SEALMEM_CONTENT | SEALMEM_ADDRESS | SEALMEM_GUARDS);
		if (err == 0)
			err = sealmem_region_seal(region);
	}
	return err;
}

static int seal_at(const char *address)
{
	void *wanted = (void *)(unsigned long)strtoull(address, NULL, 0);
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;

	if (mmap(wanted, size, PROT_READ, flags, -1, 0) != wanted)
		return -1;
	return sealmem_mseal(wanted, size, 0);
}

int main(int argc, char **argv)
{
	const char *at = argc > 1 && strncmp(argv[1], "--at=", 5) == 0 ? argv[1] + 5 : NULL;
	int err = sealmem_allow_emulation();

	argv += at != NULL ? 2 : 1;
	if (err == 0)
		err = at != NULL ? seal_at(at) : seal_regions();
	if (err < 0 || *argv == NULL) {
		(void)fprintf(stderr, "under-filter: error %d\n", -err);
		return 125;
	}
	(void)execvp(*argv, argv);
	perror(*argv);
	return 127;
}
