/* SPDX-License-Identifier: MIT */

/*
 * Regions made of a file, a pipe or a socket: all its bytes, whatever is demanded, and no trace of a call that fails.
 */

#include "tests/support/sandbox.h"
#include "tests/support/scale.h"
#include "tests/support/support.h"

#include "lib/source.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define CONTENT SEALMEM_CONTENT

/* Not from malloc(3), which keeps some: the tests count mappings. */
static char *filled_bytes(size_t size)
{
	char *bytes =
		mmap(NULL, size + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(bytes, MAP_FAILED);
	fill(bytes, size);
	return bytes;
}

/* Another process writes the bytes, and ends the source by its own end. */
static void write_from_child(int to, size_t size)
{
	char *bytes = filled_bytes(size);
	pid_t child = fork();

	ck_assert_int_ge(child, 0);
	for (size_t at = 0; child == 0 && at < size;) {
		ssize_t written = write(to, bytes + at, size - at);

		if (written <= 0)
			break;
		at += (size_t)written;
	}
	if (child == 0)
		_exit(0);
	ck_assert_int_eq(close(to), 0);
	ck_assert_int_eq(munmap(bytes, size + 1), 0);
}

static int file_of(size_t size)
{
	char *bytes = filled_bytes(size);
	int fd = temporary_file();

	ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
	ck_assert_int_eq(munmap(bytes, size + 1), 0);
	return fd;
}

static int pipe_of(size_t size)
{
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	write_from_child(ends[1], size);
	return ends[0];
}

static int socket_of(size_t size)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	write_from_child(ends[1], size);
	return ends[0];
}

