/* SPDX-License-Identifier: MIT */

/*
 * A secret that is stored by its descriptor and taken back: by this process, or by a program that it executes. The
 * bytes are looked for in what was stored, first to see that the search finds them.
 */

#include "tests/support/sandbox.h"
#include "tests/support/support.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SECRET SEALMEM_SECRECY
/* CONTENT of a secret rests on its address. */
#define SEALED (SEALMEM_SECRECY | SEALMEM_CONTENT | SEALMEM_ADDRESS)

static const size_t sizes[] = { 1, 32, 4095, 4096, 4097, 20000 };

/* More than an address space has. */
#define NO_ROOM (sizeof(size_t) == 8 ? (size_t)(UINT64_C(1) << 50) : SIZE_MAX << 20)

#define SIZES (sizeof(sizes) / sizeof(*sizes))

static void require_secret(void)
{
	if (!(sealmem_supported() & SECRET))
		skip_test("no memfd_secret(2)");
}

static int stored(size_t size)
{
	SCOPED_REGION *r = sealed_region("key", size, SECRET);
	int fd = sealmem_secret_store(r);

	ck_assert_int_ge(fd, 0);
	return fd;
}

/* What somebody who has the descriptor sees. */
static char *look(int fd, size_t size)
{
	char *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	ck_assert_ptr_ne(bytes, MAP_FAILED);
	return bytes;
}

START_TEST(a_secret_comes_back)
{
	const unsigned demands[] = { SECRET, SEALED, SECRET | SEALMEM_GUARDS, SEALMEM_GUARANTEES };

	require_secret();
	for (size_t i = 0; i < SIZES; i++)
		for (size_t j = 0; j < sizeof(demands) / sizeof(*demands); j++) {
			SCOPED_REGION *r = NULL;

			if (demands[j] & ~sealmem_supported())
				continue;
			ck_assert_int_eq(
				sealmem_secret_restore(&r, stored(sizes[i]), "back", demands[j]),
				0);
			ck_assert_uint_eq(sealmem_region_size(r), sizes[i]);
			ck_assert_str_eq(sealmem_region_name(r), "back");
			ck_assert_uint_eq(sealmem_region_guarantees(r) & demands[j], demands[j]);
			assert_filled(sealmem_region_data(r), sizes[i]);
			assert_zeroed((char *)sealmem_region_data(r) + sizes[i],
				      page_round_up(sizes[i]) - sizes[i]);
		}
}
END_TEST

START_TEST(what_was_stored_is_wiped_and_closed)
{
	SCOPED_REGION *r = NULL;
	char *seen;
	int fd;

	require_secret();
	fd = stored(10000);
	seen = look(fd, 10000);
	assert_filled(seen, 10000);
	ck_assert_int_eq(sealmem_secret_restore(&r, fd, "back", SECRET), 0);
	assert_zeroed(seen, page_round_up(10000));
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
	assert_filled(sealmem_region_data(r), 10000);
}
END_TEST

START_TEST(who_has_what_was_stored_does_not_reach_the_restored_region)
{
	SCOPED_REGION *r = NULL;
	char *seen;
	int fd;

	require_secret();
	fd = stored(100);
	seen = look(fd, 100);
	ck_assert_int_eq(sealmem_secret_restore(&r, fd, "back", SECRET), 0);
	memset(seen, 'x', 100);
	assert_filled(sealmem_region_data(r), 100);
}
END_TEST

START_TEST(a_second_restore_is_enodata)
{
	CLEANUP(close_fd_at) int again = -1;
	SCOPED_REGION *r = NULL;
	struct sealmem_region *none = NULL;
	int fd;

	require_secret();
	fd = stored(100);
	again = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	ck_assert_int_eq(sealmem_secret_restore(&r, fd, "back", SECRET), 0);
	ck_assert_int_eq(sealmem_secret_restore(&none, again, "back", SECRET), -ENODATA);
	ck_assert_int_eq(sealmem_secret_restore(&none, fd, "back", SECRET), -EBADF);
	ck_assert_ptr_null(none);
}
END_TEST

START_TEST(storing_leaves_the_region_and_one_descriptor)
{
	SCOPED_REGION *r = NULL;
	struct census before;
	int fd;

	require_secret();
	r = sealed_region("key", 5000, SECRET);
	before = take_census();
	fd = sealmem_secret_store(r);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(take_census().descriptors, before.descriptors + 1);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(close(fd), 0);
	assert_same_census(before);
	assert_filled(sealmem_region_data(r), 5000);
}
END_TEST

/* The size can be set once, so nobody cuts off what was stored. */
START_TEST(what_was_stored_keeps_its_size)
{
	CLEANUP(close_fd_at) int fd = -1;

	require_secret();
	fd = stored(5000);
	ck_assert_int_eq(ftruncate(fd, 0), -1);
	ck_assert_int_eq(ftruncate(fd, 100000), -1);
}
END_TEST

static int secret_of(size_t size)
{
	int fd = sys_memfd_secret();

	ck_assert_int_ge(fd, 0);
	if (size > 0)
		ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	return fd;
}

