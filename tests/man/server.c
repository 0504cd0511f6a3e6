/* SPDX-License-Identifier: MIT */

/*
 * The server that the examples of the manual speak of. It seals a policy, which sealmem audit can judge, and prints
 * a line when it has. It serves nobody, and runs until a signal ends it or the test is gone.
 */

#include "include/sealmem.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(void)
{
	static const char policy[] = "allow 443\n";
	struct sealmem_region *region;

	if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || sealmem_allow_emulation() < 0 ||
	    sealmem_region_new_from(&region, "policy", policy, sizeof(policy),
				    SEALMEM_CONTENT | SEALMEM_ADDRESS) < 0)
		return 1;
	(void)puts("ready");
	(void)fflush(stdout);
	for (;;)
		(void)pause();
}
