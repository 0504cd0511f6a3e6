/* SPDX-License-Identifier: MIT */

/*
 * What is copied is what is sealed. Until a file has its seals, another process of the user can write to it, through
 * /proc/PID/fd. Such a process does so here, in the last moment before the seals: the linker puts __wrap_syscall()
 * between the library and the C library. The library notices, and nothing is changed or left behind.
 */

#include "tests/support/holds.h"
#include "tests/support/sandbox.h"
#include "tests/support/support.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

#define HIDDEN (SEALMEM_NODUMP | SEALMEM_NOFORK)
#define SECRET (SEALMEM_SECRECY | SEALMEM_CONTENT | SEALMEM_ADDRESS)

/* What the other process does to the file. Returns how many bytes it wrote, or 1. */
static ssize_t write_one(int file)
{
	return pwrite(file, "!", 1, 7);
}

static ssize_t cut_off(int file)
{
	return ftruncate(file, 0) == 0;
}

static ssize_t append(int file)
{
	return pwrite(file, "!", 1, 1 << 20);
}

struct order {
	int fd;
	ssize_t (*act)(int file);
};

/* The process that writes: it is told what to do, and answers how many bytes it wrote. */
static struct {
	pid_t pid;
	int ask, answer;
	ssize_t written;
	ssize_t (*act)(int file);
	void (*tamper)(int fd);
} other;

static ssize_t act_on_file_of(pid_t pid, struct order order)
{
	CLEANUP(close_fd_at) int file = -1;
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, order.fd);
	file = open(path, O_RDWR | O_CLOEXEC);
	return order.act(file);
}

static void write_when_told(pid_t victim, int ask, int answer)
{
	struct order order;

	while (read(ask, &order, sizeof(order)) == sizeof(order)) {
		ssize_t written = act_on_file_of(victim, order);

		(void)!write(answer, &written, sizeof(written));
	}
	_exit(0);
}

static void start_other(void)
{
	int asks[2], answers[2];
	pid_t victim = getpid();

	ck_assert_int_eq(pipe(asks) | pipe(answers), 0);
	other.pid = fork();
	if (other.pid == 0) {
		close(asks[1]);
		write_when_told(victim, asks[0], answers[1]);
	}
	close(asks[0]);
	close(answers[1]);
	other.act = write_one;
	other.ask = asks[1];
	other.answer = answers[0];
}

static void end_other(void)
{
	close(other.ask);
	close(other.answer);
	ck_assert_int_eq(waitpid(other.pid, NULL, 0), other.pid);
}

static void have_other_write(int fd)
{
	struct order order = { fd, other.act };

	ck_assert_int_eq(write(other.ask, &order, sizeof(order)), sizeof(order));
	ck_assert_int_eq(read(other.answer, &other.written, sizeof(other.written)),
			 sizeof(other.written));
}

/* Nobody else reaches a secret. A thread of the process does. */
static void store_to_secret(int fd)
{
	CLEANUP(maps_close) struct maps maps = { .fd = -1 };
	struct maps_entry entry;

	(void)fd;
	ck_assert_int_eq(maps_open(&maps), 0);
	while (maps_next(&maps, &entry) > 0)
		if (strstr(entry.name, "secretmem") != NULL) {
			((volatile char *)entry.start)[7] = '!'; /* NOLINT */
			other.written = 1;
		}
}

/* The last call before which the bytes can change: a secret moves to another file then. */
static bool is_last_moment(long number, long command)
{
	static unsigned secrets;

	if (other.tamper == store_to_secret)
		return number == __NR_memfd_secret && ++secrets % 2 == 0;
	return number == SYS_fcntl && command == F_ADD_SEALS;
}

/* Takes six arguments whatever was passed, as the kernel does; the sanitizer need not mind. */
__attribute__((no_sanitize_address)) long __wrap_syscall(long number, ...)
{
	void (*tamper)(int fd) = other.tamper;
	long args[6];
	va_list list;

	va_start(list, number);
	for (size_t i = 0; i < 6; i++)
		args[i] = va_arg(list, long);
	va_end(list);
	if (tamper != NULL && is_last_moment(number, args[1])) {
		other.tamper = NULL;
		tamper((int)args[0]);
	}
	return __real_syscall(number, args[0], args[1], args[2], args[3], args[4], args[5]);
}

static char bytes[100];

static int make_from(unsigned guarantees, struct sealmem_region **ret)
{
	return sealmem_region_new_from(ret, "tamper", bytes, sizeof(bytes), guarantees);
}

