/* SPDX-License-Identifier: MIT */

/*
 * The receiving side of a socket, where bytes of strangers come in. An input is a small program for a
 * hostile sender: the type and the options of the socket, then for each message its bytes, and the number
 * and kinds of its descriptors. The receiver takes messages until there are no more. In every case a region
 * that it gets is sealed, an error is one that the header names, and no descriptor and no mapping is left
 * over.
 *
 * An input:
 *     byte 0   bits 0-1 the type of socket, 2 SO_PASSCRED, 3 SO_PASSPIDFD, 4 the sender closes, 5 it shuts
 *              down, 6 descriptors are short
 *     byte 1   the guarantees demanded
 *     byte 2   the limit: a power of two
 *     byte 3   how many descriptors are available, if they are short
 *     then for each message
 *     bytes 0-1   its size, modulo 601
 *     byte 2      bit 0: the bytes of an honest message below the patch, else zeroes; bit 1: they
 *                 go on where the message before ended; bit 2: out of band; bits 3-7: how long the
 *                 patch is
 *     byte 3      how many descriptors: up to 239 modulo 4, else 253 less the rest
 *     byte 4      the kind of the first one; each further one is of the next kind
 *     byte 5      where the patch begins
 *     the patch
 */

#include "fuzz/input.h"
#include "fuzz/promise.h"
#include "fuzz/target.h"
#include "tests/support/kernel.h"

#include "include/sealmem.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define FINAL_SEALS	(F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK)
#define MAX_DESCRIPTORS 253
#define MAX_MESSAGES	24
#define MAX_NUMBER	1024

static int memfd(off_t size, int seals, unsigned flags)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING | flags);

	if (fd < 0 || ftruncate(fd, size) < 0 || fcntl(fd, F_ADD_SEALS, seals) < 0)
		return -1;
	return fd;
}

static int reopened(int fd, int flags)
{
	char path[64];
	int again;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, flags | O_CLOEXEC);
	(void)close(fd);
	return again;
}

static int of_mode_zero(void)
{
	int fd = memfd(100, FINAL_SEALS, 0);

	return fchmod(fd, 0) == 0 ? fd : -1;
}

static int end_of_pipe(void)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	(void)close(ends[1]);
	return ends[0];
}

/* One descriptor of each kind, made once; a kind that is not available here is -1 and is not sent. */
static int kinds[24];

#define KINDS (sizeof(kinds) / sizeof(*kinds))

