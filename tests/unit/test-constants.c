/* SPDX-License-Identifier: MIT */
/* The numbers of the header as data: a binding must find each of them, with the value that C has. */

#include "tests/support/support.h"

#include <string.h>

static const struct sealmem_constant *find(const char *name)
{
	const struct sealmem_constant *c = sealmem_constants();

	while (c->name && strcmp(c->name, name) != 0)
		c++;
	return c->name ? c : NULL;
}

START_TEST(the_guarantees_have_their_names_and_values)
{
	unsigned all = 0;

	for (unsigned g = 1; g & SEALMEM_GUARANTEES; g <<= 1) {
		const struct sealmem_constant *c = find(sealmem_guarantee_name(g));

		ck_assert_ptr_nonnull(c);
		ck_assert_uint_eq(c->value, g);
		all |= g;
	}
	ck_assert_uint_eq(find("GUARANTEES")->value, all);
}
END_TEST

START_TEST(limits_and_flags_have_the_values_of_the_header)
{
	ck_assert_uint_eq(find("NAME_MAX")->value, SEALMEM_NAME_MAX);
	ck_assert_uint_eq(find("LABEL_MAX")->value, SEALMEM_LABEL_MAX);
	ck_assert_uint_eq(find("PAGE_MAX")->value, SEALMEM_PAGE_MAX);
	ck_assert_uint_eq(find("EXTENTS_MAX")->value, SEALMEM_EXTENTS_MAX);
	ck_assert_uint_eq(find("IMAGE_DEEP")->value, SEALMEM_IMAGE_DEEP);
	ck_assert_uint_eq(find("IMAGE_TRY")->value, SEALMEM_IMAGE_TRY);
	ck_assert_uint_eq(find("VERSION_NUMBER")->value, SEALMEM_VERSION_NUMBER);
}
END_TEST

START_TEST(no_name_occurs_twice)
{
	for (const struct sealmem_constant *c = sealmem_constants(); c->name; c++)
		ck_assert_ptr_eq(find(c->name), c);
}
END_TEST

START_TEST(a_page_has_the_size_that_the_kernel_takes)
{
	void *page;

	ck_assert_uint_eq(sealmem_page_size(), page_size());
	ck_assert_int_eq(sys_mmap(&page, NULL, 2 * page_size(), PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1),
			 0);
	ck_assert_int_eq(sealmem_seal_range(page, sealmem_page_size() / 2, SEALMEM_CONTENT),
			 -EINVAL);
	ck_assert_int_eq(sealmem_seal_range(page, sealmem_page_size(), SEALMEM_CONTENT), 0);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		the_guarantees_have_their_names_and_values,
		limits_and_flags_have_the_values_of_the_header,
		no_name_occurs_twice,
		a_page_has_the_size_that_the_kernel_takes,
	};

	return RUN_TESTS("constants", tests);
}
