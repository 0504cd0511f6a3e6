/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_CONFIRM_H
#define SEALMEM_CONFIRM_H

#include "lib/maps.h"

#include <stddef.h>
#include <stdint.h>

/* The protection of memory that may have any. */
#define CONFIRM_ANY (-1)

/* What has to be mapped somewhere. */
struct expected {
	const char *addr;
	size_t size;
	int protection;
	struct sys_file
		file; /* mapped shared; inode 0 for any of the device, device 0 for any memory */
	uint64_t offset;
	struct sys_file other_than; /* mapped by this library itself, and never what is asked for */
};

/* A descriptor to ask with. -EOPNOTSUPP where /proc is not mounted. */
int confirm_open(void);

/* 1 and the mapping that holds an address, 0 if there is none. Where the kernel has to be read, no lower address is
 * found afterwards. */
int confirm_find(struct maps *maps, uintptr_t at, struct maps_span *ret);

/*
 * 0 if the kernel says that all of it is mapped so. -EADDRINUSE if something else is there, or nothing. Before Linux
 * 6.11 the parts are in the order of their addresses.
 */
int confirm_mapped(int fd, const struct expected *parts, size_t count);

/* The same where nothing can be rolled back any more: if there is no answer, it is asked again. */
int confirm_final(int fd, const struct expected *parts, size_t count);

#endif
