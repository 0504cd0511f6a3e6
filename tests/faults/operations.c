/* SPDX-License-Identifier: MIT */

/*
 * The operations of the library, each with what has to be there before, what must be unchanged after a
 * failure, and what must be true after success. "Unchanged" is not taken from what the library says
 * of itself: bytes are compared and writes are tried.
 */

#include "tests/faults/operations.h"

#include "tests/faults/published.h"
#include "tests/support/holds.h"
#include "tests/support/support.h"

#include "lib/heap-internal.h"

#include <limits.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define C      SEALMEM_CONTENT
#define CA     (SEALMEM_CONTENT | SEALMEM_ADDRESS)
#define NOSWAP SEALMEM_NOSWAP
#define HIDDEN (SEALMEM_NODUMP | SEALMEM_NOFORK)
#define GUARDS SEALMEM_GUARDS
#define REST   (NOSWAP | HIDDEN | GUARDS)
#define SECRET SEALMEM_SECRECY

/* What is in all memory that the operations are done to. As long as the largest, in the largest pages. */
static char source[24 << 16];

static int untouched;
static const char freeing[] = "freeing has no way to fail";
static const char outgrown[] =
	"the region that the bytes outgrow is freed, which has no way to fail";
static const char answering[] = "an error is an answer too";
static const char dying[] = "the process dies as it would have, whatever becomes of the report";
#define UNTOUCHED ((struct sealmem_region *)(void *)&untouched)

void prepare_operations(void)
{
	fill(source, 24 * page_size());
}

char *operations_buffer(void)
{
	return source;
}

bool intact(const char *bytes, size_t size)
{
	return memcmp(bytes, source, size) == 0;
}

void fill_intact(char *bytes, size_t size)
{
	memcpy(bytes, source, size);
}