static void make_kinds(void)
{
	size_t i = 0;

	kinds[i++] = memfd(100, FINAL_SEALS, 0);
	kinds[i++] = memfd(1, FINAL_SEALS | F_SEAL_SEAL, 0);
	kinds[i++] = memfd((off_t)sysconf(_SC_PAGESIZE) * 3, FINAL_SEALS, 0);
	kinds[i++] = memfd(100, 0, 0);
	kinds[i++] = memfd(100, F_SEAL_WRITE, 0);
	kinds[i++] = memfd(100, F_SEAL_GROW | F_SEAL_SHRINK, 0);
	kinds[i++] = memfd(100, F_SEAL_FUTURE_WRITE | F_SEAL_GROW | F_SEAL_SHRINK, 0);
	kinds[i++] = memfd(100, FINAL_SEALS | F_SEAL_FUTURE_WRITE, 0);
	kinds[i++] = memfd(100, FINAL_SEALS | F_SEAL_FUTURE_WRITE | F_SEAL_EXEC, 0);
	kinds[i++] = memfd(0, FINAL_SEALS, 0);
	kinds[i++] = memfd((off_t)1 << 40, FINAL_SEALS, 0);
	kinds[i++] = memfd(INT64_MAX, FINAL_SEALS, 0);
	kinds[i++] = memfd((off_t)1 << 45, FINAL_SEALS, MFD_HUGETLB);
	kinds[i++] = reopened(memfd(100, FINAL_SEALS, 0), O_RDONLY);
	kinds[i++] = reopened(memfd(100, FINAL_SEALS, 0), O_WRONLY);
	kinds[i++] = reopened(memfd(100, FINAL_SEALS, 0), O_PATH);
	kinds[i++] = of_mode_zero();
	kinds[i++] = memfd_create("unsealable", MFD_CLOEXEC);
	kinds[i++] = end_of_pipe();
	kinds[i++] = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	kinds[i++] = open("/dev/zero", O_RDWR | O_CLOEXEC);
	kinds[i++] = eventfd(0, EFD_CLOEXEC);
	kinds[i++] = epoll_create1(EPOLL_CLOEXEC);
	kinds[i++] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static size_t count_descriptors(void)
{
	static struct pollfd numbers[MAX_NUMBER];
	size_t count = 0;

	for (int i = 0; i < MAX_NUMBER; i++)
		numbers[i] = (struct pollfd){ .fd = i };
	(void)poll(numbers, MAX_NUMBER, 0);
	for (int i = 0; i < MAX_NUMBER; i++)
		count += !(numbers[i].revents & POLLNVAL);
	return count;
}

/* A sanitizer takes addresses without backing memory whenever it likes; guard pages are such addresses too. */
#if defined(__has_feature)
# if __has_feature(address_sanitizer)
#  define GUARDS_COUNT false
# endif
#elif defined(__SANITIZE_ADDRESS__)
# define GUARDS_COUNT false
#endif
#ifndef GUARDS_COUNT
# define GUARDS_COUNT true
#endif

/* The mappings of a region: its file and its guard pages. Reads without stdio, because stdio maps memory too. */
static size_t count_mappings(void)
{
	static char text[1 << 20];
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	size_t length = 0, count = 0;
	ssize_t got;

	while (fd >= 0 && (got = read(fd, text + length, sizeof(text) - 1 - length)) > 0)
		length += (size_t)got;
	(void)close(fd);
	text[length] = '\0';
	for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"))
		count += strstr(line, "/memfd:") != NULL ||
			 (GUARDS_COUNT && strstr(line, " ---p ") != NULL);
	return count;
}

static size_t take(struct input *input, uint8_t *to, size_t size)
{
	size_t taken = 0;

	while (taken < size && input->size > 0)
		to[taken++] = next(input);
	return taken;
}

/* The sender's format, repeated. */
static void put_honest(uint8_t *bytes, size_t size, size_t position)
{
	static const char honest[256] = "sealmem\0honest";

	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)honest[(position + i) % sizeof(honest)];
}

static size_t put_descriptors(struct cmsghdr *rights, uint8_t how_many, uint8_t first_kind)
{
	size_t wanted = how_many < 240 ? how_many % 4 : MAX_DESCRIPTORS - how_many % 16u, count = 0;

	for (size_t i = 0; i < wanted; i++) {
		int fd = kinds[(first_kind + i) % KINDS];

		if (fd < 0)
			continue;
		memcpy(CMSG_DATA(rights) + count * sizeof(fd), &fd, sizeof(fd));
		count++;
	}
	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(count * sizeof(int));
	return count;
}

static size_t send_message(int socket, struct input *input, size_t position)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(MAX_DESCRIPTORS * sizeof(int))];
	} control = { 0 };
	uint8_t bytes[601 + 256 + 32] = { 0 };
	size_t size = next(input);
	uint8_t how, how_many, count;
	struct iovec iov = { bytes, 0 };
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };

	size = (size | (size_t)next(input) << 8) % 601;
	how = next(input);
	how_many = next(input);
	count = (uint8_t)put_descriptors(&control.align, how_many, next(input));
	if (how & 1)
		put_honest(bytes, size, how & 2 ? position : 0);
	(void)take(input, bytes + next(input), how >> 3);
	iov.iov_len = size;
	if (count > 0) {
		header.msg_control = &control;
		header.msg_controllen = CMSG_SPACE(count * sizeof(int));
	}
	(void)sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT | (how & 4 ? MSG_OOB : 0));
	return position + size;
}

static void set_option(int socket, int option, bool on)
{
	const int value = on;

	(void)setsockopt(socket, SOL_SOCKET, option, &value, sizeof(value));
}

