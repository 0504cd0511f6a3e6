/* SPDX-License-Identifier: MIT */

/*
 * Does with its address space what a Go program does: reserves an arena at a hint that begins in
 * 0xc0, makes parts of it usable with MAP_FIXED, gives pages back and takes them again. A compiler
 * for Go is a large thing to install for these few calls.
 */

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define ARENA ((size_t)64 << 20)
#define CHUNK ((size_t)4 << 20)

static int use_arena(uint64_t hint)
{
	int anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
	char *arena = mmap((void *)(uintptr_t)hint, ARENA, PROT_NONE, anonymous, -1, 0);

	if (arena == MAP_FAILED || (uintptr_t)arena != hint)
		return -1;
	for (size_t at = 0; at < ARENA; at += CHUNK) {
		char *p = mmap(arena + at, CHUNK, PROT_READ | PROT_WRITE, anonymous | MAP_FIXED, -1,
			       0);

		if (p != arena + at)
			return -1;
		memset(p, 'g', CHUNK / 16);
		if (madvise(p, CHUNK, MADV_NOHUGEPAGE) < 0 || madvise(p, CHUNK, MADV_DONTNEED) < 0)
			return -1;
		if (mprotect(p, CHUNK, PROT_NONE) < 0)
			return -1;
	}
	return munmap(arena, ARENA);
}

int main(void)
{
	for (uint64_t i = 0; i < 0x7f; i++) {
		if (use_arena(i << 40 | UINT64_C(0xc000000000)) < 0) {
			fprintf(stderr, "arena %llu is not available\n", (unsigned long long)i);
			return 1;
		}
	}
	puts("go-like");
	return 0;
}
