/* SPDX-License-Identifier: MIT */

/*
 * What a hostile sender can send, one row each, and what becomes of it: by sealmem_region_accept() when
 * somebody else received the descriptor, and by sealmem_receive(), on each type of socket. Whatever it
 * was, nothing may be left open or mapped, and where messages have borders the next sender must get
 * through. One table for all, so that a new trick is a new row and is tried everywhere.
 */

#include "tests/support/channel.h"
#include "tests/support/sandbox.h"
#include "tests/support/support.h"

#include <arpa/inet.h>
#include <linux/magic.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/wait.h>

/* On a kernel or for a user that does not have it. */
#define NOT_HERE (-1)

enum { OVER_STREAM = 1, OVER_SEQPACKET = 2, OVER_DATAGRAM = 4 };

#define DATAGRAMS (OVER_SEQPACKET | OVER_DATAGRAM)
#define ALL	  (OVER_STREAM | DATAGRAMS)

struct kind {
	const char *name;
	int (*make)(const struct kind *kind); /* the descriptor */
	void (*send)(const struct kind *kind, int socket, int fd);
	int sockets;
	int accepted;	/* what sealmem_region_accept_limited() has to say of the descriptor */
	int received;	/* what sealmem_receive_limited() has to say of the message */
	int64_t number; /* what `make` or `send` asks of the row */
	const char *text;
};

/* Files */

static int honest(const struct kind *kind)
{
	(void)kind;
	return with_seals(filled_memfd(page_size()), ALL_SEALS);
}

static int no_file(const struct kind *kind)
{
	(void)kind;
	return NOT_HERE;
}

static int end_of_pipe(const struct kind *kind)
{
	int pipe[2];

	ck_assert_int_eq(pipe2(pipe, O_CLOEXEC), 0);
	close(pipe[1 - kind->number]);
	return pipe[kind->number];
}

static int unix_socket(const struct kind *kind)
{
	return socket(AF_UNIX, (int)kind->number | SOCK_CLOEXEC, 0);
}

/* To a peer that has room for no more; `peer` keeps the connection alive. */
static int full_tcp_socket(int *peer)
{
	struct sockaddr_in here = { .sin_family = AF_INET };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t size = sizeof(here);
	static char bytes[1 << 16];

	here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (listener < 0 || bind(listener, (struct sockaddr *)&here, sizeof(here)) < 0 ||
	    listen(listener, 1) < 0 || getsockname(listener, (struct sockaddr *)&here, &size) < 0 ||
	    (connect(fd, (struct sockaddr *)&here, sizeof(here)) < 0 && errno != EINPROGRESS)) {
		close_fd(listener);
		return close_fd(fd);
	}
	*peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	close(listener);
	while (send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL) > 0)
		;
	ck_assert_int_eq(fcntl(fd, F_SETFL, 0), 0);
	return fd;
}

static int linger(int fd, int seconds)
{
	const struct linger linger = { seconds > 0, seconds };

	return setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

/* Whose last close waits until so many seconds are over or all was read, which it never is. */
static int lingering_socket(const struct kind *kind)
{
	static int peer = -1;
	int fd;

	close_fd(peer);
	peer = -1;
	fd = full_tcp_socket(&peer);
	if (fd >= 0)
		ck_assert_int_eq(linger(fd, (int)kind->number), 0);
	return fd;
}

/* Sends the socket above on its way, and forgets it. */
static bool send_on_its_way(const struct kind *kind, int to)
{
	int fd = lingering_socket(kind);

	if (fd < 0)
		return false;
	post_all(to, "", 1, &fd, 1);
	close(fd);
	return true;
}

/* Whose close is that of a socket above, too. */
static int socket_with_one_on_its_way(const struct kind *kind)
{
	struct channel channel = open_channel(SOCK_STREAM);
	bool sent = send_on_its_way(kind, channel.sender);

	close(channel.sender);
	return sent ? channel.receiver : close_fd(channel.receiver);
}

static int socket_in_a_socket(const struct kind *kind)
{
	struct channel channel = open_channel(SOCK_DGRAM);
	int inner = socket_with_one_on_its_way(kind);

	if (inner >= 0)
		post_all(channel.sender, "", 1, &inner, 1);
	close(channel.sender);
	close_fd(inner);
	return inner >= 0 ? channel.receiver : close_fd(channel.receiver);
}

/* The connection of it was never accepted. */
static int listener_with_one_on_its_way(const struct kind *kind)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(name);
	bool sent;

	/* The kernel chooses a name. */
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&name, sizeof(name.sun_family)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&name, &size), 0);
	ck_assert_int_eq(connect(client, (struct sockaddr *)&name, size), 0);
	sent = send_on_its_way(kind, client);
	close(client);
	return sent ? listener : close_fd(listener);
}

