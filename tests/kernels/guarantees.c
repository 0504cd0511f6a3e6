/* SPDX-License-Identifier: MIT */

/*
 * Which guarantee a kernel gives, as facts for the table of tests/kernels/run: what `sealmem probe` says
 * of a machine, in a program that needs no library and no terminal. What README.md says of kernels is
 * printed by this.
 */

#include "lib/filter.h"
#include "lib/probe.h"
#include "include/sealmem.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char *in_words(int err)
{
	return err == 0 ? "yes" : strerrorname_np(-err);
}

static bool probe_one(unsigned guarantee)
{
	int err = probe_guarantee(guarantee);
	bool supported = sealmem_supported() & guarantee;

	printf("FACT %s %s\n", sealmem_guarantee_name(guarantee), in_words(err));
	return supported == (err == 0);
}

/* ADDRESS where the program allows the filter: on every kernel of the matrix, if a filter is known for the architecture. */
static bool probe_emulated(void)
{
	const unsigned demanded = SEALMEM_CONTENT | SEALMEM_ADDRESS;
	struct sealmem_region *region;
	int err = sealmem_allow_emulation();

	if (err == 0)
		err = sealmem_region_new_from(&region, "emulated", "x", 1, demanded);
	printf("FACT ADDRESS-if-emulation-is-allowed %s\n", in_words(err));
	if (filter_this_machine().abi == FILTER_ABIS)
		return err == -EOPNOTSUPP;
	return err == 0 && sealmem_region_guarantees(region) == demanded;
}

int main(void)
{
	bool agreed = true;

	for (unsigned bit = 1; bit <= SEALMEM_GUARDS; bit <<= 1)
		agreed = probe_one(bit) && agreed;
	if (!agreed)
		printf("sealmem_supported() says something else\n");
	return probe_emulated() && agreed ? 0 : 1;
}