START_TEST(a_descriptor_of_another_kind_is_refused)
{
	struct sealmem_region *none = NULL;
	int ends[2];

	require_secret();
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	{
		const struct {
			int fd, error;
		} cases[] = {
			{ -1, -EBADF },
			{ ends[0], -ENODEV },
			{ memfd_create("file", MFD_CLOEXEC), -ENODEV },
			{ temporary_file(), -ENODEV },
			{ open("/", O_RDONLY | O_CLOEXEC), -ENODEV },
			{ secret_of(0), -ENODATA },
			{ secret_of(1), -ENODATA },
			{ secret_of(16), -ENODATA },
			{ secret_of(5000), -ENODATA },
			/* Of so much memory, one page is looked at. */
			{ secret_of((size_t)1 << 28), -ENODATA },
			{ secret_of(NO_ROOM), -ENOMEM },
		};

		for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
			struct census before = take_census();
			int err = sealmem_secret_restore(&none, cases[i].fd, "back", SECRET);

			ck_assert_msg(err == cases[i].error || (err == -EAGAIN && geteuid() != 0),
				      "%zu: %d", i, err);
			ck_assert_ptr_null(none);
			assert_same_census(before);
		}
	}
}
END_TEST

START_TEST(a_restore_that_fails_leaves_what_was_stored)
{
	SCOPED_REGION *r = NULL;
	int fd;

	require_secret();
	fd = stored(10000);
	ck_assert_int_eq(sealmem_secret_restore(NULL, fd, "back", SECRET), -EINVAL);
	ck_assert_int_eq(sealmem_secret_restore(&r, fd, NULL, SECRET), -EINVAL);
	ck_assert_int_eq(sealmem_secret_restore(&r, fd, "a\n", SECRET), -EINVAL);
	ck_assert_int_eq(sealmem_secret_restore(&r, fd, "back", SEALMEM_CONTENT), -EINVAL);
	ck_assert_int_eq(sealmem_secret_restore(&r, fd, "back", SECRET | 0x80), -EINVAL);
	ck_assert_int_eq(sealmem_secret_restore(&r, fd, "back", 0), -EINVAL);
	ck_assert_ptr_null(r);
	ck_assert_int_eq(sealmem_secret_restore(&r, fd, "back", SECRET), 0);
	assert_filled(sealmem_region_data(r), 10000);
}
END_TEST

START_TEST(a_limit_of_locked_memory_leaves_what_was_stored)
{
	SCOPED_REGION *r = NULL;
	int fd, err;

	require_secret();
	fd = stored(2 * page_size());
	become_plain_user();
	/* The region takes two pages. What was stored takes three with its mark, which some kernels count as this
	 * process's, too. */
	for (unsigned pages = 0; pages < 2; pages++) {
		SCOPED_LIMIT lowered = set_limit(RLIMIT_MEMLOCK, pages * page_size());

		(void)lowered;
		err = sealmem_secret_restore(&r, fd, "back", SECRET);
		ck_assert_int_eq(err, -EAGAIN);
		ck_assert_ptr_null(r);
	}
	ck_assert_int_eq(sealmem_secret_restore(&r, fd, "back", SECRET), 0);
	assert_filled(sealmem_region_data(r), 2 * page_size());
}
END_TEST

static int store_in_child(void *region)
{
	return sealmem_secret_store(region) != -ESTALE;
}

START_TEST(what_is_no_sealed_secret_is_not_stored)
{
	SCOPED_REGION *plain = sealed_region("plain", 10, SEALMEM_CONTENT);
	SCOPED_REGION *open = NULL, *empty = NULL, *sealed = NULL;

	ck_assert_int_eq(sealmem_secret_store(NULL), -EINVAL);
	ck_assert_int_eq(sealmem_secret_store(plain), -EINVAL);
	require_secret();
	open = empty_region(10, SECRET);
	empty = region_from(NULL, 0, SECRET);
	sealed = sealed_region("sealed", 10, SECRET);
	ck_assert_int_eq(sealmem_secret_store(open), -EPERM);
	ck_assert_int_eq(sealmem_secret_store(empty), -EINVAL);
	assert_child_succeeds(store_in_child, sealed);
}
END_TEST

/* /proc/PID/fd does not open it, so a descriptor is the only way. */
START_TEST(what_was_stored_cannot_be_opened_by_its_path)
{
	CLEANUP(close_fd_at) int fd = -1;
	char byte;

	require_secret();
	fd = stored(100);
	ck_assert_int_eq(open(fd_path(fd).text, O_RDONLY | O_CLOEXEC), -1);
	ck_assert_int_eq(read(fd, &byte, 1), -1);
	ck_assert_int_eq(pread(fd, &byte, 1, 0), -1);
}
END_TEST

START_TEST(a_machine_without_secret_memory_is_eopnotsupp)
{
	struct sealmem_region *r = NULL;
	int fd;

	require_secret();
	fd = stored(10);
	forbid(__NR_memfd_secret, _i ? ENOSYS : EPERM);
	ck_assert_int_eq(sealmem_secret_restore(&r, fd, "back", SECRET), -EOPNOTSUPP);
	assert_filled(look(fd, 10), 10);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("region-store");
	const TTest *const tests[] = {
		a_secret_comes_back,
		what_was_stored_is_wiped_and_closed,
		who_has_what_was_stored_does_not_reach_the_restored_region,
		a_second_restore_is_enodata,
		storing_leaves_the_region_and_one_descriptor,
		what_was_stored_keeps_its_size,
		a_descriptor_of_another_kind_is_refused,
		a_restore_that_fails_leaves_what_was_stored,
		a_limit_of_locked_memory_leaves_what_was_stored,
		what_is_no_sealed_secret_is_not_stored,
		what_was_stored_cannot_be_opened_by_its_path,
	};

	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++)
		tcase_add_test(tcase, tests[i]);
	tcase_add_loop_test(tcase, a_machine_without_secret_memory_is_eopnotsupp, 0, 2);
	tcase_set_timeout(tcase, 60);
	return run_case("region-store", tcase);
}
