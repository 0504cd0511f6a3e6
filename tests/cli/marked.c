/* SPDX-License-Identifier: MIT */

/*
 * A program with data that the linker's mark is about, built with the mark and without. It prints its process id, and then
 * answers lines:
 *
 *     at     for each part: its name and its address in hex
 *     try    for each part: whether its protection can be changed, and whether it can still be written
 *
 * A number ends each answer. It exits at the end of its input.
 */

#include "include/sealmem.h"
#include "tests/support/memory-seal.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef MARKED
MARK_FOR_MEMORY_SEAL;
#endif

struct SEALMEM_PAGE_ALIGNED part {
	char bytes[SEALMEM_PAGE_MAX];
};

static struct part data = { "data" }, zeroes;
static struct part IN_MUTABLE_SECTION mutable_data = { "mutable" };

static const struct {
	const char *name;
	char *at;
} parts[] = {
	{ "data", data.bytes },
	{ "zeroes", zeroes.bytes },
	{ "mutable", mutable_data.bytes },
};

#define PARTS (sizeof(parts) / sizeof(*parts))

static void say_where(void)
{
	for (size_t i = 0; i < PARTS; i++)
		(void)printf("%s %lx\n", parts[i].name, (unsigned long)parts[i].at);
}

/* In a moment in which nobody writes to it, and back. */
static const char *try_protection(char *at, size_t page)
{
	if (mprotect(at, page, PROT_READ) < 0)
		return "refused";
	return mprotect(at, page, PROT_READ | PROT_WRITE) == 0 ? "done" : "lost";
}

static void try_all(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	for (size_t i = 0; i < PARTS; i++) {
		const char *answer = try_protection(parts[i].at, page);
		char other = (char)(*parts[i].at + 1);

		*(volatile char *)parts[i].at = other;
		(void)printf("%s %s, %s\n", parts[i].name, answer,
			     *parts[i].at == other ? "written" : "not written");
	}
}

int main(void)
{
	char line[16];

	(void)printf("%d\n", (int)getpid());
	(void)fflush(stdout);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (strcmp(line, "at\n") == 0)
			say_where();
		else
			try_all();
		(void)printf("0\n");
		(void)fflush(stdout);
	}
	return 0;
}
