/* SPDX-License-Identifier: MIT */

/*
 * A shared object loaded from verified bytes. The tests load the mathematical library: it is on every
 * machine, and a second copy of it does no harm, because it keeps no state.
 */

#include "tests/support/support.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* What verify() was called with, and what it is to answer. */
struct trial {
	int answer;
	int calls;
	size_t size;
	char begin[4];
	int written; /* what a store to the bytes gave */
};

static int judge(const void *bytes, size_t size, void *data)
{
	struct trial *trial = data;
	char *at = (char *)(uintptr_t)bytes;

	trial->calls++;
	trial->size = size;
	memcpy(trial->begin, bytes, sizeof(trial->begin));
	trial->written = sealmem_try_write(at, "X", 1);
	return trial->answer;
}

/* The file of an object that depends on little: the one that libm comes from. */
static int open_object(void)
{
	void *object = dlopen("libm.so.6", RTLD_LAZY);
	struct link_map *map = NULL;
	int fd;

	if (object == NULL || dlinfo(object, RTLD_DI_LINKMAP, &map) != 0)
		skip_test("there is no libm.so.6");
	fd = open(map->l_name, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static int object_in_memfd(void)
{
	CLEANUP(close_fd_at) int file = open_object();
	int fd = memfd_create("object", MFD_CLOEXEC);
	char bytes[1 << 12];
	ssize_t got;

	while ((got = read(file, bytes, sizeof(bytes))) > 0)
		ck_assert_int_eq(write(fd, bytes, (size_t)got), got);
	return fd;
}

START_TEST(an_accepted_object_is_loaded_and_works)
{
	CLEANUP(close_fd_at) int fd = open_object();
	struct trial trial = { 0 };
	void *object = NULL;
	double (*root)(double);
	void *symbol;

	ck_assert_int_eq(sealmem_load_verified(&object, fd, judge, &trial, RTLD_NOW), 0);
	symbol = dlsym(object, "sqrt");
	ck_assert_ptr_nonnull(symbol);
	memcpy(&root, &symbol, sizeof(root));
	ck_assert(root(49.0) > 6.9 && root(49.0) < 7.1);
	ck_assert_int_eq(dlclose(object), 0);
}
END_TEST

START_TEST(verify_sees_all_bytes_once_and_sealed)
{
	CLEANUP(close_fd_at) int fd = open_object();
	struct trial trial = { 0 };
	void *object = NULL;
	struct stat st;

	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(sealmem_load_verified(&object, fd, judge, &trial, RTLD_NOW), 0);
	ck_assert_int_eq(trial.calls, 1);
	ck_assert_uint_eq(trial.size, (size_t)st.st_size);
	ck_assert_int_eq(memcmp(trial.begin, "\177ELF", 4), 0);
	ck_assert_int_eq(trial.written, -EFAULT);
}
END_TEST

START_TEST(bytes_that_verify_refuses_are_not_loaded)
{
	CLEANUP(close_fd_at) int fd = open_object();
	static const struct {
		int answer, result;
	} cases[] = { { -EBADMSG, -EBADMSG }, { -EPERM, -EPERM }, { 1, -EKEYREJECTED } };
	struct census before = take_census();

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct trial trial = { .answer = cases[i].answer };
		void *object = &trial;

		ck_assert_int_eq(sealmem_load_verified(&object, fd, judge, &trial, RTLD_NOW),
				 cases[i].result);
		ck_assert_ptr_eq(object, &trial);
		ck_assert_int_eq(trial.calls, 1);
		assert_same_census(before);
	}
}
END_TEST

/* Writes to the file as soon as it was judged right. */
static int accept_and_change(const void *bytes, size_t size, void *data)
{
	int *fd = data;
	static const char nothing[64];

	(void)bytes;
	(void)size;
	ck_assert_int_eq(pwrite(*fd, nothing, sizeof(nothing), 0), (ssize_t)sizeof(nothing));
	return 0;
}

START_TEST(the_verified_bytes_are_loaded_although_the_file_changes_afterwards)
{
	CLEANUP(close_fd_at) int fd = object_in_memfd();
	struct trial trial = { 0 };
	void *object = NULL;

	ck_assert_int_eq(sealmem_load_verified(&object, fd, accept_and_change, &fd, RTLD_NOW), 0);
	ck_assert_ptr_nonnull(dlsym(object, "sqrt"));
	/* The change was one that matters. */
	ck_assert_int_eq(sealmem_load_verified(&object, fd, judge, &trial, RTLD_NOW), -ENOEXEC);
}
END_TEST

START_TEST(the_same_descriptor_number_is_another_object)
{
	struct trial trial = { 0 };
	void *objects[3] = { NULL };

	for (size_t i = 0; i < 3; i++) {
		CLEANUP(close_fd_at) int fd = open_object();

		ck_assert_int_eq(sealmem_load_verified(&objects[i], fd, judge, &trial, RTLD_NOW),
				 0);
	}
	ck_assert_ptr_ne(objects[0], objects[1]);
	ck_assert_ptr_ne(dlsym(objects[0], "sqrt"), dlsym(objects[1], "sqrt"));
	ck_assert_ptr_ne(dlsym(objects[1], "sqrt"), dlsym(objects[2], "sqrt"));
}
END_TEST

START_TEST(neither_descriptors_nor_the_position_change)
{
	CLEANUP(close_fd_at) int fd = open_object();
	struct trial trial = { 0 };
	void *object = NULL;
	struct census before = take_census(), after;

	ck_assert_int_eq(lseek(fd, 100, SEEK_SET), 100);
	ck_assert_int_eq(sealmem_load_verified(&object, fd, judge, &trial, RTLD_NOW), 0);
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 100);
	after = take_census();
	ck_assert_int_eq(after.descriptors, before.descriptors);
}
END_TEST