static const struct {
	unsigned guarantees;
	void (*tamper)(int fd);
} copies[] = {
	{ SEALMEM_CONTENT, have_other_write },
	{ SEALMEM_CONTENT | HIDDEN, have_other_write },
	{ SEALMEM_CONTENT | SEALMEM_ADDRESS | SEALMEM_GUARDS, have_other_write },
	{ SEALMEM_CONTENT | SEALMEM_NOSWAP, have_other_write },
	{ SEALMEM_CONTENT | SEALMEM_ADDRESS | SEALMEM_NOSWAP | HIDDEN, have_other_write },
	{ SECRET, store_to_secret },
};

START_TEST(a_region_from_a_buffer_has_the_bytes_of_the_buffer)
{
	unsigned guarantees = copies[_i].guarantees;
	struct sealmem_region *region = NULL;
	struct census before;

	if (guarantees & ~sealmem_supported())
		skip_test("this machine does not have the guarantees");
	fill(bytes, sizeof(bytes));
	start_other();
	before = take_own_census();
	other.tamper = copies[_i].tamper;
	ck_assert_int_eq(make_from(guarantees, &region), -EBUSY);
	ck_assert_int_eq(other.written, 1);
	ck_assert_ptr_null(region);
	assert_own_census(before);
	ck_assert_int_eq(make_from(guarantees, &region), 0);
	assert_sealed(sealmem_region_data(region), sizeof(bytes));
	sealmem_region_free(region);
	end_other();
}
END_TEST

START_TEST(a_range_keeps_its_bytes)
{
	char *at = map_private(2 * page_size());

	fill(at, 2 * page_size());
	start_other();
	other.tamper = have_other_write;
	ck_assert_int_eq(sealmem_seal_range(at, 2 * page_size(), SEALMEM_CONTENT), -EBUSY);
	ck_assert_int_eq(other.written, 1);
	assert_filled(at, 2 * page_size());
	ck_assert_int_eq(sealmem_try_write(at, at, 1), 0);
	ck_assert_int_eq(sealmem_seal_range(at, 2 * page_size(), SEALMEM_CONTENT), 0);
	assert_sealed(at, 2 * page_size());
	end_other();
}
END_TEST

static ssize_t (*const size_changes[])(int file) = { cut_off, append };

START_TEST(a_region_from_a_buffer_has_the_size_of_the_buffer)
{
	struct sealmem_region *region = NULL;
	struct census before;

	fill(bytes, sizeof(bytes));
	start_other();
	before = take_own_census();
	other.act = size_changes[_i];
	other.tamper = have_other_write;
	ck_assert_int_eq(make_from(SEALMEM_CONTENT, &region), -EBUSY);
	ck_assert_int_eq(other.written, 1);
	assert_own_census(before);
	ck_assert_int_eq(make_from(SEALMEM_CONTENT, &region), 0);
	assert_sealed(sealmem_region_data(region), sizeof(bytes));
	sealmem_region_free(region);
	end_other();
}
END_TEST

START_TEST(a_range_keeps_its_size)
{
	char *at = map_private(2 * page_size());

	fill(at, 2 * page_size());
	start_other();
	other.act = size_changes[_i];
	other.tamper = have_other_write;
	ck_assert_int_eq(sealmem_seal_range(at, 2 * page_size(), SEALMEM_CONTENT), -EBUSY);
	ck_assert_int_eq(other.written, 1);
	assert_filled(at, 2 * page_size());
	ck_assert_int_eq(sealmem_seal_range(at, 2 * page_size(), SEALMEM_CONTENT), 0);
	assert_sealed(at, 2 * page_size());
	end_other();
}
END_TEST

/* The region can be sealed again, with a file that nobody has made longer. */
START_TEST(a_region_that_another_process_made_longer_is_sealed_without_what_is_too_much)
{
	struct sealmem_region *region = empty_region(page_size(), SEALMEM_CONTENT);
	char *at = sealmem_region_alloc(region, page_size(), 0);
	struct stat file;

	fill(at, page_size());
	start_other();
	other.act = append;
	other.tamper = have_other_write;
	ck_assert_int_eq(sealmem_region_seal(region), -EBUSY);
	ck_assert_int_eq(other.written, 1);
	assert_filled(at, page_size());
	ck_assert_int_eq(sealmem_region_seal(region), 0);
	assert_sealed(at, page_size());
	ck_assert_int_eq(fstat(sealmem_region_fd(region), &file), 0);
	ck_assert_int_eq(file.st_size, (off_t)page_size());
	sealmem_region_free(region);
	end_other();
}
END_TEST

