/* SPDX-License-Identifier: MIT */

/*
 * A plug-in for the referee that gives wrong answers and tries to hide it. CHEAT is TARGET:WAY; or "exit"; or "load", which
 * loads ./sum.so.
 *
 *     got    the GOT of the referee: its clock_gettime(3) becomes one of ours, in which time stands still
 *     code   the function that checks the answers: every answer becomes right
 *     log    the result of the first round, which is in the log already: it becomes right
 *     vdso   the code by which the C library asks for the time, which stands still too
 *     own    a page of its own, which becomes executable
 *
 *     mprotect  makes the page writable and stores
 *     mem       writes through /proc/self/mem
 *     map       makes another page and moves it over this one
 *
 * With CHEAT_EARLY it does so in a constructor, while the referee loads it. It says on standard error what came of it.
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
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LONGEST 32

/* Some bytes that are to be somewhere else. */
struct change {
	unsigned char *at;
	unsigned char bytes[LONGEST];
	size_t size;
	int protection; /* of the pages, when they can be written */
	bool whole;	/* they are all of the vDSO */
	unsigned char *start;
	size_t length;
};

extern int64_t solve(const int64_t *numbers, size_t count);

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static int stand_still(clockid_t clock, struct timespec *time)
{
	(void)clock;
	*time = (struct timespec){ 0, 0 };
	return 0;
}

static uintptr_t address(uintptr_t bias, uintptr_t value)
{
	return value < bias ? bias + value : value;
}

/* What the loader filled in for the function, among the relocations of a program. */
static void *find_slot(const ElfW(Rela) * table, size_t size, uintptr_t bias,
		       const ElfW(Sym) * symbols, const char *strings, const char *name)
{
	for (size_t i = 0; i < size / sizeof(*table); i++)
		if (strcmp(strings + symbols[ELF64_R_SYM(table[i].r_info)].st_name, name) == 0)
			return (void *)(bias + table[i].r_offset);
	return NULL;
}

static void *find_in_got(const struct dl_phdr_info *info, const char *name)
{
	uintptr_t values[DT_NUM] = { 0 }, bias = info->dlpi_addr;
	const ElfW(Dyn) *entry = NULL;
	const ElfW(Sym) * symbols;
	const char *strings;
	void *slot;

	for (size_t i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
			entry = (const void *)(bias + info->dlpi_phdr[i].p_vaddr);
	for (; entry != NULL && entry->d_tag != DT_NULL; entry++)
		if (entry->d_tag < DT_NUM)
			values[entry->d_tag] = entry->d_un.d_val;
	symbols = (const void *)address(bias, values[DT_SYMTAB]);
	strings = (const char *)address(bias, values[DT_STRTAB]);
	slot = find_slot((const void *)address(bias, values[DT_JMPREL]), values[DT_PLTRELSZ], bias,
			 symbols, strings, name);
	return slot != NULL ? slot
			    : find_slot((const void *)address(bias, values[DT_RELA]),
					values[DT_RELASZ], bias, symbols, strings, name);
}

/* The program comes first. */
static int look_at_program(struct dl_phdr_info *info, size_t size, void *data)
{
	(void)size;
	*(void **)data = find_in_got(info, "clock_gettime");
	return 1;
}

static struct change change_got(void)
{
	int (*ours)(clockid_t, struct timespec *) = stand_still;
	struct change change = { .size = sizeof(ours), .protection = PROT_READ | PROT_WRITE };
	void *at = NULL;

	(void)dl_iterate_phdr(look_at_program, &at);
	change.at = at;
	memcpy(change.bytes, &ours, sizeof(ours));
	return change;
}

/* return true */
static struct change change_code(void)
{
#if defined(__x86_64__)
	static const unsigned char code[] = { 0xb8, 1, 0, 0, 0, 0xc3 };
#else
	static const uint32_t code[] = { 0x52800020, 0xd65f03c0 };
#endif
	struct change change = { .size = sizeof(code),
				 .protection = PROT_READ | PROT_WRITE | PROT_EXEC };

	change.at = dlsym(RTLD_DEFAULT, "referee_check");
	memcpy(change.bytes, code, sizeof(code));
	return change;
}

/* The second number of the second part of the first round, where each part begins a page, see referee.c. */
static struct change change_log(void)
{
	const uint64_t right = 1;
	struct change change = { .size = sizeof(right), .protection = PROT_READ | PROT_WRITE };
	unsigned char *log = dlsym(RTLD_DEFAULT, "referee_log");
	const char *apart = getenv("CHEAT_APART");

	if (log != NULL && apart != NULL)
		change.at = log + strtoul(apart, NULL, 10) + sizeof(uint64_t);
	memcpy(change.bytes, &right, sizeof(right));
	return change;
}

static void *find_in_vdso(void)
{
	uintptr_t start = getauxval(AT_SYSINFO_EHDR), values[DT_NUM] = { 0 };
	const ElfW(Ehdr) *header = (const void *)start;
	const ElfW(Phdr) *headers = (const void *)(start + header->e_phoff);
	const ElfW(Dyn) *entry = NULL;
	const ElfW(Sym) * symbols;
	const char *strings;

	for (size_t i = 0; i < header->e_phnum; i++)
		if (headers[i].p_type == PT_DYNAMIC)
			entry = (const void *)(start + headers[i].p_vaddr);
	for (; entry != NULL && entry->d_tag != DT_NULL; entry++)
		if (entry->d_tag >= 0 && entry->d_tag < DT_NUM)
			values[entry->d_tag] = entry->d_un.d_val;
	symbols = (const void *)address(start, values[DT_SYMTAB]);
	strings = (const char *)address(start, values[DT_STRTAB]);
	/* The names come after the symbols. */
	for (size_t i = 0; (const char *)(symbols + i + 1) <= strings; i++)
		if (strstr(strings + symbols[i].st_name, "_clock_gettime") != NULL)
			return (void *)(start + symbols[i].st_value);
	return NULL;
}

/* *time = 0; return 0 */
static struct change change_vdso(void)
{
#if defined(__x86_64__)
	static const unsigned char code[] = { 0x31, 0xc0, 0x48, 0x89, 0x06,
					      0x48, 0x89, 0x46, 0x08, 0xc3 };
#else
	static const uint32_t code[] = { 0xf900003f, 0xf900043f, 0x52800000, 0xd65f03c0 };
#endif
	struct change change = { .size = sizeof(code),
				 .protection = PROT_READ | PROT_WRITE | PROT_EXEC,
				 .whole = true };

	change.at = find_in_vdso();
	memcpy(change.bytes, code, sizeof(code));
	return change;
}

static struct change change_own(void)
{
	struct change change = { .size = 1, .protection = PROT_READ | PROT_WRITE | PROT_EXEC };
	void *at =
		mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	change.at = at != MAP_FAILED ? at : NULL;
	change.bytes[0] = 1;
	return change;
}

/* The kernel splits no mapping of the vDSO. */
static bool find_mapping_of_vdso(unsigned char **ret, size_t *ret_size)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long start, end;
	char line[512];
	bool found = false;

	while (maps != NULL && !found && fgets(line, sizeof(line), maps) != NULL)
		found = strstr(line, "[vdso]") != NULL &&
			sscanf(line, "%lx-%lx", &start, &end) == 2;
	if (maps != NULL)
		(void)fclose(maps);
	if (found) {
		*ret = (unsigned char *)start;
		*ret_size = end - start;
	}
	return found;
}