static int opened(const struct kind *kind)
{
	return open(kind->text, (int)kind->number | O_CLOEXEC);
}

/* Those on a tmpfs have an answer of their own. */
static int unless_on_tmpfs(int fd)
{
	struct statfs status;

	if (fstatfs(fd, &status) == 0 && status.f_type == TMPFS_MAGIC)
		return close_fd(fd);
	return fd;
}

static int disk_file(const struct kind *kind)
{
	(void)kind;
	return unless_on_tmpfs(temporary_file());
}

static int program_file(const struct kind *kind)
{
	return unless_on_tmpfs(opened(kind));
}

static int event_counter(const struct kind *kind)
{
	return eventfd(0, (int)kind->number);
}

static int poll_set(const struct kind *kind)
{
	return epoll_create1((int)kind->number);
}

static int timer(const struct kind *kind)
{
	return timerfd_create(CLOCK_MONOTONIC, (int)kind->number);
}

static int signals(const struct kind *kind)
{
	sigset_t none;

	sigemptyset(&none);
	return signalfd(-1, &none, (int)kind->number);
}

static int watch(const struct kind *kind)
{
	return inotify_init1((int)kind->number);
}

static int process(const struct kind *kind)
{
	return (int)syscall(SYS_pidfd_open, getpid(), (unsigned)kind->number);
}

static int of_one_page(int fd)
{
	if (fd >= 0)
		ck_assert_int_eq(ftruncate(fd, (off_t)page_size()), 0);
	return fd;
}

static int secret_memory(const struct kind *kind)
{
	return of_one_page((int)syscall(__NR_memfd_secret, (unsigned)kind->number));
}

static int tmpfs(const struct kind *kind)
{
	(void)kind;
	return of_one_page(tmpfs_file());
}

static int made_with(const struct kind *kind)
{
	return of_one_page(memfd_create("made", MFD_CLOEXEC | (unsigned)kind->number));
}

static int sealed_with(const struct kind *kind)
{
	return with_seals(filled_memfd(page_size()), (int)kind->number);
}

static int with_future_write_first(const struct kind *kind)
{
	return with_seals(with_seals(filled_memfd(page_size()), F_SEAL_FUTURE_WRITE),
			  (int)kind->number);
}

/* A mapping that can write, until the next is made. */
static char *writer_of(int fd, size_t size)
{
	static struct scoped_mapping writer;

	unmap_scoped(&writer);
	writer = (struct scoped_mapping){ NULL, 0 };
	writer.addr = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (writer.addr == MAP_FAILED)
		return NULL;
	writer.size = size;
	return writer.addr;
}

/* The row for which this seal is worthless: somebody can write for as long as they like. */
static int future_write_with_writer(const struct kind *kind)
{
	int fd = filled_memfd(page_size());
	char *writer = writer_of(fd, page_size());

	ck_assert_ptr_nonnull(writer);
	(void)with_seals(fd, (int)kind->number);
	*writer = 'x';
	return fd;
}

/* On some kernels all seals are there now, and the mapping writes. */
static int exec_with_writer(const struct kind *kind)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC | (unsigned)kind->number;
	int fd = memfd_create("exec", flags);
	size_t size;

	if (fd < 0)
		return NOT_HERE;
	size = flags & MFD_HUGETLB ? huge_page_size(fd) : page_size();
	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	if (writer_of(fd, size) == NULL)
		return close_fd(fd);
	(void)fcntl(fd, F_ADD_SEALS, F_SEAL_EXEC);
	(void)fchmod(fd, 0600);
	return fd;
}

static int hollow(int fd, off_t size, int seals)
{
	if (fd < 0 || ftruncate(fd, size) < 0)
		return close_fd(fd);
	return with_seals(fd, seals);
}

static int of_size(const struct kind *kind)
{
	return hollow(filled_memfd(0), kind->number, ALL_SEALS);
}

