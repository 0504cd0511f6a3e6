/* SPDX-License-Identifier: MIT */

/*
 * Brings a secret from its source into a sealed memfd. The source is read once. Most kinds can be read only
 * once, and a file that is read twice may have changed in between.
 *
 * The target is a memfd and not a pipe, because programs read their files twice, seek in them and map them.
 * It is sealed, because the program and all its children share it. Without the seal each of them could
 * change it for the others through /proc/self/fd.
 */

#include "tools/run/secret.h"

#include "tools/run/source.h"
#include "lib/memfd.h"
#include "include/sealmem.h"
#include "lib/util.h"
#include "lib/wipe.h"
#include "tools/common/names.h"
#include "tools/common/verdict.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

void secret_release(struct secret *secret)
{
	secret->subscription = sealmem_subscription_free(secret->subscription);
	secret->fd = close_fd(secret->fd);
	free(secret->name);
	free(secret->socket);
	free(secret->offered);
}

static void release_parsed(struct secret *secret)
{
	free(secret->name);
}

static enum exit_status parse_source(struct secret *secret, const char *text)
{
	secret->source = source_find(text);
	secret->from = text + strlen(secret->source->prefix);
	if (!secret->source->whole && *secret->from == '\0')
		return complain_of_usage("run", EXIT_OURS, "secret '%s': the source is empty",
					 secret->name);
	return secret->source->parse != NULL ? secret->source->parse(secret) : EXIT_NOT_YET;
}

enum exit_status secret_parse(struct secret *ret, const char *text)
{
	CLEANUP(release_parsed) struct secret secret = { .fd = -1 };
	const char *separator = strchr(text, '='), *fault;
	enum exit_status code;

	if (separator == NULL)
		return complain_of_usage("run", EXIT_OURS, "--secret takes NAME=SOURCE, not '%s'",
					 text);
	secret.name = strndup(text, (size_t)(separator - text));
	if (secret.name == NULL)
		return complain("run", EXIT_OURS, "out of memory");
	fault = name_fault(secret.name);
	if (fault != NULL)
		return complain_of_usage("run", EXIT_OURS, "--secret '%.300s': %s", secret.name,
					 fault);
	code = parse_source(&secret, separator + 1);
	if (code != EXIT_NOT_YET)
		return code;
	*ret = secret;
	secret.name = NULL;
	return EXIT_NOT_YET;
}

/* Whether the source is a pipe, which gives each byte to one reader. /dev/stdin can lead to the same pipe as "-". */
static bool is_stream(const struct secret *secret, struct stat *file)
{
	return secret->source->examine != NULL && secret->source->examine(secret, file) == 0 &&
	       S_ISFIFO(file->st_mode);
}

bool secret_same_source(const struct secret *a, const struct secret *b)
{
	struct stat file_a, file_b;

	if (a->source == b->source && a->source->once && a->fd == b->fd)
		return true;
	return is_stream(a, &file_a) && is_stream(b, &file_b) && file_a.st_dev == file_b.st_dev &&
	       file_a.st_ino == file_b.st_ino;
}

static enum exit_status complain_of_memfd(const struct secret *secret, int err)
{
	struct verdict verdict;

	verdict_explain(&verdict, SEALMEM_CONTENT, err);
	return complain("run", EXIT_OURS, "secret '%s': cannot seal it: %s%s%s", secret->name,
			verdict.why, *verdict.todo != '\0' ? "; " : "", verdict.todo);
}

/* A program sees this mode as that of a file: ssh and libpq refuse a key that others may read. Returns a
 * descriptor, or a negative errno. */
static int seal(int memfd, mode_t mode)
{
	off_t size = 0;
	int err = sys_file_size(memfd, &size), reader;

	if (err == 0)
		err = memfd_seal(memfd);
	if (err < 0)
		return err;
	reader = memfd_reopen_readonly(memfd);
	err = reader < 0 ? reader : memfd_check(reader, (size_t)size);
	/* The mode comes last, because it may forbid this process to open the memfd. */
	if (err == 0 && fchmod(reader, mode) < 0)
		err = -errno;
	if (err < 0)
		close_fd(reader);
	return err < 0 ? err : reader;
}