/* The descriptor of the only region, as another process of the user finds it. */
static int writer_of_region(void)
{
	for (int fd = 0; fd < 1024; fd++) {
		char path[64], target[64] = "";

		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (readlink(path, target, sizeof(target) - 1) > 0 &&
		    strstr(target, "memfd:sealmem:") != NULL &&
		    (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR)
			return fd;
	}
	ck_abort_msg("no region is open");
}

/* No byte of the region is lost, and a roll-back finds it as open as before. */
START_TEST(a_region_that_was_made_longer_before_is_sealed_without_what_is_too_much)
{
	SCOPED_REGION *region = empty_region(2 * page_size(), SEALMEM_CONTENT);
	char *at = sealmem_region_alloc(region, 2 * page_size(), 0);
	int writer = writer_of_region();
	struct stat file;

	fill(at, 2 * page_size());
	ck_assert_int_eq(append(writer), 1);
	ck_assert_int_eq(sealmem_region_seal(region), 0);
	assert_sealed(at, 2 * page_size());
	ck_assert_int_eq(fstat(sealmem_region_fd(region), &file), 0);
	ck_assert_int_eq(file.st_size, (off_t)(2 * page_size()));
}
END_TEST

START_TEST(a_seal_of_a_region_that_was_made_longer_rolls_back)
{
	SCOPED_REGION *region = empty_region(2 * page_size(), SEALMEM_CONTENT);
	char *at = sealmem_region_alloc(region, 2 * page_size(), 0);
	int writer = writer_of_region();
	char *foreign;

	fill(at, 2 * page_size());
	ck_assert_int_eq(append(writer), 1);
	foreign = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, writer, 0);
	ck_assert_ptr_ne(foreign, MAP_FAILED);
	ck_assert_int_eq(sealmem_region_seal(region), -EBUSY);
	assert_still_open(region, at, 2 * page_size());
	ck_assert_int_eq(munmap(foreign, page_size()), 0);
	ck_assert_int_eq(sealmem_region_seal(region), 0);
	assert_sealed(at, 2 * page_size());
}
END_TEST

/* Nobody can make it shorter again. */
START_TEST(a_region_that_was_made_longer_for_good_is_not_sealed)
{
	SCOPED_REGION *region = empty_region(page_size(), SEALMEM_CONTENT);
	char *at = sealmem_region_alloc(region, page_size(), 0);
	int writer = writer_of_region();

	fill(at, page_size());
	ck_assert_int_eq(append(writer), 1);
	ck_assert_int_eq(fcntl(writer, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	ck_assert_int_eq(sealmem_region_seal(region), -EBUSY);
	assert_still_open(region, at, page_size());
}
END_TEST

/* Before anything is touched. What the other process has cut off is gone. */
START_TEST(a_region_that_another_process_made_shorter_is_not_sealed)
{
	SCOPED_REGION *region = empty_region(page_size(), SEALMEM_CONTENT | SEALMEM_NOSWAP);

	ck_assert_int_eq(ftruncate(writer_of_region(), 0), 0);
	ck_assert_int_eq(sealmem_region_seal(region), -EBUSY);
	ck_assert_uint_eq(sealmem_region_guarantees(region) & SEALMEM_CONTENT, 0);
}
END_TEST

/* A whole process would be damaged by the bytes of another one. */
START_TEST(an_image_keeps_its_bytes)
{
	struct sealmem_image_report report;
	int err;

	require_mseal();
	start_other();
	other.tamper = have_other_write;
	err = sealmem_seal_image(0, NULL);
	if (err == 0 && other.tamper != NULL)
		skip_test("nothing of this program is replaced");
	ck_assert_int_eq(err, -EBUSY);
	ck_assert_int_eq(other.written, 1);
	ck_assert_int_eq(sealmem_seal_image(0, &report), 0);
	ck_assert_uint_gt(report.relro.size, 0);
	end_other();
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("tamper");

	tcase_add_loop_test(tcase, a_region_from_a_buffer_has_the_bytes_of_the_buffer, 0,
			    sizeof(copies) / sizeof(*copies));
	tcase_add_test(tcase, a_range_keeps_its_bytes);
	tcase_add_loop_test(tcase, a_region_from_a_buffer_has_the_size_of_the_buffer, 0, 2);
	tcase_add_loop_test(tcase, a_range_keeps_its_size, 0, 2);
	tcase_add_test(
		tcase,
		a_region_that_another_process_made_longer_is_sealed_without_what_is_too_much);
	tcase_add_test(tcase,
		       a_region_that_was_made_longer_before_is_sealed_without_what_is_too_much);
	tcase_add_test(tcase, a_seal_of_a_region_that_was_made_longer_rolls_back);
	tcase_add_test(tcase, a_region_that_was_made_longer_for_good_is_not_sealed);
	tcase_add_test(tcase, a_region_that_another_process_made_shorter_is_not_sealed);
	tcase_add_test(tcase, an_image_keeps_its_bytes);
	return run_case("tamper", tcase);
}
