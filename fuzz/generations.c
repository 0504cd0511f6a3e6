/* SPDX-License-Identifier: MIT */

/*
 * The protocol of published memory, from both ends. An input is a program for a hostile client of a publisher, or for a
 * hostile publisher of a subscription. In every case errors are those that the header names, nothing is left over, and
 * what a subscription has is sealed and never older than before. A publisher still serves a client that keeps to the rules.
 *
 * An input:
 *     byte 0   bit 0: the end that is attacked, 0 the publisher, 1 the subscription; bits 1-7: the guarantees of the latter
 *     byte 1   the limit of the subscription: a power of two
 *     then steps, each a byte for what is done, and what it needs:
 *       0  a message: byte 0 its kind, byte 1 its status, byte 2 its generation, byte 3 its name; byte 4 the kind of its
 *          descriptor, 255 for none; byte 5 its size, 0 for a whole one; byte 6 how long a patch is, byte 7 where in steps
 *          of 2, then the patch
 *       1  the hostile end reads a message
 *       2  the hostile end is closed, and connects again
 *       3  the library does what is ready
 *       4  the publisher publishes, with a byte for the name; or a reader acquires
 *       5  a reader releases
 */

#include "fuzz/input.h"
#include "fuzz/promise.h"
#include "fuzz/target.h"

#include "include/sealmem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SIZE	    384
#define FINAL_SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK)
#define STEPS	    64
#define READERS	    4
#define MAX_NUMBER  256

static int memfd(off_t size, int seals)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, size) < 0 || fcntl(fd, F_ADD_SEALS, seals) < 0)
		abort();
	return fd;
}

/* One descriptor of each kind, and what is published, made once. */
static int kinds[8];
static struct sealmem_region *published[2];
static const char *const names[] = { "rules", "more", "", "nonesuch" };

static void make_all(void)
{
	kinds[0] = memfd(100, FINAL_SEALS);
	kinds[1] = memfd(5000, FINAL_SEALS | F_SEAL_SEAL);
	kinds[2] = memfd(100, 0);
	kinds[3] = memfd(0, FINAL_SEALS);
	kinds[4] = memfd((off_t)1 << 40, FINAL_SEALS);
	kinds[5] = open("/dev/zero", O_RDWR | O_CLOEXEC);
	kinds[6] = eventfd(0, EFD_CLOEXEC);
	kinds[7] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	for (int i = 0; i < 2; i++)
		if (sealmem_region_new_from(&published[i], names[i], "bytes", 5, SEALMEM_CONTENT) <
		    0)
			abort();
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

/* The mappings of memfds. Reads without stdio, because stdio maps memory too. */
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
	for (const char *at = strstr(text, "/memfd:"); at != NULL; at = strstr(at + 1, "/memfd:"))
		count++;
	return count;
}

static void put_message(uint8_t bytes[SIZE], struct input *input)
{
	static const uint8_t kind_of[] = { 1, 2, 3, 16, 17, 18, 19 };
	uint8_t kind = next(input), status = next(input), generation = next(input);
	const char *name = names[next(input) % 4];

	memset(bytes, 0, SIZE);
	memcpy(bytes, "sealgen\1", 8);
	bytes[8] = kind < 128 ? kind_of[kind % sizeof(kind_of)] : kind;
	bytes[12] = status;
	bytes[16] = generation;
	memcpy(bytes + 40, name, strlen(name));
}

static void patch(uint8_t bytes[SIZE], struct input *input)
{
	size_t length = next(input), at = next(input) * 2u;

	for (size_t i = 0; i < length; i++)
		if (at + i < SIZE)
			bytes[at + i] = next(input);
}

static void send_message(int socket, struct input *input)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	uint8_t bytes[SIZE + 255] = { 0 }, kind, size;
	struct iovec piece = { bytes, SIZE };
	struct msghdr header = { .msg_iov = &piece, .msg_iovlen = 1 };

	put_message(bytes, input);
	kind = next(input);
	size = next(input);
	patch(bytes, input);
	if (size != 0)
		piece.iov_len = size < 128 ? size * 3u : SIZE + size - 127u;
	if (kind != UINT8_MAX) {
		control.align = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.align), &kinds[kind % 8], sizeof(int));
		header.msg_control = &control;
		header.msg_controllen = sizeof(control);
	}
	(void)sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* What the hostile end reads: its size, and the kind. The descriptor is closed. */
