/* SPDX-License-Identifier: MIT */

/*
 * NOFORK, NODUMP and the file of a secret, at every moment of an operation. After each system call that the library
 * makes, another thread tries to fork, and the test looks at the mappings and descriptors of the process. A child has
 * nothing of the memory. While a mapping could be dumped, or a descriptor of a secret could be taken, the process is
 * not dumpable. The linker puts __wrap_syscall() between the library and the C library.
 */

#include "tests/support/sandbox.h"
#include "tests/support/support.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

#define HIDDEN (SEALMEM_NODUMP | SEALMEM_NOFORK)
#define SECRET (SEALMEM_SECRECY | SEALMEM_CONTENT | SEALMEM_ADDRESS)

/* How long a fork is waited for that may be waiting for the operation itself. */
enum { PATIENCE_NS = 10 * 1000 * 1000 };

static bool is_ours(const char *name)
{
	return strncmp(name, "/memfd:sealmem:", 15) == 0 || strstr(name, "secretmem") != NULL;
}

/* A page after the end of a file, which the library maps to learn from it, shows nothing. */
static bool shows_bytes(const struct maps_entry *entry)
{
	return is_ours(entry->name) && entry->offset < UINT64_C(1) << 40;
}

static size_t count_mappings_of_ours(void)
{
	CLEANUP(maps_close) struct maps maps = { .fd = -1 };
	struct maps_entry entry;
	size_t count = 0;

	if (maps_open(&maps) < 0)
		return 1;
	while (maps_next(&maps, &entry) > 0)
		count += shows_bytes(&entry);
	return count;
}

static size_t count_secret_descriptors(void)
{
	char path[64], name[64];
	size_t count = 0;

	for (int fd = 0; fd < 64; fd++) {
		ssize_t length;

		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		length = readlink(path, name, sizeof(name) - 1);
		name[length > 0 ? length : 0] = '\0';
		count += strstr(name, "secretmem") != NULL;
	}
	return count;
}

/* Mappings of ours that a core dump would have. */
static size_t count_dumped_mappings(void)
{
	CLEANUP(maps_close) struct maps maps = { .fd = -1 };
	struct maps_entry entry;
	size_t count = 0;

	ck_assert_int_eq(maps_open(&maps), 0);
	while (maps_next(&maps, &entry) > 0)
		if (shows_bytes(&entry))
			count += !has_flag((void *)entry.start, "dd"); /* NOLINT */
	return count;
}

/* The thread that forks when it is told to. */
static struct {
	sem_t go, done;
	bool asked, stop;
	atomic_uint children, inherited;
	pthread_t thread;
} forker;

static void *fork_when_told(void *argument)
{
	int status;

	while (sem_wait(&forker.go) == 0 && !forker.stop) {
		pid_t child = fork();

		if (child == 0)
			_exit(count_mappings_of_ours() + count_secret_descriptors() > 0);
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		atomic_fetch_add(&forker.children, 1);
		atomic_fetch_add(&forker.inherited, status != 0);
		sem_post(&forker.done);
	}
	return argument;
}

/* A fork that waits for this thread ends later. */
static void have_it_fork(void)
{
	struct timespec until;

	if (!forker.asked)
		sem_post(&forker.go);
	forker.asked = true;
	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += PATIENCE_NS;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	if (sem_timedwait(&forker.done, &until) == 0)
		forker.asked = false;
}

static struct {
	unsigned guarantees, looks, dumped, taken;
} watch;

/* In the thread that calls the library. */
static __thread bool watching;

static void look(void)
{
	bool dumpable = prctl(PR_GET_DUMPABLE) == 1;

	watching = false;
	watch.looks++;
	if (watch.guarantees & (SEALMEM_NODUMP | SEALMEM_SECRECY))
		watch.dumped += dumpable && count_dumped_mappings() > 0;
	watch.taken += dumpable && count_secret_descriptors() > 0;
	if (watch.guarantees & (SEALMEM_NOFORK | SEALMEM_SECRECY))
		have_it_fork();
	watching = true;
}

/* Takes six arguments whatever was passed, as the kernel does; the sanitizer need not mind. */
__attribute__((no_sanitize_address)) long __wrap_syscall(long number, ...)
{
	long args[6], result;
	int error;
	va_list list;

	va_start(list, number);
	for (size_t i = 0; i < 6; i++)
		args[i] = va_arg(list, long);
	va_end(list);
	result = __real_syscall(number, args[0], args[1], args[2], args[3], args[4], args[5]);
	error = errno;
	/* A child of the library has the locks of the other thread, which a check of this test would wait for. */
	if (number == SYS_clone && result == 0)
		watching = false;
	if (watching)
		look();
	errno = error;
	return result;
}

static void start_watching(unsigned guarantees)
{
	sem_init(&forker.go, 0, 0);
	sem_init(&forker.done, 0, 0);
	ck_assert_int_eq(pthread_create(&forker.thread, NULL, fork_when_told, NULL), 0);
	watch.guarantees = guarantees;
	watching = true;
}