bool zeroed(const char *bytes, size_t size)
{
	return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

bool operations_are_prepared(void)
{
	return !zeroed(source, page_size());
}

/* Regions */

static unsigned promised(const struct subject *s)
{
	unsigned demanded = s->operation->guarantees;

	return demanded & SECRET ? demanded | NOSWAP | HIDDEN : demanded;
}

static void expect_open(const struct subject *s)
{
	unsigned carried = promised(s) & (REST | SECRET);

	EXPECT(sealmem_region_data(s->region) == s->data);
	EXPECT(sealmem_region_size(s->region) == s->size);
	EXPECT(sealmem_region_guarantees(s->region) == carried);
	EXPECT(sealmem_region_fd(s->region) == -EPERM);
	EXPECT(way_not_to_write(s->data) == NULL);
	EXPECT(way_not_to_write(s->data + s->size - 1) == NULL);
	EXPECT(guarantees_missing(s->data, page_round_up(s->capacity), carried | SEALMEM_NOFORK) ==
	       0);
}

static void expect_sealed_file(int fd, size_t size)
{
	struct stat file;

	EXPECT(fd >= 0);
	EXPECT((fcntl(fd, F_GET_SEALS) & ALL_SEALS) == ALL_SEALS);
	EXPECT((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY);
	EXPECT(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	EXPECT(fstat(fd, &file) == 0 && (size_t)file.st_size == size);
}

/* A file of somebody else is good without a descriptor too. */
static bool could_not_be_opened(const struct subject *s)
{
	return s->operation->kind->foreign && s->faults > 0 && sealmem_region_fd(s->region) < 0;
}

static void expect_sealed(const struct subject *s)
{
	EXPECT(sealmem_region_data(s->region) == s->data);
	EXPECT(sealmem_region_size(s->region) == s->size);
	EXPECT(sealmem_region_guarantees(s->region) == promised(s));
	EXPECT(intact(s->data, s->size));
	EXPECT(guarantees_missing(s->data, page_round_up(s->size), promised(s)) == 0);
	if (promised(s) & C)
		EXPECT(is_mapped_as(s->data, PROT_READ, true));
	else
		EXPECT(way_not_to_write(s->data) == NULL);
	if (promised(s) & SECRET || could_not_be_opened(s))
		EXPECT(sealmem_region_fd(s->region) == -EOPNOTSUPP);
	else
		expect_sealed_file(sealmem_region_fd(s->region), s->size);
	EXPECT(sealmem_region_seal(s->region) == 0);
	EXPECT(intact(s->data, s->size));
}

static void prepare_nothing(struct subject *s)
{
	s->size = s->capacity = 2 * page_size() + 100;
	s->region = UNTOUCHED;
}

static void make_open(struct subject *s, size_t capacity)
{
	s->result = sealmem_region_new(&s->region, "faults", capacity, s->operation->guarantees);
	if (s->result < 0)
		return;
	s->data = sealmem_region_data(s->region);
	s->size = s->capacity = capacity;
}

static void prepare_open(struct subject *s)
{
	make_open(s, 2 * page_size() + 100);
	if (s->result == 0)
		memcpy(s->data, source, s->size);
}

static void prepare_empty(struct subject *s)
{
	make_open(s, 40 * page_size());
}

/* Memory was taken from it, and more was set aside. */
static void prepare_taken(struct subject *s)
{
	make_open(s, 40 * page_size());
	if (s->result < 0)
		return;
	EXPECT(sealmem_region_alloc(s->region, 2 * page_size() + 100, 0) == s->data);
	s->size = sealmem_region_size(s->region);
	memcpy(s->data, source, s->size);
}

static void prepare_sealed(struct subject *s)
{
	prepare_open(s);
	if (s->result == 0)
		s->result = sealmem_region_seal(s->region);
}

static int make_from(struct subject *s)
{
	return sealmem_region_new_from(&s->region, "faults", source, s->size,
				       s->operation->guarantees);
}

static void prepare_from(struct subject *s)
{
	prepare_nothing(s);
	s->result = make_from(s);
	if (s->result == 0)
		s->data = sealmem_region_data(s->region);
}

static int make(struct subject *s)
{
	return sealmem_region_new(&s->region, "faults", s->size, s->operation->guarantees);
}

static void unchanged_nothing(struct subject *s)
{
	EXPECT(s->region == UNTOUCHED);
}

static void release(struct subject *s)
{
	EXPECT(sealmem_region_free(s->region) == NULL);
}

static void done_sealed(struct subject *s)
{
	expect_sealed(s);
	release(s);
}

static void done_open(struct subject *s)
{
	s->data = sealmem_region_data(s->region);
	EXPECT(zeroed(s->data, s->size));
	expect_open(s);
	memcpy(s->data, source, s->size);
	EXPECT(sealmem_region_seal(s->region) == 0);
	done_sealed(s);
}

static void done_from(struct subject *s)
{
	s->data = sealmem_region_data(s->region);
	done_sealed(s);
}

static int seal(struct subject *s)
{
	return sealmem_region_seal(s->region);
}

/* Two failures in a row: the bytes are there and nothing can be done with them, but to seal or free. */
static void expect_stuck(const struct subject *s)
{
	EXPECT(intact(s->data, s->size));
	EXPECT(sealmem_region_data(s->region) == s->data);
	EXPECT(sealmem_region_size(s->region) == s->size);
	EXPECT(sealmem_region_guarantees(s->region) == 0);
	EXPECT(sealmem_region_alloc(s->region, 1, 0) == NULL && errno == ENOTRECOVERABLE);
	EXPECT(sealmem_region_fd(s->region) == -EPERM);
}

static void unchanged_open(struct subject *s)
{
	EXPECT(intact(s->data, s->size));
	if (s->result == -ENOTRECOVERABLE)
		expect_stuck(s);
	else
		expect_open(s);
}

/* What is taken after a failed seal is zeroed too, though the file was cut off in between. */
static void unchanged_taken(struct subject *s)
{
	char *more;

	unchanged_open(s);
	if (s->result == -ENOTRECOVERABLE)
		return;
	more = sealmem_region_alloc(s->region, 20 * page_size(), 1);
	EXPECT(more == s->data + s->size);
	s->size = sealmem_region_size(s->region);
	EXPECT(zeroed(more, 20 * page_size()));
	memcpy(s->data, source, s->size);
}

static int take(struct subject *s)
{
	s->piece = sealmem_region_alloc(s->region, 20 * page_size(), 64);
	return s->piece != NULL ? 0 : -errno;
}

static void unchanged_empty(struct subject *s)
{
	EXPECT(s->size == sealmem_region_size(s->region));
	EXPECT(zeroed(s->data, s->size));
}

static void done_taking(struct subject *s)
{
	EXPECT((uintptr_t)s->piece % 64 == 0);
	EXPECT(zeroed(s->piece, 20 * page_size()));
	s->size = sealmem_region_size(s->region);
	EXPECT(s->piece + 20 * page_size() == s->data + s->size);
	memcpy(s->data, source, s->size);
	EXPECT(sealmem_region_seal(s->region) == 0);
	done_sealed(s);
}

/* More than was set aside. */
static int grow_last(struct subject *s)
{
	s->piece = sealmem_region_realloc(s->region, s->data, 22 * page_size());
	return s->piece != NULL ? 0 : -errno;
}

static void done_growing(struct subject *s)
{
	EXPECT(s->piece == s->data && intact(s->data, s->size));
	EXPECT(sealmem_region_size(s->region) == 22 * page_size());
	EXPECT(zeroed(s->data + s->size, 22 * page_size() - s->size));
	s->size = sealmem_region_size(s->region);
	memcpy(s->data, source, s->size);
	EXPECT(sealmem_region_seal(s->region) == 0);
	done_sealed(s);
}

/* Stored at sealmem_region_data(), in parts with pages between them that nobody touched. */
static const size_t parts[] = { 0, 7, 13 };

static void prepare_scattered(struct subject *s)
{
	make_open(s, 40 * page_size());
	for (size_t i = 0; s->result == 0 && i < sizeof(parts) / sizeof(*parts); i++)
		memcpy(s->data + parts[i] * page_size(), source, 2 * page_size());
}

static int trim_it(struct subject *s)
{
	return sealmem_region_trim(s->region, page_size() + 100);
}

static void unchanged_scattered(struct subject *s)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		EXPECT(intact(s->data + parts[i] * page_size(), 2 * page_size()));
	expect_open(s);
}

static void done_trimming(struct subject *s)
{
	s->size = page_size() + 100;
	EXPECT(sealmem_region_size(s->region) == s->size);
	EXPECT(intact(s->data, s->size));
	EXPECT(zeroed(s->data + s->size, s->capacity - s->size));
	expect_open(s);
	EXPECT(sealmem_region_seal(s->region) == 0);
	done_sealed(s);
}

static int ask_fd(struct subject *s)
{
	int fd = sealmem_region_fd(s->region);

	return fd < 0 ? fd : 0;
}

static void unchanged_sealed(struct subject *s)
{
	EXPECT(intact(s->data, s->size));
	EXPECT(way_to_write(s->data) == NULL);
}

static int free_it(struct subject *s)
{
	release(s);
	return 0;
}

static void done_freeing(struct subject *s)
{
	if (s->operation->guarantees & SEALMEM_ADDRESS)
		EXPECT(intact(s->data, s->size) && way_to_write(s->data) == NULL);
	else if (s->faults == 0)
		EXPECT(!is_mapped(s->data));
}

/* Regions from a descriptor */

static void prepare_file(struct subject *s)
{
	prepare_nothing(s);
	s->offered = memfd_create("source", MFD_CLOEXEC);
	EXPECT(s->offered >= 0 && write(s->offered, source, s->size) == (ssize_t)s->size);
}

/* Also of one that says nothing of its size. */
static void prepare_pipe(struct subject *s)
{
	int ends[2];

	prepare_nothing(s);
	EXPECT(pipe2(ends, O_CLOEXEC) == 0);
	EXPECT(fcntl(ends[1], F_SETPIPE_SZ, s->size) >= 0);
	EXPECT(write(ends[1], source, s->size) == (ssize_t)s->size);
	EXPECT(close(ends[1]) == 0);
	s->offered = ends[0];
}

static int accept_all(const void *bytes, size_t size, void *data)
{
	const struct subject *s = data;

	return size != s->size || !intact(bytes, size);
}

static int read_source(struct subject *s)
{
	return sealmem_region_new_from_file_with(&s->region, "faults", s->offered, s->size,
						 s->operation->guarantees, NULL, accept_all, s);
}

static void done_reading(struct subject *s)
{
	EXPECT(close(s->offered) == 0);
	done_from(s);
}

/* What was read of a pipe is gone. */
static void read_another(struct subject *s)
{
	EXPECT(close(s->offered) == 0);
	prepare_pipe(s);
	EXPECT(read_source(s) == 0);
	done_reading(s);
}

/* Secrets that are stored */

static int store_it(struct subject *s)
{
	int fd = sealmem_secret_store(s->region);

	if (fd < 0)
		return fd;
	s->offered = fd;
	return 0;
}

static void restore_from(struct subject *s, int fd)
{
	struct sealmem_region *restored;

	EXPECT(sealmem_secret_restore(&restored, fd, "faults", SECRET) == 0);
	EXPECT(sealmem_region_size(restored) == s->size);
	EXPECT(intact(sealmem_region_data(restored), s->size));
	EXPECT(sealmem_region_free(restored) == NULL);
}

static void done_storing(struct subject *s)
{
	restore_from(s, s->offered);
	done_sealed(s);
}

static void unchanged_secret(struct subject *s)
{
	EXPECT(intact(s->data, s->size));
}

static void prepare_stored(struct subject *s)
{
	struct sealmem_region *key;

	prepare_nothing(s);
	s->result = sealmem_region_new_from(&key, "key", source, s->size, SECRET);
	if (s->result < 0)
		return;
	s->offered = sealmem_secret_store(key);
	EXPECT(s->offered >= 0);
	EXPECT(sealmem_region_free(key) == NULL);
}

static int restore_it(struct subject *s)
{
	return sealmem_secret_restore(&s->region, s->offered, "faults", s->operation->guarantees);
}

static void unchanged_stored(struct subject *s)
{
	const char *stored = mmap(NULL, s->size, PROT_READ, MAP_SHARED, s->offered, 0);

	EXPECT(s->region == UNTOUCHED);
	EXPECT(stored != MAP_FAILED && intact(stored, s->size));
	EXPECT(munmap((void *)(uintptr_t)stored, s->size) == 0);
}

/* Regions between processes */

/* A sealed file, in the hands of somebody who is to take it. */
static void prepare_offered(struct subject *s)
{
	prepare_nothing(s);
	EXPECT(sealmem_region_new_from(&s->other, "offered", source, s->size, C) == 0);
	s->offered = sealmem_region_fd(s->other);
	EXPECT(s->offered >= 0);
}

/* With the seals that a kernel may have given without a check; accepting tries those on a file of its own. */
static void prepare_doubtful(struct subject *s)
{
	prepare_nothing(s);
	s->offered = memfd_create("sealmem:doubtful", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	EXPECT(s->offered < 0 || write(s->offered, source, s->size) == (ssize_t)s->size);
	if (s->offered < 0 || fcntl(s->offered, F_ADD_SEALS, ALL_SEALS | F_SEAL_EXEC) < 0)
		s->result = -EPERM;
}

static int accept_it(struct subject *s)
{
	return sealmem_region_accept(&s->region, s->offered, s->operation->guarantees);
}

static void done_accepting(struct subject *s)
{
	done_from(s);
	EXPECT(sealmem_region_free(s->other) == NULL);
}

static void done_doubtful(struct subject *s)
{
	done_accepting(s);
	EXPECT(close(s->offered) == 0);
}

static void connect_sockets(struct subject *s)
{
	const struct timeval minute = { 60, 0 };
	const int *ends = s->sockets;

	EXPECT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s->sockets) == 0);
	EXPECT(setsockopt(ends[0], SOL_SOCKET, SO_SNDTIMEO, &minute, sizeof(minute)) == 0);
	EXPECT(setsockopt(ends[1], SOL_SOCKET, SO_RCVTIMEO, &minute, sizeof(minute)) == 0);
}

static void close_sockets(const struct subject *s)
{
	EXPECT(close(s->sockets[0]) == 0);
	EXPECT(close(s->sockets[1]) == 0);
}

static void prepare_sender(struct subject *s)
{
	prepare_sealed(s);
	connect_sockets(s);
}

static int send_it(struct subject *s)
{
	return sealmem_send(s->sockets[0], s->region);
}

static bool nothing_to_receive(const struct subject *s)
{
	char byte;

	return recv(s->sockets[1], &byte, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN;
}

static void unchanged_sender(struct subject *s)
{
	unchanged_sealed(s);
	EXPECT(nothing_to_receive(s));
}

static void done_sending(struct subject *s)
{
	struct sealmem_region *received;

	EXPECT(sealmem_receive(s->sockets[1], &received, C) == 0);
	EXPECT(intact(sealmem_region_data(received), s->size));
	EXPECT(sealmem_region_free(received) == NULL);
	close_sockets(s);
	done_sealed(s);
}

static void prepare_receiver(struct subject *s)
{
	prepare_offered(s);
	connect_sockets(s);
	EXPECT(sealmem_send(s->sockets[0], s->other) == 0);
}

static int receive_it(struct subject *s)
{
	return sealmem_receive(s->sockets[1], &s->region, s->operation->guarantees);
}

static void done_receiving(struct subject *s)
{
	close_sockets(s);
	done_accepting(s);
}

/* A message that was taken from the socket and then refused is lost. */
static void receive_another(struct subject *s)
{
	while (!nothing_to_receive(s))
		;
	EXPECT(sealmem_send(s->sockets[0], s->other) == 0);
	EXPECT(receive_it(s) == 0);
	done_receiving(s);
}

/* Memory that exists already */

/* Between pages of nothing, so that it is one mapping before and after. */
static void place_range(struct subject *s, int fd)
{
	int flags = MAP_PRIVATE | MAP_FIXED | (fd < 0 ? MAP_ANONYMOUS : 0);
	char *area = mmap(NULL, 4 * page_size(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT(area != MAP_FAILED);
	s->size = 2 * page_size();
	s->data = mmap(area + page_size(), s->size, PROT_READ | PROT_WRITE, flags, fd, 0);
	EXPECT(s->data != MAP_FAILED);
	memcpy(s->data, source, s->size);
}

static void prepare_range(struct subject *s)
{
	place_range(s, -1);
}

/* One page of it was written, the other still belongs to the file. */
static void prepare_file_range(struct subject *s)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	EXPECT(fd >= 0 && write(fd, source, 2 * page_size()) == (ssize_t)(2 * page_size()));
	place_range(s, fd);
	EXPECT(close(fd) == 0);
	EXPECT(madvise(s->data, page_size(), MADV_DONTNEED) == 0);
}

static int seal_it(struct subject *s)
{
	return sealmem_seal_range(s->data, s->size, s->operation->guarantees);
}

static int seal_named(struct subject *s)
{
	return sealmem_seal_range_named(s->data, s->size, "named", s->operation->guarantees);
}

static void expect_private(const char *addr)
{
	EXPECT(is_mapped_as(addr, PROT_READ | PROT_WRITE, false));
	EXPECT(guarantees_carried(addr) == 0);
}

/* After two faults the range may have been left read-only, and sealed if the roll-back failed. */
static void unchanged_range(struct subject *s)
{
	EXPECT(intact(s->data, s->size));
	if (s->faults > 1)
		return;
	expect_private(s->data);
	expect_private(s->data + s->size - 1);
	EXPECT(way_not_to_write(s->data) == NULL);
	EXPECT(way_not_to_write(s->data + s->size - 1) == NULL);
}

static void remove_range(const struct subject *s)
{
	if (!(s->operation->guarantees & SEALMEM_ADDRESS))
		EXPECT(munmap(s->data - page_size(), s->size + 2 * page_size()) == 0);
}

static void done_range(struct subject *s)
{
	unsigned guarantees = s->operation->guarantees;

	if (guarantees & C)
		EXPECT(is_mapped_as(s->data, PROT_READ, true));
	EXPECT(guarantees_missing(s->data, s->size, guarantees) == 0);
	EXPECT(intact(s->data, s->size));
	remove_range(s);
}

/* Of this program: read-only once the loader has stored the addresses. */
static const struct SEALMEM_PAGE_ALIGNED relocated {
	const void *at[SEALMEM_PAGE_MAX / sizeof(void *)];
} relocated = { { source, &operations, &relocated } };

static bool image_is_intact(void)
{
	return relocated.at[0] == source && relocated.at[1] == &operations &&
	       relocated.at[2] == &relocated && relocated.at[3] == NULL;
}

static int seal_whole_image(struct subject *s)
{
	return sealmem_seal_image(
		s->operation->guarantees & SEALMEM_ADDRESS ? 0 : SEALMEM_IMAGE_TRY, NULL);
}

/* What was sealed by its address before the failure stays so. */
static void unchanged_image(struct subject *s)
{
	const char *at = (const char *)&relocated;
	bool sealed = is_mapped_as(at, PROT_READ, true);

	EXPECT(image_is_intact());
	EXPECT(sealed || is_mapped_as(at, PROT_READ, false));
	if (s->faults == 1)
		EXPECT(!sealed || guarantees_missing((char *)(uintptr_t)at, page_size(), CA) == 0);
}

static void done_image(struct subject *s)
{
	char *at = (char *)(uintptr_t)&relocated;

	EXPECT(image_is_intact());
	EXPECT(is_mapped_as(at, PROT_READ, true));
	EXPECT(guarantees_missing(at, page_size(), s->operation->guarantees) == 0);
	EXPECT(image_is_intact());
}

/* A range that was sealed against its failure cannot be sealed again. */
static void seal_unless_lost(struct subject *s)
{
	if (s->result == -ENOTRECOVERABLE) {
		remove_range(s);
	} else {
		EXPECT(s->operation->kind->act(s) == 0);
		done_range(s);
	}
}

/* It is mseal(2) as it is here: a sandbox that pretends is believed. */
static void done_mseal(struct subject *s)
{
	if (s->faults == 0)
		done_range(s);
}

static int mseal_it(struct subject *s)
{
	return sealmem_mseal(s->data, s->size, 0);
}

static void prepare_two_ranges(struct subject *s)
{
	place_range(s, -1);
	s->piece = s->data;
	place_range(s, -1);
}

/* What the kernel has sealed stays so when it fails at the next. */
static void unchanged_many(struct subject *s)
{
	EXPECT(intact(s->data, s->size));
	expect_private(s->data);
	memcpy(s->data, source, s->size);
}

static int mseal_many(struct subject *s)
{
	const struct sealmem_extent extents[] = {
		{ s->piece, s->size },
		{ s->data, s->size },
	};

	return sealmem_mseal_many(extents, 2);
}

static int keep_available(struct subject *s)
{
	return sealmem_keep_available(s->data, s->size);
}

static void done_keeping(struct subject *s)
{
	EXPECT(madvise(s->data, s->size, MADV_DONTFORK) == -1 && errno == EPERM);
	remove_range(s);
}

/* Heaps */

static const char smaller[] = "what cannot be done for a chunk may be possible for half of one";
static const char other_key[] = "without a key, mprotect(2) closes it";
static const char other_guards[] = "where guards cannot be in a mapping, they are mappings";

#define UNTOUCHED_HEAP ((struct sealmem_heap *)(void *)&untouched)
#define HEAP_LARGE     (2 * page_size() + 48)

static unsigned promised_of_heap(const struct subject *s)
{
	return promised(s) | GUARDS;
}

/* An object has all that was demanded, and is zeroed. It is filled. */
static void expect_object(const struct subject *s, char *p, size_t size)
{
	char *page = (char *)((uintptr_t)p & ~(page_size() - 1));

	EXPECT(p != NULL && zeroed(p, size));
	EXPECT(sealmem_heap_usable_size(s->heap, p) == size);
	EXPECT(guarantees_missing(page, page_size(), promised(s) & ~GUARDS) == 0);
	memcpy(p, source, size);
	EXPECT(sealmem_heap_check(s->heap) == 0);
}

static void release_heap(struct subject *s)
{
	EXPECT(sealmem_heap_free(s->heap) == NULL);
}

/* It works, large objects included. */
static void done_heap(struct subject *s)
{
	char *large, *small;

	EXPECT(sealmem_heap_guarantees(s->heap) == promised_of_heap(s));
	small = sealmem_heap_alloc(s->heap, 100);
	expect_object(s, small, 100);
	large = sealmem_heap_alloc(s->heap, HEAP_LARGE);
	expect_object(s, large, HEAP_LARGE);
	EXPECT(sealmem_try_write(large + HEAP_LARGE, "x", 1) == -EFAULT);
	sealmem_heap_dealloc(s->heap, large);
	EXPECT(intact(small, 100));
	if (s->piece != NULL)
		EXPECT(intact(s->piece, 2000));
	sealmem_heap_dealloc(s->heap, small);
	EXPECT(zeroed(small, 100));
	EXPECT(sealmem_heap_check(s->heap) == 0);
	release_heap(s);
}

static void prepare_no_heap(struct subject *s)
{
	s->heap = UNTOUCHED_HEAP;
}

static int make_heap(struct subject *s)
{
	return sealmem_heap_new(&s->heap, "faults", 1 << 22, s->operation->guarantees);
}

static void unchanged_no_heap(struct subject *s)
{
	EXPECT(s->heap == UNTOUCHED_HEAP);
}

static void prepare_heap(struct subject *s)
{
	s->result = make_heap(s);
	if (s->result < 0)
		return;
	s->piece = sealmem_heap_alloc(s->heap, 2000);
	EXPECT(s->piece != NULL);
	memcpy(s->piece, source, 2000);
}

/* All of its memory is in use. */
static void prepare_full_heap(struct subject *s)
{
	prepare_heap(s);
	if (s->result < 0)
		return;
	while (s->heap->fresh < s->heap->fresh_end)
		EXPECT(sealmem_heap_alloc(s->heap, 2000) != NULL);
}

static int take_small(struct subject *s)
{
	s->data = sealmem_heap_alloc(s->heap, 32);
	return s->data != NULL ? 0 : -errno;
}

static int take_large(struct subject *s)
{
	s->data = sealmem_heap_alloc(s->heap, HEAP_LARGE);
	return s->data != NULL ? 0 : -errno;
}

static void unchanged_heap(struct subject *s)
{
	EXPECT(intact(s->piece, 2000));
	EXPECT(sealmem_heap_guarantees(s->heap) == promised_of_heap(s));
	EXPECT(sealmem_heap_check(s->heap) == 0);
}

static void done_small(struct subject *s)
{
	expect_object(s, s->data, 32);
	done_heap(s);
}

static void done_large(struct subject *s)
{
	expect_object(s, s->data, HEAP_LARGE);
	EXPECT(sealmem_try_write(s->data + HEAP_LARGE, "x", 1) == -EFAULT);
	EXPECT(sealmem_try_write((char *)((uintptr_t)s->data & ~(page_size() - 1)) - 1, "x", 1) ==
	       -EFAULT);
	done_heap(s);
}

static void prepare_large(struct subject *s)
{
	prepare_heap(s);
	if (s->result == 0)
		EXPECT(take_large(s) == 0);
}

static void prepare_filled(struct subject *s)
{
	prepare_large(s);
	if (s->result == 0)
		memcpy(s->data, source, HEAP_LARGE);
}

/* So much larger that it has to move. */
static int resize_large(struct subject *s)
{
	s->moved = sealmem_heap_realloc(s->heap, s->data, 2 * HEAP_LARGE);
	return s->moved != NULL ? 0 : -errno;
}

static void unchanged_filled(struct subject *s)
{
	EXPECT(intact(s->data, HEAP_LARGE));
	EXPECT(sealmem_heap_usable_size(s->heap, s->data) == HEAP_LARGE);
	unchanged_heap(s);
}

static void done_resizing(struct subject *s)
{
	EXPECT(sealmem_heap_usable_size(s->heap, s->moved) == 2 * HEAP_LARGE);
	EXPECT(intact(s->moved, HEAP_LARGE));
	EXPECT(zeroed(s->moved + HEAP_LARGE, HEAP_LARGE));
	if (is_mapped(s->data))
		EXPECT(zeroed(s->data, HEAP_LARGE));
	sealmem_heap_dealloc(s->heap, s->moved);
	done_heap(s);
}

static int free_large(struct subject *s)
{
	memcpy(s->data, source, HEAP_LARGE);
	sealmem_heap_dealloc(s->heap, s->data);
	return 0;
}

/* Where the kernel does not take the pages back, they are empty. */
static void done_free_large(struct subject *s)
{
	if (is_mapped(s->data))
		EXPECT(zeroed(s->data, HEAP_LARGE));
	done_heap(s);
}

static int close_heap(struct subject *s)
{
	return sealmem_heap_close(s->heap);
}

/* Two failures in a row: it counts as closed, and can be opened. */
static void unchanged_open_heap(struct subject *s)
{
	if (s->result == -ENOTRECOVERABLE)
		EXPECT(sealmem_heap_open(s->heap) == 0);
	EXPECT(way_not_to_write(s->piece) == NULL);
	unchanged_heap(s);
}

static void done_closed(struct subject *s)
{
	EXPECT(sealmem_try_write(s->piece, source, 1) == -EFAULT);
	EXPECT(sealmem_try_write(s->data, "x", 1) == -EFAULT);
	EXPECT(sealmem_heap_open(s->heap) == 0);
	done_heap(s);
}

static void prepare_closed(struct subject *s)
{
	prepare_large(s);
	if (s->result == 0)
		s->result = close_heap(s);
}

static int open_heap(struct subject *s)
{
	return sealmem_heap_open(s->heap);
}

static void unchanged_closed_heap(struct subject *s)
{
	if (s->result == -ENOTRECOVERABLE)
		EXPECT(sealmem_heap_close(s->heap) == 0);
	EXPECT(sealmem_try_write(s->piece, source, 1) == -EFAULT);
}

static void done_closed_open(struct subject *s)
{
	EXPECT(way_not_to_write(s->piece) == NULL);
	done_heap(s);
}

static int free_heap(struct subject *s)
{
	release_heap(s);
	return 0;
}

static void done_free_heap(struct subject *s)
{
	if (is_mapped(s->piece))
		EXPECT(zeroed(s->piece, 2000));
}

/* The process */

static int allow(struct subject *s)
{
	(void)s;
	return sealmem_allow_emulation();
}

static int ask(struct subject *s)
{
	s->known = sealmem_supported();
	return 0;
}

/* Never more than there is. A lack of descriptors says nothing about the kernel, so it is asked again. */
static void done_asking(struct subject *s)
{
	int error = s->faults == 1 ? s->plan->faults[0].error : 0;

	EXPECT((s->known & ~s->expected) == 0);
	if (s->faults == 0)
		EXPECT(s->known == s->expected);
	if (error == EMFILE || error == ENFILE)
		EXPECT(sealmem_supported() == s->expected);
}

static void nothing(struct subject *s)
{
	(void)s;
}

static char target[2 * PIPE_BUF + 100];

static void prepare_target(struct subject *s)
{
	s->data = target;
	s->size = sizeof(target);
}

static int write_it(struct subject *s)
{
	return sealmem_try_write(s->data, source, s->size);
}

/* A beginning may have been written. */
static void unchanged_target(struct subject *s)
{
	size_t written = 0;

	while (written < s->size && s->data[written] != 0)
		written++;
	EXPECT(intact(s->data, written));
	EXPECT(zeroed(s->data + written, s->size - written));
}

static void done_target(struct subject *s)
{
	EXPECT(intact(s->data, s->size));
}

static void prepare_handlers(struct subject *s)
{
	(void)s;
	EXPECT(signal(SIGSEGV, SIG_IGN) != SIG_ERR);
	EXPECT(signal(SIGBUS, SIG_IGN) != SIG_ERR);
}

static bool ignored(int signal)
{
	struct sigaction now;

	EXPECT(sigaction(signal, NULL, &now) == 0);
	return !(now.sa_flags & SA_SIGINFO) && now.sa_handler == SIG_IGN;
}

static int watch(struct subject *s)
{
	(void)s;
	return sealmem_report_faults();
}

static void unchanged_handlers(struct subject *s)
{
	EXPECT(s->faults > 1 || (ignored(SIGSEGV) && ignored(SIGBUS)));
}

static void done_handlers(struct subject *s)
{
	(void)s;
	EXPECT(!ignored(SIGSEGV) && !ignored(SIGBUS));
	EXPECT(sealmem_report_faults() == 0);
}

static void prepare_reported(struct subject *s)
{
	prepare_sealed(s);
	EXPECT(signal(SIGSEGV, SIG_DFL) != SIG_ERR);
	EXPECT(setrlimit(RLIMIT_CORE, &(struct rlimit){ 0 }) == 0);
	EXPECT(sealmem_report_faults() == 0);
}

static void store_and_die(struct subject *s, int report)
{
	alarm(5);
	EXPECT(dup2(report, STDERR_FILENO) >= 0);
	*(volatile char *)s->data = 0;
	_exit(0);
}

/* Whatever happens to the report, the process dies of its own fault. */
static int store(struct subject *s)
{
	int pipe[2], status;
	pid_t pid;

	EXPECT(pipe2(pipe, O_CLOEXEC) == 0);
	pid = fork();
	EXPECT(pid >= 0);
	if (pid == 0)
		store_and_die(s, pipe[1]);
	EXPECT(waitpid(pid, &status, 0) == pid);
	EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	close(pipe[1]);
	EXPECT(read(pipe[0], s->line, sizeof(s->line) - 1) >= 0);
	close(pipe[0]);
	return 0;
}

static void done_store(struct subject *s)
{
	static const char beginning[] =
		"sealmem: stray store to sealed region \"faults\" at offset 0";

	if (s->faults == 0)
		EXPECT(strncmp(s->line, beginning, sizeof(beginning) - 1) == 0);
	else if (*s->line != '\0')
		EXPECT(strncmp(s->line, beginning, sizeof("sealmem: ") - 1) == 0);
	done_sealed(s);
}

#define REGION_ERRORS EINVAL, ENAMETOOLONG, EOPNOTSUPP, EAGAIN, EFBIG, EMFILE, ENFILE, ENOMEM, EBUSY

static const struct function
	region_new = { "sealmem_region_new", { REGION_ERRORS } },
	region_new_from = { "sealmem_region_new_from",
			    { REGION_ERRORS, EADDRINUSE, EFAULT, ENOSPC, ENOTRECOVERABLE } },
	region_new_from_file = { "sealmem_region_new_from_file_with",
				 { REGION_ERRORS, EADDRINUSE, EFAULT, ENOSPC, ENOTRECOVERABLE,
				   EBADF, EISDIR, EIO, ECANCELED, EKEYREJECTED } },
	secret_store = { "sealmem_secret_store",
			 { EINVAL, EPERM, ESTALE, EOPNOTSUPP, EAGAIN, EFBIG, EMFILE, ENFILE,
			   ENOMEM } },
	secret_restore = { "sealmem_secret_restore",
			   { REGION_ERRORS, EADDRINUSE, ENOSPC, ENOTRECOVERABLE, EBADF, ENODEV,
			     ENODATA } },
	region_alloc = { "sealmem_region_alloc", { EINVAL, EPERM, ENOMEM, ENOTRECOVERABLE } },
	region_realloc = { "sealmem_region_realloc", { EINVAL, EPERM, ENOMEM, ENOTRECOVERABLE } },
	region_trim = { "sealmem_region_trim", { EINVAL, EPERM, EOPNOTSUPP, ENOTRECOVERABLE } },
	region_seal = { "sealmem_region_seal",
			{ EINVAL, EADDRINUSE, EMFILE, ENFILE, ESTALE, EBUSY, EAGAIN, EFBIG,
			  EOPNOTSUPP, ENOMEM, ENOSPC, ENOTRECOVERABLE } },
	region_fd = { "sealmem_region_fd", { EINVAL, EPERM, EMFILE, ENFILE, EOPNOTSUPP, EBUSY } },
	region_free = { "sealmem_region_free", { 0 } },
	accepting = { "sealmem_region_accept",
		      { REGION_ERRORS, EADDRINUSE, ENOSPC, ENOTRECOVERABLE, EFAULT, EBADF, ENODEV,
			EPERM, ENODATA } },
	sending = { "sealmem_send",
		    { EINVAL, EPERM, EMFILE, ENFILE, EOPNOTSUPP, EBUSY, EMSGSIZE, EAGAIN, EPIPE,
		      EAFNOSUPPORT, ETOOMANYREFS, ENOTSOCK } },
	receiving = { "sealmem_receive",
		      { REGION_ERRORS, EADDRINUSE, ENOSPC, ENOTRECOVERABLE, EFAULT, EBADF, ENODEV,
			EPERM, ENODATA, ECONNRESET, EBADMSG, EAFNOSUPPORT } },
	range = { "sealmem_seal_range",
		  { EINVAL, EADDRINUSE, ENOMEM, EACCES, EFAULT, EPERM, EOPNOTSUPP, EAGAIN, EFBIG,
		    EMFILE, ENFILE, ENOSPC, EBUSY, ENOTRECOVERABLE } },
	named_range = { "sealmem_seal_range_named",
			{ EINVAL, ENAMETOOLONG, EADDRINUSE, ENOMEM, EACCES, EFAULT, EPERM,
			  EOPNOTSUPP, EAGAIN, EFBIG, EMFILE, ENFILE, ENOSPC, EBUSY,
			  ENOTRECOVERABLE } },
	image = { "sealmem_seal_image",
		  { EINVAL, EOPNOTSUPP, EPERM, EFAULT, ENOSPC, EBUSY, EFBIG, EMFILE, ENFILE, ENOMEM,
		    ENOTRECOVERABLE } },
	heap_new = { "sealmem_heap_new",
		     { EINVAL, ENAMETOOLONG, EOPNOTSUPP, EAGAIN, EFBIG, EMFILE, ENFILE, ENOSPC,
		       EBUSY, ENOMEM } },
	heap_alloc = { "sealmem_heap_alloc",
		       { EINVAL, ESTALE, EAGAIN, ENOMEM, EOPNOTSUPP, EFBIG, EMFILE, ENFILE, ENOSPC,
			 EBUSY } },
	heap_realloc = { "sealmem_heap_realloc",
			 { EINVAL, ESTALE, EAGAIN, ENOMEM, EOPNOTSUPP, EFBIG, EMFILE, ENFILE,
			   ENOSPC, EBUSY } },
	heap_dealloc = { "sealmem_heap_dealloc", { 0 } },
	heap_free = { "sealmem_heap_free", { 0 } },
	heap_close = { "sealmem_heap_close",
		       { EINVAL, ESTALE, EOPNOTSUPP, ENOMEM, ENOTRECOVERABLE } },
	heap_open = { "sealmem_heap_open", { EINVAL, ESTALE, ENOMEM, ENOTRECOVERABLE } },
	address = { "sealmem_mseal", { EINVAL, ENOMEM, EOPNOTSUPP, ENOSPC, EBUSY } },
	addresses = { "sealmem_mseal_many", { EINVAL, ENOMEM, EOPNOTSUPP, ENOSPC, EBUSY } },
	availability = { "sealmem_keep_available", { EINVAL, ENOMEM, EOPNOTSUPP, ENOSPC, EBUSY } },
	emulation = { "sealmem_allow_emulation", { EOPNOTSUPP } },
	supported = { "sealmem_supported", { 0 } },
	trial = { "sealmem_try_write", { EFAULT, EINVAL, EMFILE, ENFILE, ENOMEM } },
	report = { "sealmem_report_faults", { EINVAL, EFAULT } };

#define KIND(of_name, of_function, to_prepare, to_act, if_unchanged, if_done, ...)                 \
 static const struct kind of_name = { .name = #of_name,                                            \
				      .function = &of_function,                                    \
				      .prepare = to_prepare,                                       \
				      .act = to_act,                                               \
				      .unchanged = if_unchanged,                                   \
				      .done = if_done,                                             \
				      __VA_ARGS__ }

KIND(new, region_new, prepare_nothing, make, unchanged_nothing, done_open);
KIND(new_from, region_new_from, prepare_nothing, make_from, unchanged_nothing, done_from);
KIND(from_file, region_new_from_file, prepare_file, read_source, unchanged_nothing, done_reading);
KIND(from_pipe, region_new_from_file, prepare_pipe, read_source, unchanged_nothing, done_reading,
     .after = read_another, .other_way = outgrown);
KIND(store_secret, secret_store, prepare_sealed, store_it, unchanged_secret, done_storing);
KIND(restore_secret, secret_restore, prepare_stored, restore_it, unchanged_stored, done_from);
KIND(alloc_first, region_alloc, prepare_empty, take, unchanged_empty, done_taking);
KIND(alloc_more, region_alloc, prepare_taken, take, unchanged_open, done_taking);
KIND(realloc_last, region_realloc, prepare_taken, grow_last, unchanged_open, done_growing);
KIND(trim, region_trim, prepare_scattered, trim_it, unchanged_scattered, done_trimming);
KIND(seal_whole, region_seal, prepare_open, seal, unchanged_open, done_sealed);
KIND(seal_taken, region_seal, prepare_taken, seal, unchanged_taken, done_sealed);
KIND(seal_or_free, region_seal, prepare_open, seal, unchanged_open, done_sealed, .after = release);
KIND(new_first, region_new, prepare_nothing, make, unchanged_nothing, done_open, .first = true);
KIND(seal_first, region_seal, prepare_taken, seal, unchanged_taken, done_sealed, .first = true);
KIND(fd_first, region_fd, prepare_from, ask_fd, unchanged_sealed, done_sealed);
KIND(fd_known, region_fd, prepare_sealed, ask_fd, unchanged_sealed, done_sealed);
KIND(free_open, region_free, prepare_open, free_it, nothing, done_freeing, .never_fails = freeing);
KIND(free_sealed, region_free, prepare_sealed, free_it, nothing, done_freeing,
     .never_fails = freeing);
KIND(seal_range, range, prepare_range, seal_it, unchanged_range, done_range,
     .after = seal_unless_lost);
KIND(seal_file_range, range, prepare_file_range, seal_it, unchanged_range, done_range,
     .after = seal_unless_lost);
KIND(seal_named_range, named_range, prepare_range, seal_named, unchanged_range, done_range,
     .after = seal_unless_lost);
KIND(seal_image, image, prepare_nothing, seal_whole_image, unchanged_image, done_image,
     .spared = "a program without its RELRO is no more");
KIND(emulated_seal_image, image, prepare_nothing, seal_whole_image, unchanged_image, done_image,
     .spared = "a program without its RELRO is no more", .emulated = true);
KIND(mseal, address, prepare_range, mseal_it, unchanged_range, done_mseal);
KIND(mseal_two, addresses, prepare_two_ranges, mseal_many, unchanged_many, done_mseal);
KIND(accept_fd, accepting, prepare_offered, accept_it, unchanged_nothing, done_accepting,
     .foreign = true);
KIND(accept_doubtful, accepting, prepare_doubtful, accept_it, unchanged_nothing, done_doubtful,
     .foreign = true, .refused_here = EPERM);
KIND(send_region, sending, prepare_sender, send_it, unchanged_sender, done_sending);
KIND(receive_region, receiving, prepare_receiver, receive_it, unchanged_nothing, done_receiving,
     .after = receive_another, .foreign = true);
KIND(emulated_new, region_new_from, prepare_nothing, make_from, unchanged_nothing, done_from,
     .emulated = true);
KIND(emulated_from_file, region_new_from_file, prepare_file, read_source, unchanged_nothing,
     done_reading, .emulated = true);
KIND(emulated_accept_fd, accepting, prepare_offered, accept_it, unchanged_nothing, done_accepting,
     .foreign = true, .emulated = true);
KIND(emulated_seal, region_seal, prepare_taken, seal, unchanged_taken, done_sealed,
     .emulated = true);
KIND(emulated_seal_range, range, prepare_range, seal_it, unchanged_range, done_range,
     .after = seal_unless_lost, .emulated = true);
KIND(emulated_mseal, address, prepare_range, mseal_it, unchanged_range, done_mseal,
     .emulated = true);
KIND(emulated_mseal_two, addresses, prepare_two_ranges, mseal_many, unchanged_many, done_mseal,
     .emulated = true);
KIND(keep, availability, prepare_range, keep_available, unchanged_range, done_keeping,
     .emulated = true);
KIND(new_heap, heap_new, prepare_no_heap, make_heap, unchanged_no_heap, done_heap,
     .other_way = smaller);
KIND(grow_heap, heap_alloc, prepare_full_heap, take_small, unchanged_heap, done_small,
     .other_way = smaller);
KIND(heap_large, heap_alloc, prepare_large, take_large, unchanged_heap, done_large,
     .other_way = other_guards);
KIND(resize_heap_large, heap_realloc, prepare_filled, resize_large, unchanged_filled, done_resizing,
     .other_way = other_guards);
KIND(free_heap_large, heap_dealloc, prepare_large, free_large, nothing, done_free_large,
     .never_fails = freeing);
KIND(close_the_heap, heap_close, prepare_large, close_heap, unchanged_open_heap, done_closed,
     .other_way = other_key);
KIND(open_the_heap, heap_open, prepare_closed, open_heap, unchanged_closed_heap, done_closed_open);
KIND(free_the_heap, heap_free, prepare_large, free_heap, nothing, done_free_heap,
     .never_fails = freeing);
KIND(allow_emulation, emulation, nothing, allow, nothing, nothing);
KIND(ask_supported, supported, nothing, ask, nothing, done_asking, .never_fails = answering);
KIND(try_write, trial, prepare_target, write_it, unchanged_target, done_target);
KIND(report_faults, report, prepare_handlers, watch, unchanged_handlers, done_handlers);
KIND(stray_store, report, prepare_reported, store, nothing, done_store, .never_fails = dying);

const struct operation operations[] = {
	{ &new, C },
	{ &new, C | GUARDS },
	{ &new, C | HIDDEN },
	{ &new, CA | REST },
	{ &new, SECRET },
	{ &new_from, C },
	{ &new_from, CA },
	{ &new_from, C | HIDDEN | GUARDS },
	{ &new_from, C | NOSWAP },
	{ &new_from, CA | REST },
	{ &new_from, CA | SECRET | GUARDS },
	{ &from_file, C },
	{ &from_file, CA | GUARDS },
	{ &from_file, C | NOSWAP },
	{ &from_file, CA | REST },
	{ &from_file, SECRET },
	{ &from_file, CA | SECRET | GUARDS },
	{ &from_pipe, C },
	{ &from_pipe, C | NOSWAP },
	{ &from_pipe, CA | SECRET },
	{ &store_secret, SECRET },
	{ &restore_secret, SECRET },
	{ &restore_secret, CA | SECRET | GUARDS },
	{ &alloc_first, C },
	{ &alloc_more, C },
	{ &realloc_last, C },
	{ &realloc_last, C | NOSWAP },
	{ &realloc_last, CA | REST },
	{ &trim, C },
	{ &trim, CA | REST },
	{ &seal_whole, C },
	{ &seal_whole, CA },
	{ &seal_whole, C | NOSWAP },
	{ &seal_whole, C | HIDDEN | GUARDS },
	{ &seal_whole, CA | REST },
	{ &seal_taken, SECRET },
	{ &seal_taken, C },
	{ &seal_taken, CA },
	{ &seal_taken, C | REST },
	{ &seal_taken, CA | REST },
	{ &seal_taken, CA | SECRET | GUARDS },
	{ &seal_or_free, C },
	{ &seal_or_free, CA | REST },
	{ &new_first, C },
	{ &seal_first, C },
	{ &seal_first, CA | REST },
	{ &fd_first, C },
	{ &fd_first, CA },
	{ &fd_known, C },
	{ &free_open, C | GUARDS },
	{ &free_sealed, C | GUARDS },
	{ &free_open, C | NOSWAP },
	{ &free_sealed, C | NOSWAP },
	{ &free_sealed, CA | GUARDS },
	{ &free_sealed, SECRET },
	{ &accept_fd, C },
	{ &accept_fd, CA | REST },
	{ &accept_doubtful, C },
	{ &send_region, C },
	{ &receive_region, C | GUARDS },
	{ &seal_range, C },
	{ &seal_range, CA },
	{ &seal_range, C | NOSWAP },
	{ &seal_range, C | HIDDEN },
	{ &seal_range, CA | NOSWAP | HIDDEN },
	{ &seal_range, SEALMEM_ADDRESS },
	{ &seal_range, SEALMEM_ADDRESS | NOSWAP | HIDDEN },
	{ &seal_file_range, C },
	{ &seal_file_range, CA | NOSWAP | HIDDEN },
	{ &seal_named_range, C },
	{ &seal_named_range, SEALMEM_ADDRESS },
	{ &seal_named_range, CA | NOSWAP | HIDDEN },
	{ &seal_image, CA },
	{ &emulated_seal_image, CA },
	{ &mseal, SEALMEM_ADDRESS },
	{ &mseal_two, SEALMEM_ADDRESS },
	{ &emulated_new, CA },
	{ &emulated_new, CA | GUARDS },
	{ &emulated_from_file, CA },
	{ &emulated_accept_fd, CA },
	{ &emulated_seal, CA | HIDDEN },
	{ &emulated_seal_range, CA },
	{ &emulated_seal_range, SEALMEM_ADDRESS | HIDDEN },
	{ &emulated_mseal, SEALMEM_ADDRESS },
	{ &emulated_mseal_two, SEALMEM_ADDRESS },
	{ &keep, 0 },
	{ &new_heap, 0 },
	{ &new_heap, NOSWAP | HIDDEN },
	{ &new_heap, SECRET },
	{ &new_heap, SEALMEM_ADDRESS | NOSWAP },
	{ &new_heap, SEALMEM_ADDRESS | SECRET },
	{ &grow_heap, 0 },
	{ &grow_heap, NOSWAP | HIDDEN },
	{ &grow_heap, SECRET },
	{ &grow_heap, SEALMEM_ADDRESS | NOSWAP },
	{ &grow_heap, SEALMEM_ADDRESS | SECRET },
	{ &heap_large, 0 },
	{ &heap_large, NOSWAP | HIDDEN },
	{ &heap_large, SECRET },
	{ &heap_large, SEALMEM_ADDRESS | NOSWAP },
	{ &heap_large, SEALMEM_ADDRESS | SECRET },
	{ &resize_heap_large, 0 },
	{ &resize_heap_large, NOSWAP | HIDDEN },
	{ &resize_heap_large, SECRET },
	{ &resize_heap_large, SEALMEM_ADDRESS | SECRET },
	{ &free_heap_large, NOSWAP },
	{ &free_heap_large, SECRET },
	{ &close_the_heap, NOSWAP | HIDDEN },
	{ &close_the_heap, SECRET },
	{ &open_the_heap, SECRET },
	{ &free_the_heap, NOSWAP },
	{ &free_the_heap, SECRET },
	{ &new_pages, NOSWAP | SEALMEM_NODUMP },
	{ &new_pages, SECRET },
	{ &take_page, 0 },
	{ &take_page, NOSWAP | SEALMEM_NODUMP },
	{ &take_page, SECRET },
	{ &take_page_again, NOSWAP | SEALMEM_NODUMP },
	{ &take_page_again, SECRET },
	{ &forbid_page, NOSWAP | SEALMEM_NODUMP },
	{ &forbid_page, SECRET },
	{ &allow_page, NOSWAP | SEALMEM_NODUMP },
	{ &allow_page, SECRET },
	{ &give_page, NOSWAP | SEALMEM_NODUMP },
	{ &give_page, SECRET },
	{ &make_sodium, NOSWAP | SEALMEM_NODUMP },
	{ &make_sodium, SECRET },
	{ &make_sodium_large, NOSWAP | SEALMEM_NODUMP },
	{ &make_sodium_large, SECRET },
	{ &free_sodium, NOSWAP | SEALMEM_NODUMP },
	{ &free_sodium, SECRET },
	{ &publisher_new, 0 },
	{ &publish_region, 0 },
	{ &accept_client, 0 },
	{ &serve_client, 0 },
	{ &serve_list, 0 },
	{ &subscribe, C },
	{ &subscribe, C | REST },
	{ &subscription_update, C },
	{ &subscription_update, C | REST },
	{ &subscription_reconnect, C },
	{ &subscription_release, C },
	{ &subscription_release, C | NOSWAP },
	{ &list_published, 0 },
	{ &allow_emulation, 0 },
	{ &ask_supported, 0 },
	{ &try_write, 0 },
	{ &report_faults, 0 },
	{ &stray_store, C },
};

const size_t operation_count = sizeof(operations) / sizeof(*operations);

_Static_assert(SEALMEM_GUARANTEES <= UINT8_MAX, "an exit status has room for them");

unsigned supported_for_a_child(void)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		_exit((int)sealmem_supported());
	(void)waitpid(pid, &status, 0);
	return (unsigned)WEXITSTATUS(status);
}
