/* SPDX-License-Identifier: MIT */

/*
 * A file, a pipe or a socket, read to its end. The kernel copies a file and a pipe to a memfd without a buffer in
 * between: sendfile(2) and splice(2). What they do not take is read into a buffer and written. A secret, and bytes that
 * must not reach the swap, go straight to the memory where they stay.
 *
 * What a file says of its size is not trusted. It may change while it is read, and files of /proc say 0.
 */

#include "lib/source.h"

#include "lib/memfd.h"
#include "lib/quiet.h"
#include "lib/reason.h"
#include "lib/util.h"

#include <poll.h>
#include <stdint.h>
#include <sys/stat.h>

static ssize_t into_memory(const struct source *s, struct source_target to, size_t size)
{
	return s->file ? sys_pread(s->fd, to.memory, size, (off_t)s->done)
		       : sys_read(s->fd, to.memory, size);
}

/*
 * The kernel raises SIGXFSZ where the limit ends, also when it has copied something before, and then reports only
 * that.
 */
static ssize_t without_signal(const struct quiet *quiet, ssize_t got, size_t size)
{
	bool all = got == (ssize_t)size;

	(void)quiet_end(quiet, all ? got : -EFBIG);
	/* The filesystem calls it ENOSPC: its space is our memory. */
	return got == -ENOSPC ? -ENOMEM : got;
}

static ssize_t by_sendfile(const struct source *s, struct source_target to, size_t size)
{
	off_t from = (off_t)s->done;
	struct quiet quiet;

	(void)quiet_begin(&quiet, SYS_SIGNAL(SIGXFSZ));
	return without_signal(&quiet, sys_sendfile(to.memfd, s->fd, &from, size), size);
}

static ssize_t by_splice(const struct source *s, struct source_target to, size_t size)
{
	struct quiet quiet;

	(void)quiet_begin(&quiet, SYS_SIGNAL(SIGXFSZ));
	return without_signal(&quiet, sys_splice_from_pipe(s->fd, to.memfd, s->done, size), size);
}

static ssize_t by_buffer(const struct source *s, struct source_target to, size_t size)
{
	char bytes[1 << 14];
	const struct source_target buffer = { .memory = bytes };
	ssize_t got = into_memory(s, buffer, size < sizeof(bytes) ? size : sizeof(bytes));
	int err = got > 0 ? memfd_write(to.memfd, bytes, (size_t)got, s->done) : 0;

	return err < 0 ? err : got;
}

static source_way *const ways_from_file[] = { by_sendfile, by_buffer, NULL };
static source_way *const ways_from_pipe[] = { by_splice, by_buffer, NULL };
static source_way *const ways_from_other[] = { by_buffer, NULL };

int source_begin(struct source *ret, int fd, size_t limit)
{
	struct source source = { .fd = fd, .limit = limit, .way = ways_from_other };
	off_t size = 0;
	mode_t mode;
	int err = sys_file_kind(fd, &mode, &size);

	if (err < 0)
		return not_given(err);
	if (S_ISDIR(mode))
		return fail_for(REASON_DIRECTORY);
	if (S_ISFIFO(mode))
		source.way = ways_from_pipe;
	if (S_ISREG(mode)) {
		source.file = true;
		source.size = size_of_file(size);
		source.way = ways_from_file;
	}
	if (source.size > limit)
		return fail_for(REASON_LIMIT);
	if (source.size == SIZE_MAX)
		return fail_for(REASON_TOO_LARGE);
	*ret = source;
	return 0;
}

/* A file that tells its size ends there. Other sources end by themselves, or at the limit. */
static bool has_known_end(const struct source *s)
{
	return s->file && s->size > 0;
}

static size_t most(const struct source *s)
{
	return has_known_end(s) ? s->size : s->limit;
}

/* A descriptor that does not wait is waited for, because what was read of it so far would be lost. Another one is at
 * the end of its SO_RCVTIMEO. */
static int wait_for_more(const struct source *s)
{
	const int64_t day = INT64_C(86400) * 1000000000;
	int flags = sys_fcntl(s->fd, F_GETFL, 0), ready = 0;

	if (flags >= 0 && !(flags & O_NONBLOCK))
		return -EAGAIN;
	while (flags >= 0 && ready == 0)
		ready = sys_wait_ready(s->fd, POLLIN, day);
	return not_given(flags < 0 ? flags : ready);
}

/* The answers of a kernel or a sandbox that does not copy this kind of file in this way. */
static bool is_unsupported(ssize_t error)
{
	return error == -EINVAL || error == -ENOSYS || error == -EPERM;
}

static int use_next_way(struct source *s, struct source_target to, ssize_t error)
{
	if (to.memory != NULL || !is_unsupported(error) || s->way[1] == NULL)
		return (int)error;
	s->way++;
	return 0;
}

static ssize_t read_some(struct source *s, struct source_target to, size_t size)
{
	ssize_t got;

	while ((got = to.memory != NULL ? into_memory(s, to, size) : (*s->way)(s, to, size)) < 0) {
		int err = got == -EAGAIN ? wait_for_more(s) : use_next_way(s, to, got);

		if (err < 0)
			return err;
	}
	return got;
}

/* At the end, or past it: one byte more than there should be is asked for. */
static int check_count(const struct source *s, ssize_t got)
{
	if (s->done > most(s))
		return fail_for(has_known_end(s) ? REASON_RESIZED : REASON_LIMIT);
	return got == 0 && has_known_end(s) && s->done < s->size ? fail_for(REASON_RESIZED) : 0;
}

ssize_t source_read(struct source *source, struct source_target to, size_t size)
{
	size_t left = most(source) - source->done;
	ssize_t got = read_some(source, to, size <= left ? size : left + 1);
	int err;

	if (got < 0)
		return reason_for(not_given((int)got), REASON_FSIZE);
	source->done += (size_t)got;
	err = check_count(source, got);
	return err < 0 ? err : got;
}

int source_copy_file(int to, int from, size_t size)
{
	const struct source_target target = { .memfd = to };
	struct source source = { .fd = -1 };
	ssize_t got = source_begin(&source, from, SIZE_MAX);

	if (got == 0 && source.size != size)
		got = fail_for(REASON_RESIZED);
	if (got < 0)
		return (int)got;
	do
		got = source_read(&source, target, SOURCE_PIECE);
	while (got > 0 || got == -EINTR);
	return got == 0 && source.done != size ? fail_for(REASON_RESIZED) : (int)got;
}
