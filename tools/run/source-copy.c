/* SPDX-License-Identifier: MIT */

/*
 * Copies the bytes of a secret from a descriptor into its memfd. The bytes pass through one small buffer that
 * is wiped. They are never in the heap, which nobody wipes.
 */

#include "tools/run/source.h"

#include "lib/memfd.h"
#include "lib/util.h"

#include <poll.h>
#include <string.h>

struct piece {
	char bytes[1 << 16];
};

static void wipe(struct piece *piece)
{
	explicit_bzero(piece, sizeof(*piece));
}

/* Standard input may be a descriptor that another process has set to non-blocking. */
static ssize_t read_patiently(int fd, char *bytes, size_t size)
{
	struct pollfd wanted = { .fd = fd, .events = POLLIN };
	ssize_t got = sys_read(fd, bytes, size);

	while (got == -EINTR || got == -EAGAIN) {
		if (got == -EAGAIN)
			(void)poll(&wanted, 1, -1);
		got = sys_read(fd, bytes, size);
	}
	return got;
}

/* Returns 0 or a negative errno. -EFBIG means more than `most` bytes. */
static int pour(int memfd, int from, size_t most)
{
	CLEANUP(wipe) struct piece piece;
	size_t at = 0;
	ssize_t got;
	int err = 0;

	while (err == 0 && (got = read_patiently(from, piece.bytes, sizeof(piece.bytes))) != 0) {
		if (got < 0)
			return (int)got;
		if ((size_t)got > most - at)
			return -EFBIG;
		err = memfd_write(memfd, piece.bytes, (size_t)got, at);
		at += (size_t)got;
	}
	return err;
}

enum exit_status source_complain(const struct secret *secret, const char *act, int err)
{
	return complain("run", EXIT_OURS, "secret '%s': cannot %s '%s%s': %s", secret->name, act,
			secret->source->prefix, secret->from, error_text(err));
}

enum exit_status source_complain_of_size(const struct secret *secret, size_t most)
{
	return complain("run", EXIT_OURS,
			"secret '%s' is larger than %zu bytes: raise --max-size, or RLIMIT_FSIZE",
			secret->name, most);
}

enum exit_status source_copy(const struct secret *secret, int memfd, int from, size_t most)
{
	int err = pour(memfd, from, most);

	if (err == -EFBIG)
		return source_complain_of_size(secret, most);
	return err < 0 ? source_complain(secret, "read", err) : EXIT_NOT_YET;
}