/* These do not wait for their writers, and the library does. */
static int impatient_pipe_of(size_t size)
{
	int fd = pipe_of(size);

	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

static int impatient_socket_of(size_t size)
{
	int fd = socket_of(size);

	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

static int (*const kinds[])(size_t size) = {
	file_of, pipe_of, socket_of, impatient_pipe_of, impatient_socket_of,
};

#define KINDS (sizeof(kinds) / sizeof(*kinds))

static const unsigned demands[] = {
	CONTENT,
	CONTENT | SEALMEM_ADDRESS,
	CONTENT | SEALMEM_NOSWAP,
	CONTENT | SEALMEM_NODUMP | SEALMEM_NOFORK | SEALMEM_GUARDS,
	SEALMEM_GUARANTEES & ~SEALMEM_SECRECY,
	SEALMEM_SECRECY,
	SEALMEM_SECRECY | SEALMEM_GUARDS,
	SEALMEM_GUARANTEES,
};

#define DEMANDS (sizeof(demands) / sizeof(*demands))

/* Enough for the largest source here, as it grows. Older kernels begin with 64 KiB. */
static bool may_lock(void)
{
	struct rlimit limit;

	return geteuid() == 0 ||
	       (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur >= 8 << 20);
}

static bool is_supported(unsigned demand)
{
	return !(demand & ~sealmem_supported()) &&
	       (!(demand & (SEALMEM_SECRECY | SEALMEM_NOSWAP)) || may_lock());
}

/* Secret pages are never swapped. Whether the kernel calls them locked, too, differs. */
static bool is_locked(unsigned demand)
{
	return (demand & (SEALMEM_SECRECY | SEALMEM_NOSWAP)) == SEALMEM_NOSWAP;
}

static void assert_region(struct sealmem_region *r, size_t size, unsigned demand)
{
	char *data = sealmem_region_data(r);

	ck_assert_uint_eq(sealmem_region_size(r), size);
	ck_assert_uint_eq(sealmem_region_guarantees(r) & demand, demand);
	ck_assert_str_eq(sealmem_region_name(r), "source");
	if (size == 0)
		return;
	assert_filled(data, size);
	assert_zeroed(data + size, page_round_up(size) - size);
	if (demand & CONTENT)
		ck_assert_int_eq(sealmem_try_write(data, "x", 1), -EFAULT);
	if (!(demand & SEALMEM_SECRECY))
		ck_assert_int_eq(fcntl(sealmem_region_fd(r), F_GET_SEALS) & ALL_SEALS, ALL_SEALS);
}

/* A plain user may lock 8 MiB, and the seal takes the size twice. */
static const size_t sizes[] = { 0, 1, 100, 4096, 4097, 65536, 65537, (1 << 20) + 7 };

START_TEST(a_region_has_all_bytes_of_its_source)
{
	int (*kind)(size_t size) = kinds[_i];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		for (size_t j = 0; j < DEMANDS; j++) {
			SCOPED_REGION *r = NULL;
			CLEANUP(close_fd_at) int fd = -1;

			if (!is_supported(demands[j]))
				continue;
			fd = kind(sizes[i]);
			ck_assert_int_eq(sealmem_region_new_from_file(&r, "source", fd, SIZE_MAX,
								      demands[j]),
					 0);
			assert_region(r, sizes[i], demands[j]);
		}
}
END_TEST

START_TEST(the_limit_is_the_largest_size)
{
	int (*kind)(size_t size) = kinds[_i];

	for (size_t j = 0; j < DEMANDS; j++) {
		SCOPED_REGION *r = NULL;
		CLEANUP(close_fd_at) int fits = -1, exceeds = -1;

		if (!is_supported(demands[j]))
			continue;
		fits = kind(5000);
		exceeds = kind(5001);
		ck_assert_int_eq(sealmem_region_new_from_file(&r, "source", fits, 5000, demands[j]),
				 0);
		assert_region(r, 5000, demands[j]);
		r = sealmem_region_free(r);
		ck_assert_int_eq(
			sealmem_region_new_from_file(&r, "source", exceeds, 5000, demands[j]),
			-EFBIG);
		ck_assert_str_eq(sealmem_strerror(-EFBIG),
				 "The size is above the limit of the caller.");
		ck_assert_ptr_null(r);
	}
}
END_TEST

START_TEST(a_limit_of_0_takes_an_empty_source_only)
{
	int (*kind)(size_t size) = kinds[_i];

	for (size_t j = 0; j < DEMANDS; j++) {
		SCOPED_REGION *r = NULL;
		CLEANUP(close_fd_at) int empty = -1, full = -1;

		if (!is_supported(demands[j]))
			continue;
		empty = kind(0);
		full = kind(1);
		ck_assert_int_eq(sealmem_region_new_from_file(&r, "source", full, 0, demands[j]),
				 -EFBIG);
		ck_assert_int_eq(sealmem_region_new_from_file(&r, "source", empty, 0, demands[j]),
				 0);
		assert_region(r, 0, demands[j]);
	}
}
END_TEST

START_TEST(the_position_of_a_file_neither_matters_nor_changes)
{
	CLEANUP(close_fd_at) int fd = file_of(10000);
	SCOPED_REGION *r = NULL;

	ck_assert_int_eq(lseek(fd, 777, SEEK_SET), 777);
	ck_assert_int_eq(sealmem_region_new_from_file(&r, "source", fd, SIZE_MAX, CONTENT), 0);
	assert_region(r, 10000, CONTENT);
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 777);
}
END_TEST

START_TEST(a_later_change_of_the_file_does_not_reach_the_region)
{
	CLEANUP(close_fd_at) int fd = file_of(10000);
	SCOPED_REGION *r = NULL;

	ck_assert_int_eq(sealmem_region_new_from_file(&r, "source", fd, SIZE_MAX, CONTENT), 0);
	ck_assert_int_eq(pwrite(fd, "changed", 7, 0), 7);
	ck_assert_int_eq(ftruncate(fd, 100), 0);
	assert_region(r, 10000, CONTENT);
}
END_TEST

START_TEST(a_hole_becomes_zeroes_that_have_memory)
{
	const size_t hole = page_round_up(1000000);

	for (size_t j = 0; j < DEMANDS; j++) {
		CLEANUP(close_fd_at) int fd = temporary_file();
		SCOPED_REGION *r = NULL;
		const char *data;

		if (!is_supported(demands[j]))
			continue;
		ck_assert_int_eq(pwrite(fd, "end", 3, (off_t)hole), 3);
		ck_assert_int_eq(
			sealmem_region_new_from_file(&r, "source", fd, SIZE_MAX, demands[j]), 0);
		data = sealmem_region_data(r);
		ck_assert_uint_eq(sealmem_region_size(r), hole + 3);
		assert_zeroed(data, hole);
		ck_assert_int_eq(memcmp(data + hole, "end", 3), 0);
	}
}
END_TEST

/* Memory that is there when nobody has touched the region yet. */
START_TEST(pages_of_a_hole_are_set_aside)
{
	CLEANUP(close_fd_at) int fd = temporary_file();
	SCOPED_REGION *r = NULL;
	struct stat file;

	ck_assert_int_eq(ftruncate(fd, (off_t)(300 * page_size())), 0);
	ck_assert_int_eq(sealmem_region_new_from_file(&r, "source", fd, SIZE_MAX, CONTENT), 0);
	ck_assert_int_eq(fstat(sealmem_region_fd(r), &file), 0);
	ck_assert_int_ge(file.st_blocks * 512, (blkcnt_t)(300 * page_size()));
}
END_TEST

START_TEST(a_file_of_proc_that_hides_its_size_is_read_to_its_end)
{
	for (size_t j = 0; j < DEMANDS; j++) {
		CLEANUP(close_fd_at) int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
		SCOPED_REGION *r = NULL;

		if (!is_supported(demands[j]))
			continue;
		ck_assert_int_eq(
			sealmem_region_new_from_file(&r, "source", fd, SIZE_MAX, demands[j]), 0);
		ck_assert_uint_gt(sealmem_region_size(r), 100);
		ck_assert_int_eq(memcmp(sealmem_region_data(r), "Name:", 5), 0);
	}
}
END_TEST

START_TEST(a_device_without_an_end_ends_at_the_limit)
{
	for (size_t j = 0; j < DEMANDS; j++) {
		CLEANUP(close_fd_at) int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
		SCOPED_REGION *r = NULL;

		if (!is_supported(demands[j]))
			continue;
		ck_assert_int_eq(sealmem_region_new_from_file(&r, "source", fd, 100000, demands[j]),
				 -EFBIG);
	}
}
END_TEST

/* What changes a file in the middle of a call: the function that follows the progress. */
struct change {
	int fd;
	off_t size;
};

static int set_size(size_t done, size_t total, void *data)
{
	const struct change *change = data;

	(void)total;
	return done > 0 && ftruncate(change->fd, change->size) < 0;
}

START_TEST(a_file_that_changes_its_size_meanwhile_is_ebusy)
{
	const size_t size = 2 * SOURCE_PIECE;
	const off_t other[] = { 0, SOURCE_PIECE, SOURCE_PIECE + 100, 2 * SOURCE_PIECE + 1,
				3 * SOURCE_PIECE };

	for (size_t j = 0; j < DEMANDS; j++)
		for (size_t i = 0; i < sizeof(other) / sizeof(*other); i++) {
			struct census before = take_census();
			struct sealmem_region *r = NULL;
			struct change change = { file_of(size), other[i] };

			if (is_supported(demands[j]))
				ck_assert_int_eq(sealmem_region_new_from_file_with(
							 &r, "source", change.fd, SIZE_MAX,
							 demands[j], set_size, NULL, &change),
						 -EBUSY);
			ck_assert_ptr_null(r);
			ck_assert_int_eq(close(change.fd), 0);
			assert_same_census(before);
		}
}
END_TEST

/* What the two functions of the caller saw. */
struct seen {
	size_t calls, done, total, size;
	size_t stop_at; /* cancels when so many bytes have come; 0 never */
	int answer, verified, written, unmapped;
	unsigned sum;
};

static int follow(size_t done, size_t total, void *data)
{
	struct seen *seen = data;

	if (done < seen->done || (done == seen->done && seen->calls > 0))
		return 1;
	seen->calls++;
	seen->done = done;
	seen->total = total;
	return seen->stop_at > 0 && done >= seen->stop_at;
}

static int judge(const void *bytes, size_t size, void *data)
{
	struct seen *seen = data;

	seen->verified++;
	seen->size = size;
	seen->written = sealmem_try_write((char *)(uintptr_t)bytes, "X", size > 0);
	for (size_t i = 0; i < size; i++)
		seen->sum += ((const unsigned char *)bytes)[i];
	return seen->answer;
}

START_TEST(progress_tells_how_much_has_come)
{
	const size_t size = 3 * SOURCE_PIECE + 100;
	CLEANUP(close_fd_at) int fd = kinds[_i](size);
	struct seen seen = { 0 };
	SCOPED_REGION *r = NULL;

	ck_assert_int_eq(sealmem_region_new_from_file_with(&r, "source", fd, SIZE_MAX, CONTENT,
							   follow, NULL, &seen),
			 0);
	ck_assert_uint_ge(seen.calls, 4);
	ck_assert_uint_eq(seen.done, size);
	ck_assert_uint_eq(seen.total, kinds[_i] == file_of ? size : 0);
	assert_region(r, size, CONTENT);
}
END_TEST

START_TEST(progress_cancels)
{
	const size_t size = 2 * SOURCE_PIECE;

	for (size_t j = 0; j < DEMANDS; j++) {
		struct census before = take_census();
		struct seen seen = { .stop_at = 1 };
		struct sealmem_region *r = NULL;
		int fd = kinds[_i](size);

		if (is_supported(demands[j]))
			ck_assert_int_eq(sealmem_region_new_from_file_with(&r, "source", fd,
									   SIZE_MAX, demands[j],
									   follow, judge, &seen),
					 -ECANCELED);
		ck_assert_ptr_null(r);
		ck_assert_int_eq(seen.verified, 0);
		ck_assert_int_eq(close(fd), 0);
		assert_same_census(before);
	}
}
END_TEST

START_TEST(verify_sees_the_sealed_bytes_once)
{
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		for (size_t j = 0; j < DEMANDS; j++) {
			CLEANUP(close_fd_at) int fd = file_of(sizes[i]);
			struct seen seen = { 0 };
			SCOPED_REGION *r = NULL;
			unsigned sum = 0;

			if (!is_supported(demands[j]))
				continue;
			ck_assert_int_eq(sealmem_region_new_from_file_with(&r, "source", fd,
									   SIZE_MAX, demands[j],
									   NULL, judge, &seen),
					 0);
			for (size_t k = 0; k < sizes[i]; k++)
				sum += ((const unsigned char *)sealmem_region_data(r))[k];
			ck_assert_int_eq(seen.verified, 1);
			ck_assert_uint_eq(seen.size, sizes[i]);
			if (demands[j] & CONTENT) {
				ck_assert_uint_eq(seen.sum, sum);
				ck_assert_int_eq(seen.written, sizes[i] > 0 ? -EFAULT : 0);
			}
		}
}
END_TEST

/* With ADDRESS, too: the address was not sealed yet. */
START_TEST(bytes_that_verify_refuses_leave_nothing)
{
	static const struct {
		int answer, result;
	} cases[] = { { -EBADMSG, -EBADMSG }, { -EPERM, -EPERM }, { 1, -EKEYREJECTED } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		for (size_t j = 0; j < DEMANDS; j++) {
			CLEANUP(close_fd_at) int fd = file_of(10000);
			struct census before = take_census();
			struct seen seen = { .answer = cases[i].answer };
			struct sealmem_region *r = NULL;

			if (!is_supported(demands[j]))
				continue;
			ck_assert_int_eq(sealmem_region_new_from_file_with(&r, "source", fd,
									   SIZE_MAX, demands[j],
									   NULL, judge, &seen),
					 cases[i].result);
			ck_assert_ptr_null(r);
			assert_same_census(before);
		}
}
END_TEST

/* Until the seal, another process of this user can write to the new file. */
struct intruder {
	bool written;
	char first;
};

static int write_to_new_file(size_t done, size_t total, void *data)
{
	CLEANUP(close_fd_at) int fd = open_file_of("source", O_RDWR);
	struct intruder *intruder = data;

	(void)done;
	(void)total;
	intruder->written = pwrite(fd, "!", 1, 0) == 1;
	return 0;
}

static int look_at_first(const void *bytes, size_t size, void *data)
{
	struct intruder *intruder = data;

	(void)size;
	intruder->first = *(const char *)bytes;
	return 0;
}

START_TEST(verify_sees_what_somebody_else_wrote_before_the_seal)
{
	CLEANUP(close_fd_at) int fd = file_of(10000);
	struct intruder intruder = { 0 };
	SCOPED_REGION *r = NULL;

	ck_assert_int_eq(sealmem_region_new_from_file_with(
				 &r, "source", fd, SIZE_MAX, CONTENT | SEALMEM_NOSWAP,
				 write_to_new_file, look_at_first, &intruder),
			 0);
	ck_assert(intruder.written);
	ck_assert_int_eq(intruder.first, '!');
	ck_assert_int_eq(*(const char *)sealmem_region_data(r), '!');
}
END_TEST

START_TEST(a_descriptor_that_cannot_be_read_is_refused)
{
	CLEANUP(close_fd_at) int directory = open("/", O_RDONLY | O_CLOEXEC);
	CLEANUP(close_fd_at) int path = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	CLEANUP(close_fd_at) int writer = memfd_create("file", MFD_CLOEXEC);
	CLEANUP(close_fd_at) int unread = open(fd_path(writer).text, O_WRONLY | O_CLOEXEC);
	CLEANUP(close_fd_at) int socket_of_none = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const struct {
		int fd, error;
	} cases[] = {
		{ -1, -EBADF },	    { directory, -EISDIR },	 { path, -EBADF },
		{ unread, -EBADF }, { socket_of_none, -EINVAL },
	};

	ck_assert_int_eq(write(writer, "bytes", 5), 5);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		for (size_t j = 0; j < DEMANDS; j++) {
			struct census before = take_census();
			struct sealmem_region *r = NULL;

			if (!is_supported(demands[j]))
				continue;
			ck_assert_int_eq(sealmem_region_new_from_file(&r, "source", cases[i].fd,
								      SIZE_MAX, demands[j]),
					 cases[i].error);
			ck_assert_ptr_null(r);
			assert_same_census(before);
		}
}
END_TEST

START_TEST(the_demand_is_checked_as_for_other_regions)
{
	CLEANUP(close_fd_at) int fd = file_of(100);
	SCOPED_REGION *r = NULL;

	ck_assert_int_eq(sealmem_region_new_from_file(NULL, "source", fd, 100, CONTENT), -EINVAL);
	ck_assert_int_eq(sealmem_region_new_from_file(&r, NULL, fd, 100, CONTENT), -EINVAL);
	ck_assert_int_eq(sealmem_region_new_from_file(&r, "a\n", fd, 100, CONTENT), -EINVAL);
	ck_assert_int_eq(sealmem_region_new_from_file(&r, "source", fd, 100, 0), -EINVAL);
	ck_assert_int_eq(sealmem_region_new_from_file(&r, "source", fd, 100, 0x80), -EINVAL);
	ck_assert_ptr_null(r);
}
END_TEST

START_TEST(a_file_above_rlimit_fsize_raises_no_signal)
{
	CLEANUP(close_fd_at) int file = file_of(3 * page_size()), pipe = pipe_of(3 * page_size());
	SCOPED_REGION *r = NULL;
	int of_file, of_pipe;

	ck_assert(signal(SIGXFSZ, SIG_DFL) != SIG_ERR);
	{
		SCOPED_LIMIT lowered = set_limit(RLIMIT_FSIZE, page_size());

		(void)lowered;
		of_file = sealmem_region_new_from_file(&r, "source", file, SIZE_MAX, CONTENT);
		of_pipe = sealmem_region_new_from_file(&r, "source", pipe, SIZE_MAX, CONTENT);
	}
	ck_assert_int_eq(of_file, -EFBIG);
	ck_assert_int_eq(of_pipe, -EFBIG);
	ck_assert_str_eq(sealmem_strerror(of_pipe), "RLIMIT_FSIZE is below this size.");
}
END_TEST

static int lower_limit(size_t done, size_t total, void *data)
{
	(void)total;
	if (done == SOURCE_PIECE)
		*(struct limit *)data = set_limit(RLIMIT_FSIZE, done + page_size());
	return 0;
}

START_TEST(a_limit_that_falls_meanwhile_raises_no_signal)
{
	CLEANUP(close_fd_at) int fd = file_of(2 * SOURCE_PIECE);
	SCOPED_LIMIT lowered = unchanged_limit(RLIMIT_FSIZE);
	struct sealmem_region *r = NULL;
	int err;

	ck_assert(signal(SIGXFSZ, SIG_DFL) != SIG_ERR);
	err = sealmem_region_new_from_file_with(&r, "source", fd, SIZE_MAX, CONTENT, lower_limit,
						NULL, &lowered);
	lift_limit(&lowered);
	ck_assert_int_eq(err, -EFBIG);
}
END_TEST

/* Where a sandbox refuses the short ways, there is a longer one. */
START_TEST(a_sandbox_without_sendfile_and_splice_makes_it_slower_only)
{
	CLEANUP(close_fd_at) int file = file_of(100000), pipe = pipe_of(100000);
	SCOPED_REGION *r = NULL;

	forbid(__NR_sendfile, _i ? EPERM : ENOSYS);
	forbid(__NR_splice, _i ? EPERM : ENOSYS);
	ck_assert_int_eq(sealmem_region_new_from_file(&r, "source", file, SIZE_MAX, CONTENT), 0);
	assert_region(r, 100000, CONTENT);
	r = sealmem_region_free(r);
	ck_assert_int_eq(sealmem_region_new_from_file(&r, "source", pipe, SIZE_MAX, CONTENT), 0);
	assert_region(r, 100000, CONTENT);
}
END_TEST

START_TEST(a_socket_with_a_time_limit_is_eagain_at_its_end)
{
	const struct timeval moment = { .tv_usec = 20000 };

	for (size_t j = 0; j < DEMANDS; j++) {
		struct census before = take_census();
		struct sealmem_region *r = NULL;
		int ends[2];

		if (!is_supported(demands[j]))
			continue;
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
		ck_assert_int_eq(
			setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof(moment)), 0);
		ck_assert_int_eq(write(ends[1], "begin", 5), 5);
		ck_assert_int_eq(
			sealmem_region_new_from_file(&r, "source", ends[0], SIZE_MAX, demands[j]),
			-EAGAIN);
		ck_assert_ptr_null(r);
		ck_assert_int_eq(close(ends[0]) | close(ends[1]), 0);
		assert_same_census(before);
	}
}
END_TEST

static void take_no_notice(int signal)
{
	(void)signal;
}

struct waiting {
	pthread_t thread;
	int to;
	unsigned asked;
};

/* Interrupts the thread that waits, and then ends its source. */
static void *interrupt_and_end(void *argument)
{
	struct waiting *waiting = argument;

	for (int i = 0; i < 20; i++) {
		(void)usleep(5000);
		(void)pthread_kill(waiting->thread, SIGUSR1);
	}
	(void)!write(waiting->to, "end", 3);
	(void)close(waiting->to);
	return NULL;
}

static int count_questions(size_t done, size_t total, void *data)
{
	struct waiting *waiting = data;

	(void)done;
	(void)total;
	waiting->asked++;
	return 0;
}

static int stop(size_t done, size_t total, void *data)
{
	(void)done;
	(void)total;
	(void)data;
	return 1;
}

/* Of a pipe that waits, and of one that does not: the signal comes in splice(2), or in ppoll(2). */
static int read_with_signals(int flags, unsigned demand,
			     int (*progress)(size_t done, size_t total, void *data),
			     struct waiting *waiting, struct sealmem_region **r)
{
	struct sigaction action = { .sa_handler = take_no_notice };
	pthread_t other;
	int ends[2], err;

	ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC | flags), 0);
	*waiting = (struct waiting){ pthread_self(), ends[1], 0 };
	ck_assert_int_eq(pthread_create(&other, NULL, interrupt_and_end, waiting), 0);
	err = sealmem_region_new_from_file_with(r, "source", ends[0], SIZE_MAX, demand, progress,
						NULL, waiting);
	ck_assert_int_eq(pthread_join(other, NULL), 0);
	ck_assert_int_eq(close(ends[0]), 0);
	return err;
}