/* The bytes may lie in two pages. */
static void find_pages(struct change *change)
{
	size_t page = page_size();

	if (change->whole && find_mapping_of_vdso(&change->start, &change->length))
		return;
	change->start = change->at - (uintptr_t)change->at % page;
	change->length = change->at + change->size > change->start + page ? 2 * page : page;
}

static int by_mprotect(const struct change *change)
{
	if (mprotect(change->start, change->length, change->protection) < 0)
		return -errno;
	memcpy(change->at, change->bytes, change->size);
	return 0;
}

static int by_mem(const struct change *change)
{
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (pwrite(fd, change->bytes, change->size, (off_t)(uintptr_t)change->at) !=
	    (ssize_t)change->size)
		err = -errno;
	(void)close(fd);
	return err;
}

static int by_map(const struct change *change)
{
	size_t size = change->length;
	char *other = mmap(NULL, size, change->protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (other == MAP_FAILED)
		return -errno;
	memcpy(other, change->start, size);
	memcpy(other + (change->at - change->start), change->bytes, change->size);
	return mremap(other, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, change->start) == MAP_FAILED
		       ? -errno
		       : 0;
}

static const struct {
	const char *name;
	struct change (*make)(void);
} targets[] = {
	{ "got", change_got },	 { "code", change_code }, { "log", change_log },
	{ "vdso", change_vdso }, { "own", change_own },
};

static const struct {
	const char *name;
	int (*act)(const struct change *change);
} ways[] = {
	{ "mprotect", by_mprotect },
	{ "mem", by_mem },
	{ "map", by_map },
};

static void change(struct change change, const char *cheat, int (*act)(const struct change *change))
{
	int err;

	if (change.at == NULL) {
		(void)fprintf(stderr, "cheat: %s: not found\n", cheat);
		return;
	}
	find_pages(&change);
	err = act(&change);
	__builtin___clear_cache((char *)change.at, (char *)change.at + change.size);
	(void)fprintf(stderr, "cheat: %s: %s, %s\n", cheat, err == 0 ? "done" : strerror(-err),
		      memcmp(change.at, change.bytes, change.size) == 0 ? "changed" : "intact");
}

static void play(void)
{
	const char *cheat = getenv("CHEAT");
	const char *way = cheat != NULL ? strchr(cheat, ':') : NULL;

	for (size_t i = 0; way != NULL && i < sizeof(targets) / sizeof(*targets); i++)
		for (size_t j = 0; j < sizeof(ways) / sizeof(*ways); j++)
			if (strncmp(cheat, targets[i].name, (size_t)(way - cheat)) == 0 &&
			    strcmp(way + 1, ways[j].name) == 0)
				change(targets[i].make(), cheat, ways[j].act);
}

static void try_to_load(void)
{
	void *other = dlopen("./sum.so", RTLD_NOW);

	(void)fprintf(stderr, "cheat: load: %s\n", other != NULL ? "done" : "refused");
}

/* What it takes at least, by the clock of the kernel. */
static void take_time(void)
{
	struct timespec from, to;

	(void)syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &from);
	do
		(void)syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &to);
	while ((to.tv_sec - from.tv_sec) * 1000000000 + (to.tv_nsec - from.tv_nsec) < 5000000);
}

__attribute__((constructor)) static void begin(void)
{
	if (getenv("CHEAT_EARLY") != NULL)
		play();
}

int64_t solve(const int64_t *numbers, size_t count)
{
	static int calls;
	const char *cheat = getenv("CHEAT");

	(void)numbers;
	(void)count;
	if (cheat != NULL && strcmp(cheat, "exit") == 0)
		_exit(0);
	/* The first result is in the log when the second call comes. */
	if (++calls == 2 && getenv("CHEAT_EARLY") == NULL)
		play();
	if (calls == 2 && cheat != NULL && strcmp(cheat, "load") == 0)
		try_to_load();
	take_time();
	return 0;
}
