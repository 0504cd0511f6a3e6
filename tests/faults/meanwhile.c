/* SPDX-License-Identifier: MIT */

/*
 * Another thread that maps memory of its own into a region, or in the place of a guard, while the region is being
 * sealed. No thread has to win a race: the memory is mapped before each system call of the seal in turn, in a process
 * of its own each time. The seal succeeds with the bytes and the guards in place, or it fails.
 */

#include "tests/support/support.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define SIZE (4 * page_size())

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

/* The linker puts the function below in the place of the C library's. What it is to do cannot be handed to it. */
static struct {
	bool armed;
	unsigned next, at;
	bool unmaps;  /* all that is sealed, in place of one page of other memory */
	char *target; /* NULL: the page after the first one of the next shared mapping */
	ssize_t from_data;
} hook;

static void map_other_memory(void)
{
	size_t page = page_size();

	if (hook.unmaps)
		(void)munmap(hook.target, SIZE);
	else if (hook.target != NULL)
		(void)__real_syscall(SYS_OWN_MMAP, hook.target, page, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

/* Takes six arguments whatever was passed, as the kernel does; the sanitizer need not mind. */
__attribute__((no_sanitize_address)) long __wrap_syscall(long number, ...)
{
	long args[6], result;
	va_list list;

	va_start(list, number);
	for (size_t i = 0; i < 6; i++)
		args[i] = va_arg(list, long);
	va_end(list);
	if (hook.armed && hook.next++ == hook.at)
		map_other_memory();
	result = __real_syscall(number, args[0], args[1], args[2], args[3], args[4], args[5]);
	if (hook.armed && hook.target == NULL && number == SYS_OWN_MMAP && args[3] & MAP_SHARED &&
	    result != -1)
		hook.target = (char *)result + hook.from_data;
	return result;
}

/* What is sealed. */
struct subject {
	struct sealmem_region *region, *offered;
	char *data;
	unsigned guarantees;
	bool takes_it;
};

static void open_it(struct subject *s)
{
	s->region = open_region("meanwhile", SIZE, s->guarantees);
	s->data = sealmem_region_data(s->region);
}

static int seal_it(struct subject *s)
{
	return sealmem_region_seal(s->region);
}

static void fill_buffer(struct subject *s)
{
	s->data = map_private(SIZE);
	fill(s->data, SIZE);
}

static int make_it(struct subject *s)
{
	int err = sealmem_region_new_from(&s->region, "meanwhile", s->data, SIZE, s->guarantees);

	if (err == 0)
		s->data = sealmem_region_data(s->region);
	return err;
}

static void offer_it(struct subject *s)
{
	s->offered = sealed_region("offered", SIZE, SEALMEM_CONTENT);
}

static int accept_it(struct subject *s)
{
	int err = sealmem_region_accept(&s->region, sealmem_region_fd(s->offered), s->guarantees);

	if (err == 0)
		s->data = sealmem_region_data(s->region);
	return err;
}

static int seal_range(struct subject *s)
{
	return sealmem_seal_range(s->data, SIZE, s->guarantees);
}

#define CA (SEALMEM_CONTENT | SEALMEM_ADDRESS)

/* Where the other memory comes: by pages from the start. */
enum { BEFORE = -1, INSIDE = 1, AFTER = 4 };

static const struct way {
	const char *name;
	void (*prepare)(struct subject *s);
	int (*act)(struct subject *s);
	unsigned guarantees;
	int place;
	bool takes_it; /* memory that comes early is a part of what is sealed */
} ways[] = {
	{ "seal", open_it, seal_it, CA, INSIDE, false },
	{ "seal NOSWAP", open_it, seal_it, CA | SEALMEM_NOSWAP, INSIDE, false },
	{ "seal GUARDS", open_it, seal_it, CA | SEALMEM_GUARDS, INSIDE, false },
	{ "seal, guard before", open_it, seal_it, CA | SEALMEM_GUARDS, BEFORE, false },
	{ "seal, guard after", open_it, seal_it, CA | SEALMEM_GUARDS, AFTER, false },
	{ "seal secret", open_it, seal_it, CA | SEALMEM_SECRECY, INSIDE, false },
	{ "seal open secret", open_it, seal_it, SEALMEM_SECRECY | SEALMEM_ADDRESS, INSIDE, false },
	{ "new_from", fill_buffer, make_it, CA, INSIDE, false },
	{ "new_from, guard", fill_buffer, make_it, CA | SEALMEM_GUARDS, AFTER, false },
	{ "accept", offer_it, accept_it, CA, INSIDE, false },
	{ "range", fill_buffer, seal_range, CA, INSIDE, true },
};

/* What the runs say, each of them a process. */
static struct shared {
	unsigned calls, done, in_use, lost;
} * shared;

/* The other memory has zeroes. */
static bool has_other_page(const char *data)
{
	const char *other = data + page_size();

	return *other == 0 && memcmp(other, other + 1, page_size() - 1) == 0;
}

static bool is_whole(const struct subject *s)
{
	bool guards = s->guarantees & SEALMEM_GUARDS;
	bool content = is_filled(s->data, SIZE) || (s->takes_it && has_other_page(s->data));

	if (s->guarantees & SEALMEM_CONTENT && !content)
		return false;
	if (guards && (sealmem_try_write(s->data - 1, "x", 1) == 0 ||
		       sealmem_try_write(s->data + SIZE, "x", 1) == 0))
		return false;
	for (size_t at = 0; at < SIZE && s->guarantees & SEALMEM_CONTENT; at += page_size())
		if (sealmem_try_write(s->data + at, "x", 1) != -EFAULT)
			return false;
	return guards || munmap(s->data + page_size(), page_size()) < 0;
}

/* A region that holds something else for good says so, for good. */
static int judge_lost(struct subject *s)
{
	shared->lost++;
	if (s->region == NULL)
		return 0;
	if (sealmem_region_guarantees(s->region) != 0)
		return 2;
	return sealmem_region_seal(s->region) == -ENOTRECOVERABLE ? 0 : 3;
}

static int judge(struct subject *s, int err)
{
	if (err == -ENOTRECOVERABLE)
		return judge_lost(s);
	shared->in_use += err == -EADDRINUSE;
	shared->done += err == 0;
	if (err != 0)
		return err == -EADDRINUSE ? 0 : 4;
	return is_whole(s) ? 0 : 5;
}

static int run_way(const struct way *way, unsigned at)
{
	struct subject s = { .guarantees = way->guarantees, .takes_it = way->takes_it };
	int err;

	way->prepare(&s);
	hook.from_data = way->place * (ssize_t)page_size();
	hook.target = s.data != NULL && way->act != make_it ? s.data + hook.from_data : NULL;
	hook.at = at;
	hook.armed = true;
	err = way->act(&s);
	hook.armed = false;
	shared->calls = hook.next;
	if (s.guarantees & SEALMEM_SECRECY && !(s.guarantees & SEALMEM_CONTENT) && err == 0)
		shared->done++;
	else
		return judge(&s, err);
	/* It may be written: other memory in it is known by its bytes. */
	return is_filled(s.data, SIZE) ? 0 : 6;
}

static void run_in_child(const struct way *way, unsigned at)
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(run_way(way, at));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(status == 0, "%s, before call %u: status %#x", way->name, at, status);
}

static void try_way(const struct way *way)
{
	*shared = (struct shared){ 0 };
	run_in_child(way, UINT_MAX);
	ck_assert_uint_eq(shared->done, 1);
	for (unsigned at = 0, calls = shared->calls; at < calls; at++)
		run_in_child(way, at);
	printf("%s: %u calls, %u sealed, %u refused, %u lost\n", way->name, shared->calls,
	       shared->done - 1, shared->in_use, shared->lost);
	ck_assert_uint_gt(shared->in_use, 0);
	ck_assert_uint_gt(shared->lost, 0);
}

static void map_shared_answers(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	ck_assert_ptr_ne(shared, MAP_FAILED);
}

START_TEST(a_seal_never_succeeds_over_other_memory)
{
	require_mseal();
	map_shared_answers();
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (!(ways[i].guarantees & ~sealmem_supported()))
			try_way(&ways[i]);
}
END_TEST

static int seal_unmapped(unsigned at)
{
	struct subject s = { .guarantees = CA | SEALMEM_NOSWAP };
	int err;

	fill_buffer(&s);
	hook.unmaps = true;
	hook.target = s.data;
	hook.at = at;
	hook.armed = true;
	err = seal_range(&s);
	hook.armed = false;
	shared->calls = hook.next;
	shared->done += err == 0;
	return err < 0 || is_filled(s.data, SIZE) ? 0 : 1;
}

/* The kernel puts mappings that the library makes for itself where there is room, and so in the place of the range. */
START_TEST(a_range_that_was_unmapped_is_not_sealed_with_other_bytes)
{
	require_mseal();
	map_shared_answers();
	for (unsigned at = 0; at <= shared->calls; at++) {
		int status;
		pid_t pid = fork();

		if (pid == 0)
			_exit(seal_unmapped(at));
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_msg(status == 0, "before call %u: status %#x", at, status);
	}
	ck_assert_uint_gt(shared->done, 0);
	ck_assert_uint_lt(shared->done, shared->calls);
}
END_TEST

/* Without ADDRESS a guard can be replaced at any time after, but not before. */
START_TEST(a_guard_that_was_replaced_is_found_before_anything_changes)
{
	struct sealmem_region *region =
		open_region("meanwhile", SIZE, SEALMEM_CONTENT | SEALMEM_GUARDS);
	char *data = sealmem_region_data(region);

	ck_assert_int_eq(mprotect(data + SIZE, page_size(), PROT_READ | PROT_WRITE), 0);
	data[SIZE] = 'o';
	ck_assert_int_eq(sealmem_region_seal(region), -EADDRINUSE);
	assert_still_open(region, data, SIZE);
	ck_assert_int_eq(data[SIZE], 'o');
	ck_assert_int_eq(mprotect(data + SIZE, page_size(), PROT_NONE), 0);
	ck_assert_int_eq(sealmem_region_seal(region), 0);
	assert_sealed(data, SIZE);
}
END_TEST

START_TEST(memory_in_an_open_region_is_found_before_anything_changes)
{
	struct sealmem_region *region = NULL;
	char *data;

	require_mseal();
	region = open_region("meanwhile", SIZE, CA);
	data = sealmem_region_data(region);
	hook.target = data + page_size();
	map_other_memory();
	data[page_size()] = 'o';
	ck_assert_int_eq(sealmem_region_seal(region), -EADDRINUSE);
	ck_assert_int_eq(data[page_size()], 'o');
	data[0] = 1;
	ck_assert_int_eq(munmap(data + page_size(), page_size()), 0);
	ck_assert_int_eq(sealmem_region_seal(region), -EADDRINUSE);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_seal_never_succeeds_over_other_memory,
		a_range_that_was_unmapped_is_not_sealed_with_other_bytes,
		a_guard_that_was_replaced_is_found_before_anything_changes,
		memory_in_an_open_region_is_found_before_anything_changes,
	};

	return RUN_TESTS("meanwhile", tests);
}
