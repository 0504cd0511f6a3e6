/* SPDX-License-Identifier: MIT */

/*
 * Plain system calls, as an attacker would write them. A descriptor that a helper was given to improve on
 * is closed, so that a row of a table can nest them. The files are called as the library calls its own,
 * for a census beside a sanitizer counts no others.
 */

#include "tests/support/channel.h"

#include "tests/support/support.h"

#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <time.h>

struct message honest_message(const char *name)
{
	struct message message = { .magic = "sealmem" };

	memcpy(message.name, name, strnlen(name, sizeof(message.name)));
	return message;
}

struct channel open_channel(int type)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), 0);
	return (struct channel){ ends[0], ends[1] };
}

void close_channel(const struct channel *channel)
{
	close_fd(channel->sender);
	close_fd(channel->receiver);
}

ssize_t post(int socket, const void *bytes, size_t size, const int *fds, size_t count)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(MAX_DESCRIPTORS * sizeof(int))];
	} control = { 0 };
	/* sendmsg(2) does not write there. */
	struct iovec iov = { (void *)(uintptr_t)bytes, size };
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *rights = &control.align;

	if (count > 0) {
		header.msg_control = &control;
		header.msg_controllen = CMSG_SPACE(count * sizeof(int));
		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(rights), fds, count * sizeof(int));
	}
	return result(sendmsg(socket, &header, MSG_NOSIGNAL));
}

void post_all(int socket, const void *bytes, size_t size, const int *fds, size_t count)
{
	ck_assert_int_eq(post(socket, bytes, size, fds, count), (ssize_t)size);
}

void post_honest(int socket, int fd)
{
	struct message message = honest_message("honest");

	post_all(socket, &message, sizeof(message), &fd, 1);
}

int take_descriptor(int socket)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char bytes[512];
	struct iovec iov = { bytes, sizeof(bytes) };
	struct msghdr header = { .msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control) };
	int fd = -1;

	if (recvmsg(socket, &header, MSG_CMSG_CLOEXEC) <= 0)
		return -1;
	if (CMSG_FIRSTHDR(&header) != NULL)
		memcpy(&fd, CMSG_DATA(&control.align), sizeof(fd));
	return fd;
}

int filled_memfd(size_t size)
{
	int fd = memfd_create("sealmem:stranger", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	char *bytes = malloc(size + 1);

	ck_assert_int_ge(fd, 0);
	ck_assert_ptr_nonnull(bytes);
	fill(bytes, size);
	ck_assert_int_eq(pwrite(fd, bytes, size, 0), (ssize_t)size);
	free(bytes);
	return fd;
}

int with_seals(int fd, int seals)
{
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

int opened_again(int fd, int flags)
{
	char path[64];
	int again;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, flags | O_CLOEXEC);
	ck_assert_int_ge(again, 0);
	close_fd(fd);
	return again;
}

int with_lease(int fd)
{
	char path[64];

	/* So the kernel tells the holder that somebody waits. */
	ck_assert_ptr_ne(signal(SIGIO, SIG_IGN), SIG_ERR);
	if (fcntl(fd, F_SETLEASE, F_WRLCK) < 0)
		skip_test("this kernel gives no write lease on this file");
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ck_assert_int_eq(open(path, O_RDONLY | O_NONBLOCK), -1);
	ck_assert_int_eq(errno, EAGAIN);
	return fd;
}

int tmpfs_file(void)
{
	static const char *const places[] = { "/dev/shm", "/tmp" };
	struct statfs status;

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		if (statfs(places[i], &status) == 0 && status.f_type == TMPFS_MAGIC)
			return open(places[i], O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	return -1;
}

int huge_memfd(void)
{
	return memfd_create("huge", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB);
}

size_t huge_page_size(int fd)
{
	struct statfs status;

	ck_assert_int_eq(fstatfs(fd, &status), 0);
	return (size_t)status.f_bsize;
}

#define POOL "/proc/sys/vm/nr_hugepages"

static long read_pool(void)
{
	FILE *file = fopen(POOL, "re");
	long count = -1;

	if (file != NULL && fscanf(file, "%ld", &count) != 1)
		count = -1;
	if (file != NULL)
		(void)fclose(file);
	return count;
}

static bool write_pool(long count)
{
	FILE *file = fopen(POOL, "we");

	if (file == NULL)
		return false;
	(void)fprintf(file, "%ld", count);
	return fclose(file) == 0;
}

/* One at a time on the whole machine: who raises the count must see what it was before anybody did. The kernel
 * frees such a name with its last holder, so it cannot outlive a test that crashes. */
static int take_turn(void)
{
	const struct sockaddr_un name = { AF_UNIX, "\0sealmem-tests-huge-pages" };
	int turn = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	for (int tries = 0; tries < 3000; tries++) {
		if (bind(turn, (const struct sockaddr *)&name, sizeof(name)) == 0)
			return turn;
		(void)poll(NULL, 0, 10);
	}
	close_fd(turn);
	return -1;
}

/* Waits in a session of its own, because Check kills what a test leaves in its group. */
static void put_back_at_end(long count, int turn)
{
	int life[2];
	char none;

	ck_assert_int_eq(pipe2(life, O_CLOEXEC), 0);
	if (fork() == 0) {
		(void)setsid();
		close(life[1]);
		while (read(life[0], &none, 1) > 0)
			;
		_exit(write_pool(count) ? 0 : 1);
	}
	close(life[0]);
	close(turn);
}

bool have_huge_pages(unsigned count)
{
	int turn = access(POOL, W_OK) == 0 ? take_turn() : -1;
	long before = read_pool();

	if (turn < 0 || before < 0)
		return false;
	put_back_at_end(before, turn);
	return write_pool(before + (long)count) && read_pool() == before + (long)count;
}

double seconds_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}