START_TEST(a_file_that_is_no_object_is_refused_after_it_was_verified)
{
	CLEANUP(close_fd_at) int fd = memfd_create("text", MFD_CLOEXEC);
	struct trial trial = { 0 };
	void *object = NULL;

	ck_assert_int_eq(sealmem_load_verified(&object, fd, judge, &trial, RTLD_NOW), -ENOEXEC);
	ck_assert_int_eq(trial.calls, 0);
	ck_assert_int_eq(write(fd, "text", 4), 4);
	ck_assert_int_eq(sealmem_load_verified(&object, fd, judge, &trial, RTLD_NOW), -ENOEXEC);
	ck_assert_int_eq(trial.calls, 1);
	ck_assert_ptr_nonnull(dlerror());
}
END_TEST

START_TEST(a_descriptor_that_is_no_file_is_refused)
{
	CLEANUP(close_fd_at) int directory = open("/", O_RDONLY | O_CLOEXEC);
	CLEANUP(close_fd_at) int device = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	CLEANUP(close_fd_at) int path = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	struct trial trial = { 0 };
	void *object = NULL;
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(sealmem_load_verified(&object, directory, judge, &trial, 0), -EINVAL);
	ck_assert_int_eq(sealmem_load_verified(&object, device, judge, &trial, 0), -EINVAL);
	ck_assert_int_eq(sealmem_load_verified(&object, ends[0], judge, &trial, 0), -EINVAL);
	ck_assert_int_eq(sealmem_load_verified(&object, path, judge, &trial, 0), -EBADF);
	ck_assert_int_eq(sealmem_load_verified(&object, -1, judge, &trial, 0), -EBADF);
	ck_assert_int_eq(trial.calls, 0);
}
END_TEST

START_TEST(arguments_that_are_missing_are_refused)
{
	CLEANUP(close_fd_at) int fd = open_object();
	struct trial trial = { 0 };
	void *object = NULL;

	ck_assert_int_eq(sealmem_load_verified(NULL, fd, judge, &trial, RTLD_NOW), -EINVAL);
	ck_assert_int_eq(sealmem_load_verified(&object, fd, NULL, &trial, RTLD_NOW), -EINVAL);
	ck_assert_int_eq(trial.calls, 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		an_accepted_object_is_loaded_and_works,
		verify_sees_all_bytes_once_and_sealed,
		bytes_that_verify_refuses_are_not_loaded,
		the_verified_bytes_are_loaded_although_the_file_changes_afterwards,
		the_same_descriptor_number_is_another_object,
		neither_descriptors_nor_the_position_change,
		a_file_that_is_no_object_is_refused_after_it_was_verified,
		a_descriptor_that_is_no_file_is_refused,
		arguments_that_are_missing_are_refused,
	};

	return RUN_TESTS("load", tests);
}