static int of_huge_pages(const struct kind *kind)
{
	return hollow(huge_memfd(), kind->number, ALL_SEALS);
}

static int huge_without_seals(const struct kind *kind)
{
	int fd = huge_memfd();

	(void)kind;
	return fd < 0 ? NOT_HERE : hollow(fd, (off_t)huge_page_size(fd), 0);
}

static size_t limit(void)
{
	return 2 * page_size();
}

static int above_the_limit(const struct kind *kind)
{
	return hollow(filled_memfd(0), (off_t)limit() + kind->number, ALL_SEALS);
}

static int at_the_limit(const struct kind *kind)
{
	(void)kind;
	return with_seals(filled_memfd(limit()), ALL_SEALS);
}

static int opened_with(const struct kind *kind)
{
	return opened_again(honest(kind), (int)kind->number);
}

static int at_its_end(const struct kind *kind)
{
	int fd = honest(kind);

	ck_assert_int_eq(lseek(fd, 0, SEEK_END), (off_t)page_size());
	return fd;
}

static int of_mode(const struct kind *kind)
{
	int fd = opened_again(honest(kind), O_RDONLY);

	ck_assert_int_eq(fchmod(fd, (mode_t)kind->number), 0);
	return fd;
}

static int with_bytes_after_the_end(const struct kind *kind)
{
	int fd = filled_memfd(page_size() / 2);
	char *at = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	ck_assert_ptr_ne(at, MAP_FAILED);
	fill(at, page_size());
	munmap(at, page_size());
	return with_seals(fd, (int)kind->number);
}

/* Messages */

static void as_it_should_be(const struct kind *kind, int socket, int fd)
{
	(void)kind;
	post_honest(socket, fd);
}

/* The receiver's own other end comes in; that must not keep the connection alive. */
static void its_own_socket(const struct kind *kind, int socket, int fd)
{
	(void)kind;
	(void)fd;
	post_honest(socket, socket);
}

static void honest_then_end(const struct kind *kind, int socket, int fd)
{
	as_it_should_be(kind, socket, fd);
	ck_assert_int_eq(shutdown(socket, SHUT_RDWR), 0);
}

static void named(const struct kind *kind, int socket, int fd)
{
	struct message message = honest_message(kind->text);

	post_all(socket, &message, sizeof(message), &fd, 1);
}

static void named_at_length(const struct kind *kind, int socket, int fd)
{
	struct message message = honest_message("");

	memset(message.name, 'n', (size_t)kind->number);
	post_all(socket, &message, sizeof(message), &fd, 1);
}

static void named_with_junk_after(const struct kind *kind, int socket, int fd)
{
	struct message message = honest_message("");

	memset(message.name, '\a', sizeof(message.name));
	memcpy(message.name, kind->text, strlen(kind->text) + 1);
	post_all(socket, &message, sizeof(message), &fd, 1);
}

static void with_magic(const struct kind *kind, int socket, int fd)
{
	struct message message = honest_message("honest");

	memcpy(message.magic, kind->text, sizeof(message.magic));
	post_all(socket, &message, sizeof(message), &fd, 1);
}

static void with_zeroes_only(const struct kind *kind, int socket, int fd)
{
	static const struct message zeroes;

	(void)kind;
	post_all(socket, &zeroes, sizeof(zeroes), &fd, 1);
}

/* An honest message and then zeroes, cut off there. */
static void of_length(const struct kind *kind, int socket, int fd)
{
	static char bytes[1 << 15];
	struct message message = honest_message("honest");

	memcpy(bytes, &message, sizeof(message));
	post_all(socket, bytes, (size_t)kind->number, &fd, 1);
}

static void one_byte_then_end(const struct kind *kind, int socket, int fd)
{
	(void)kind;
	post_all(socket, "s", 1, &fd, 1);
	ck_assert_int_eq(shutdown(socket, SHUT_WR), 0);
}

static void nothing_at_all(const struct kind *kind, int socket, int fd)
{
	(void)kind;
	(void)fd;
	post_all(socket, "", 0, NULL, 0);
}

static void post_many(int socket, size_t size, int fd, size_t count)
{
	struct message message = honest_message("honest");
	int fds[MAX_DESCRIPTORS];

	for (size_t i = 0; i < count; i++)
		fds[i] = fd;
	post_all(socket, &message, size, fds, count);
}

