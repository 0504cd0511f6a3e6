/* SPDX-License-Identifier: MIT */

/*
 * Another thread, or prlimit(2) of another process, that lowers RLIMIT_FSIZE during a call. No thread has to win a
 * race: the limit falls before each system call of the function in turn, in a process of its own each time. The function
 * succeeds or answers an errno. No SIGXFSZ is raised, none is left pending, and one that was pending before stays.
 */

#include "tests/support/support.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define CA (SEALMEM_CONTENT | SEALMEM_ADDRESS)

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

/* The linker puts the function below in the place of the C library's. What it is to do cannot be handed to it. */
static struct {
	bool armed, refuses_mseal;
	unsigned next, at;
	rlim_t limit;
} hook;

/* The hard limit stays, so that a plain user can raise the soft one again. */
static void limit_files(rlim_t size)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_FSIZE, &limit) != 0)
		abort();
	limit.rlim_cur = size < limit.rlim_max ? size : limit.rlim_max;
	if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
		abort();
}

/* Takes six arguments whatever was passed, as the kernel does; the sanitizer need not mind. */
__attribute__((no_sanitize_address)) long __wrap_syscall(long number, ...)
{
	long args[6];
	va_list list;

	va_start(list, number);
	for (size_t i = 0; i < 6; i++)
		args[i] = va_arg(list, long);
	va_end(list);
	if (hook.armed && hook.next++ == hook.at)
		limit_files(hook.limit);
	if (hook.armed && hook.refuses_mseal && number == __NR_mseal && args[1] != 0) {
		errno = ENOMEM;
		return -1;
	}
	return __real_syscall(number, args[0], args[1], args[2], args[3], args[4], args[5]);
}

/* What is limited. */
struct subject {
	struct sealmem_region *region;
	char *data;
	size_t size;
	unsigned guarantees;
};

static void fill_buffer(struct subject *s)
{
	s->data = map_private(s->size);
	fill(s->data, s->size);
}

static void open_it(struct subject *s)
{
	s->region = open_region("lowered", s->size, s->guarantees);
}

static void open_empty(struct subject *s)
{
	s->region = empty_region(s->size, s->guarantees);
}

/* The rest of it was reserved and is given back. */
static void open_and_trim(struct subject *s)
{
	open_it(s);
	ck_assert_int_eq(sealmem_region_trim(s->region, s->size / 2), 0);
}

static int new_it(struct subject *s)
{
	return sealmem_region_new(&s->region, "lowered", s->size, s->guarantees);
}

static int make_it(struct subject *s)
{
	return sealmem_region_new_from(&s->region, "lowered", s->data, s->size, s->guarantees);
}

static int allocate(struct subject *s)
{
	return sealmem_region_alloc(s->region, s->size, 1) != NULL ? 0 : -errno;
}

static int seal_it(struct subject *s)
{
	return sealmem_region_seal(s->region);
}

static int seal_range(struct subject *s)
{
	return sealmem_seal_range(s->data, s->size, s->guarantees);
}

static int seal_image(struct subject *s)
{
	struct sealmem_image_report report;

	(void)s;
	return sealmem_seal_image(0, &report);
}

static int make_heap(struct subject *s)
{
	struct sealmem_heap *heap = NULL;

	return sealmem_heap_new(&heap, "lowered", s->size, s->guarantees);
}

static void prepare_nothing(struct subject *s)
{
	(void)s;
}

static const struct way {
	const char *name;
	void (*prepare)(struct subject *s);
	int (*act)(struct subject *s);
	unsigned guarantees;
	size_t pages;
	int error; /* that of a fault which has to be rolled back */
} ways[] = {
	{ "new, one page", prepare_nothing, new_it, SEALMEM_CONTENT, 1, 0 },
	{ "new, more", prepare_nothing, new_it, SEALMEM_CONTENT, 8, 0 },
	{ "new, secret", prepare_nothing, new_it, CA | SEALMEM_SECRECY, 2, 0 },
	{ "alloc", open_empty, allocate, SEALMEM_CONTENT, 8, 0 },
	{ "seal", open_it, seal_it, CA, 8, 0 },
	{ "seal, trimmed", open_and_trim, seal_it, CA, 8, 0 },
	{ "seal, rolled back", open_it, seal_it, CA, 8, ENOMEM },
	{ "seal, trimmed and rolled back", open_and_trim, seal_it, CA, 8, ENOMEM },
	{ "seal, secret", open_it, seal_it, CA | SEALMEM_SECRECY, 2, 0 },
	{ "new_from", fill_buffer, make_it, CA, 8, 0 },
	{ "new_from, NOSWAP", fill_buffer, make_it, CA | SEALMEM_NOSWAP, 8, 0 },
	{ "new_from, hidden", fill_buffer, make_it, CA | SEALMEM_NODUMP | SEALMEM_NOFORK, 8, 0 },
	{ "new_from, secret", fill_buffer, make_it, CA | SEALMEM_SECRECY, 2, 0 },
	{ "range", fill_buffer, seal_range, CA, 8, 0 },
	{ "image", prepare_nothing, seal_image, CA, 0, 0 },
	{ "heap", prepare_nothing, make_heap, SEALMEM_SECRECY, 1 << 12, 0 },
};

