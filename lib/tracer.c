/* SPDX-License-Identifier: MIT */

/*
 * A debugger, and its traces in the code. It writes a breakpoint through ptrace(2) or /proc/PID/mem, also where the
 * process itself may not write. The kernel then puts a page of its own in the place of the page of the file.
 */

#include "lib/tracer.h"

#include "lib/util.h"

#include <stdint.h>
#include <string.h>

/* Bits of an entry of /proc/PID/pagemap, see Documentation/admin-guide/mm/pagemap.rst. */
#define PAGE_PRESENT ((uint64_t)1 << 63)
#define PAGE_SWAPPED ((uint64_t)1 << 62)
#define PAGE_OF_FILE ((uint64_t)1 << 61)

int tracer_is_there(void)
{
	static const char field[] = "\nTracerPid:\t";
	CLEANUP(close_fd_at) int fd = sys_open("/proc/self/status", O_RDONLY);
	char status[1 << 10];
	const char *found;
	ssize_t got = fd < 0 ? fd : sys_read(fd, status, sizeof(status) - 1);

	if (got < 0)
		return (int)got;
	status[got] = '\0';
	found = strstr(status, field);
	return found != NULL ? found[strlen(field)] != '0' : -EIO;
}

/* A page of a private mapping that is swapped out is no page of the file either. */
static bool was_written(uint64_t entry)
{
	return entry & PAGE_SWAPPED || (entry & PAGE_PRESENT && !(entry & PAGE_OF_FILE));
}

bool tracer_wrote(const void *addr, size_t size)
{
	CLEANUP(close_fd_at) int fd = sys_open("/proc/self/pagemap", O_RDONLY);
	uint64_t entries[64];
	size_t page = (uintptr_t)addr / page_size(), end = page + size / page_size();

	while (fd >= 0 && page < end) {
		size_t wanted = end - page < 64 ? end - page : 64;
		ssize_t got = sys_pread(fd, entries, wanted * sizeof(*entries),
					(off_t)(page * sizeof(*entries)));

		if (got < (ssize_t)sizeof(*entries))
			return false;
		for (size_t i = 0; i < (size_t)got / sizeof(*entries); i++)
			if (was_written(entries[i]))
				return true;
		page += (size_t)got / sizeof(*entries);
	}
	return false;
}
