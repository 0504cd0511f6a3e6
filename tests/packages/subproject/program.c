/* SPDX-License-Identifier: MIT */
/* A program that knows only the public header: it is built against the installed library, as a subproject and with musl. */
#include <sealmem.h>
#include <string.h>

int main(void)
{
	struct sealmem_region *region;

	if (sealmem_region_new_from(&region, "installed", "abc", 4, SEALMEM_CONTENT) < 0)
		return 1;
	if (strcmp(sealmem_region_data(region), "abc") != 0)
		return 1;
	return sealmem_region_free(region) != NULL;
}