/* What the program does about the signal before the call. */
static const struct stance {
	const char *name;
	bool blocked, pending;
} stances[] = {
	{ "as it is", false, false },
	{ "blocked", true, false },
	{ "blocked and pending", true, true },
};

/* What the runs say, each of them a process. */
static struct shared {
	unsigned calls, done, limited;
} * shared;

static sigset_t the_signal(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGXFSZ);
	return set;
}

static bool has_signal(const sigset_t *set)
{
	return sigismember(set, SIGXFSZ) == 1;
}

static void take_stance(const struct stance *stance)
{
	sigset_t set = the_signal();

	(void)signal(SIGXFSZ, SIG_DFL);
	if (sigprocmask(stance->blocked ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL) != 0 ||
	    (stance->pending && raise(SIGXFSZ) != 0))
		abort();
}

static int judge_signal(const struct stance *stance)
{
	sigset_t set = the_signal(), blocked, pending;
	const struct timespec no_time = { 0 };

	if (sigprocmask(SIG_BLOCK, NULL, &blocked) != 0 || sigpending(&pending) != 0)
		return 2;
	if (has_signal(&blocked) != stance->blocked)
		return 3;
	if (has_signal(&pending) != stance->pending)
		return 4;
	return stance->pending && sigtimedwait(&set, NULL, &no_time) != SIGXFSZ ? 5 : 0;
}

static int judge(const struct way *way, int err)
{
	shared->done += err == 0;
	shared->limited += err == -EFBIG;
	if (err == 0 || err == -EFBIG)
		return 0;
	return way->error != 0 && (err == -way->error || err == -ENOTRECOVERABLE) ? 0 : 6;
}

static int run_way(const struct way *way, const struct stance *stance, unsigned at, rlim_t limit)
{
	struct subject s = { .guarantees = way->guarantees, .size = way->pages * page_size() };
	int err, wrong;

	way->prepare(&s);
	take_stance(stance);
	hook.refuses_mseal = way->error != 0;
	hook.at = at;
	hook.limit = limit;
	hook.armed = true;
	err = way->act(&s);
	hook.armed = false;
	shared->calls = hook.next;
	limit_files(RLIM_INFINITY);
	wrong = judge_signal(stance);
	return wrong != 0 ? wrong : judge(way, err);
}

static void run_in_child(const struct way *way, const struct stance *stance, unsigned at,
			 rlim_t limit)
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(run_way(way, stance, at, limit));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(status == 0, "%s, signal %s, limit %lu before call %u: status %#x", way->name,
		      stance->name, (unsigned long)limit, at, status);
}

static void try_way(const struct way *way, const struct stance *stance)
{
	const rlim_t limits[] = { 0, page_size() };

	*shared = (struct shared){ 0 };
	run_in_child(way, stance, UINT_MAX, 0);
	for (unsigned at = 0, calls = shared->calls; at < calls; at++)
		for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++)
			run_in_child(way, stance, at, limits[i]);
	printf("%s, signal %s: %u calls, %u done, %u limited\n", way->name, stance->name,
	       shared->calls, shared->done, shared->limited);
}

static bool is_possible(const struct way *way)
{
	return !(way->guarantees & ~sealmem_supported()) &&
	       (way->act != seal_image || !sanitized());
}

START_TEST(a_limit_that_falls_during_a_call_raises_no_signal)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	ck_assert_ptr_ne(shared, MAP_FAILED);
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (is_possible(&ways[i]))
			try_way(&ways[i], &stances[_i]);
}
END_TEST

/* What the hook does is enough to make an unguarded write die. */
static int write_past_the_limit(void *argument)
{
	int fd = memfd_create("lowered", MFD_CLOEXEC);

	(void)argument;
	limit_files(0);
	return pwrite(fd, "x", 1, 0) == 1;
}

START_TEST(a_plain_write_past_the_limit_raises_the_signal)
{
	assert_child_dies(SIGXFSZ, write_past_the_limit, NULL);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("lowered");

	tcase_set_timeout(tcase, 200);
	tcase_add_loop_test(tcase, a_limit_that_falls_during_a_call_raises_no_signal, 0,
			    sizeof(stances) / sizeof(*stances));
	tcase_add_test(tcase, a_plain_write_past_the_limit_raises_the_signal);
	return run_case("lowered", tcase);
}
