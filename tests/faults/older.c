/* SPDX-License-Identifier: MIT */

/*
 * A kernel before Linux 4.17, as far as mmap(2) goes: it does not know MAP_FIXED_NOREPLACE, takes the address only as a
 * wish, and maps elsewhere where something is mapped. No such mapping stays, and none counts as the one that was asked
 * for.
 */

#include "tests/support/sandbox.h"
#include "tests/support/support.h"

#include "lib/mapping.h"

#include <stdarg.h>
#include <sys/syscall.h>

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

/* The linker puts the function below in the place of the C library's. What it did cannot be handed to its callers. */
static unsigned ignored;

/* Takes six arguments whatever was passed, as the kernel does; the sanitizer need not mind. */
__attribute__((no_sanitize_address)) long __wrap_syscall(long number, ...)
{
	long args[6];
	va_list list;

	va_start(list, number);
	for (size_t i = 0; i < 6; i++)
		args[i] = va_arg(list, long);
	va_end(list);
	if (number == SYS_OWN_MMAP && args[3] & MAP_FIXED_NOREPLACE) {
		args[3] &= ~(long)MAP_FIXED_NOREPLACE;
		ignored++;
	}
	return __real_syscall(number, args[0], args[1], args[2], args[3], args[4], args[5]);
}

START_TEST(addresses_in_use_are_refused_and_nothing_stays_elsewhere)
{
	char *used = map_private(page_size());
	void *at = &ignored;
	struct census before;

	fill(used, page_size());
	before = take_census();
	ck_assert_int_eq(mapping_reserve_free(&at, used, page_size()), -EEXIST);
	ck_assert_uint_eq(ignored, 1);
	ck_assert_ptr_eq(at, &ignored);
	assert_filled(used, page_size());
	assert_same_census(before);
}
END_TEST

START_TEST(the_mapping_elsewhere_is_given_back)
{
	char *used = map_private(page_size()), *next;
	void *at;

	/* The kernel would put the next mapping of this size where it put the refused one. */
	next = map_private(page_size());
	ck_assert_int_eq(munmap(next, page_size()), 0);
	ck_assert_int_eq(mapping_reserve_free(&at, used, page_size()), -EEXIST);
	ck_assert(!is_mapped(next));
}
END_TEST

START_TEST(free_addresses_are_reserved)
{
	char *free = map_private(page_size());
	void *at = NULL;

	ck_assert_int_eq(munmap(free, page_size()), 0);
	ck_assert_int_eq(mapping_reserve_free(&at, free, page_size()), 0);
	ck_assert_uint_eq(ignored, 1);
	ck_assert_ptr_eq(at, free);
	ck_assert(is_mapped(free));
}
END_TEST

START_TEST(emulated_seals_hold)
{
	SCOPED_REGION *region = NULL;
	char *data;

	emulate_mseal();
	region = sealed_region("older", page_size(), SEALMEM_CONTENT | SEALMEM_ADDRESS);
	data = sealmem_region_data(region);
	ck_assert_uint_gt(ignored, 0);
	ck_assert_int_eq(munmap(data, page_size()), -1);
	ck_assert_int_eq(errno, EPERM);
	assert_sealed(data, page_size());
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		addresses_in_use_are_refused_and_nothing_stays_elsewhere,
		the_mapping_elsewhere_is_given_back,
		free_addresses_are_reserved,
		emulated_seals_hold,
	};

	return RUN_TESTS("older", tests);
}
