/* SPDX-License-Identifier: MIT */

/*
 * What sealmem_supported() says against what a region then really gets, on this machine and on machines
 * that give less; and that a program does not notice how it was found out.
 */

#include "tests/support/sandbox.h"
#include "tests/support/support.h"

#include "lib/probe.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

/* Whether a region with this guarantee can be made, used and sealed. */
static bool is_given(unsigned guarantee)
{
	SCOPED_REGION *region = NULL;
	unsigned kind = guarantee == SEALMEM_SECRECY ? 0 : SEALMEM_CONTENT;

	if (sealmem_region_new(&region, "test", 1, kind | guarantee) != 0)
		return false;
	*(char *)sealmem_region_data(region) = 'x';
	return sealmem_region_seal(region) == 0;
}

/* For each guarantee what was said is what is given. */
static void assert_true_answer(void)
{
	unsigned supported = sealmem_supported();

	for (unsigned bit = 1; bit <= SEALMEM_GUARANTEES; bit <<= 1)
		ck_assert_msg(is_given(bit) == ((supported & bit) != 0), "%s: %s",
			      sealmem_guarantee_name(bit),
			      supported & bit ? "said to be given" : "given");
}

START_TEST(every_supported_guarantee_is_given)
{
	assert_true_answer();
}
END_TEST

START_TEST(every_supported_guarantee_is_given_to_a_plain_user)
{
	become_plain_user();
	assert_true_answer();
}
END_TEST

START_TEST(content_is_supported_here)
{
	ck_assert_uint_eq(sealmem_supported() & SEALMEM_CONTENT, SEALMEM_CONTENT);
}
END_TEST

START_TEST(the_version_is_the_same_in_words_and_in_numbers)
{
	char numbers[32];

	(void)snprintf(numbers, sizeof(numbers), "%d.%d.%d", SEALMEM_VERSION_MAJOR,
		       SEALMEM_VERSION_MINOR, SEALMEM_VERSION_MICRO);
	ck_assert_str_eq(numbers, SEALMEM_VERSION);
	ck_assert_str_eq(sealmem_version(), SEALMEM_VERSION);
	ck_assert_int_eq(SEALMEM_VERSION_NUMBER, 100);
}
END_TEST

START_TEST(nothing_but_guarantees_is_supported)
{
	ck_assert_uint_eq(sealmem_supported() & ~SEALMEM_GUARANTEES, 0);
}
END_TEST

START_TEST(address_is_supported_where_the_kernel_has_mseal)
{
	require_mseal();
	ck_assert_uint_eq(sealmem_supported() & SEALMEM_ADDRESS, SEALMEM_ADDRESS);
}
END_TEST

START_TEST(address_is_supported_where_it_may_be_emulated)
{
	unsigned before;

	if (sys_mseal(NULL, 0, 0) == 0)
		forbid(__NR_mseal, ENOSYS);
	before = sealmem_supported();
	emulate_mseal();
	ck_assert_uint_eq(before & SEALMEM_ADDRESS, 0);
	ck_assert_uint_eq(sealmem_supported(), before | SEALMEM_ADDRESS);
	assert_true_answer();
}
END_TEST

START_TEST(asking_twice_gives_the_same_answer)
{
	unsigned supported = sealmem_supported();

	ck_assert_uint_eq(sealmem_supported(), supported);
}
END_TEST

START_TEST(asking_leaks_nothing)
{
	struct census before;

	(void)sealmem_region_free(sealed_region("test", 1, SEALMEM_CONTENT));
	before = take_census();
	(void)sealmem_supported();
	assert_same_census(before);
}
END_TEST

static volatile sig_atomic_t children_ended;

static void count_child(int signal)
{
	(void)signal;
	children_ended = children_ended + 1;
}

static int do_nothing(void *argument)
{
	return argument != NULL;
}

START_TEST(asking_raises_no_sigchld)
{
	signal(SIGCHLD, count_child);
	assert_child_succeeds(do_nothing, NULL);
	ck_assert_int_eq(children_ended, 1);
	(void)sealmem_supported();
	ck_assert_int_eq(children_ended, 1);
}
END_TEST

START_TEST(asking_leaves_no_child_to_wait_for)
{
	(void)sealmem_supported();
	ck_assert_int_eq(wait(NULL), -1);
	ck_assert_int_eq(errno, ECHILD);
}
END_TEST

START_TEST(asking_leaves_no_child_of_any_kind)
{
	(void)sealmem_supported();
	ck_assert_int_eq(waitpid(-1, NULL, __WALL), -1);
	ck_assert_int_eq(errno, ECHILD);
}
END_TEST

START_TEST(asking_does_not_take_the_child_of_another)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(7);
	(void)sealmem_supported();
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(status), 7);
}
END_TEST

START_TEST(asking_works_where_children_are_not_waited_for)
{
	require_mseal();
	signal(SIGCHLD, SIG_IGN);
	ck_assert_uint_eq(sealmem_supported() & SEALMEM_ADDRESS, SEALMEM_ADDRESS);
}
END_TEST

START_TEST(asking_seals_no_address_of_this_process)
{
	struct maps maps;
	struct maps_entry entry;

	(void)sealmem_supported();
	ck_assert_int_eq(maps_open(&maps), 0);
	while (maps_next(&maps, &entry) > 0)
		ck_assert_ptr_null(strstr(entry.name, "sealmem:probe"));
	maps_close(&maps);
}
END_TEST

