/* SPDX-License-Identifier: MIT */

/*
 * A secret on its way from wherever it is kept into a sealed memfd. The source is read once, whatever it
 * is, for most kinds can be read no more than that, and a file read twice may be two files. What passes
 * through this process passes through one small buffer that is wiped; nothing is ever in the
 * heap, which nobody wipes.
 *
 * A memfd rather than a pipe, because programs read their files twice, seek in them and map them; and
 * sealed, because the program and all its children share it: without the seal each of them could
 * change it for the others by way of /proc/self/fd.
 */

#include "tools/run/secret.h"

#include "tools/common/errors.h"
#include "tools/run/descriptors.h"
#include "lib/memfd.h"
#include "sealmem.h"
#include "lib/util.h"
#include "tools/common/verdict.h"

#include <ctype.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.@-"

struct source {
	const char *prefix;
	int (*load)(const struct secret *secret, int memfd, size_t most);
};

static int complain_of_secret(const struct secret *secret, const char *what)
{
	return complain("run", EXIT_OURS, "secret '%s': %s", secret->name, what);
}

static int complain_of_error(const struct secret *secret, const char *act, int err)
{
	return complain("run", EXIT_OURS, "secret '%s': cannot %s '%s%s': %s", secret->name, act,
			secret->source->prefix, secret->from,
			err == -EMFILE ? "too many open files: RLIMIT_NOFILE" : strerror(-err));
}

struct piece {
	char bytes[1 << 16];
};

static void wipe(struct piece *piece)
{
	explicit_bzero(piece, sizeof(*piece));
}

/* Standard input may be a descriptor that somebody else has set not to block. */
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

static int complain_of_size(const struct secret *secret, size_t most)
{
	return complain("run", EXIT_OURS,
			"secret '%s' is larger than %zu bytes: raise --max-size, or RLIMIT_FSIZE",
			secret->name, most);
}

static int pour_or_complain(const struct secret *secret, int memfd, int from, size_t most)
{
	int err = pour(memfd, from, most);

	if (err == -EFBIG)
		return complain_of_size(secret, most);
	return err < 0 ? complain_of_error(secret, "read", err) : GO_ON;
}

static int load_descriptor(const struct secret *secret, int memfd, size_t most)
{
	return pour_or_complain(secret, memfd, secret->fd, most);
}

static int load_input(const struct secret *secret, int memfd, size_t most)
{
	return pour_or_complain(secret, memfd, STDIN_FILENO, most);
}

static int load_file(const struct secret *secret, int memfd, size_t most)
{
	CLEANUP(close_fd_at) int fd = sys_open(secret->from, O_RDONLY | O_NOCTTY);

	if (fd < 0)
		return complain_of_error(secret, "open", fd);
	return pour_or_complain(secret, memfd, fd, most);
}

static int load_variable(const struct secret *secret, int memfd, size_t most)
{
	const char *value = getenv(secret->from);
	int err;

	if (value == NULL)
		return complain("run", EXIT_OURS, "secret '%s': '%s' is not in the environment",
				secret->name, secret->from);
	if (strlen(value) > most)
		return complain_of_size(secret, most);
	err = memfd_write(memfd, value, strlen(value), 0);
	return err < 0 ? complain_of_error(secret, "copy", err) : GO_ON;
}