static void with_descriptors(const struct kind *kind, int socket, int fd)
{
	post_many(socket, sizeof(struct message), fd, (size_t)kind->number);
}

static void with_two_descriptors(const struct kind *kind, int socket, int fd)
{
	(void)kind;
	post_many(socket, sizeof(struct message), fd, 2);
}

static void with_all_descriptors(const struct kind *kind, int socket, int fd)
{
	(void)kind;
	post_many(socket, sizeof(struct message), fd, MAX_DESCRIPTORS);
}

static void one_byte_and_all_descriptors(const struct kind *kind, int socket, int fd)
{
	(void)kind;
	post_many(socket, 1, fd, MAX_DESCRIPTORS);
}

/* In pieces of nine bytes, but for the last; bit N of the number is a descriptor with piece N. */
static void in_pieces(const struct kind *kind, int socket, int fd)
{
	struct message message = honest_message("honest");
	const char *bytes = (const char *)&message;

	for (size_t at = 0; at < sizeof(message); at += 9) {
		size_t size = sizeof(message) - at < 9 ? sizeof(message) - at : 9;

		post_all(socket, bytes + at, size, &fd, kind->number >> at / 9 & 1);
	}
}

#define HONESTLY as_it_should_be, ALL

static const struct kind kinds[] = {
	{ "a pipe, to read from", end_of_pipe, HONESTLY, -ENODEV, -ENODEV, 0, NULL },
	{ "a pipe, to write to", end_of_pipe, HONESTLY, -ENODEV, -ENODEV, 1, NULL },
	{ "a Unix socket", unix_socket, HONESTLY, -ENODEV, -ENODEV, SOCK_STREAM, NULL },
	{ "a socket whose close waits", lingering_socket, HONESTLY, -ENODEV, -ENODEV, 60, NULL },
	{ "two sockets whose close waits", lingering_socket, with_two_descriptors, ALL, -ENODEV,
	  -EBADMSG, 60, NULL },
	{ "a socket with one on its way", socket_with_one_on_its_way, HONESTLY, -ENODEV, -ENODEV,
	  60, NULL },
	{ "two of them", socket_with_one_on_its_way, with_two_descriptors, ALL, -ENODEV, -EBADMSG,
	  60, NULL },
	{ "a socket with such a one on its way", socket_in_a_socket, HONESTLY, -ENODEV, -ENODEV, 60,
	  NULL },
	{ "a listener with one on its way", listener_with_one_on_its_way, HONESTLY, -ENODEV,
	  -ENODEV, 60, NULL },
	{ "the receiver's own connection", no_file, its_own_socket, ALL, -EBADF, -ENODEV, 0, NULL },
	{ "a directory", opened, HONESTLY, -ENODEV, -ENODEV, O_RDONLY | O_DIRECTORY, "/" },
	{ "a directory by O_PATH", opened, HONESTLY, -EBADF, -EBADF, O_PATH, "/" },
	{ "/dev/null", opened, HONESTLY, -ENODEV, -ENODEV, O_RDWR, "/dev/null" },
	{ "/dev/zero", opened, HONESTLY, -ENODEV, -ENODEV, O_RDWR, "/dev/zero" },
	{ "a terminal", opened, HONESTLY, -ENODEV, -ENODEV, O_RDWR | O_NOCTTY, "/dev/ptmx" },
	{ "a file on a disk", disk_file, HONESTLY, -ENODEV, -ENODEV, 0, NULL },
	{ "a program", program_file, HONESTLY, -ENODEV, -ENODEV, O_RDONLY, "/proc/self/exe" },
	{ "/proc/self/mem", opened, HONESTLY, -ENODEV, -ENODEV, O_RDWR, "/proc/self/mem" },
	{ "/proc/self/maps", opened, HONESTLY, -ENODEV, -ENODEV, O_RDONLY, "/proc/self/maps" },
	{ "a namespace", opened, HONESTLY, -ENODEV, -ENODEV, O_RDONLY, "/proc/self/ns/mnt" },
	{ "an eventfd", event_counter, HONESTLY, -ENODEV, -ENODEV, EFD_CLOEXEC, NULL },
	{ "an epoll set", poll_set, HONESTLY, -ENODEV, -ENODEV, EPOLL_CLOEXEC, NULL },
	{ "a timer", timer, HONESTLY, -ENODEV, -ENODEV, TFD_CLOEXEC, NULL },
	{ "a signalfd", signals, HONESTLY, -ENODEV, -ENODEV, SFD_CLOEXEC, NULL },
	{ "an inotify watch", watch, HONESTLY, -ENODEV, -ENODEV, IN_CLOEXEC, NULL },
	{ "a process", process, HONESTLY, -ENODEV, -ENODEV, 0, NULL },
	{ "secret memory", secret_memory, HONESTLY, -ENODEV, -ENODEV, O_CLOEXEC, NULL },

#define SEALS(name, make, seals)                                                                   \
 {                                                                                                 \
  name, make, HONESTLY, -EPERM, -EPERM, seals, NULL                                                \
 }
	SEALS("a file of a tmpfs", tmpfs, 0),
	SEALS("a memfd that takes no seals", made_with, 0),
	SEALS("a memfd without seals", sealed_with, 0),
	SEALS("SEAL", sealed_with, F_SEAL_SEAL),
	SEALS("WRITE", sealed_with, F_SEAL_WRITE),
	SEALS("GROW", sealed_with, F_SEAL_GROW),
	SEALS("SHRINK", sealed_with, F_SEAL_SHRINK),
	SEALS("all but SHRINK", sealed_with, ALL_SEALS & ~F_SEAL_SHRINK),
	SEALS("all but GROW", sealed_with, ALL_SEALS & ~F_SEAL_GROW),
	SEALS("all but WRITE", sealed_with, ALL_SEALS & ~F_SEAL_WRITE),
	SEALS("FUTURE_WRITE", sealed_with, F_SEAL_FUTURE_WRITE),
	SEALS("FUTURE_WRITE in the place of WRITE", with_future_write_first,
	      ALL_SEALS & ~F_SEAL_WRITE),
	SEALS("the same with a writer", future_write_with_writer,
	      F_SEAL_FUTURE_WRITE | (ALL_SEALS & ~F_SEAL_WRITE)),
	SEALS("EXEC", made_with, MFD_NOEXEC_SEAL),
	SEALS("EXEC with a writer", exec_with_writer, 0),
	SEALS("EXEC with a writer of huge pages", exec_with_writer, MFD_HUGETLB),
	SEALS("huge pages without seals", huge_without_seals, 0),

	{ "0 bytes", of_size, HONESTLY, 0, 0, 0, NULL },
	{ "0 huge pages", of_huge_pages, HONESTLY, -ENODATA, -ENODATA, 0, NULL },
	{ "one byte above the limit", above_the_limit, HONESTLY, -EFBIG, -EFBIG, 1, NULL },
	{ "2^57 bytes", of_size, HONESTLY, -EFBIG, -EFBIG, INT64_C(1) << 57, NULL },
	{ "2^62 bytes", of_size, HONESTLY, -EFBIG, -EFBIG, INT64_C(1) << 62, NULL },
	{ "2^63 - 1 bytes", of_size, HONESTLY, -EFBIG, -EFBIG, INT64_MAX, NULL },
	{ "2^45 bytes of huge pages", of_huge_pages, HONESTLY, -EFBIG, -EFBIG, INT64_C(1) << 45,
	  NULL },
	{ "O_PATH", opened_with, HONESTLY, -EBADF, -EBADF, O_PATH, NULL },

	{ "a sealed memfd", honest, HONESTLY, 0, 0, 0, NULL },
	{ "of the size of the limit", at_the_limit, HONESTLY, 0, 0, 0, NULL },
	{ "O_WRONLY", opened_with, HONESTLY, 0, 0, O_WRONLY, NULL },
	{ "read to its end", at_its_end, HONESTLY, 0, 0, 0, NULL },
	{ "of mode 0", of_mode, HONESTLY, 0, 0, 0, NULL },
	{ "with bytes after its end", with_bytes_after_the_end, HONESTLY, 0, 0, ALL_SEALS, NULL },
	{ "with further seals", with_future_write_first, HONESTLY, 0, 0, ALL_SEALS, NULL },
	{ "without SEAL", sealed_with, HONESTLY, 0, 0, FINAL_SEALS, NULL },
	{ "from who leaves at once", honest, honest_then_end, OVER_STREAM | OVER_SEQPACKET, 0, 0, 0,
	  NULL },

#define MESSAGE(name, send, sockets, received, number, text)                                       \
 {                                                                                                 \
  name, honest, send, sockets, 0, received, number, text                                           \
 }
	MESSAGE("without a name", named, ALL, 0, 0, ""),
	MESSAGE("the longest name", named_at_length, ALL, 0, SEALMEM_NAME_MAX, NULL),
	MESSAGE("a longer name", named_at_length, ALL, -EBADMSG, SEALMEM_NAME_MAX + 1, NULL),
	MESSAGE("a name without an end", named_at_length, ALL, -EBADMSG,
		sizeof(((struct message *)0)->name), NULL),
	MESSAGE("a name with junk after it", named_with_junk_after, ALL, 0, 0, "honest"),
	MESSAGE("a name like a path", named, ALL, 0, 0, "../../%s%n"),
	MESSAGE("a name of two lines", named, ALL, -EBADMSG, 0, "two\nlines"),
	MESSAGE("a name that clears the screen", named, ALL, -EBADMSG, 0, "\033[2J"),
	MESSAGE("a name with DEL", named, ALL, -EBADMSG, 0, "\177"),

	MESSAGE("zeroes", with_zeroes_only, ALL, -EBADMSG, 0, NULL),
	MESSAGE("magic in capitals", with_magic, ALL, -EBADMSG, 0, "SEALMEM"),
	MESSAGE("magic without its end", with_magic, ALL, -EBADMSG, 0, "sealmem!"),
	MESSAGE("one byte, then the end", one_byte_then_end, OVER_STREAM, -EBADMSG, 0, NULL),
	MESSAGE("one byte, then nothing", of_length, ALL, -EBADMSG, 1, NULL),
	MESSAGE("the magic only", of_length, ALL, -EBADMSG, 8, NULL),
	MESSAGE("one byte short", of_length, ALL, -EBADMSG, sizeof(struct message) - 1, NULL),
	MESSAGE("one byte too many", of_length, DATAGRAMS, -EBADMSG, sizeof(struct message) + 1,
		NULL),
	MESSAGE("many bytes too many", of_length, DATAGRAMS, -EBADMSG, 1 << 15, NULL),
	MESSAGE("no bytes", of_length, DATAGRAMS, -EBADMSG, 0, NULL),
	MESSAGE("nothing", nothing_at_all, OVER_DATAGRAM, -EBADMSG, 0, NULL),
	MESSAGE("nothing, which is an end too", nothing_at_all, OVER_SEQPACKET, -ECONNRESET, 0,
		NULL),
	MESSAGE("in pieces", in_pieces, OVER_STREAM, 0, 1 << 0, NULL),
	MESSAGE("in pieces that are no message", in_pieces, DATAGRAMS, -EBADMSG, 1 << 0, NULL),
	MESSAGE("a descriptor that comes late", in_pieces, OVER_STREAM, 0, 1 << 1, NULL),
	MESSAGE("a descriptor that comes last", in_pieces, OVER_STREAM, 0, 1 << 28, NULL),
	MESSAGE("two descriptors with different pieces", in_pieces, OVER_STREAM, -EBADMSG,
		1 << 0 | 1 << 1, NULL),

	MESSAGE("without a descriptor", with_descriptors, ALL, -EBADMSG, 0, NULL),
	MESSAGE("with two descriptors", with_descriptors, ALL, -EBADMSG, 2, NULL),
	MESSAGE("with 253 descriptors", with_descriptors, ALL, -EBADMSG, MAX_DESCRIPTORS, NULL),
	MESSAGE("253 descriptors and one byte", one_byte_and_all_descriptors, ALL, -EBADMSG, 0,
		NULL),
	{ "with 253 pipes", end_of_pipe, with_all_descriptors, ALL, -ENODEV, -EBADMSG, 0, NULL },
};

