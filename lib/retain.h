/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_RETAIN_H
#define SEALMEM_RETAIN_H

#include <stddef.h>

#define RETAIN_PIPES 64

/* Pages that the kernel cannot write to swap, because pipes refer to them. */
struct retained {
	size_t count;
	int pipes[RETAIN_PIPES];
};

/*
 * Takes a reference to each page of the file `fd` that is in memory, up to `size`, for as long as `ret` lives.
 * It takes as many as the limits of pipes and descriptors allow: 64 MiB, and more with CAP_SYS_RESOURCE.
 */
void retain_pages(struct retained *ret, int fd, size_t size);

void retain_end(const struct retained *retained);

#endif
