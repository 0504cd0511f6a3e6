/* SPDX-License-Identifier: MIT */

/*
 * Measures how much memory of the process a small region takes beyond its page: what the library keeps of it. The kernel
 * has its own structures of a file, a mapping and a descriptor, which no process sees.
 *
 *     measure-memory [REGIONS]
 */

#include "include/sealmem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of pages that belong to no file, in KiB. */
static long anonymous(void)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "re");
	char line[256];
	long found = -1;

	while (file != NULL && found < 0 && fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, "Anonymous:", strlen("Anonymous:")) == 0)
			found = strtol(line + strlen("Anonymous:"), NULL, 10);
	if (file != NULL)
		(void)fclose(file);
	return found;
}

/* They stay until the end. */
static int make(size_t count)
{
	struct sealmem_region *r;
	int err = 0;

	for (size_t i = 0; i < count && err == 0; i++)
		err = sealmem_region_new_from(&r, "measured", "a small secret", 15,
					      SEALMEM_CONTENT);
	return err;
}

int main(int argc, char **argv)
{
	size_t count = argc > 1 ? strtoul(argv[1], NULL, 0) : 900;
	long before;
	int err = make(1);

	before = anonymous();
	if (err == 0)
		err = make(count);
	if (err < 0 || before < 0) {
		(void)fprintf(stderr, "measure-memory: %s\n", strerror(-err));
		return EXIT_FAILURE;
	}
	(void)printf(
		"{\"version\": 1, \"results\": [{\"regions\": %zu, \"bytes of each\": %ld}]}\n",
		count, (anonymous() - before) * 1024 / (long)count);
	return EXIT_SUCCESS;
}