/* Its standard input is /dev/null: what is on ours is for the program that is started afterwards. */
static _Noreturn void be_shell(const char *command, int output)
{
	int nothing = open("/dev/null", O_RDONLY);

	if (nothing >= 0 && dup2(nothing, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0)
		(void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(EXIT_NOT_FOUND);
}

static int start_shell(const char *command, int *ret, pid_t *child)
{
	int ends[2], err = sys_pipe(ends);

	if (err < 0)
		return err;
	*child = fork();
	if (*child == 0)
		be_shell(command, ends[1]);
	err = *child < 0 ? -errno : 0;
	close_fd(ends[1]);
	if (err < 0)
		close_fd(ends[0]);
	else
		*ret = ends[0];
	return err;
}

static int complain_of_command(const struct secret *secret, int status)
{
	bool signalled = WIFSIGNALED(status);

	return complain("run", EXIT_OURS, "secret '%s': its command %s %d", secret->name,
			signalled ? "was killed by signal" : "ended with status",
			signalled ? WTERMSIG(status) : WEXITSTATUS(status));
}

static int wait_for_shell(pid_t child)
{
	int status = 0;

	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* Output that is too long ends here; the command learns of it by the closed pipe. */
static int collect_output(const struct secret *secret, int memfd, size_t most)
{
	int output = -1, status, code;
	pid_t child;
	int err = start_shell(secret->from, &output, &child);

	if (err < 0)
		return complain_of_error(secret, "run", err);
	code = pour_or_complain(secret, memfd, output, most);
	close_fd(output);
	status = wait_for_shell(child);
	return code == GO_ON && status != 0 ? complain_of_command(secret, status) : code;
}

/* A parent may have left SIGCHLD ignored, and then no child has a status. */
static int load_command(const struct secret *secret, int memfd, size_t most)
{
	struct sigaction before, usual = { .sa_handler = SIG_DFL };
	int code;

	(void)sigaction(SIGCHLD, &usual, &before);
	code = collect_output(secret, memfd, most);
	(void)sigaction(SIGCHLD, &before, NULL);
	return code;
}

enum { FROM_FILE, FROM_INPUT, FROM_VARIABLE, FROM_DESCRIPTOR, FROM_COMMAND };

static const struct source sources[] = {
	[FROM_FILE] = { "", load_file },
	[FROM_INPUT] = { "-", load_input },
	[FROM_VARIABLE] = { "env:", load_variable },
	[FROM_DESCRIPTOR] = { "fd:", load_descriptor },
	[FROM_COMMAND] = { "exec:", load_command },
};

static const struct source *find_source(const char *text)
{
	if (strcmp(text, "-") == 0)
		return &sources[FROM_INPUT];
	for (size_t i = FROM_VARIABLE; i < sizeof(sources) / sizeof(*sources); i++)
		if (strncmp(text, sources[i].prefix, strlen(sources[i].prefix)) == 0)
			return &sources[i];
	return &sources[FROM_FILE];
}

/* What systemd takes as the name of a credential, less what would have to be quoted somewhere. */
static const char *find_fault(const char *name)
{
	if (*name == '\0')
		return "the name is empty";
	if (strlen(name) > SEALMEM_NAME_MAX)
		return "the name is too long";
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return "the name would be that of a directory";
	if (name[strspn(name, NAME_CHARACTERS)] != '\0')
		return "a name has letters, digits and any of _ . @ - in it";
	return NULL;
}

/* Not a standard one: closed, its number would go to what is opened next. */
static int parse_descriptor(struct secret *secret)
{
	char *end;
	long number = strtol(secret->from, &end, 10);

	if (!isdigit((unsigned char)*secret->from) || *end != '\0' || number > INT32_MAX)
		return complain_of_secret(secret, "fd: takes the number of a descriptor");
	if (number < FIRST_DESCRIPTOR)
		return complain_of_secret(
			secret, "fd: takes none of the standard descriptors; - is standard input");
	secret->fd = (int)number;
	if (fcntl(secret->fd, F_GETFD) < 0 || fcntl(secret->fd, F_GETFD) & FD_CLOEXEC)
		return complain("run", EXIT_OURS, "secret '%s': descriptor %d is not open",
				secret->name, secret->fd);
	return GO_ON;
}

int secret_parse(struct secret *ret, char *text)
{
	struct secret secret = { .name = text, .fd = -1 };
	char *separator = strchr(text, '=');
	const char *fault;

	if (separator == NULL)
		return complain("run", EXIT_OURS, "--secret takes NAME=SOURCE, not '%s'", text);
	*separator = '\0';
	fault = find_fault(text);
	if (fault != NULL)
		return complain("run", EXIT_OURS, "--secret '%.300s': %s", text, fault);
	secret.source = find_source(separator + 1);
	secret.from = separator + 1 + strlen(secret.source->prefix);
	if (secret.source != &sources[FROM_INPUT] && *secret.from == '\0')
		return complain_of_secret(&secret, "the source is empty");
	*ret = secret;
	return secret.source == &sources[FROM_DESCRIPTOR] ? parse_descriptor(ret) : GO_ON;
}

bool secret_takes(const struct secret *secret, int fd)
{
	return secret->source == &sources[FROM_DESCRIPTOR] && secret->fd == fd;
}

bool secret_same_source(const struct secret *a, const struct secret *b)
{
	bool inputs = a->source == &sources[FROM_INPUT] && b->source == &sources[FROM_INPUT];

	return inputs || (a->source == &sources[FROM_DESCRIPTOR] && secret_takes(b, a->fd));
}

static int complain_of_memfd(const struct secret *secret, int err)
{
	struct verdict verdict;

	verdict_explain(&verdict, SEALMEM_CONTENT, err);
	return complain("run", EXIT_OURS, "secret '%s': cannot seal it: %s%s%s", secret->name,
			verdict.why, *verdict.todo != '\0' ? "; " : "", verdict.todo);
}

/* The mode is that of the file as a program sees it: ssh and libpq refuse a key that others may read. */
static int seal(int memfd, mode_t mode)
{
	int err = memfd_seal(memfd), reader;

	if (err < 0)
		return err;
	reader = memfd_reopen_readonly(memfd);
	err = reader < 0 ? reader : memfd_check(reader);
	/* Last, because it may forbid the opening to ourselves. */
	if (err == 0 && fchmod(reader, mode) < 0)
		err = -errno;
	if (err < 0)
		close_fd(reader);
	return err < 0 ? err : reader;
}

/* A file that outgrew RLIMIT_FSIZE would raise a signal. */
static size_t lower_to_limit(size_t most)
{
	uint64_t limit;

	return sys_limit(RLIMIT_FSIZE, &limit) == 0 && limit < most ? (size_t)limit : most;
}

int secret_load(struct secret *secret, size_t most, mode_t mode)
{
	CLEANUP(close_fd_at) int memfd = memfd_new(secret->name, 0);
	int code, reader;

	if (memfd < 0)
		return complain_of_memfd(secret, memfd);
	code = secret->source->load(secret, memfd, lower_to_limit(most));
	if (code != GO_ON)
		return code;
	/* The program is not to have the source as well. */
	close_fd(secret->fd);
	secret->fd = -1;
	reader = seal(memfd, mode);
	if (reader < 0)
		return complain_of_memfd(secret, reader);
	secret->fd = reader;
	return GO_ON;
}

/* The kernel shows the environment that a process began with from where it still is: on its stack. */
void secret_forget(const struct secret *secret)
{
	char *value;

	if (secret->source != &sources[FROM_VARIABLE])
		return;
	while ((value = getenv(secret->from)) != NULL) {
		explicit_bzero(value, strlen(value));
		(void)unsetenv(secret->from);
	}
}