#define KINDS (sizeof(kinds) / sizeof(*kinds))

/* Longer than anything here takes, shorter than anything that waits. */
#define PATIENCE 10.0

struct tally {
	unsigned tried, wrong;
};

static void check(struct tally *tally, bool holds, const char *who, const char *name,
		  const char *what, long got)
{
	if (holds)
		return;
	printf("%s, %s: %s (%ld)\n", who, name, what, got);
	tally->wrong++;
}

/* The region, if there is one, is as good as any; then it is freed. */
static void check_region(struct tally *tally, const char *who, const char *name,
			 struct sealmem_region *region, int err)
{
	char *data = sealmem_region_data(region);

	if (err < 0) {
		check(tally, region == NULL, who, name, "a region in spite of the error", err);
		return;
	}
	check(tally, sealmem_region_guarantees(region) & SEALMEM_CONTENT, who, name, "not sealed",
	      0);
	check(tally, sealmem_try_write(data, "", 1) == -EFAULT, who, name, "writable", 0);
	check(tally, is_filled(data, sealmem_region_size(region)), who, name, "other bytes", 0);
	(void)sealmem_region_free(region);
}

static void check_census(struct tally *tally, const char *who, const char *name,
			 struct census before)
{
	struct census now = take_census();

	check(tally, now.descriptors == before.descriptors, who, name, "descriptors left open",
	      now.descriptors - before.descriptors);
	check(tally, now.mappings == before.mappings, who, name, "mappings left",
	      now.mappings - before.mappings);
}

