/* SPDX-License-Identifier: MIT */

/*
 * A process to be audited: it maps what it is asked to, prints where, and stays until its standard input
 * ends. A scene is a row below; what the audit has to say of it is in audit.bats.
 *
 *     mapped [--fork] SCENE...
 *
 * prints "SCENE ADDRESS" for each, in hex; "SCENE fd N" for one that is a descriptor; "SCENE -" for what
 * this kernel does not give; "--fork PID" for a child, which inherits what can be inherited.
 */

#include "sealmem.h"

#include "lib/util.h"

#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#define FINAL_SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK)

/* A neighbour that no two scenes can share keeps the kernel from joining them. */
static void *map(int protection, int flags, int fd)
{
	size_t page = page_size();
	char *at = mmap(NULL, 3 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return NULL;
	(void)munmap(at, page);
	(void)munmap(at + 2 * page, page);
	at = mmap(at + page, page, protection, flags | MAP_FIXED, fd, 0);
	return at != MAP_FAILED ? at : NULL;
}

static int memfd(const char *name, int seals)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, (off_t)page_size()) < 0 || fcntl(fd, F_ADD_SEALS, seals) < 0)
		exit(EXIT_FAILURE);
	return fd;
}

static void *map_memfd(const char *name, int seals, int protection, int flags)
{
	int fd = memfd(name, seals);
	void *at = map(protection, flags, fd);

	(void)close(fd);
	return at;
}

static void *sealed(void)
{
	return map_memfd("sealed", FINAL_SEALS, PROT_READ, MAP_SHARED);
}

static void *half_sealed(void)
{
	return map_memfd("half", F_SEAL_WRITE, PROT_READ, MAP_SHARED);
}

static void *future_sealed(void)
{
	return map_memfd("future", F_SEAL_FUTURE_WRITE, PROT_READ, MAP_SHARED);
}

static void *unsealed(void)
{
	return map_memfd("unsealed", 0, PROT_READ | PROT_WRITE, MAP_SHARED);
}

static void *private_copy(void)
{
	return map_memfd("private", FINAL_SEALS, PROT_READ, MAP_PRIVATE);
}

static void *executable(void)
{
	return map_memfd("code", FINAL_SEALS, PROT_READ | PROT_EXEC, MAP_SHARED);
}

static void *write_execute(void)
{
	return map(PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static void *region(unsigned guarantees)
{
	struct sealmem_region *region = NULL;
	const char bytes[] = "bytes";

	if (sealmem_region_new_from(&region, "region", bytes, sizeof(bytes), guarantees) < 0)
		return NULL;
	return sealmem_region_data(region);
}

static void *whole_region(void)
{
	return region(SEALMEM_CONTENT | SEALMEM_ADDRESS | SEALMEM_NOSWAP | SEALMEM_NODUMP |
		      SEALMEM_NOFORK | SEALMEM_GUARDS);
}

static void *content_region(void)
{
	return region(SEALMEM_CONTENT);
}

static void *secret_region(void)
{
	return region(SEALMEM_CONTENT | SEALMEM_ADDRESS | SEALMEM_SECRECY);
}

static void *open_secret(void)
{
	struct sealmem_region *region = NULL;

	if (sealmem_region_new(&region, "secret", 1, SEALMEM_SECRECY) < 0)
		return NULL;
	return sealmem_region_data(region);
}

static void *dumpable_secret(void)
{
	void *at = open_secret();

	return at != NULL && madvise(at, page_size(), MADV_DODUMP) == 0 ? at : NULL;
}

static void *sealed_writable(void)
{
	void *at = map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	return sealmem_mseal(at, page_size(), 0) == 0 ? at : NULL;
}

struct relro {
	uintptr_t start;
	size_t size;
};

/* Of this program, which comes first. */
static int find_relro(struct dl_phdr_info *info, size_t size, void *argument)
{
	struct relro *relro = argument;

	(void)size;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + header->p_vaddr, page = page_size();

		if (header->p_type != PT_GNU_RELRO)
			continue;
		relro->start = start & ~(page - 1);
		relro->size = ((start + header->p_memsz) & ~(page - 1)) - relro->start;
	}
	return 1;
}

static void *relro_sealed_by(int (*seal)(void *addr, size_t size))
{
	struct relro relro = { 0 };

	(void)dl_iterate_phdr(find_relro, &relro);
	/* cppcheck-suppress performance */
	return relro.size > 0 && seal((void *)relro.start, relro.size) == 0 ? (void *)relro.start
									    : NULL;
}

static int seal_address(void *addr, size_t size)
{
	return sealmem_mseal(addr, size, 0);
}

static int seal_both(void *addr, size_t size)
{
	return sealmem_seal_range(addr, size, SEALMEM_CONTENT | SEALMEM_ADDRESS);
}

static void *relro_undoable(void)
{
	return relro_sealed_by(seal_address);
}

static void *relro_sealed(void)
{
	return relro_sealed_by(seal_both);
}

static void *hostile(void)
{
	return map_memfd("a\nffffffff000-fffffffff00 r-xs 0 0:1 1 \x1b[2J\xff<&>\"'\"\u202e", 0,
			 PROT_READ, MAP_SHARED);
}

/* Named as what it is not. */
static void *named_heap(void)
{
	void *at = map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	(void)prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, at, page_size(), "heap");
	return at;
}