static void send_all(const int ends[2], uint8_t options, struct input *input)
{
	size_t position = 0;

	set_option(ends[1], SO_PASSCRED, options & 4);
	set_option(ends[1], SO_PASSPIDFD, options & 8);
	for (int i = 0; i < MAX_MESSAGES && input->size > 0; i++)
		position = send_message(ends[0], input, position);
	if (options & 16)
		(void)shutdown(ends[0], SHUT_RDWR);
}

/* The numbers in use have no gaps below the first free one, so that many more are available. */
static struct rlimit leave_descriptors(uint8_t count)
{
	struct rlimit before, less;
	int lowest = dup(STDERR_FILENO);

	(void)close(lowest);
	(void)getrlimit(RLIMIT_NOFILE, &before);
	less = before;
	less.rlim_cur = (rlim_t)lowest + count;
	if (lowest >= 0 && less.rlim_cur < before.rlim_cur)
		(void)setrlimit(RLIMIT_NOFILE, &less);
	return before;
}

static bool is_named_in_the_header(int err)
{
	static const int errors[] = { -EINVAL, -EAGAIN,	 -ECONNRESET, -EBADMSG, -EMFILE,    -ENODEV,
				      -EPERM,  -ENODATA, -EFBIG,      -ENOMEM,	-EOPNOTSUPP };

	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
		if (errors[i] == err)
			return true;
	return err == -EBADF;
}

/* A name that is printed must not clear the screen. */
static bool is_printable(const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < length; i++)
		if (iscntrl((unsigned char)name[i]))
			return false;
	return length <= SEALMEM_NAME_MAX;
}

static void check_region(struct sealmem_region *region, size_t limit, unsigned guarantees)
{
	const volatile char *data = sealmem_region_data(region);
	size_t size = sealmem_region_size(region);
	int fd = sealmem_region_fd(region);

	PROMISE(data != NULL && size <= limit);
	PROMISE(is_printable(sealmem_region_name(region)));
	PROMISE(sealmem_region_guarantees(region) == guarantees);
	/* Or -EMFILE, because the attempt takes descriptors too. */
	PROMISE(sealmem_try_write(sealmem_region_data(region), "x", 1) < 0);
	PROMISE(size == 0 || (data[0] == 0 && data[size - 1] == 0));
	PROMISE(fd == -EOPNOTSUPP || (fcntl(fd, F_GET_SEALS) & FINAL_SEALS) == FINAL_SEALS);
}

/* Returns false when nothing more will come. */
static bool receive(int socket, size_t limit, unsigned guarantees)
{
	struct sealmem_region *const untouched = (void *)&limit, *region = untouched;
	int err = sealmem_receive_limited(socket, &region, limit, guarantees);

	if (err == 0) {
		check_region(region, limit, guarantees);
		(void)sealmem_region_free(region);
		return true;
	}
	PROMISE(region == untouched);
	PROMISE(is_named_in_the_header(err));
	return err != -EAGAIN && err != -ECONNRESET && err != -EINVAL && err != -EOPNOTSUPP;
}

static void play(struct input *input)
{
	static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM, SOCK_STREAM };
	uint8_t options = next(input);
	/* Not ADDRESS, because its memory can never be freed. */
	unsigned guarantees = next(input) & ~SEALMEM_ADDRESS;
	size_t limit = (size_t)1 << next(input) % 24;
	uint8_t left = next(input) % 8;
	struct rlimit before;
	int ends[2];

	if (socketpair(AF_UNIX, types[options & 3] | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0)
		abort();
	send_all(ends, options, input);
	if (options & 32)
		ends[0] = close(ends[0]) - 1;
	before = leave_descriptors(options & 64 ? left : UINT8_MAX);
	for (int i = 0; i < 2 * MAX_MESSAGES && receive(ends[1], limit, guarantees); i++)
		;
	(void)setrlimit(RLIMIT_NOFILE, &before);
	if (ends[0] >= 0)
		(void)close(ends[0]);
	(void)close(ends[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static bool made;
	size_t descriptors, mappings;

	if (!made)
		make_kinds();
	made = true;
	descriptors = count_descriptors();
	mappings = count_mappings();
	play(&(struct input){ bytes, size });
	PROMISE(count_descriptors() == descriptors);
	PROMISE(count_mappings() == mappings);
	return 0;
}