static void try_accept(struct tally *tally, const struct kind *kind, int fd)
{
	struct census before = take_census();
	struct sealmem_region *region = NULL;
	int err = sealmem_region_accept_limited(&region, fd, limit(), SEALMEM_CONTENT);

	check(tally, err == kind->accepted, "accept", kind->name, "answered", err);
	check_region(tally, "accept", kind->name, region, err);
	check_census(tally, "accept", kind->name, before);
}

static int made(const struct kind *kind, struct tally *tally)
{
	int fd = kind->make(kind);

	if (fd < 0 && kind->make != no_file)
		printf("not here: %s\n", kind->name);
	else
		tally->tried++;
	return fd;
}

static void conclude(const char *who, const struct tally *tally)
{
	printf("%s: %u kinds tried, %u of what was looked at is wrong\n", who, tally->tried,
	       tally->wrong);
	(void)fflush(stdout);
	ck_assert_uint_eq(tally->wrong, 0);
	ck_assert_uint_ge(tally->tried, 50);
}

/* Without the wait that a row has prepared for somebody else: the exit of a process does not wait. */
static void drop(int fd)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		for (;;)
			(void)pause();
	close_fd(fd);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

START_TEST(accept_answers_every_kind_as_it_should_and_keeps_nothing)
{
	struct tally tally = { 0 };

	for (size_t i = 0; i < KINDS; i++) {
		int fd = made(&kinds[i], &tally);

		if (fd >= 0 || kinds[i].make == no_file)
			try_accept(&tally, &kinds[i], fd);
		drop(fd);
	}
	conclude("accept", &tally);
}
END_TEST

