/* SPDX-License-Identifier: MIT */

/*
 * Trying is the only proof that something is refused, so each way to write is tried on sealed memory and
 * on open memory with the same code: a way that never works would prove nothing. What a mapping
 * carries (locked, not dumped, not inherited) the kernel shows in VmFlags of /proc/self/smaps.
 */

#include "tests/support/holds.h"

#include "lib/memfd.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static char *page_of(char *addr)
{
	return addr - (uintptr_t)addr % page_size();
}

static bool write_by_store(char *addr, char value)
{
	if (mprotect(page_of(addr), page_size(), PROT_READ | PROT_WRITE) < 0)
		return false;
	*(volatile char *)addr = value;
	return true;
}

bool store_by_kernel(char *addr, char value)
{
	int pipe[2];
	bool done;

	if (pipe2(pipe, O_CLOEXEC) < 0)
		return false;
	done = write(pipe[1], &value, 1) == 1 && read(pipe[0], addr, 1) == 1;
	close(pipe[0]);
	close(pipe[1]);
	return done;
}

/* What a debugger does: it ignores the protection of a page. */
static bool write_by_proc_mem(char *addr, char value)
{
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	bool done = fd >= 0 && pwrite(fd, &value, 1, (off_t)(uintptr_t)addr) == 1;

	if (fd >= 0)
		close(fd);
	return done;
}

/* Secret memory is beyond the reach of it, sealed or not. */
static bool is_secret(const void *addr)
{
	struct maps_entry entry;

	return find_mapping(addr, &entry) && strstr(entry.name, "secretmem") != NULL;
}

static const struct {
	const char *name;
	bool (*write)(char *addr, char value);
} ways[] = {
	{ "a store after mprotect(2)", write_by_store },
	{ "a read(2) into the memory", store_by_kernel },
	{ "a write to /proc/self/mem", write_by_proc_mem },
};

static bool writes(bool (*write)(char *addr, char value), char *addr)
{
	char before = *(volatile char *)addr, other = (char)(before ^ 0x5a);
	bool told = write(addr, other), changed = *(volatile char *)addr != before;

	if (changed)
		(void)write(addr, before);
	return told || changed;
}

static const char *first_way(char *addr, bool wanted)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		if (!wanted && ways[i].write == write_by_proc_mem && is_secret(addr))
			continue;
		if (writes(ways[i].write, addr) == wanted)
			return ways[i].name;
	}
	return NULL;
}

const char *way_to_write(char *addr)
{
	return first_way(addr, true);
}

const char *way_not_to_write(char *addr)
{
	return first_way(addr, false);
}

bool is_mapped_as(const void *addr, int protection, bool shared)
{
	struct maps_entry entry;

	return find_mapping(addr, &entry) && entry.protection == protection &&
	       entry.shared == shared;
}

/* " rd sh lo dd": what /proc/self/smaps says of the mapping that holds addr. One look for all. */
static void read_flags(const void *addr, char *ret, size_t size)
{
	FILE *smaps = fopen("/proc/self/smaps", "re");
	unsigned long start = 0, end = 0;

	while (smaps != NULL && fgets(ret, (int)size, smaps) != NULL) {
		/* Only the first line of a mapping begins so. */
		if (isxdigit((unsigned char)*ret) && !isupper((unsigned char)*ret))
			(void)sscanf(ret, "%lx-%lx ", &start, &end);
		if ((uintptr_t)addr >= start && (uintptr_t)addr < end &&
		    strncmp(ret, "VmFlags:", strlen("VmFlags:")) == 0)
			break;
		*ret = '\0';
	}
	if (smaps != NULL)
		fclose(smaps);
}

unsigned guarantees_carried(const void *addr)
{
	static const struct {
		unsigned guarantee;
		const char *flag;
	} flags[] = {
		{ SEALMEM_NOSWAP, " lo" },
		{ SEALMEM_NODUMP, " dd" },
		{ SEALMEM_NOFORK, " dc" },
	};
	char line[1024] = "";
	unsigned carried = 0;

	read_flags(addr, line, sizeof(line));
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		if (strstr(line, flags[i].flag) != NULL)
			carried |= flags[i].guarantee;
	/* Secret memory is locked by nature, which not all kernels show. */
	return is_secret(addr) ? carried | SEALMEM_NOSWAP : carried;
}

static bool can_be_read_by_others(const char *addr)
{
	CLEANUP(close_fd_at) int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	char byte;

	return pread(fd, &byte, 1, (off_t)(uintptr_t)addr) == 1;
}

static bool is_inaccessible(const char *addr)
{
	return is_mapped_as(addr, PROT_NONE, false) || is_mapped_as(addr, PROT_NONE, true);
}

static bool can_be_removed(char *addr)
{
	return munmap(addr, page_size()) == 0;
}

#define CARRIED (SEALMEM_NOSWAP | SEALMEM_NODUMP | SEALMEM_NOFORK)

unsigned guarantees_missing(char *addr, size_t size, unsigned guarantees)
{
	size_t page = page_size(), guard = guarantees & SEALMEM_GUARDS ? page : 0;
	char *last = addr + size - page;
	unsigned missing = guarantees & CARRIED;

	if (missing != 0)
		missing &= ~(guarantees_carried(addr) & guarantees_carried(last));
	if (way_to_write(addr) != NULL || way_to_write(last + page - 1) != NULL)
		missing |= SEALMEM_CONTENT;
	if (can_be_read_by_others(addr) || can_be_read_by_others(last))
		missing |= SEALMEM_SECRECY;
	if (!is_inaccessible(addr - guard) || !is_inaccessible(last + guard))
		missing |= SEALMEM_GUARDS;
	if (guarantees & SEALMEM_ADDRESS &&
	    (can_be_removed(addr - guard) || can_be_removed(last + guard)))
		missing |= SEALMEM_ADDRESS;
	return missing & guarantees;
}

static int count_own_mappings(void)
{
	CLEANUP(maps_close) struct maps maps = { .fd = -1 };
	struct maps_entry entry;
	int count = 0;

	ck_assert_int_eq(maps_open(&maps), 0);
	while (maps_next(&maps, &entry) > 0)
		count += entry.shared && strstr(entry.name, ":" MEMFD_PREFIX) != NULL;
	return count;
}

struct census take_own_census(void)
{
	struct census census = take_census();

	if (sanitized() || under_valgrind())
		census.mappings = count_own_mappings();
	return census;
}

void assert_own_census(struct census before)
{
	struct census now = take_own_census();

	ck_assert_int_eq(now.descriptors, before.descriptors);
	ck_assert_int_eq(now.mappings, before.mappings);
}
