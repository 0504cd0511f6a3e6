/* SPDX-License-Identifier: MIT */
/*
 * Prints the program that filter.c builds, so that what is proved about it is proved about what is installed, and
 * not about a model of it. One instruction a line: code, jt, jf, k.
 *
 *	filter-dump MACHINE PAGE-SIZE RING-EVENTS SCOPE [START-END]...	all numbers as C writes them
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/filter.h"

#define MOST_RANGES 512

static const char *const machines[FILTER_ABIS] = {
	[FILTER_X86_64] = "x86_64",   [FILTER_I386] = "i386",	    [FILTER_AARCH64] = "aarch64",
	[FILTER_ARM] = "arm",	      [FILTER_RISCV64] = "riscv64", [FILTER_LOONG64] = "loong64",
	[FILTER_PPC64LE] = "ppc64le",
};

static int usage(void)
{
	fprintf(stderr, "usage: filter-dump MACHINE PAGE-SIZE RING-EVENTS SCOPE [START-END]...\n");
	return 2;
}

static enum filter_abi machine_of(const char *name)
{
	enum filter_abi abi = 0;

	while (abi < FILTER_ABIS && strcmp(machines[abi], name) != 0)
		abi++;
	return abi;
}

int main(int argc, char **argv)
{
	static struct filter_range ranges[MOST_RANGES];
	static struct sock_filter prog[BPF_MAXINSNS];
	struct filter_target target;
	unsigned scope;
	size_t n = 0;
	int r;

	if (argc < 5 || argc > 5 + MOST_RANGES)
		return usage();
	target.abi = machine_of(argv[1]);
	target.page_size = strtoull(argv[2], NULL, 0);
	target.ring_events = (uint32_t)strtoul(argv[3], NULL, 0);
	scope = (unsigned)strtoul(argv[4], NULL, 0);
	for (int i = 5; i < argc; i++, n++) {
		char *end;

		ranges[n].start = strtoull(argv[i], &end, 0);
		if (*end != '-')
			return usage();
		ranges[n].end = strtoull(end + 1, NULL, 0);
	}
	r = filter_build(&target, prog, BPF_MAXINSNS, ranges, n, scope);
	if (r < 0) {
		fprintf(stderr, "filter-dump: %s\n", strerror(-r));
		return 1;
	}
	for (int i = 0; i < r; i++)
		printf("%#x %u %u %#x\n", prog[i].code, prog[i].jt, prog[i].jf, prog[i].k);
	return 0;
}