START_TEST(without_mseal_address_is_not_supported)
{
	forbid(__NR_mseal, ENOSYS);
	ck_assert_uint_eq(sealmem_supported() & SEALMEM_ADDRESS, 0);
	assert_true_answer();
}
END_TEST

START_TEST(a_call_that_kills_is_one_that_is_not_supported)
{
	forbid_fatally(__NR_mseal);
	forbid_fatally(__NR_memfd_secret);
	ck_assert_uint_eq(sealmem_supported() & (SEALMEM_ADDRESS | SEALMEM_SECRECY), 0);
	assert_true_answer();
}
END_TEST

START_TEST(with_mseal_that_does_nothing_address_is_not_supported)
{
	forbid(__NR_mseal, 0);
	ck_assert_uint_eq(sealmem_supported() & SEALMEM_ADDRESS, 0);
}
END_TEST

START_TEST(address_is_answered_even_where_no_child_can_be_made)
{
	require_mseal();
	forbid(SYS_clone, EPERM);
	ck_assert_uint_eq(sealmem_supported() & SEALMEM_ADDRESS, SEALMEM_ADDRESS);
}
END_TEST

START_TEST(without_memfd_create_nothing_is_supported)
{
	forbid(SYS_memfd_create, ENOSYS);
	assert_true_answer();
}
END_TEST

START_TEST(without_mlock_noswap_is_not_supported)
{
	forbid(SYS_mlock, EPERM);
	forbid(SYS_mlock2, EPERM);
	ck_assert_uint_eq(sealmem_supported() & SEALMEM_NOSWAP, 0);
	assert_true_answer();
}
END_TEST

START_TEST(without_madvise_the_guarantees_that_need_it_are_not_supported)
{
	forbid(SYS_madvise, ENOSYS);
	assert_true_answer();
}
END_TEST

START_TEST(without_proc_the_answer_is_true)
{
	hide_proc();
	assert_true_answer();
}
END_TEST

START_TEST(without_permission_to_lock_noswap_is_not_supported)
{
	become_plain_user();
	set_limit(RLIMIT_MEMLOCK, 0);
	ck_assert_uint_eq(sealmem_supported() & SEALMEM_NOSWAP, 0);
	assert_true_answer();
}
END_TEST

static unsigned supported_with_descriptors(int free)
{
	SCOPED_SHORTAGE shortage = leave_descriptors(free);

	(void)shortage;
	return sealmem_supported();
}

START_TEST(a_passing_shortage_of_descriptors_is_forgotten)
{
	ck_assert_uint_eq(supported_with_descriptors(0) & SEALMEM_CONTENT, 0);
	assert_true_answer();
}
END_TEST

START_TEST(each_guarantee_has_its_name)
{
	ck_assert_str_eq(sealmem_guarantee_name(SEALMEM_CONTENT), "CONTENT");
	ck_assert_str_eq(sealmem_guarantee_name(SEALMEM_ADDRESS), "ADDRESS");
	ck_assert_str_eq(sealmem_guarantee_name(SEALMEM_SECRECY), "SECRECY");
	ck_assert_str_eq(sealmem_guarantee_name(SEALMEM_NOSWAP), "NOSWAP");
	ck_assert_str_eq(sealmem_guarantee_name(SEALMEM_NODUMP), "NODUMP");
	ck_assert_str_eq(sealmem_guarantee_name(SEALMEM_NOFORK), "NOFORK");
	ck_assert_str_eq(sealmem_guarantee_name(SEALMEM_GUARDS), "GUARDS");
}
END_TEST

START_TEST(only_a_single_guarantee_has_a_name)
{
	ck_assert_ptr_null(sealmem_guarantee_name(0));
	ck_assert_ptr_null(sealmem_guarantee_name(SEALMEM_CONTENT | SEALMEM_ADDRESS));
	ck_assert_ptr_null(sealmem_guarantee_name(SEALMEM_GUARANTEES));
	ck_assert_ptr_null(sealmem_guarantee_name(SEALMEM_GUARANTEES + 1));
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		every_supported_guarantee_is_given,
		every_supported_guarantee_is_given_to_a_plain_user,
		content_is_supported_here,
		nothing_but_guarantees_is_supported,
		the_version_is_the_same_in_words_and_in_numbers,
		address_is_supported_where_the_kernel_has_mseal,
		address_is_supported_where_it_may_be_emulated,
		asking_twice_gives_the_same_answer,
		asking_leaks_nothing,
		asking_raises_no_sigchld,
		asking_leaves_no_child_to_wait_for,
		asking_leaves_no_child_of_any_kind,
		asking_does_not_take_the_child_of_another,
		asking_works_where_children_are_not_waited_for,
		asking_seals_no_address_of_this_process,
		without_mseal_address_is_not_supported,
		a_call_that_kills_is_one_that_is_not_supported,
		with_mseal_that_does_nothing_address_is_not_supported,
		address_is_answered_even_where_no_child_can_be_made,
		without_memfd_create_nothing_is_supported,
		without_mlock_noswap_is_not_supported,
		without_madvise_the_guarantees_that_need_it_are_not_supported,
		without_proc_the_answer_is_true,
		without_permission_to_lock_noswap_is_not_supported,
		a_passing_shortage_of_descriptors_is_forgotten,
		each_guarantee_has_its_name,
		only_a_single_guarantee_has_a_name,
	};

	return RUN_TESTS("probe", tests);
}