static ssize_t read_message(int socket, uint8_t *kind)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	uint8_t bytes[SIZE] = { 0 };
	struct iovec piece = { bytes, sizeof(bytes) };
	struct msghdr header = { .msg_iov = &piece,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control) };
	ssize_t got = recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *rights = got >= 0 ? CMSG_FIRSTHDR(&header) : NULL;
	int fd;

	if (rights != NULL) {
		memcpy(&fd, CMSG_DATA(rights), sizeof(fd));
		(void)close(fd);
	}
	*kind = bytes[8];
	return got;
}

/* The publisher */

struct desk {
	struct sealmem_publisher *publisher;
	struct sockaddr_un address;
	socklen_t size;
	int listening, client;
};

static int connect_client(const struct desk *desk)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&desk->address, desk->size) < 0)
		abort();
	return fd;
}

static struct desk new_desk(void)
{
	struct desk desk = { .address = { .sun_family = AF_UNIX } };
	struct sockaddr *address = (struct sockaddr *)&desk.address;

	desk.size = sizeof(sa_family_t);
	desk.listening = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (bind(desk.listening, address, desk.size) < 0 || listen(desk.listening, 2 * STEPS) < 0)
		abort();
	desk.size = sizeof(desk.address);
	(void)getsockname(desk.listening, address, &desk.size);
	if (sealmem_publisher_new(&desk.publisher, desk.listening) < 0)
		abort();
	desk.client = connect_client(&desk);
	return desk;
}

static void dispatch_all(const struct desk *desk)
{
	struct pollfd one = { .fd = sealmem_publisher_fd(desk->publisher), .events = POLLIN };

	for (int i = 0; i < 100 && poll(&one, 1, 0) == 1; i++)
		PROMISE(sealmem_publisher_dispatch(desk->publisher) == 0);
	PROMISE(poll(&one, 1, 0) == 0);
}

/* Whoever keeps to the rules gets the newest generation. */
static void check_service(const struct desk *desk)
{
	uint8_t honest[SIZE] = "sealgen\1\1", kind = 0;
	int client = connect_client(desk);

	memcpy(honest + 40, "rules", 5);
	PROMISE(sealmem_publish(desk->publisher, published[0]) == 0);
	PROMISE(send(client, honest, sizeof(honest), MSG_NOSIGNAL) == SIZE);
	dispatch_all(desk);
	PROMISE(read_message(client, &kind) == SIZE && kind == 16);
	(void)close(client);
	dispatch_all(desk);
}

static void step_publisher(struct desk *desk, struct input *input)
{
	uint8_t kind;

	switch (next(input) % 5) {
	case 0:
		send_message(desk->client, input);
		break;
	case 1:
		(void)read_message(desk->client, &kind);
		break;
	case 2:
		(void)close(desk->client);
		desk->client = connect_client(desk);
		break;
	case 3:
		dispatch_all(desk);
		break;
	default:
		PROMISE(sealmem_publish(desk->publisher, published[next(input) % 2]) == 0);
	}
}

static void attack_publisher(struct input *input)
{
	struct desk desk = new_desk();

	for (int i = 0; i < STEPS && input->size > 0; i++)
		step_publisher(&desk, input);
	check_service(&desk);
	(void)close(desk.client);
	PROMISE(sealmem_publisher_free(desk.publisher) == NULL);
	(void)close(desk.listening);
}

/* The subscription */

struct victim {
	struct sealmem_subscription *subscription;
	const struct sealmem_region *read[READERS];
	uint64_t generation;
	size_t limit;
	unsigned guarantees;
	int ends[2];
};

static void open_pair(struct victim *v)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, v->ends) < 0)
		abort();
}

static void close_pair(const struct victim *v)
{
	(void)close(v->ends[0]);
	(void)close(v->ends[1]);
}