/* The next message on the same socket, from somebody else. */
static void check_next(struct tally *tally, const char *who, const char *name,
		       const struct channel *channel)
{
	struct sealmem_region *region = NULL;
	int fd = honest(NULL), err;

	post_honest(channel->sender, fd);
	close(fd);
	do
		err = sealmem_receive(channel->receiver, &region, SEALMEM_CONTENT);
	while (err == -EBADMSG);
	check(tally, err == 0, who, name, "the next message was lost", err);
	check_region(tally, who, name, region, err);
}

static void try_receive(struct tally *tally, const struct kind *kind, int type, const char *who,
			int fd)
{
	struct census before = take_census();
	struct channel channel = open_channel(type | SOCK_NONBLOCK);
	struct sealmem_region *region = NULL;
	double began = seconds_now();
	int err;

	kind->send(kind, channel.sender, fd);
	close_fd(fd);
	err = sealmem_receive_limited(channel.receiver, &region, limit(), SEALMEM_CONTENT);
	check(tally, err == kind->received, who, kind->name, "answered", err);
	check_region(tally, who, kind->name, region, err);
	if (type != SOCK_STREAM && kind->send != honest_then_end)
		check_next(tally, who, kind->name, &channel);
	close_channel(&channel);
	check(tally, seconds_now() - began < PATIENCE, who, kind->name, "made to wait", 0);
	before.descriptors -= fd >= 0;
	check_census(tally, who, kind->name, before);
}

static void receive_kinds(int bit, int type, const char *who)
{
	struct tally tally = { 0 };

	for (size_t i = 0; i < KINDS; i++) {
		int fd;

		if (!(kinds[i].sockets & bit))
			continue;
		fd = made(&kinds[i], &tally);
		if (fd >= 0 || kinds[i].make == no_file)
			try_receive(&tally, &kinds[i], type, who, fd);
	}
	conclude(who, &tally);
}

