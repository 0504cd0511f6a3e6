/* SPDX-License-Identifier: MIT */

/*
 * Guard pages inside a mapping, where the kernel has them, and an error where it or a sandbox does not.
 */

#include "tests/support/sandbox.h"
#include "tests/support/support.h"

#include "lib/guard.h"
#include "lib/sys.h"

static void require_guards(void)
{
	if (guard_probe() < 0)
		skip_test("this kernel has no MADV_GUARD_INSTALL");
}

START_TEST(a_guard_page_is_inaccessible_and_no_mapping)
{
	char *pages = map_private(3 * page_size());
	size_t before;

	require_guards();
	before = count_mappings_in(pages, 3 * page_size());
	ck_assert_int_eq(guard_install(pages + page_size(), page_size()), 0);
	ck_assert_uint_eq(count_mappings_in(pages, 3 * page_size()), before);
	ck_assert_int_eq(sealmem_try_write(pages + page_size() - 1, "x", 1), 0);
	ck_assert_int_eq(sealmem_try_write(pages + page_size(), "x", 1), -EFAULT);
	ck_assert_int_eq(sealmem_try_write(pages + 2 * page_size() - 1, "x", 1), -EFAULT);
	ck_assert_int_eq(sealmem_try_write(pages + 2 * page_size(), "x", 1), 0);
}
END_TEST

START_TEST(locked_memory_takes_none)
{
	char *page = map_private(page_size());

	require_guards();
	/* The function of the C library does nothing under AddressSanitizer. */
	ck_assert_int_eq(sys_mlock(page, page_size()), 0);
	ck_assert_int_eq(guard_install(page, page_size()), -EINVAL);
	ck_assert_int_eq(sealmem_try_write(page, "x", 1), 0);
}
END_TEST

START_TEST(a_sandbox_that_pretends_is_not_believed)
{
	char *page = map_private(page_size());

	forbid(SYS_madvise, 0);
	ck_assert_int_eq(guard_install(page, page_size()), -EINVAL);
	ck_assert_int_eq(guard_probe(), -EINVAL);
}
END_TEST

START_TEST(a_kernel_without_them_says_so)
{
	forbid(SYS_madvise, EINVAL);
	ck_assert_int_eq(guard_probe(), -EINVAL);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_guard_page_is_inaccessible_and_no_mapping,
		locked_memory_takes_none,
		a_sandbox_that_pretends_is_not_believed,
		a_kernel_without_them_says_so,
	};

	return RUN_TESTS("guard", tests);
}
