/* SPDX-License-Identifier: MIT */

#include "tests/support/support.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <unistd.h>

/* Kept open from the first census on, for tests that then hide /proc. */
static int proc(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static int count_descriptors(void)
{
	DIR *dir = fdopendir(openat(proc(), "self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	int count = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

/* Sanitizers and valgrind map memory whenever they like: beside them, only shared mappings of our files
 * count. */
static bool counts(const char *line)
{
	char protection[5] = "";

	/* The heap of the C library: some kernels make a mapping of each piece that it grows by. */
	if (strstr(line, "[heap]") != NULL)
		return false;
	(void)sscanf(line, "%*s %4s", protection);
	return (!sanitized() && !under_valgrind()) ||
	       (protection[3] == 's' && strstr(line, "/memfd:sealmem:") != NULL);
}

static int count_mappings(void)
{
	FILE *maps = fdopen(openat(proc(), "self/maps", O_RDONLY | O_CLOEXEC), "r");
	char line[1024];
	int count = 0;

	ck_assert_ptr_nonnull(maps);
	while (fgets(line, sizeof(line), maps) != NULL)
		count += strchr(line, '\n') != NULL && counts(line);
	fclose(maps);
	return count;
}

/* Counted twice: the first time, stdio may map a buffer of its own. */
struct census take_census(void)
{
	/* What comes with the first call of each: buffers, and on some architectures the heap. */
	free(malloc(1));
	(void)count_mappings();
	return (struct census){ count_descriptors(), count_mappings() };
}

void assert_same_census(struct census before)
{
	struct census now = take_census();

	ck_assert_int_eq(now.descriptors, before.descriptors);
	ck_assert_int_eq(now.mappings, before.mappings);
}

void skip_test(const char *reason)
{
	printf("SKIP %s\n", reason);
	fflush(stdout);
	_exit(EXIT_SUCCESS);
}

void seal_earlier_region(void)
{
	struct sealmem_region *region;
	int err;

	if (sealmem_region_new(&region, "earlier", 1, SEALMEM_CONTENT) < 0)
		return;
	err = sealmem_region_seal(region);
	(void)err;
	(void)sealmem_region_free(region);
}

/* "later" as the argument of a test program: the tests run in a process that has sealed a region. */
static bool is_later;

__attribute__((constructor)) static void read_argument(int argc, char **argv)
{
	is_later = argc > 1 && strcmp(argv[1], "later") == 0;
}

int run_case(const char *name, TCase *tcase)
{
	Suite *suite = suite_create(name);
	SRunner *runner;
	int failed, run;

	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	run = srunner_ntests_run(runner);
	printf("%d passed, %d failed\n", run - failed, failed);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int run_tests(const char *name, const TTest *const *tests, size_t count, double seconds)
{
	TCase *tcase = tcase_create(name);

	/* Every test is a child of this process, and knows what it knows. */
	if (is_later)
		seal_earlier_region();
	for (size_t i = 0; i < count; i++)
		tcase_add_test(tcase, tests[i]);
	tcase_set_timeout(tcase, seconds);
	return run_case(name, tcase);
}

/* 251 is the largest prime below 256: no power of two is a multiple of the period. */
static unsigned char pattern(size_t i)
{
	return (unsigned char)(1 + i % 251);
}

void fill(void *at, size_t size)
{
	unsigned char *bytes = at;

	for (size_t i = 0; i < size; i++)
		bytes[i] = pattern(i);
}

/* The first byte that is not as in the pattern; `size` if there is none. */
static size_t first_other(const void *at, size_t size)
{
	const unsigned char *bytes = at;
	size_t i = 0;

	while (i < size && bytes[i] == pattern(i))
		i++;
	return i;
}

bool is_filled(const void *at, size_t size)
{
	return first_other(at, size) == size;
}

void assert_filled(const void *at, size_t size)
{
	ck_assert_uint_eq(first_other(at, size), size);
}

void assert_zeroed(const void *at, size_t size)
{
	const unsigned char *bytes = at;
	size_t i = 0;

	while (i < size && bytes[i] == 0)
		i++;
	ck_assert_uint_eq(i, size);
}

void free_region(struct sealmem_region **region)
{
	*region = sealmem_region_free(*region);
}

struct sealmem_region *open_region(const char *name, size_t size, unsigned guarantees)
{
	struct sealmem_region *region = NULL;

	ck_assert_int_eq(sealmem_region_new(&region, name, size, guarantees), 0);
	fill(sealmem_region_data(region), size);
	return region;
}

struct sealmem_region *sealed_region(const char *name, size_t size, unsigned guarantees)
{
	struct sealmem_region *region = open_region(name, size, guarantees);

	ck_assert_int_eq(sealmem_region_seal(region), 0);
	return region;
}

struct sealmem_region *empty_region(size_t capacity, unsigned guarantees)
{
	struct sealmem_region *region = NULL;

	ck_assert_int_eq(sealmem_region_new(&region, "test", capacity, guarantees), 0);
	return region;
}

struct sealmem_region *region_from(const void *bytes, size_t size, unsigned guarantees)
{
	struct sealmem_region *region = NULL;

	ck_assert_int_eq(sealmem_region_new_from(&region, "bytes", bytes, size, guarantees), 0);
	return region;
}

char *map_private(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(at, MAP_FAILED);
	return at;
}

void assert_still_open(struct sealmem_region *region, const char *data, size_t size)
{
	char *now = sealmem_region_data(region);

	ck_assert_ptr_eq(now, data);
	assert_filled(now, size);
	ck_assert_int_eq(sealmem_try_write(now + size - 1, now + size - 1, 1), 0);
	ck_assert_uint_eq(sealmem_region_guarantees(region) & SEALMEM_CONTENT, 0);
	ck_assert_int_eq(sealmem_region_fd(region), -EPERM);
}

void assert_sealed(char *data, size_t size)
{
	ck_assert_int_eq(sealmem_try_write(data, "", 1), -EFAULT);
	ck_assert_int_eq(sealmem_try_write(data + size - 1, "", 1), -EFAULT);
	assert_filled(data, size);
}

int open_file_of(const char *name, int flags)
{
	char wanted[512], path[64], link[512];

	snprintf(wanted, sizeof(wanted), "/memfd:sealmem:%s (deleted)", name);
	for (int fd = 0; fd < 1024; fd++) {
		ssize_t length;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		length = readlink(path, link, sizeof(link) - 1);
		if (length < 0)
			continue;
		link[length] = '\0';
		if (strcmp(link, wanted) == 0)
			return open(path, flags | O_CLOEXEC);
	}
	ck_abort_msg("no descriptor of \"%s\"", name);
}

struct stat status_of(const char *name)
{
	CLEANUP(close_fd_at) int fd = open_file_of(name, O_RDONLY);
	struct stat status;

	ck_assert_int_eq(fstat(fd, &status), 0);
	return status;
}

bool find_mapping(const void *at, struct maps_entry *ret)
{
	CLEANUP(maps_close) struct maps maps = { .fd = -1 };
	uintptr_t address = (uintptr_t)at;

	ck_assert_int_eq(maps_open(&maps), 0);
	while (maps_next(&maps, ret) > 0)
		if (address >= ret->start && address < ret->end)
			return true;
	return false;
}

bool is_mapped(const void *at)
{
	struct maps_entry entry;

	return find_mapping(at, &entry);
}

size_t count_mappings_in(const void *at, size_t size)
{
	CLEANUP(maps_close) struct maps maps = { .fd = -1 };
	uintptr_t start = (uintptr_t)at;
	struct maps_entry entry;
	size_t count = 0;

	ck_assert_int_eq(maps_open(&maps), 0);
	while (maps_next(&maps, &entry) > 0)
		count += entry.start < start + size && entry.end > start;
	return count;
}

/* The rest of the line of smaps that begins with `field` and belongs to the mapping that holds `at`. */
static bool smaps_line(const void *at, const char *field, char *ret, size_t size)
{
	FILE *smaps = fopen("/proc/self/smaps", "re");
	unsigned long start = 0, end = 0;
	bool found = false;

	ck_assert_ptr_nonnull(smaps);
	while (!found && fgets(ret, (int)size, smaps) != NULL) {
		(void)sscanf(ret, "%lx-%lx ", &start, &end);
		found = (uintptr_t)at >= start && (uintptr_t)at < end &&
			strncmp(ret, field, strlen(field)) == 0;
	}
	fclose(smaps);
	return found;
}

bool has_flag(const void *at, const char *letters)
{
	char line[1024], wanted[8];

	ck_assert(smaps_line(at, "VmFlags:", line, sizeof(line)));
	snprintf(wanted, sizeof(wanted), " %s", letters);
	return strstr(line, wanted) != NULL;
}

long smaps_kib(const void *at, const char *field)
{
	char line[1024];

	ck_assert(smaps_line(at, field, line, sizeof(line)));
	return strtol(strchr(line, ':') + 1, NULL, 10);
}

bool is_resident(void *at, size_t size)
{
	for (size_t offset = 0; offset < size; offset += page_size()) {
		unsigned char in_memory = 0;

		ck_assert_int_eq(mincore((char *)at + offset, page_size(), &in_memory), 0);
		if (!(in_memory & 1))
			return false;
	}
	return true;
}

/* With exit(), not _exit(): what measures coverage writes its count then. */
int run_child(int (*act)(void *argument), void *argument)
{
	pid_t pid;
	int status;

	fflush(stdout);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		exit(act(argument));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

void assert_child_succeeds(int (*act)(void *argument), void *argument)
{
	int status = run_child(act, argument);

	ck_assert_msg(WIFEXITED(status), "ended by signal %d", WTERMSIG(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
}

/* Valgrind does not let a signal handler be the first that needs more stack. */
static void touch_stack(void)
{
	volatile char room[64 << 10];

	room[0] = 0;
	(void)room[0];
	(void)room[0];
}

void die_of_faults(void)
{
	const struct rlimit none = { 0, 0 };

	touch_stack();
	signal(SIGSEGV, SIG_DFL);
	signal(SIGBUS, SIG_DFL);
	setrlimit(RLIMIT_CORE, &none);
}

int is_not_mapped(void *argument)
{
	return is_mapped(argument) || sealmem_try_write(argument, "", 1) != -EFAULT;
}

struct act {
	int (*act)(void *argument);
	void *argument;
};

static int act_mortally(void *argument)
{
	const struct act *act = argument;

	die_of_faults();
	return act->act(act->argument);
}

void assert_child_dies(int signal, int (*act)(void *argument), void *argument)
{
	int status = run_child(act_mortally, &(struct act){ act, argument });

	ck_assert_msg(WIFSIGNALED(status), "ended with status %d", WEXITSTATUS(status));
	ck_assert_int_eq(WTERMSIG(status), signal);
}

int temporary_file(void)
{
	const char *dir = getenv("TMPDIR");
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/sealmem-XXXXXX", dir != NULL ? dir : "/tmp");
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		skip_test("no directory for temporary files");
	unlink(path);
	return fd;
}

rlim_t address_space_in_use(void)
{
	CLEANUP(close_fd_at) int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	char text[128] = "";

	ck_assert_int_gt((int)read(fd, text, sizeof(text) - 1), 0);
	return (rlim_t)strtoul(text, NULL, 10) * page_size();
}

/* The stack lies near the end of them. */
bool addresses_are_scarce(void)
{
	return (uint64_t)getauxval(AT_RANDOM) >> 45 == 0;
}

void require_root(void)
{
	if (geteuid() != 0)
		skip_test("only root may do this");
}

void require_mseal(void)
{
	if (sys_mseal(NULL, 0, 0) != 0)
		skip_test("this kernel has no mseal(2)");
}

/* Linux 5.10.223 and early 6.12 do not. */
void require_mapped_writer(void)
{
	int fd = memfd_create("writer", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *at;

	ck_assert_int_eq(ftruncate(fd, 1), 0);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
	at = mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (at == MAP_FAILED)
		skip_test("this kernel wants a reader to map a sealed file");
	ck_assert_int_eq(munmap(at, page_size()), 0);
}

static bool valgrind_is_mapped(void)
{
	CLEANUP(maps_close) struct maps maps = { .fd = -1 };
	struct maps_entry entry;

	ck_assert_int_eq(maps_open(&maps), 0);
	while (maps_next(&maps, &entry) > 0)
		if (strstr(entry.name, "valgrind") != NULL)
			return true;
	return false;
}

/* Remembered, for tests that then hide /proc. */
bool under_valgrind(void)
{
	static int answer = -1;

	if (answer < 0)
		answer = valgrind_is_mapped();
	return answer;
}

void require_no_valgrind(const char *otherwise)
{
	if (under_valgrind())
		skip_test(otherwise);
}

#if defined(__has_feature)
# if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#  define SANITIZED true
# endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
# define SANITIZED true
#endif
#ifndef SANITIZED
# define SANITIZED false
#endif

bool sanitized(void)
{
	return SANITIZED;
}

void require_own_address_space(void)
{
	if (sanitized())
		skip_test("a sanitizer shares the address space");
	if (under_valgrind())
		skip_test("valgrind shares the address space");
}

long result(long answer)
{
	return answer == -1 ? -errno : answer;
}