static void end_watching(void)
{
	watching = false;
	if (forker.asked)
		sem_wait(&forker.done);
	forker.stop = true;
	sem_post(&forker.go);
	ck_assert_int_eq(pthread_join(forker.thread, NULL), 0);
	ck_assert_uint_gt(watch.looks, 0);
	ck_assert_uint_eq(atomic_load(&forker.inherited), 0);
	ck_assert_uint_eq(watch.dumped, 0);
	ck_assert_uint_eq(watch.taken, 0);
}

/* What the library is asked to do, and its answer. */
struct act {
	int (*run)(unsigned guarantees);
	unsigned guarantees;
	int result;
	bool emulated; /* on a kernel without mseal(2), or one made so */
};

static int make_and_seal(unsigned guarantees)
{
	struct sealmem_region *region;
	int err = sealmem_region_new(&region, "forks", 2 * page_size(), guarantees);

	if (err < 0)
		return err;
	fill(sealmem_region_data(region), 2 * page_size());
	err = sealmem_region_seal(region);
	if (err == 0)
		assert_filled(sealmem_region_data(region), 2 * page_size());
	sealmem_region_free(region);
	return err;
}

static int make_from_buffer(unsigned guarantees)
{
	struct sealmem_region *region;
	char bytes[100];
	int err;

	fill(bytes, sizeof(bytes));
	err = sealmem_region_new_from(&region, "forks", bytes, sizeof(bytes), guarantees);
	if (err == 0)
		sealmem_region_free(region);
	return err;
}

static int accept_file(unsigned guarantees)
{
	int fd = memfd_create("sealmem:forks", MFD_CLOEXEC | MFD_ALLOW_SEALING), err;
	struct sealmem_region *region;

	if (fd < 0 || write(fd, "bytes", 5) != 5 || fcntl(fd, F_ADD_SEALS, ALL_SEALS) < 0)
		return -errno;
	err = sealmem_region_accept(&region, fd, guarantees);
	if (err == 0)
		sealmem_region_free(region);
	close(fd);
	return err;
}

static int seal_a_range(unsigned guarantees)
{
	char *at = map_private(2 * page_size());

	fill(at, 2 * page_size());
	return sealmem_seal_range(at, 2 * page_size(), guarantees);
}

/* The last step of the seal is refused. */
static int fail_to_seal(unsigned guarantees)
{
	forbid_where(__NR_mseal, ENOMEM,
		     (const struct condition[]){ { 1, UINT32_MAX, (uint32_t)(2 * page_size()) } },
		     1);
	return make_and_seal(guarantees);
}

#define C  SEALMEM_CONTENT
#define CA (SEALMEM_CONTENT | SEALMEM_ADDRESS)

static const struct act acts[] = {
	{ make_and_seal, C | HIDDEN, 0, false },
	{ make_and_seal, C | SEALMEM_NOFORK, 0, false },
	{ make_and_seal, CA | HIDDEN | SEALMEM_NOSWAP | SEALMEM_GUARDS, 0, false },
	{ make_and_seal, SEALMEM_SECRECY, 0, false },
	{ make_and_seal, SECRET, 0, false },
	{ make_from_buffer, C | HIDDEN, 0, false },
	{ make_from_buffer, CA | HIDDEN | SEALMEM_NOSWAP, 0, false },
	{ make_from_buffer, SECRET, 0, false },
	{ accept_file, C | HIDDEN, 0, false },
	{ seal_a_range, C | HIDDEN, 0, false },
	{ seal_a_range, C | HIDDEN | SEALMEM_NOSWAP, 0, false },
	{ fail_to_seal, CA | HIDDEN, -ENOMEM, false },
	{ fail_to_seal, CA | HIDDEN | SEALMEM_NOSWAP, -ENOMEM, false },
	{ fail_to_seal, SECRET, -ENOMEM, false },
	{ make_and_seal, CA | HIDDEN, 0, true },
	{ make_and_seal, SECRET, 0, true },
	{ make_from_buffer, CA | HIDDEN, 0, true },
	{ make_from_buffer, SECRET, 0, true },
	{ seal_a_range, CA | HIDDEN, 0, true },
};

/* The emulation, and a refusal, need a filter, which valgrind and sanitizers do not bear. */
static bool is_possible(const struct act *act)
{
	unsigned given = sealmem_supported() | (act->emulated ? SEALMEM_ADDRESS : 0);

	if (act->emulated && (under_valgrind() || sanitized()))
		return false;
	return !(act->guarantees & ~given) && (act->result == 0 || !under_valgrind());
}

START_TEST(memory_is_hidden_at_every_moment)
{
	const struct act *act = &acts[_i];

	if (!is_possible(act))
		skip_test("this machine does not have the guarantees");
	if (act->emulated)
		emulate_mseal();
	start_watching(act->guarantees);
	ck_assert_int_eq(act->run(act->guarantees), act->result);
	end_watching();
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("forks");

	tcase_add_loop_test(tcase, memory_is_hidden_at_every_moment, 0,
			    sizeof(acts) / sizeof(*acts));
	tcase_set_timeout(tcase, 60);
	return run_case("forks", tcase);
}