static void *in_a_file(void)
{
	char path[] = "/tmp/sealmem-mapped-XXXXXX";
	int fd = mkstemp(path);
	void *at;

	(void)unlink(path);
	if (fd < 0 || ftruncate(fd, (off_t)page_size()) < 0)
		return NULL;
	at = map(PROT_READ, MAP_SHARED, fd);
	(void)close(fd);
	return at;
}

/* 128 MiB of small pages, every other of the first ten thousand a mapping of its own. */
static void *large(void)
{
	size_t page = page_size(), size = (size_t)128 << 20;
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED || madvise(at, size, MADV_NOHUGEPAGE) < 0)
		return NULL;
	memset(at, 1, size);
	for (size_t i = 0; i < 10000 && (i + 1) * page < size; i += 2)
		(void)mprotect(at + i * page, page, PROT_READ);
	return at;
}

static int held(void)
{
	return memfd("held", FINAL_SEALS);
}

static int held_open(void)
{
	return memfd("held-open", 0);
}

static const struct {
	const char *name;
	void *(*map)(void);
	int (*open)(void);
} scenes[] = {
	{ "sealed", sealed, NULL },
	{ "half-sealed", half_sealed, NULL },
	{ "future-sealed", future_sealed, NULL },
	{ "unsealed", unsealed, NULL },
	{ "private", private_copy, NULL },
	{ "executable", executable, NULL },
	{ "write-execute", write_execute, NULL },
	{ "whole-region", whole_region, NULL },
	{ "content-region", content_region, NULL },
	{ "secret-region", secret_region, NULL },
	{ "open-secret", open_secret, NULL },
	{ "dumpable-secret", dumpable_secret, NULL },
	{ "sealed-writable", sealed_writable, NULL },
	{ "relro-undoable", relro_undoable, NULL },
	{ "relro-sealed", relro_sealed, NULL },
	{ "hostile", hostile, NULL },
	{ "named-heap", named_heap, NULL },
	{ "file", in_a_file, NULL },
	{ "large", large, NULL },
	{ "held", NULL, held },
	{ "held-open", NULL, held_open },
};

static void play(const char *name)
{
	for (size_t i = 0; i < sizeof(scenes) / sizeof(*scenes); i++) {
		void *at;

		if (strcmp(scenes[i].name, name) != 0)
			continue;
		if (scenes[i].open != NULL) {
			(void)printf("%s fd %d\n", name, scenes[i].open());
			return;
		}
		at = scenes[i].map();
		if (at != NULL)
			(void)printf("%s %lx\n", name, (unsigned long)at);
		else
			(void)printf("%s -\n", name);
		return;
	}
	exit(2);
}

int main(int argc, char *argv[])
{
	bool forks = argc > 1 && strcmp(argv[1], "--fork") == 0;
	pid_t child;
	char byte;

	for (int i = forks ? 2 : 1; i < argc; i++)
		play(argv[i]);
	(void)fflush(stdout);
	child = forks ? fork() : 0;
	if (child > 0)
		(void)printf("--fork %d\n", (int)child);
	(void)fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}