START_TEST(signals_do_not_end_the_call)
{
	for (size_t j = 0; j < DEMANDS; j++) {
		SCOPED_REGION *r = NULL;
		struct waiting waiting;

		if (!is_supported(demands[j]))
			continue;
		ck_assert_int_eq(read_with_signals(_i ? O_NONBLOCK : 0, demands[j], count_questions,
						   &waiting, &r),
				 0);
		ck_assert_uint_eq(sealmem_region_size(r), 3);
		ck_assert_int_eq(memcmp(sealmem_region_data(r), "end", 3), 0);
		ck_assert_uint_gt(waiting.asked, 1);
	}
}
END_TEST

START_TEST(progress_can_cancel_when_a_signal_has_come)
{
	for (size_t j = 0; j < DEMANDS; j++) {
		struct sealmem_region *r = NULL;
		struct waiting waiting;

		ck_assert(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
		if (is_supported(demands[j]))
			ck_assert_int_eq(read_with_signals(_i ? O_NONBLOCK : 0, demands[j], stop,
							   &waiting, &r),
					 -ECANCELED);
		ck_assert_ptr_null(r);
	}
}
END_TEST

START_TEST(a_region_from_a_file_leaves_nothing_when_it_is_freed)
{
	for (size_t i = 0; i < KINDS; i++)
		for (size_t j = 0; j < DEMANDS; j++) {
			struct census before = take_census();
			struct sealmem_region *r = NULL;
			int fd;

			if (!is_supported(demands[j]) || demands[j] & SEALMEM_ADDRESS ||
			    (demands[j] & SEALMEM_SECRECY && demands[j] & CONTENT))
				continue;
			fd = kinds[i](70000);
			ck_assert_int_eq(sealmem_region_new_from_file(&r, "source", fd, SIZE_MAX,
								      demands[j]),
					 0);
			ck_assert_int_eq(close(fd), 0);
			ck_assert_ptr_null(sealmem_region_free(r));
			assert_same_census(before);
		}
}
END_TEST

START_TEST(locked_bytes_are_locked)
{
	for (size_t i = 0; i < KINDS; i++)
		for (size_t j = 0; j < DEMANDS; j++) {
			CLEANUP(close_fd_at) int fd = -1;
			SCOPED_REGION *r = NULL;

			if (!is_supported(demands[j]) || !is_locked(demands[j]))
				continue;
			fd = kinds[i](70000);
			ck_assert_int_eq(sealmem_region_new_from_file(&r, "source", fd, SIZE_MAX,
								      demands[j]),
					 0);
			ck_assert(has_flag(sealmem_region_data(r), "lo"));
		}
}
END_TEST

/* Of a plain user: the size of a file is known, so it is not locked more than it has to be. */
START_TEST(a_secret_that_may_not_be_locked_is_eagain)
{
	CLEANUP(close_fd_at) int fd = file_of(8 * page_size());
	CLEANUP(close_fd_at) int pipe = pipe_of(8 * page_size());
	struct census before;
	struct sealmem_region *r = NULL;

	if (!is_supported(SEALMEM_SECRECY))
		skip_test("no memfd_secret(2)");
	become_plain_user();
	(void)set_limit(RLIMIT_MEMLOCK, 4 * page_size());
	before = take_census();
	ck_assert_int_eq(sealmem_region_new_from_file(&r, "source", fd, SIZE_MAX, SEALMEM_SECRECY),
			 -EAGAIN);
	ck_assert_int_eq(
		sealmem_region_new_from_file(&r, "source", pipe, SIZE_MAX, SEALMEM_SECRECY),
		-EAGAIN);
	ck_assert_ptr_null(r);
	assert_same_census(before);
}
END_TEST

/* The memory of one region for all, whoever maps it. */
static int accept_and_read(void *region)
{
	SCOPED_REGION *r = NULL;

	if (sealmem_region_accept(&r, sealmem_region_fd(region), CONTENT) < 0)
		return 1;
	return !is_filled(sealmem_region_data(r), sealmem_region_size(r));
}

START_TEST(a_large_file_is_one_copy_for_all_processes)
{
	const size_t size = (size_t)scaled(256) << 20;
	CLEANUP(close_fd_at) int fd = file_of(size);
	SCOPED_REGION *r = NULL;
	struct stat file;

	ck_assert_int_eq(sealmem_region_new_from_file(&r, "source", fd, size, CONTENT), 0);
	for (int i = 0; i < 3; i++)
		assert_child_succeeds(accept_and_read, r);
	ck_assert_int_eq(fstat(sealmem_region_fd(r), &file), 0);
	ck_assert_int_le(file.st_blocks * 512, (blkcnt_t)size + (blkcnt_t)page_size());
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("region-source");
	const TTest *const of_kinds[] = {
		a_region_has_all_bytes_of_its_source,
		the_limit_is_the_largest_size,
		a_limit_of_0_takes_an_empty_source_only,
		progress_tells_how_much_has_come,
		progress_cancels,
	};
	const TTest *const twice[] = {
		a_sandbox_without_sendfile_and_splice_makes_it_slower_only,
		signals_do_not_end_the_call,
		progress_can_cancel_when_a_signal_has_come,
	};
	const TTest *const once[] = {
		the_position_of_a_file_neither_matters_nor_changes,
		a_later_change_of_the_file_does_not_reach_the_region,
		a_hole_becomes_zeroes_that_have_memory,
		pages_of_a_hole_are_set_aside,
		a_file_of_proc_that_hides_its_size_is_read_to_its_end,
		a_device_without_an_end_ends_at_the_limit,
		a_file_that_changes_its_size_meanwhile_is_ebusy,
		verify_sees_the_sealed_bytes_once,
		bytes_that_verify_refuses_leave_nothing,
		verify_sees_what_somebody_else_wrote_before_the_seal,
		a_descriptor_that_cannot_be_read_is_refused,
		the_demand_is_checked_as_for_other_regions,
		a_file_above_rlimit_fsize_raises_no_signal,
		a_limit_that_falls_meanwhile_raises_no_signal,
		a_socket_with_a_time_limit_is_eagain_at_its_end,
		a_region_from_a_file_leaves_nothing_when_it_is_freed,
		locked_bytes_are_locked,
		a_secret_that_may_not_be_locked_is_eagain,
		a_large_file_is_one_copy_for_all_processes,
	};

	if (!may_lock())
		(void)printf("SKIP demands of SECRECY and NOSWAP: RLIMIT_MEMLOCK is below 8 MiB\n");
	tcase_set_timeout(tcase, 60);
	for (size_t i = 0; i < sizeof(of_kinds) / sizeof(*of_kinds); i++)
		tcase_add_loop_test(tcase, of_kinds[i], 0, KINDS);
	for (size_t i = 0; i < sizeof(twice) / sizeof(*twice); i++)
		tcase_add_loop_test(tcase, twice[i], 0, 2);
	for (size_t i = 0; i < sizeof(once) / sizeof(*once); i++)
		tcase_add_test(tcase, once[i]);
	return run_case("region-source", tcase);
}
