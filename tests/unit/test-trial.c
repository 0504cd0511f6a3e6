/* SPDX-License-Identifier: MIT */

/*
 * A filter that kills at a call of the library: the process lives, and the call is refused like one that a filter
 * answers with EPERM.
 */

#include "tests/support/sandbox.h"
#include "tests/support/support.h"

#include "lib/trial.h"

#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/wait.h>

START_TEST(a_call_that_kills_is_refused)
{
	forbid_fatally(__NR_mseal);
	forbid_fatally(__NR_memfd_secret);
	forbid_fatally(SYS_seccomp);
	trial_learn(TRIAL_MSEAL);
	trial_learn(TRIAL_MEMFD_SECRET);
	trial_learn(TRIAL_SECCOMP);
	ck_assert_int_eq(trial_mseal(NULL, 0, 0), -EPERM);
	ck_assert_int_eq(trial_memfd_secret(), -EPERM);
	ck_assert_int_eq(trial_seccomp_can_refuse(), -EPERM);
}
END_TEST

START_TEST(a_call_that_does_not_kill_is_made)
{
	forbid_fatally(__NR_memfd_secret);
	forbid(__NR_mseal, ENOTTY);
	trial_learn(TRIAL_MSEAL);
	ck_assert_int_eq(trial_refused(TRIAL_MSEAL), 0);
	ck_assert_int_eq(trial_mseal(NULL, 0, 0), -ENOTTY);
}
END_TEST

START_TEST(a_process_without_a_filter_makes_no_child)
{
	if (sys_seccomp_mode() != SECCOMP_MODE_DISABLED)
		skip_test("this process has a filter");
	trial_learn(TRIAL_MSEAL);
	forbid_fatally(__NR_mseal);
	trial_learn(TRIAL_MSEAL);
	ck_assert_int_eq(trial_mseal(NULL, 0, 0), -EPERM);
}
END_TEST

START_TEST(without_a_child_nothing_is_learned)
{
	forbid(SYS_clone, EAGAIN);
	trial_learn(TRIAL_MSEAL);
	ck_assert_int_eq(trial_refused(TRIAL_MSEAL), 0);
}
END_TEST

/* Each function that needs the calls, in a process that a filter would kill. */
START_TEST(regions_and_ranges_are_refused_and_unchanged)
{
	struct sealmem_region *region = NULL;
	char *page = map_private(page_size());

	*page = 'x';
	forbid_fatally(__NR_mseal);
	forbid_fatally(__NR_memfd_secret);
	ck_assert_int_eq(sealmem_region_new(&region, "test", 1, SEALMEM_SECRECY), -EOPNOTSUPP);
	ck_assert_int_eq(sealmem_region_new(&region, "test", 1, SEALMEM_CONTENT | SEALMEM_ADDRESS),
			 -EOPNOTSUPP);
	ck_assert_ptr_null(region);
	ck_assert_int_eq(sealmem_seal_range(page, page_size(), SEALMEM_ADDRESS), -EOPNOTSUPP);
	ck_assert_int_eq(sealmem_mseal(page, page_size(), 0), -EOPNOTSUPP);
	ck_assert_int_eq(*page, 'x');
	*page = 'y';
	ck_assert_int_eq(munmap(page, page_size()), 0);
}
END_TEST

START_TEST(the_emulation_is_refused_where_seccomp_kills)
{
	forbid_fatally(SYS_seccomp);
	ck_assert_int_eq(sealmem_allow_emulation(), -EOPNOTSUPP);
}
END_TEST

START_TEST(a_seal_is_emulated_where_mseal_kills)
{
	struct sealmem_region *region;

	require_filter();
	forbid_fatally(__NR_mseal);
	ck_assert_int_eq(sealmem_allow_emulation(), 0);
	region = sealed_region("test", 1, SEALMEM_CONTENT | SEALMEM_ADDRESS);
	ck_assert_int_eq(munmap(sealmem_region_data(region), page_size()), -1);
	ck_assert_int_eq(errno, EPERM);
}
END_TEST

START_TEST(no_child_is_left_to_wait_for)
{
	forbid_fatally(__NR_mseal);
	trial_learn(TRIAL_MSEAL);
	ck_assert_int_eq(waitpid(-1, NULL, __WALL), -1);
	ck_assert_int_eq(errno, ECHILD);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		a_call_that_kills_is_refused,
		a_call_that_does_not_kill_is_made,
		a_process_without_a_filter_makes_no_child,
		without_a_child_nothing_is_learned,
		regions_and_ranges_are_refused_and_unchanged,
		the_emulation_is_refused_where_seccomp_kills,
		a_seal_is_emulated_where_mseal_kills,
		no_child_is_left_to_wait_for,
	};

	return RUN_TESTS("trial", tests);
}
