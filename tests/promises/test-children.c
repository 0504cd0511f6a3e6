/* SPDX-License-Identifier: MIT */

/*
 * A region belongs to the process that made it. A child has a copy of the handle, and where the region was there
 * may be memory of its own: whatever it does with the handle, that memory stays, and so does the region of its
 * parent.
 */

#include "tests/support/scale.h"
#include "tests/support/support.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

#define SIZE (4 * page_size())

static const unsigned kinds[] = {
	SEALMEM_CONTENT,
	SEALMEM_CONTENT | SEALMEM_NODUMP | SEALMEM_GUARDS,
	SEALMEM_CONTENT | SEALMEM_ADDRESS,
	SEALMEM_SECRECY,
	SEALMEM_SECRECY | SEALMEM_CONTENT | SEALMEM_ADDRESS,
};

/* Of an open region of each kind that this kernel and this user have. */
static void try_each_kind(void (*try)(struct sealmem_region *region))
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		SCOPED_REGION *region = NULL;

		if (kinds[i] & ~sealmem_supported())
			continue;
		region = open_region("child", SIZE, kinds[i]);
		try(region);
	}
}

/* Memory of the child's own in the place of the region, which it did not inherit. */
static char *put_own_memory_at(void *at)
{
	char *own = mmap(at, SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (own == at)
		memset(own, 'c', SIZE);
	return own == at ? own : NULL;
}

static bool is_own(const char *own)
{
	return own[0] == 'c' && memcmp(own, own + 1, SIZE - 1) == 0;
}

static int use_open_handle(void *argument)
{
	struct sealmem_region *region = argument;
	char *own = put_own_memory_at(sealmem_region_data(region));

	if (own == NULL)
		return 1;
	if (sealmem_region_seal(region) != -ESTALE)
		return 2;
	if (sealmem_region_alloc(region, 1, 1) != NULL || errno != ESTALE)
		return 3;
	if (sealmem_region_guarantees(region) != 0 || sealmem_region_fd(region) != -EPERM)
		return 4;
	(void)sealmem_region_free(region);
	own[0] = 'c';
	return is_own(own) ? 0 : 5;
}

/* The same acts of the process that has the region. */
static void use_as_parent(struct sealmem_region *region)
{
	assert_still_open(region, sealmem_region_data(region), SIZE);
	ck_assert_int_eq(sealmem_region_seal(region), 0);
	assert_filled(sealmem_region_data(region), SIZE);
}

static void use_in_child(struct sealmem_region *region)
{
	assert_child_succeeds(use_open_handle, region);
	use_as_parent(region);
}

START_TEST(a_child_cannot_use_an_open_handle)
{
	try_each_kind(use_in_child);
}
END_TEST

static int is_refused(void *argument)
{
	return sealmem_region_seal(argument) == -ESTALE ? 0 : 1;
}

/* pthread_atfork(3) does not see it. */
static void use_in_cloned_child(struct sealmem_region *region)
{
	long child = syscall(SYS_clone, (long)SIGCHLD, NULL, NULL, NULL, NULL);
	int status;

	if (child == 0)
		_exit(use_open_handle(region));
	ck_assert_int_eq(waitpid((pid_t)child, &status, 0), (pid_t)child);
	ck_assert_int_eq(status, 0);
	use_as_parent(region);
}

START_TEST(neither_can_a_child_that_the_c_library_did_not_make)
{
	try_each_kind(use_in_cloned_child);
}
END_TEST

static int seal_and_free(void *argument)
{
	int err = is_refused(argument);

	(void)sealmem_region_free(argument);
	return err;
}

static void run_in_the_same_memory(int (*act)(void *argument), void *argument)
{
	static char stack[1 << 18] __attribute__((aligned(16)));
	int child = clone(act, stack + sizeof(stack), CLONE_VM | SIGCHLD, argument), status;

	ck_assert_int_gt(child, 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}

static void use_in_the_same_memory(struct sealmem_region *region)
{
	run_in_the_same_memory(seal_and_free, region);
	use_as_parent(region);
}

START_TEST(a_process_that_shares_the_memory_neither_seals_nor_frees)
{
	try_each_kind(use_in_the_same_memory);
}
END_TEST

static int free_only(void *argument)
{
	(void)sealmem_region_free(argument);
	return 0;
}

static void free_in_the_same_memory(struct sealmem_region *region)
{
	ck_assert_int_eq(sealmem_region_seal(region), 0);
	run_in_the_same_memory(free_only, region);
	assert_filled(sealmem_region_data(region), SIZE);
}

START_TEST(it_does_not_free_a_sealed_region_either)
{
	try_each_kind(free_in_the_same_memory);
}
END_TEST

static int use_sealed_handle(void *argument)
{
	struct sealmem_region *region = argument;
	char *data = sealmem_region_data(region);

	if (sealmem_region_seal(region) != 0 || !is_filled(data, SIZE))
		return 1;
	if (sealmem_region_guarantees(region) != SEALMEM_CONTENT)
		return 2;
	if (sealmem_region_fd(region) < 0)
		return 3;
	(void)sealmem_region_free(region);
	return is_mapped(data) ? 4 : 0;
}

START_TEST(a_child_reads_asks_and_frees_a_sealed_region)
{
	SCOPED_REGION *region = NULL;

	if (SEALMEM_NOSWAP & ~sealmem_supported())
		skip_test("this user cannot lock memory");
	region = sealed_region("child", SIZE, SEALMEM_CONTENT | SEALMEM_NOSWAP);
	assert_child_succeeds(use_sealed_handle, region);
	ck_assert_uint_eq(sealmem_region_guarantees(region), SEALMEM_CONTENT | SEALMEM_NOSWAP);
	assert_filled(sealmem_region_data(region), SIZE);
}
END_TEST

static int use_hidden_handle(void *argument)
{
	struct sealmem_region *region = argument;
	char *own = put_own_memory_at(sealmem_region_data(region));

	if (own == NULL)
		return 1;
	if (sealmem_region_seal(region) != -ESTALE || sealmem_region_guarantees(region) != 0)
		return 2;
	(void)sealmem_region_free(region);
	return is_own(own) ? 0 : 3;
}

START_TEST(a_child_has_nothing_of_a_sealed_region_with_nofork)
{
	SCOPED_REGION *region = sealed_region("child", SIZE, SEALMEM_CONTENT | SEALMEM_NOFORK);

	assert_child_succeeds(use_hidden_handle, region);
	ck_assert_int_eq(sealmem_region_seal(region), 0);
}
END_TEST

static int have_a_region(void *argument)
{
	SCOPED_REGION *region = open_region("own", SIZE, SEALMEM_CONTENT);

	(void)argument;
	return sealmem_region_seal(region);
}

static void use_another_in_child(struct sealmem_region *region)
{
	assert_child_succeeds(have_a_region, NULL);
	use_as_parent(region);
}

START_TEST(a_child_has_regions_of_its_own)
{
	try_each_kind(use_another_in_child);
}
END_TEST

static volatile sig_atomic_t children_made, children_wrong;

/* 0 if this child has nothing that a call of its parent was about to hide, and is like any process. */
static int inspect_self(void)
{
	char line[256];
	int secrets = 0;
	FILE *maps;

	if (prctl(PR_GET_DUMPABLE) != 1)
		return 1;
	for (int fd = 3; fd < 64; fd++) {
		ssize_t length = readlink(fd_path(fd).text, line, sizeof(line) - 1);

		if (length > 0 && memmem(line, (size_t)length, "secretmem", 9) != NULL)
			return 2;
	}
	maps = fopen("/proc/self/maps", "re");
	while (maps != NULL && fgets(line, sizeof(line), maps) != NULL)
		secrets += strstr(line, "/secretmem") != NULL;
	return maps == NULL || secrets > 0 ? 3 : 0;
}

static void fork_and_inspect(int signal)
{
	int saved = errno, status = -1;
	pid_t child = fork();

	(void)signal;
	if (child == 0)
		_exit(inspect_self());
	if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
		children_wrong++;
	children_made++;
	errno = saved;
}

static void seal_a_secret(void)
{
	struct sealmem_region *region = NULL;

	if (sealmem_region_new(&region, "handler", page_size(), SEALMEM_SECRECY) == 0)
		(void)sealmem_region_free(region);
	/* Any error is that of the limit on locked memory, which children of this test share. */
}

/* From 5 microseconds on, in steps, so that the signal comes at every place of the call. */
static void interrupt_in(long microseconds)
{
	const struct itimerval once = { { 0, 0 }, { 0, microseconds } };

	ck_assert_int_eq(setitimer(ITIMER_REAL, &once, NULL), 0);
}

START_TEST(a_child_of_a_signal_handler_has_nothing_of_a_call)
{
	const struct sigaction action = { .sa_handler = fork_and_inspect, .sa_flags = SA_RESTART };

	if (!(sealmem_supported() & SEALMEM_SECRECY))
		skip_test("this kernel has no memfd_secret(2) for this user");
	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
	for (unsigned i = 0; i < 20 + scaled(400); i++) {
		int before = children_made;

		interrupt_in((long)(5 + i % 60));
		while (children_made == before)
			seal_a_secret();
	}
	ck_assert_int_eq(children_wrong, 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_child_cannot_use_an_open_handle,
		neither_can_a_child_that_the_c_library_did_not_make,
		a_process_that_shares_the_memory_neither_seals_nor_frees,
		it_does_not_free_a_sealed_region_either,
		a_child_reads_asks_and_frees_a_sealed_region,
		a_child_has_nothing_of_a_sealed_region_with_nofork,
		a_child_has_regions_of_its_own,
		a_child_of_a_signal_handler_has_nothing_of_a_call,
	};

	return RUN_TESTS("children", tests);
}