/* A file that grows past RLIMIT_FSIZE would raise a signal. */
static size_t lower_to_limit(size_t most)
{
	uint64_t limit;

	return sys_limit(RLIMIT_FSIZE, &limit) == 0 && limit < most ? (size_t)limit : most;
}

struct tail {
	char bytes[1 << 10];
};

static void wipe_tail(struct tail *tail)
{
	explicit_bzero(tail, sizeof(*tail));
}

/* The size without the newlines at the end, or a negative errno. */
static ssize_t size_without_newlines(int memfd, size_t size)
{
	CLEANUP(wipe_tail) struct tail tail = { 0 };

	while (size > 0) {
		size_t part = size < sizeof(tail.bytes) ? size : sizeof(tail.bytes), kept = part;
		ssize_t got = sys_pread(memfd, tail.bytes, part, (off_t)(size - part));

		if (got != (ssize_t)part)
			return got < 0 ? got : -EIO;
		while (kept > 0 && tail.bytes[kept - 1] == '\n')
			kept--;
		size -= part - kept;
		if (kept > 0)
			break;
	}
	return (ssize_t)size;
}

static enum exit_status check_size(const struct secret *secret, int memfd,
				   const struct secret_terms *terms)
{
	struct stat file;
	int err = fstat(memfd, &file) < 0 ? -errno : 0;
	ssize_t size = err < 0 ? err : (ssize_t)file.st_size;

	if (size > 0 && terms->strip_newlines)
		size = size_without_newlines(memfd, (size_t)size);
	if (size >= 0)
		err = sys_ftruncate(memfd, size);
	if (size < 0 || err < 0)
		return complain_of_memfd(secret, size < 0 ? (int)size : err);
	if (size == 0 && !terms->may_be_empty)
		return complain("run", EXIT_OURS,
				"secret '%s' is empty: use --allow-empty to pass it", secret->name);
	return EXIT_NOT_YET;
}

/* It comes after the mode, which the owner alone may set. */
static enum exit_status give_to_owner(const struct secret *secret, const struct owner *owner)
{
	if (owner->user == OWNER_SAME || fchown(secret->fd, owner->user, owner->group) == 0)
		return EXIT_NOT_YET;
	return complain("run", EXIT_OURS, "secret '%s': cannot give it to its owner: %s",
			secret->name, strerror(errno));
}

static enum exit_status copy_and_seal(struct secret *secret, const struct secret_terms *terms)
{
	CLEANUP(close_fd_at) int memfd = memfd_new(secret->name, 0);
	enum exit_status code;
	int reader;

	if (memfd < 0)
		return complain_of_memfd(secret, memfd);
	code = secret->source->load(secret, memfd, lower_to_limit(terms->most));
	if (code == EXIT_NOT_YET)
		code = check_size(secret, memfd, terms);
	/* The C library may have moved parts of it. */
	wipe_registers();
	if (code != EXIT_NOT_YET)
		return code;
	/* The program must not inherit the source. */
	close_fd(secret->fd);
	secret->fd = -1;
	reader = seal(memfd, terms->mode);
	if (reader < 0)
		return complain_of_memfd(secret, reader);
	secret->fd = reader;
	return give_to_owner(secret, &terms->owner);
}

enum exit_status secret_load(struct secret *secret, const struct secret_terms *terms)
{
	const struct source *source = secret->source;

	return source->take != NULL ? source->take(secret, terms) : copy_and_seal(secret, terms);
}

bool secret_is_of_command(const struct secret *secret)
{
	return secret->source->is_command;
}

void secret_hide(const struct secret *secret)
{
	if (secret->source->hide != NULL)
		secret->source->hide(secret);
}

void secret_forget(const struct secret *secret)
{
	if (secret->source->forget != NULL)
		secret->source->forget(secret);
}
