/* SPDX-License-Identifier: MIT */

/*
 * What somebody inside of a process can try on the image of its program. It needs no more than a C library, because it is
 * also built into programs that are linked in all the ways there are.
 */

#include "tests/outside/acts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

const char *const part_names[PARTS] = { "RELRO", "text", "constants" };
const char *const act_names[ACTS] = { "mprotect", "mmap over", "munmap", "mremap",
				      "write to /proc/self/mem" };

/* The largest page that there is. */
#define ALONE __attribute__((aligned(1 << 16)))
#define SIZE  (1 << 16)

typedef unsigned long function(unsigned long);

static unsigned long add(unsigned long x)
{
	return x + 0x1234567;
}

static unsigned long turn(unsigned long x)
{
	return x << 7 | x >> 57;
}

/* Relocated where the program is position-independent, and in RELRO in any program. */
static function *table[SIZE / sizeof(function *)]
	__attribute__((aligned(1 << 16), section(".data.rel.ro"))) = { add, turn, add, turn };

static const unsigned char constants[SIZE] ALONE = { 1, 2, 3 };

/* Nothing calls it, so that it can be taken away. */
ALONE __attribute__((noinline, used)) static void code(void)
{
	__asm__ volatile(".skip 65536, 0x90");
}

static char *start_of(enum part part)
{
	const void *starts[PARTS] = { [PART_RELRO] = table,
				      [PART_TEXT] = (const void *)(uintptr_t)code,
				      [PART_CONSTANTS] = constants };

	return (char *)(uintptr_t)starts[part];
}

static size_t size_of_page(void)
{
	return (size_t)getpagesize();
}

static int protect(char *at)
{
	return mprotect(at, size_of_page(), PROT_READ | PROT_WRITE) == 0 ? 0 : errno;
}

static int map_over(char *at)
{
	void *found = mmap(at, size_of_page(), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	return found != MAP_FAILED ? 0 : errno;
}

static int unmap(char *at)
{
	return munmap(at, size_of_page()) == 0 ? 0 : errno;
}

static int move(char *at)
{
	void *other = mmap(NULL, size_of_page(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *moved =
		mremap(at, size_of_page(), size_of_page(), MREMAP_MAYMOVE | MREMAP_FIXED, other);

	return moved != MAP_FAILED ? 0 : errno;
}

static int write_through_proc(char *at)
{
	const char other = (char)~*at;
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	ssize_t written = pwrite(fd, &other, 1, (off_t)(uintptr_t)at);

	return written == 1 ? 0 : errno;
}

int act_try(enum part part, enum act act)
{
	static int (*const acts[ACTS])(char *at) = { protect, map_over, unmap, move,
						     write_through_proc };
	char *at = start_of(part);
	const char before = *at;
	int err = acts[act](at);

	/* What is gone was changed. */
	if (err == 0 && act != ACT_WRITE)
		return 0;
	return err | (*at != before ? ACT_CHANGED : 0);
}

unsigned long act_compute(void)
{
	unsigned long x = constants[1];

	for (size_t i = 0; i < 1000; i++)
		x = table[i % 4](x);
	return x;
}
