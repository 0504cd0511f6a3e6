/* SPDX-License-Identifier: MIT */

/*
 * The places that a secret can come from. A new kind of source is one row of the table at the end, and the
 * function that loads it.
 */

#include "tools/run/source.h"

#include "tools/run/descriptors.h"
#include "lib/memfd.h"
#include "lib/util.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int examine_file(const struct secret *secret, struct stat *file)
{
	return stat(secret->from, file);
}

static enum exit_status load_file(const struct secret *secret, int memfd, size_t most)
{
	CLEANUP(close_fd_at) int fd = sys_open(secret->from, O_RDONLY | O_NOCTTY);

	if (fd < 0)
		return source_complain(secret, "open", fd);
	return source_copy(secret, memfd, fd, most);
}

static int examine_input(const struct secret *secret, struct stat *file)
{
	(void)secret;
	return fstat(STDIN_FILENO, file);
}

static enum exit_status load_input(const struct secret *secret, int memfd, size_t most)
{
	return source_copy(secret, memfd, STDIN_FILENO, most);
}

/* The value stays where it is when the variable leaves the environment. */
static enum exit_status find_variable(struct secret *secret)
{
	secret->value = getenv(secret->from);
	return EXIT_NOT_YET;
}

static void hide_variable(const struct secret *secret)
{
	(void)unsetenv(secret->from);
}

static enum exit_status load_variable(const struct secret *secret, int memfd, size_t most)
{
	const char *value = secret->value;
	int err;

	if (value == NULL)
		return complain("run", EXIT_OURS,
				"secret '%s': '%s' is not in the environment: export it",
				secret->name, secret->from);
	if (strlen(value) > most)
		return source_complain_of_size(secret, most);
	err = memfd_write(memfd, value, strlen(value), 0);
	return err < 0 ? source_complain(secret, "copy", err) : EXIT_NOT_YET;
}

/* /proc shows the environment that a process started with, and reads it from where it still is: the stack of
 * the process. */
static void forget_variable(const struct secret *secret)
{
	if (secret->value != NULL)
		explicit_bzero(secret->value, strlen(secret->value));
}

/* The standard descriptors are excluded: when one is closed, the next file that is opened gets its number. */
static enum exit_status parse_descriptor(struct secret *secret)
{
	char *end;
	long number = strtol(secret->from, &end, 10);

	if (!isdigit((unsigned char)*secret->from) || *end != '\0' || number > INT32_MAX)
		return complain_of_usage("run", EXIT_OURS,
					 "secret '%s': fd: takes the number of a descriptor",
					 secret->name);
	if (number < FIRST_DESCRIPTOR)
		return complain_of_usage(
			"run", EXIT_OURS,
			"secret '%s': fd: does not take a standard descriptor: use - for "
			"standard input",
			secret->name);
	secret->fd = (int)number;
	if (fcntl(secret->fd, F_GETFD) < 0 || fcntl(secret->fd, F_GETFD) & FD_CLOEXEC)
		return complain("run", EXIT_OURS, "secret '%s': descriptor %d is not open",
				secret->name, secret->fd);
	return EXIT_NOT_YET;
}

static int examine_descriptor(const struct secret *secret, struct stat *file)
{
	return fstat(secret->fd, file);
}

static enum exit_status load_descriptor(const struct secret *secret, int memfd, size_t most)
{
	return source_copy(secret, memfd, secret->fd, most);
}

/* The first row that fits is taken. A path fits every text, so that row is the last one. */
static const struct source sources[] = {
	{ .prefix = "-",
	  .whole = true,
	  .once = true,
	  .examine = examine_input,
	  .load = load_input },
	{ .prefix = "env:",
	  .parse = find_variable,
	  .hide = hide_variable,
	  .load = load_variable,
	  .forget = forget_variable },
	{ .prefix = "fd:",
	  .once = true,
	  .parse = parse_descriptor,
	  .examine = examine_descriptor,
	  .load = load_descriptor },
	{ .prefix = "exec:", .is_command = true, .load = source_load_command },
	{ .prefix = "", .examine = examine_file, .load = load_file },
};

static bool fits(const struct source *source, const char *text)
{
	if (source->whole)
		return strcmp(text, source->prefix) == 0;
	return strncmp(text, source->prefix, strlen(source->prefix)) == 0;
}

const struct source *source_find(const char *text)
{
	const struct source *source = sources;

	while (!fits(source, text))
		source++;
	return source;
}
