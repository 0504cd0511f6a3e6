/* SPDX-License-Identifier: MIT */

/* What a newer C library brings for mseal(): the system call and nothing else. */

#include <stddef.h>
#include <unistd.h>

#define NR_MSEAL 462

__attribute__((visibility("default"))) int mseal(void *addr, size_t size, unsigned long flags);

int mseal(void *addr, size_t size, unsigned long flags)
{
	return (int)syscall(NR_MSEAL, addr, size, flags);
}