START_TEST(receive_from_a_stream_answers_every_kind_as_it_should_and_keeps_nothing)
{
	receive_kinds(OVER_STREAM, SOCK_STREAM, "stream");
}
END_TEST

START_TEST(receive_from_a_seqpacket_socket_answers_every_kind_as_it_should_and_keeps_nothing)
{
	receive_kinds(OVER_SEQPACKET, SOCK_SEQPACKET, "seqpacket");
}
END_TEST

START_TEST(receive_from_a_datagram_socket_answers_every_kind_as_it_should_and_keeps_nothing)
{
	receive_kinds(OVER_DATAGRAM, SOCK_DGRAM, "datagram");
}
END_TEST

/* The table speaks of a limit, above which nothing is mapped; without one, these must fail otherwise. */
START_TEST(sizes_that_no_address_space_holds_are_refused_without_a_limit)
{
	static const unsigned demands[] = { SEALMEM_CONTENT, SEALMEM_CONTENT | SEALMEM_GUARDS };

	require_no_valgrind("valgrind has an address space of its own");
	for (size_t i = 0; i < 2 * KINDS; i++) {
		const struct kind *kind = &kinds[i / 2];
		CLEANUP(close_fd_at) int fd = -1;
		struct sealmem_region *region = NULL;
		struct census before;

		if (kind->accepted != -EFBIG || kind->make == above_the_limit)
			continue;
		fd = kind->make(kind);
		before = take_census();
		if (fd >= 0)
			ck_assert_int_eq(sealmem_region_accept(&region, fd, demands[i % 2]),
					 -ENOMEM);
		ck_assert_ptr_null(region);
		assert_same_census(before);
	}
}
END_TEST

/* Of whom a plain close would wait, the rows above that a linger stands in. */
static int (*const lingering[])(const struct kind *) = {
	lingering_socket,
	socket_with_one_on_its_way,
	socket_in_a_socket,
	listener_with_one_on_its_way,
};

/* The rows would prove nothing otherwise. */
START_TEST(a_plain_close_of_a_lingering_socket_waits)
{
	int fd = lingering[_i](&(struct kind){ .number = 1 });
	double began;

	if (fd < 0)
		skip_test("no TCP sockets here");
	began = seconds_now();
	close(fd);
	ck_assert_double_gt(seconds_now() - began, 0.5);
}
END_TEST

static int receives_in_time_without_children(void *argument)
{
	struct channel channel = open_channel(SOCK_STREAM);
	struct sealmem_region *region = NULL;
	double began = seconds_now();

	post_honest(channel.sender, *(const int *)argument);
	close(*(const int *)argument);
	forbid(SYS_clone, EPERM);
	return sealmem_receive(channel.receiver, &region, SEALMEM_CONTENT) != -ENODEV ||
	       seconds_now() - began >= PATIENCE;
}

START_TEST(where_there_can_be_no_child_the_plain_case_is_in_time)
{
	int fd = lingering_socket(&(struct kind){ .number = 60 });
	pid_t pid;
	int status;

	if (fd < 0)
		skip_test("no TCP sockets here");
	(void)fflush(stdout);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(receives_in_time_without_children(&fd));
	/* The child has to have the last one. */
	close(fd);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		accept_answers_every_kind_as_it_should_and_keeps_nothing,
		receive_from_a_stream_answers_every_kind_as_it_should_and_keeps_nothing,
		receive_from_a_seqpacket_socket_answers_every_kind_as_it_should_and_keeps_nothing,
		receive_from_a_datagram_socket_answers_every_kind_as_it_should_and_keeps_nothing,
		sizes_that_no_address_space_holds_are_refused_without_a_limit,
		where_there_can_be_no_child_the_plain_case_is_in_time,
	};
	TCase *tcase = tcase_create("hostile");

	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++)
		tcase_add_test(tcase, tests[i]);
	tcase_add_loop_test(tcase, a_plain_close_of_a_lingering_socket_waits, 0,
			    sizeof(lingering) / sizeof(*lingering));
	tcase_set_timeout(tcase, 60);
	return run_case("hostile", tcase);
}
