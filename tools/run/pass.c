/* SPDX-License-Identifier: MIT */

/*
 * How a program learns where its secrets are. Programs that know nothing of this one look in few ways: a
 * path in an argument, the protocol of socket activation, a variable that ends in _FILE, a directory of
 * credentials. All of them come down to a descriptor's number, here written out for each.
 */

#include "tools/run/pass.h"

#include "tools/run/descriptors.h"
#include "tools/common/text.h"
#include "lib/util.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct secret *find(const char *name, size_t length, const struct secret *secrets,
				 size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(secrets[i].name) == length && memcmp(secrets[i].name, name, length) == 0)
			return &secrets[i];
	return NULL;
}

/* The secret whose name in braces `text` begins with. */
static const struct secret *find_in_braces(const char *text, const struct secret *secrets,
					   size_t count)
{
	size_t length = *text == '{' ? strcspn(text + 1, "}") : 0;

	if (*text != '{' || text[1 + length] != '}')
		return NULL;
	return find(text + 1, length, secrets, count);
}

static void expand(FILE *out, const char *text, const struct secret *secrets, size_t count)
{
	while (*text != '\0') {
		const struct secret *secret = find_in_braces(text, secrets, count);

		if (secret != NULL) {
			(void)fprintf(out, "/dev/fd/%d", secret->fd);
			text += strlen(secret->name) + 2;
		} else {
			(void)fputc(*text++, out);
		}
	}
}

int pass_in_arguments(char **argv, const struct secret *secrets, size_t count)
{
	for (; *argv != NULL; argv++) {
		char *text = NULL;
		size_t size;
		FILE *out = open_memstream(&text, &size);

		if (out == NULL)
			return -ENOMEM;
		expand(out, *argv, secrets, count);
		if (fclose(out) != 0)
			return -ENOMEM;
		*argv = text;
	}
	return 0;
}

static int number_in(const char *variable)
{
	const char *text = getenv(variable);
	char *end;
	long number = text != NULL ? strtol(text, &end, 10) : 0;

	if (text == NULL || !isdigit((unsigned char)*text) || *end != '\0' || number > INT32_MAX)
		return 0;
	return (int)number;
}

/* Meant for this process, and open. */
int pass_inherited(void)
{
	int count = number_in("LISTEN_FDS");

	if (number_in("LISTEN_PID") != sys_getpid())
		return 0;
	for (int i = 0; i < count; i++)
		if (!descriptor_is_inherited(FIRST_DESCRIPTOR + i))
			return 0;
	return count;
}

static int set_number(const char *variable, int number)
{
	char text[3 * sizeof(number) + 1];

	(void)snprintf(text, sizeof(text), "%d", number);
	return setenv(variable, text, 1) < 0 ? -errno : 0;
}

/* Names that were not given are what sd_listen_fds_with_names(3) makes of them. */
static void write_names(FILE *out, int inherited, const struct secret *secrets, size_t count)
{
	const char *names = getenv("LISTEN_FDNAMES");

	if (inherited > 0 && names != NULL)
		(void)fputs(names, out);
	for (int i = 0; names == NULL && i < inherited; i++)
		(void)fprintf(out, "%sunknown", i > 0 ? ":" : "");
	for (size_t i = 0; i < count; i++)
		(void)fprintf(out, "%s%s", inherited > 0 || i > 0 ? ":" : "", secrets[i].name);
}

static int set_names(int inherited, const struct secret *secrets, size_t count)
{
	CLEANUP(free_text) char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return -ENOMEM;
	write_names(out, inherited, secrets, count);
	if (fclose(out) != 0)
		return -ENOMEM;
	return setenv("LISTEN_FDNAMES", text, 1) < 0 ? -errno : 0;
}

int pass_as_listening(const struct secret *secrets, size_t count)
{
	int inherited = pass_inherited(), err = set_names(inherited, secrets, count);

	/* Newer systemd names the process a second time, and what it named was not this one. */
	if (inherited == 0)
		(void)unsetenv("LISTEN_PIDFDID");
	if (err == 0)
		err = set_number("LISTEN_FDS", inherited + (int)count);
	return err == 0 ? set_number("LISTEN_PID", sys_getpid()) : err;
}

bool pass_is_variable(const char *name)
{
	if (isdigit((unsigned char)*name))
		return false;
	for (; *name != '\0'; name++)
		if (!isalnum((unsigned char)*name) && *name != '_')
			return false;
	return true;
}

int pass_as_files(const struct secret *secrets, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char variable[512], path[sizeof("/dev/fd/") + 3 * sizeof(int)];

		(void)snprintf(variable, sizeof(variable), "%s_FILE", secrets[i].name);
		(void)snprintf(path, sizeof(path), "/dev/fd/%d", secrets[i].fd);
		if (setenv(variable, path, 1) < 0)
			return -errno;
	}
	return 0;
}

int pass_directory(int fd)
{
	return setenv("CREDENTIALS_DIRECTORY", fd_path(fd).text, 1) < 0 ? -errno : 0;
}