static void check_error(int err)
{
	static const int errors[] = { -EINVAL, -ENOENT, -EACCES,     -EUSERS, -EFBIG,  -ECONNRESET,
				      -EPROTO, -EAGAIN, -EOPNOTSUPP, -EPERM,  -ENODEV, -ENODATA,
				      -ENOMEM, -EMFILE, -ERANGE,     -EPIPE };

	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
		if (errors[i] == err)
			return;
	PROMISE(err >= 0);
}

static void check_region(const struct victim *v, const struct sealmem_region *region)
{
	const volatile char *data = sealmem_region_data(region);
	size_t size = sealmem_region_size(region);

	PROMISE(size <= v->limit);
	PROMISE(sealmem_region_guarantees(region) == v->guarantees);
	PROMISE(size == 0 || (data[0] == 0 && data[size - 1] == 0));
	PROMISE(sealmem_try_write(sealmem_region_data(region), "x", 1) < 0);
}

static void read_once(struct victim *v)
{
	const struct sealmem_region *region = sealmem_subscription_acquire(v->subscription);
	uint64_t now = sealmem_subscription_generation(v->subscription);

	check_region(v, region);
	PROMISE(now >= v->generation && now != 0);
	v->generation = now;
	for (int i = 0; i < READERS; i++)
		if (v->read[i] == NULL) {
			v->read[i] = region;
			return;
		}
	sealmem_subscription_release(v->subscription, region);
}

static void release_one(struct victim *v, uint8_t which)
{
	const struct sealmem_region **read = &v->read[which % READERS];

	if (*read != NULL)
		check_region(v, *read);
	sealmem_subscription_release(v->subscription, *read);
	*read = NULL;
}

static void begin_subscription(struct victim *v)
{
	int err = sealmem_subscribe(&v->subscription, v->ends[1], "rules", v->limit, v->guarantees);

	check_error(err);
	PROMISE((err == 0) == (v->subscription != NULL));
	if (err < 0) {
		close_pair(v);
		open_pair(v);
	}
}

static void connect_again(struct victim *v)
{
	close_pair(v);
	open_pair(v);
	if (v->subscription != NULL)
		check_error(sealmem_subscription_reconnect(v->subscription, v->ends[1]));
}

static void step_subscription(struct victim *v, struct input *input)
{
	uint8_t kind;

	switch (next(input) % 6) {
	case 0:
		send_message(v->ends[0], input);
		return;
	case 1:
		(void)read_message(v->ends[0], &kind);
		return;
	case 2:
		connect_again(v);
		return;
	case 3:
		if (v->subscription == NULL)
			begin_subscription(v);
		else
			check_error(sealmem_subscription_update(v->subscription));
		return;
	case 4:
		if (v->subscription != NULL)
			read_once(v);
		return;
	default:
		if (v->subscription != NULL)
			release_one(v, next(input));
	}
}

static void attack_subscription(struct input *input, unsigned guarantees)
{
	/* NOSWAP is much slower here, and tests/faults has it. */
	struct victim v = { .guarantees = (guarantees &
					   ~(SEALMEM_ADDRESS | SEALMEM_SECRECY | SEALMEM_NOSWAP)) |
					  SEALMEM_CONTENT,
			    .limit = (size_t)1 << next(input) % 24 };

	open_pair(&v);
	for (int i = 0; i < STEPS && input->size > 0; i++)
		step_subscription(&v, input);
	if (v.subscription != NULL)
		read_once(&v);
	PROMISE(sealmem_subscription_free(v.subscription) == NULL);
	close_pair(&v);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct input input = { bytes, size };
	static bool made;
	size_t descriptors, mappings;
	uint8_t what;

	if (!made)
		make_all();
	made = true;
	descriptors = count_descriptors();
	mappings = count_mappings();
	what = next(&input);
	if (what & 1)
		attack_subscription(&input, what >> 1);
	else
		attack_publisher(&input);
	PROMISE(count_descriptors() == descriptors);
	PROMISE(count_mappings() == mappings);
	return 0;
}
