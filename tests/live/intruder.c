/* SPDX-License-Identifier: MIT */

/*
 * Somebody inside of a program. Preloaded into it, this does before main() what an attacker would do who runs
 * code there: make the GOT and the code writable, throw away the relocated pages, write to them through
 * /proc/self/mem. It writes what came of it, a line for each, to the file in $INTRUDER_REPORT, and puts
 * everything back, so that the program goes on to do its work.
 *
 * Of the program itself RELRO and code are attacked, not of the C library: this needs that. Only programs of
 * the name in $INTRUDER_FOR are, so that the shells and helpers around one keep out of the report.
 */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct pages {
	char *start;
	size_t size;
};

static struct pages relro, code;
static char *saved;

static char *page_of(uintptr_t address)
{
	return (char *)(address & ~((uintptr_t)getpagesize() - 1));
}

/* The first object is the program. */
static int find(struct dl_phdr_info *info, size_t size, void *data)
{
	(void)size;
	(void)data;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + header->p_vaddr;

		if (header->p_type == PT_GNU_RELRO) {
			relro.start = page_of(start);
			relro.size = (size_t)(page_of(start + header->p_memsz) - relro.start);
		} else if (header->p_type == PT_LOAD && header->p_flags & PF_X) {
			code = (struct pages){ page_of(start), (size_t)getpagesize() };
		}
	}
	return 1;
}

static bool is_intact(void)
{
	return memcmp(saved, relro.start, relro.size) == 0;
}

static void put_back(void)
{
	if (is_intact())
		return;
	(void)mprotect(relro.start, relro.size, PROT_READ | PROT_WRITE);
	memcpy(relro.start, saved, relro.size);
	(void)mprotect(relro.start, relro.size, PROT_READ);
}

/* Each returns whether it was done. */
static bool make_got_writable(void)
{
	if (mprotect(relro.start, relro.size, PROT_READ | PROT_WRITE) < 0)
		return false;
	return mprotect(relro.start, relro.size, PROT_READ) == 0;
}

static bool make_code_writable(void)
{
	if (mprotect(code.start, code.size, PROT_READ | PROT_WRITE | PROT_EXEC) < 0)
		return false;
	return mprotect(code.start, code.size, PROT_READ | PROT_EXEC) == 0;
}

static bool throw_relro_away(void)
{
	(void)madvise(relro.start, relro.size, MADV_DONTNEED);
	return !is_intact();
}

static bool write_relro_through_proc(void)
{
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	char other = (char)~*relro.start;
	ssize_t written = pwrite(fd, &other, 1, (off_t)(uintptr_t)relro.start);

	(void)close(fd);
	return written == 1 && !is_intact();
}

static const struct {
	const char *name;
	bool (*act)(void);
} acts[] = {
	{ "make-got-writable", make_got_writable },
	{ "make-code-writable", make_code_writable },
	{ "throw-relro-away", throw_relro_away },
	{ "write-relro-through-proc", write_relro_through_proc },
};

static void act(size_t i, int fd)
{
	bool done = acts[i].act();
	bool intact = is_intact();
	char line[128];
	int length;

	put_back();
	length = snprintf(line, sizeof(line), "%s %s %s\n", acts[i].name, done ? "done" : "refused",
			  intact ? "intact" : "changed");
	(void)!write(fd, line, (size_t)length);
}

static void intrude(void)
{
	const char *report = getenv("INTRUDER_REPORT"), *wanted = getenv("INTRUDER_FOR");
	int fd;

	if (report == NULL || wanted == NULL || strcmp(wanted, program_invocation_short_name) != 0)
		return;
	(void)dl_iterate_phdr(find, NULL);
	fd = open(report, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	saved = malloc(relro.size);
	if (fd < 0 || relro.size == 0 || saved == NULL || code.size == 0) {
		(void)!write(fd, "nothing to attack\n", 18);
		return;
	}
	memcpy(saved, relro.start, relro.size);
	for (size_t i = 0; i < sizeof(acts) / sizeof(*acts); i++)
		act(i, fd);
	(void)close(fd);
}

typedef int main_function(int, char **, char **);
typedef int start_function(main_function *, int, char **, void (*)(void), void (*)(void),
			   void (*)(void), void *);

extern start_function __libc_start_main;

/* What a program calls first, when everything has been loaded and every constructor of a library has run. */
int __libc_start_main(main_function *main, int argc, char **argv, void (*init)(void),
		      void (*fini)(void), void (*rtld_fini)(void), void *stack_end)
{
	start_function *next;

	*(void **)&next = dlsym(RTLD_NEXT, "__libc_start_main");
	intrude();
	return next(main, argc, argv, init, fini, rtld_fini, stack_end);
}
